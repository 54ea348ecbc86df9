"""Starts the hand node and, where wanted, a camera and RViz.

ros2 launch handmesh_ros hand.launch.py image:=/camera/image_raw camera_info:=/camera/camera_info rviz:=true
ros2 launch handmesh_ros hand.launch.py camera:=0 camera_calibration:=my_camera.yaml rviz:=true
"""

from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

from launch import LaunchContext, LaunchDescription

# Launch arguments that, where given, are stronger than the parameter file.
HAND_PARAMETERS = ("model", "image_transport")
# Launch argument -> parameter of the camera node.
CAMERA_PARAMETERS = {"camera": "input", "camera_calibration": "camera_info", "frame_id": "frame_id"}


def config(name: str) -> PathJoinSubstitution:
    return PathJoinSubstitution([FindPackageShare("handmesh_ros"), "config", name])


ARGUMENTS = [
    DeclareLaunchArgument("image", default_value="image", description="topic of the camera's images"),
    DeclareLaunchArgument("camera_info", default_value="camera_info", description="topic of the camera's calibration"),
    DeclareLaunchArgument(
        "image_transport", default_value="", description="compressed: listen to <image>/compressed; default: the parameter file's"
    ),
    DeclareLaunchArgument("model", default_value="", description="name or .onnx file of a model; default: the parameter file's"),
    DeclareLaunchArgument("params_file", default_value=config("hand.yaml"), description="parameters of the hand node"),
    DeclareLaunchArgument("camera", default_value="none", description="start a camera too: its index, a video, a folder or a picture"),
    DeclareLaunchArgument("camera_calibration", default_value="", description="camera_info file (YAML) of that camera"),
    DeclareLaunchArgument("frame_id", default_value="camera_optical_frame", description="frame of that camera's images"),
    DeclareLaunchArgument("namespace", default_value="", description="namespace of all nodes and of topics but /tf and /diagnostics"),
    DeclareLaunchArgument("use_sim_time", default_value="false", description="take the time from /clock"),
    DeclareLaunchArgument("log_level", default_value="info", description="debug, info, warn or error"),
    DeclareLaunchArgument("rviz", default_value="false", description="true: show the hands in RViz"),
]


def nodes(context: LaunchContext) -> list[Node]:
    given = {argument.name: LaunchConfiguration(argument.name).perform(context) for argument in ARGUMENTS}
    common = {"namespace": given["namespace"], "output": "screen", "arguments": ["--ros-args", "--log-level", given["log_level"]]}
    clock = {"use_sim_time": given["use_sim_time"].lower() == "true"}
    topics = [("image", given["image"]), ("camera_info", given["camera_info"])]
    started = [
        Node(
            package="handmesh_ros",
            executable="hand_node",
            name="hand_node",
            parameters=[given["params_file"], {**clock, **{name: text(given[name]) for name in HAND_PARAMETERS if given[name]}}],
            remappings=topics,
            **common,
        )
    ]
    if given["camera"] != "none":
        started.append(
            Node(
                package="handmesh_ros",
                executable="camera",
                name="camera",
                parameters=[{**clock, **{parameter: text(given[argument]) for argument, parameter in CAMERA_PARAMETERS.items()}}],
                remappings=[*topics, ("image/compressed", f"{given['image']}/compressed")],
                **common,
            )
        )
    if given["rviz"].lower() == "true":
        # The configuration names topics without a slash: they follow the namespace.
        arguments = ["-d", config("hand.rviz")]
        started.append(Node(package="rviz2", executable="rviz2", namespace=given["namespace"], arguments=arguments, parameters=[clock]))
    return started


def text(value: str) -> ParameterValue:
    # Without this a camera's index would arrive as a number where the node wants text.
    return ParameterValue(value, value_type=str)


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=nodes)])
