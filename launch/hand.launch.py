"""Starts the hand node and, where wanted, a camera, RViz and a page in the browser.

ros2 launch handmesh_ros hand.launch.py image:=/camera/image_raw camera_info:=/camera/camera_info rviz:=true
ros2 launch handmesh_ros hand.launch.py camera:=0 camera_calibration:=my_camera.yaml view:=true
"""

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_prefix, get_package_share_directory
from launch.actions import DeclareLaunchArgument, OpaqueFunction, Shutdown
from launch.events.process import ProcessExited
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from launch import LaunchContext, LaunchDescription

HAND_NODES = {"false": "hand_node", "true": "managed_hand_node"}  # by the launch argument `managed`
# Launch argument -> parameter of the hand node; where given, it is stronger than the parameter file.
HAND_PARAMETERS = {
    "model": "model", "image_transport": "image_transport", "hfov_deg": "fallback_hfov_deg", "frame_prefix": "frame_prefix",
    "max_hands": "max_hands", "handedness": "handedness", "depth": "depth_topic",
}  # fmt: skip
# Launch argument -> parameter of the camera node.
CAMERA_PARAMETERS = {"camera": "input", "camera_calibration": "camera_info", "frame_id": "frame_id", "loop": "loop", "rate": "rate_hz"}
# Launch argument -> parameter of the view node.
VIEW_PARAMETERS = {"view_port": "port", "view_host": "host"}
KINDS = {"hfov_deg": float, "max_hands": int, "rate": float, "view_port": int}  # of arguments that are not text
TRUE_FALSE = ("true", "false")
OF_FILE = "; default: the parameter file's"


def argument(name: str, default: str, description: str, choices: Sequence[str] | None = None) -> DeclareLaunchArgument:
    return DeclareLaunchArgument(name, default_value=default, description=description, choices=choices)


ARGUMENTS = [
    argument("image", "image", "topic of the camera's images"),
    argument("camera_info", "camera_info", "topic of the camera's calibration"),
    argument("image_transport", "", "compressed: listen to <image>/compressed" + OF_FILE, ("", "raw", "compressed")),
    argument("depth", "", "topic of a depth image aligned to <image>" + OF_FILE),
    argument("hfov_deg", "", "horizontal field of view where there is no calibration, degrees; hands are then not metric" + OF_FILE),
    argument("model", "", "name or .onnx file of a model" + OF_FILE),
    argument("max_hands", "", "hands followed at the same time" + OF_FILE, ("", "1", "2", "3", "4")),
    argument("handedness", "", "which hands are there" + OF_FILE, ("", "auto", "left", "right")),
    argument("frame_prefix", "", "before every TF frame of a hand; default: <namespace>/, without a namespace the parameter file's"),
    argument("params_file", "", "parameters of the hand node; default: config/hand.yaml of the package"),
    argument("camera", "none", "start a camera too: its index, a video, a folder or a picture"),
    argument("camera_calibration", "", "camera_info file (YAML) of that camera"),
    argument("frame_id", "", "frame of that camera's images; default: camera_optical_frame, with a namespace <namespace>/ before it"),
    argument("loop", "false", "begin that camera's recording again at its end", TRUE_FALSE),
    argument("rate", "0", "frames a second of that camera's recording; 0: its own"),
    argument("namespace", "", "namespace of all nodes and of topics but /tf and /diagnostics"),
    argument("managed", "false", "a lifecycle node: it waits for configure and activate", TRUE_FALSE),
    argument("use_sim_time", "false", "take the time from /clock", TRUE_FALSE),
    argument("log_level", "info", "of all nodes", ("debug", "info", "warn", "error", "fatal")),
    argument("rviz", "false", "show the hands in RViz", TRUE_FALSE),
    argument("fixed_frame", "", "RViz's fixed frame; default: the frame of the images"),
    argument("view", "false", "show the hands in a browser, at http://localhost:<view_port>", TRUE_FALSE),
    argument("view_port", "8080", "port of that page; each needs its own"),
    argument("view_host", "127.0.0.1", "address of that page; 0.0.0.0: everybody on the network sees it and may press its buttons"),
]


