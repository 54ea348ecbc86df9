"""The package as a whole: who may import whom, and that every manifest tells the same story as the code."""

from __future__ import annotations

import ast
import os
import re
import runpy
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.paths import REPO

import handmesh_ros

RUNTIME = {"numpy", "cv2", "onnxruntime", "transforms3d", "yaml"}
OFFLINE = RUNTIME | {"onnx", "tqdm", "torch", "scipy", "matplotlib", "fast_simplification"}

# Room -> the third-party packages and the rooms of this project that it may import. Rooms that are not here (commands, demo, bench, node:
# the top of the house) may import anything but `cli` and `commands`; ROS is told apart below.
MAY_IMPORT: dict[str, tuple[set[str], set[str]]] = {
    "errors": (set(), set()),
    "hand": ({"numpy"}, set()),
    "joint_sets": ({"numpy"}, {"hand"}),
    "files": (set(), set()),
    "provision": ({"numpy", "onnx", "yaml"}, {"files"}),
    "perception": (RUNTIME, {"hand", "provision"}),
    "sources": ({"numpy", "cv2"}, {"hand"}),
    "overlay": ({"numpy", "cv2"}, {"hand", "perception"}),
    "evaluation": (OFFLINE - {"torch"}, {"hand", "perception", "sources"}),
}
ROS_ROOMS = {"node", "demo", "bench"}
ROS_PACKAGE = re.compile(r"rclpy|cv_bridge|ament_index_python|launch(_ros)?|tf2_ros|sensor_msgs_py|\w+_(msgs|srvs|interfaces)")

# What an import is called in package.xml (rosdep) where the names differ.
ROSDEP = {"cv2": "python3-opencv", "onnxruntime": "python3-onnxruntime-pip", "yaml": "python3-yaml", "numpy": "python3-numpy",
          "transforms3d": "python3-transforms3d", "tqdm": "python3-tqdm"}  # fmt: skip
ON_PYPI = {"cv2": "opencv-python-headless", "yaml": "PyYAML", "fast_simplification": "fast-simplification"}


def test_a_process_that_a_command_starts_may_read_the_commands_file_again(tmp_path: Path) -> None:
    script = tmp_path / "handmesh"
    script.write_text((REPO / "cmake" / "entry.in").read_text().replace("@entry_module@", "handmesh_ros.cli"))
    runpy.run_path(str(script), run_name="__mp_main__")  # as multiprocessing does; to call main here would end this process
    with pytest.raises(SystemExit):
        runpy.run_path(str(script), run_name="__main__")


