"""A ROS prefix with the package of this checkout, and the launch file run as ``ros2 launch`` runs it."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from support.paths import REPO
from support.ros_world import Process, World

# What `ros2 launch` does with a file and its arguments.
LAUNCH = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

arguments = [argument.split(":=", 1) for argument in sys.argv[2:]]
included = IncludeLaunchDescription(PythonLaunchDescriptionSource(sys.argv[1]), launch_arguments=arguments)
service = LaunchService(noninteractive=True)
service.include_launch_description(LaunchDescription([included]))
sys.exit(service.run())
"""


def make_prefix(folder: Path) -> Path:
    """``folder`` as colcon fills it: the programs that CMakeLists.txt names, with this Python, and links to the shared files."""
    (folder / "share" / "handmesh_ros").mkdir(parents=True)
    for name in ("launch", "config", "models"):
        (folder / "share" / "handmesh_ros" / name).symlink_to(REPO / name)
    entry = (REPO / "cmake" / "entry.in").read_text(encoding="utf-8")
    cmake = (REPO / "CMakeLists.txt").read_text(encoding="utf-8")
    for name, module in re.findall(r"handmesh_entry\((\w+) (\S+) lib/", cmake):
        filled = entry.replace("@Python3_EXECUTABLE@", sys.executable).replace("@entry_name@", name).replace("@entry_module@", module)
        add_program(folder, "handmesh_ros", name, filled)
    return folder


def add_program(prefix: Path, package: str, name: str, text: str) -> None:
    """A script that ``ros2 run package name`` finds."""
    index = prefix / "share" / "ament_index" / "resource_index" / "packages"
    program = prefix / "lib" / package / name
    for directory in (index, program.parent):
        directory.mkdir(parents=True, exist_ok=True)
    (index / package).touch()
    program.write_text(text, encoding="utf-8")
    program.chmod(0o755)


def use_prefix(world: World, prefix: Path) -> None:
    """Let the world's processes find the packages of this prefix first."""
    world.environment["AMENT_PREFIX_PATH"] = os.pathsep.join([str(prefix), os.environ.get("AMENT_PREFIX_PATH", sys.prefix)])


def launch(world: World, prefix: Path, *arguments: str, file: str = "hand.launch.py") -> Process:
    """Start a launch file with arguments such as ``camera:=0``."""
    use_prefix(world, prefix)
    script = prefix / "start.py"  # any name but that of the module it imports
    script.write_text(LAUNCH, encoding="utf-8")
    return world.start_file(script, str(prefix / "share" / "handmesh_ros" / "launch" / file), *arguments)
