"""Starts the teleop node: a tool follows the hand that the hand node's clutch is engaged on.

ros2 launch handmesh_ros teleop.launch.py                                        # to MoveIt Servo
ros2 launch handmesh_ros teleop.launch.py params_file:=my_robot.yaml pose_command:=/my_controller/target_frame
"""

from pathlib import Path

from launch.actions import DeclareLaunchArgument, OpaqueFunction, Shutdown
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

from launch import LaunchContext, LaunchDescription

# What the node calls its outputs -> where they go, unless told otherwise.
OUTPUTS = {
    "pose_command": "/servo_node/pose_target_cmds",
    "twist_command": "/servo_node/delta_twist_cmds",
    "joint_commands": "/forward_position_controller/commands",
    "joint_trajectory": "/joint_trajectory_controller/joint_trajectory",
    "gripper_commands": "/gripper_controller/commands",
    "gripper_cmd": "/gripper_controller/gripper_cmd",
}
PARAMETERS = PathJoinSubstitution([FindPackageShare("handmesh_ros"), "config", "teleop", "teleop.yaml"])

ARGUMENTS = [
    DeclareLaunchArgument("params_file", default_value=PARAMETERS, description="parameters of the teleop node"),
    DeclareLaunchArgument("side", default_value="", choices=["", "left", "right"], description="leading hand; default: the file's"),
    DeclareLaunchArgument("namespace", default_value="", description="namespace of the node, the hand node's"),
    DeclareLaunchArgument("use_sim_time", default_value="false", choices=["true", "false"], description="take the time from /clock"),
    DeclareLaunchArgument("log_level", default_value="info", choices=["debug", "info", "warn", "error", "fatal"]),
    *(DeclareLaunchArgument(name, default_value=topic, description=f"where {name} goes") for name, topic in OUTPUTS.items()),
]


def nodes(context: LaunchContext) -> list[Node]:
    given = {argument.name: LaunchConfiguration(argument.name).perform(context) for argument in ARGUMENTS}
    if not Path(given["params_file"]).is_file():
        raise RuntimeError(f"params_file:={given['params_file']}: there is no such file")
    own = {"use_sim_time": given["use_sim_time"] == "true"}
    if given["side"]:
        own["side"] = given["side"]
    return [
        Node(
            package="handmesh_ros",
            executable="teleop",
            name="teleop",
            namespace=given["namespace"],
            output="screen",
            arguments=["--ros-args", "--log-level", given["log_level"]],
            parameters=[given["params_file"], own],
            remappings=[(name, given[name]) for name in OUTPUTS],
            on_exit=ended,
        )
    ]


def ended(event: ProcessExited, context: LaunchContext) -> list[Shutdown] | None:
    """The node's end is the launch's; ros2 launch returns an error only where one is raised."""
    if event.returncode and not context.is_shutdown:
        raise RuntimeError(f"{event.process_name} ended with exit code {event.returncode}: see its last words above")
    return [Shutdown(reason=f"{event.process_name} ended")]


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription([*ARGUMENTS, OpaqueFunction(function=nodes)])