def imports_of(path: Path) -> Iterator[str]:
    """Dotted names of everything a file imports, also inside functions, the standard library excepted."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module == "handmesh_ros":
            names = [f"handmesh_ros.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] not in sys.stdlib_module_names)


def room_imports() -> dict[str, dict[str, set[str]]]:
    """Room -> imported name -> files that import it. Names: a third-party package, or `handmesh_ros.<room>`."""
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    package = REPO / "handmesh_ros"
    for path in package.rglob("*.py"):
        parts = path.relative_to(package).with_suffix("").parts
        for name in imports_of(path):
            kept = name.split(".")[: 2 if name.startswith("handmesh_ros.") else 1]
            found[parts[0]][".".join(kept)].add("/".join(parts))
    return found


IMPORTS = room_imports()


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_lies_below_it(room: str) -> None:
    third_party, rooms = MAY_IMPORT[room]
    allowed = third_party | {f"handmesh_ros.{name}" for name in rooms | {room, "errors"}}
    assert {name: files for name, files in IMPORTS[room].items() if name not in allowed} == {}


def test_ros_is_imported_by_the_node_and_its_benchmarks_only() -> None:
    outside = {room: {name for name in names if ROS_PACKAGE.fullmatch(name)} for room, names in IMPORTS.items() if room not in ROS_ROOMS}
    assert {room: names for room, names in outside.items() if names} == {}


def test_nothing_imports_the_command_line() -> None:
    commands = {"handmesh_ros.cli", "handmesh_ros.commands"}
    assert {room for room, names in IMPORTS.items() if commands & set(names) and room not in ("cli", "commands")} == set()


def test_the_runtime_starts_without_ros_and_torch() -> None:
    """What the imports of the files promise holds when Python really runs them."""
    code = "import sys, handmesh_ros.perception.pipeline; print([n for n in ('rclpy', 'torch', 'onnx') if n in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, timeout=60)
    assert result.stdout.strip() == "[]", result.stderr


# ---- manifests ----

PACKAGE_XML = ElementTree.parse(REPO / "package.xml").getroot()


def declared(*tags: str) -> set[str]:
    return {element.text or "" for tag in tags for element in PACKAGE_XML.findall(tag)}


def test_package_xml_names_all_that_the_robot_runs() -> None:
    """Runtime rooms only: training, evaluation and making models need more, by pip (docs/install.md)."""
    imported = set().union(*(IMPORTS[room] for room in ("hand", "perception", "sources", "overlay", "node")))
    needed = {ROSDEP.get(name, name) for name in imported if not name.startswith("handmesh_ros")}
    assert needed - declared("depend", "exec_depend") == set()


def test_setup_py_names_all_that_pip_users_run(tmp_path: Path) -> None:
    pytest.importorskip("setuptools")
    result = subprocess.run(
        [sys.executable, "setup.py", "--quiet", "egg_info", "--egg-base", str(tmp_path)],
        cwd=REPO, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    info = tmp_path / "handmesh_ros.egg-info"
    required = {re.split(r"[<>=;\[ ]", line)[0] for line in (info / "requires.txt").read_text().splitlines() if line[:1].isalpha()}
    rooms = [room for room in IMPORTS if room not in ROS_ROOMS]
    imported = set().union(*(IMPORTS[room] for room in rooms))
    needed = {ON_PYPI.get(name, name) for name in imported if not name.startswith("handmesh_ros")}
    assert needed - required == set()
    assert f"\nVersion: {PACKAGE_XML.findtext('version')}\n" in (info / "PKG-INFO").read_text()


def test_the_pinned_versions_keep_what_is_asked_for() -> None:
    """Each lock file of the bare machine has every package of requirements.in, in the version that is written there."""
    wanted = [line for line in (REPO / "ros_from_pypi/requirements.in").read_text().splitlines() if line and not line.startswith("#")]
    locks = sorted((REPO / "ros_from_pypi").glob("requirements-3.*.txt"))
    assert locks
    for lock in locks:
        pinned = {normalized(line.split("==")[0]): line.split("==")[1] for line in lock.read_text().splitlines()}
        for line in wanted:
            name = normalized(re.split(r"[<>=]", line)[0])
            assert name in pinned, f"{lock.name} lacks {name}: make lock"
            if "==" in line:
                assert pinned[name] == line.split("==")[1], f"{lock.name}, {name}: make lock"


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# ---- the installed tree ----


@pytest.fixture
def prefix() -> Path:
    """Where the package is installed, by colcon or by make."""
    for folder in handmesh_ros.__path__:
        for parent in Path(folder).parents:
            if (parent / "share" / "handmesh_ros" / "package.xml").is_file():
                return parent
    pytest.skip("needs the ROS build of this package")


def test_everything_a_robot_needs_is_installed(prefix: Path) -> None:
    share = prefix / "share" / "handmesh_ros"
    for name in ("package.xml", "launch/hand.launch.py", "config/hand.yaml", "config/hand.rviz", "models/manifest.yaml"):
        assert (share / name).is_file(), f"{name} is missing in {share}"


def test_executables_are_installed_and_start(prefix: Path) -> None:
    folder = prefix / "lib" / "handmesh_ros"
    for name in ("hand_node", "camera", "handmesh"):
        assert os.access(folder / name, os.X_OK), f"{folder / name} cannot be executed"
    result = subprocess.run([folder / "handmesh", "--help"], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0 and "models" in result.stdout, result.stderr


def test_messages_lie_beside_the_modules() -> None:
    """One package name for the generated messages and the source, also when the checkout comes first on the path."""
    messages = pytest.importorskip("handmesh_ros.msg", reason="needs the ROS build of this package")
    assert len(messages.Hand().joints) == 21
    assert len(handmesh_ros.__path__) >= 1