def nodes(context: LaunchContext) -> list[Node]:
    """Raises RuntimeError, before anything runs, where something that is needed is missing."""
    given = {argument.name: context.launch_configurations[argument.name] for argument in ARGUMENTS}
    share = Path(get_package_share_directory("handmesh_ros"))
    namespace = given["namespace"].strip("/")
    prefix = f"{namespace}/" if namespace else ""
    given["frame_prefix"] = given["frame_prefix"] or prefix
    given["frame_id"] = given["frame_id"] or f"{prefix}camera_optical_frame"
    params_file = Path(given["params_file"] or share / "config" / "hand.yaml").expanduser()
    if not params_file.is_file():
        raise RuntimeError(f"params_file:={params_file}: there is no such file")
    common = {"namespace": given["namespace"], "output": "screen", "arguments": ["--ros-args", "--log-level", given["log_level"]]}
    clock = {"use_sim_time": given["use_sim_time"] == "true"}
    topics = [("image", given["image"]), ("camera_info", given["camera_info"])]
    started = [
        Node(
            package="handmesh_ros",
            executable=HAND_NODES[given["managed"]],
            name="hand_node",
            parameters=[str(params_file), {**clock, **parameters(given, HAND_PARAMETERS)}],
            remappings=topics,
            on_exit=ended,
            **common,
        )
    ]
    if given["camera"] != "none":
        started.append(
            Node(
                package="handmesh_ros",
                executable="camera",
                name="camera",
                # A recording must not be over before the hand node listens.
                parameters=[{**clock, **parameters(given, CAMERA_PARAMETERS), "wait_for_subscribers": 1}],
                remappings=[*topics, ("image/compressed", f"{given['image']}/compressed")],
                on_exit=ended,
                **common,
            )
        )
    if given["rviz"] == "true":
        started.append(rviz(given, share, clock))
    if given["view"] == "true":
        if find_spec("viser") is None:
            raise RuntimeError("view:=true needs viser: pip install 'viser>=1.1,<2' (or view:=false)")
        # Its end ends nothing: hands go on without being looked at.
        started.append(
            Node(
                package="handmesh_ros",
                executable="view_node",
                name="view_node",
                parameters=[{**clock, **parameters(given, VIEW_PARAMETERS)}],
                **common,
            )
        )
    return started


def rviz(given: dict[str, str], share: Path, clock: dict[str, bool]) -> Node:
    try:
        get_package_prefix("rviz2")
    except PackageNotFoundError:
        distribution = os.environ.get("ROS_DISTRO", "$ROS_DISTRO")
        raise RuntimeError(f"rviz:=true needs RViz: sudo apt install ros-{distribution}-rviz2 (or rviz:=false)") from None
    # The configuration names topics without a slash: they follow the namespace.
    common = {"namespace": given["namespace"], "parameters": [clock], "output": "screen"}
    fixed_frame = given["fixed_frame"] or (given["frame_id"] if given["camera"] != "none" else "")
    if fixed_frame:
        return Node(package="rviz2", executable="rviz2", arguments=["-d", str(share / "config" / "hand.rviz"), "-f", fixed_frame], **common)
    # Of somebody else's camera only its messages tell the frame.
    return Node(package="handmesh_ros", executable="rviz", remappings=[("camera_info", given["camera_info"])], **common)


def parameters(given: dict[str, str], names: dict[str, str]) -> dict[str, object]:
    """ROS parameters of the launch arguments that were given."""
    return {parameter: typed(argument, given[argument]) for argument, parameter in names.items() if given[argument]}


def typed(argument: str, value: str) -> object:
    if argument == "loop":
        return value == "true"
    if argument not in KINDS:
        return ParameterValue(value, value_type=str)  # else a camera's index would arrive as a number where the node wants text
    try:
        return KINDS[argument](value)
    except ValueError:
        raise RuntimeError(f"{argument}:={value}: a number is needed") from None


def ended(event: ProcessExited, context: LaunchContext) -> list[Shutdown] | None:
    """Nothing works without the hand node, and a camera that could not start will not; a recording's end ends nothing."""
    if context.is_shutdown or (event.returncode == 0 and event.process_name.startswith("camera")):
        return None
    if event.returncode == 0:
        return [Shutdown(reason=f"{event.process_name} ended")]
    # ros2 launch returns an error only where one is raised.
    raise RuntimeError(f"{event.process_name} ended with exit code {event.returncode}: see its last words above")


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=nodes)])
