"""The package as a whole: who may import whom, and that every manifest tells the same story as the code."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import runpy
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import yaml
from support.imports import PACKAGES, Imports, drawn_arrows, floors, names_of, reduced, rooms_of
from support.paths import REPO

import handmesh_ros

RUNTIME = {"numpy", "cv2", "onnxruntime", "transforms3d", "yaml"}
OFFLINE = RUNTIME | {"onnx", "torch", "scipy", "matplotlib", "fast_simplification"}
MEDIA = {"av", "PIL", "pi_heif"}  # recordings and pictures that OpenCV cannot read; imported where they are there

LIBRARY = {
    "hand",
    "files",
    "yaml_files",
    "progress",
    "provision",
    "perception",
    "sources",
    "overlay",
    "evaluation",
}  # of handmesh_ros, without ROS

# Room -> the third-party packages and the rooms of both packages that it may import. Rooms that are not here (commands, demo, bench, node:
# the top of the house) may import anything of handmesh_ros but `cli` and `commands`; ROS is told apart below.
MAY_IMPORT: dict[str, tuple[set[str], set[str]]] = {
    "errors": (set(), set()),
    "hand": ({"numpy"}, set()),
    "hand_proportions": ({"numpy"}, set()),
    "finger_angles": ({"numpy"}, {"hand", "hand_proportions"}),
    "hand_urdf": ({"numpy", "transforms3d"}, {"hand", "hand_proportions", "finger_angles"}),
    "joint_sets": ({"numpy"}, {"hand"}),
    "files": (set(), set()),
    "yaml_files": ({"yaml"}, set()),
    "installation": (set(), set()),
    "progress": (set(), set()),
    "summary": ({"numpy"}, set()),
    "provision": ({"numpy", "onnx", "yaml"}, {"hand", "files", "yaml_files"}),
    "perception": (RUNTIME, {"hand", "hand_proportions", "provision", "yaml_files"}),
    "file_names": (set(), set()),
    "outputs": (set(), set()),
    "limits": (set(), set()),
    "decoding": ({"numpy", "cv2"}, {"limits"}),
    "sources": ({"numpy", "cv2"} | MEDIA, {"file_names", "limits", "decoding", "perception"}),
    "recordings": (
        {"numpy", "cv2", "rosbags", "mcap", "rerun"},
        {"hand", "finger_angles", "messages", "outputs", "overlay", "perception", "sources"},
    ),
    "overlay": ({"numpy", "cv2"}, {"hand", "perception"}),
    "video": ({"numpy", "cv2"}, {"file_names", "outputs"}),
    "cameras": ({"numpy"}, {"perception"}),
    "records": ({"numpy"}, {"hand", "perception"}),
    "fusion": ({"numpy", "transforms3d"}, {"hand", "yaml_files", "perception", "records"}),
    "messages": (
        {"numpy", "cv2", "rosbags"},
        {"hand", "decoding", "files", "finger_angles", "hand_urdf", "joint_sets", "overlay", "perception"},
    ),
    "annotation": (
        {"numpy", "cv2", "av", "pyarrow", "ray"},
        {"hand", "perception", "provision", "recordings", "records", "sources", "cameras", "outputs", "decoding"},
    ),
    "view": ({"numpy", "cv2", "viser", "websockets"}, {"hand", "perception", "provision", "sources", "cameras", "overlay"}),
    "teleop": ({"numpy"}, {"hand", "perception"}),
    "robot": ({"numpy", "mujoco", "mink"}, {"hand", "files", "teleop"}),
    "evaluation": (OFFLINE - {"torch"}, {"hand", "outputs", "perception", "sources", "overlay"}),
    # handmesh_training, from the ground up; `lifted` and `trainer` stand side by side.
    "template": ({"numpy", "scipy", "fast_simplification"}, {"hand", "files"}),
    "labels": (OFFLINE, LIBRARY | {"template"}),
    "renders": (OFFLINE, LIBRARY | {"template", "labels"}),
    "networks": (OFFLINE, {"hand", "yaml_files", "template"}),
    "export": (OFFLINE, {"hand", "outputs", "perception", "template", "networks"}),
    "official": (OFFLINE, {"hand", "template", "networks", "export"}),
    "lifted": (OFFLINE, LIBRARY | {"template", "labels", "renders", "networks"}),
    "trainer": (OFFLINE, LIBRARY | {"template", "labels", "renders", "networks", "export"}),
}
ROS_ROOMS = {"node", "demo", "bench"}
EITHER_WAY = "messages/types"  # takes ROS's messages where ROS is, and stand-ins elsewhere
ROS_PACKAGE = re.compile(r"rclpy|ament_index_python|launch(_ros)?|tf2_ros|sensor_msgs_py|\w+_(msgs|srvs|interfaces)")

# What an import is called in package.xml (rosdep) where the names differ.
ROSDEP = {"cv2": "python3-opencv", "onnxruntime": "python3-onnxruntime-pip", "yaml": "python3-yaml", "numpy": "python3-numpy",
          "transforms3d": "python3-transforms3d", "tf2_ros": "tf2_ros_py"}  # fmt: skip
ON_PYPI = {
    "cv2": "opencv-python-headless",
    "yaml": "PyYAML",
    "fast_simplification": "fast-simplification",
    "rerun": "rerun-sdk",
    "PIL": "Pillow",
    "pi_heif": "pi-heif",
}


def test_a_process_that_a_command_starts_may_read_the_commands_file_again(tmp_path: Path) -> None:
    script = tmp_path / "handmesh"
    script.write_text((REPO / "cmake" / "entry.in").read_text().replace("@entry_module@", "handmesh_ros.cli"))
    runpy.run_path(str(script), run_name="__mp_main__")  # as multiprocessing does; to call main here would end this process
    with pytest.raises(SystemExit):
        runpy.run_path(str(script), run_name="__main__")


IMPORTS = Imports.read(REPO)
ROOMS = {package: set(rooms_of(REPO, package)) for package in PACKAGES}


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_lies_below_it(room: str) -> None:
    packages, rooms = MAY_IMPORT[room]
    allowed = {name for name in IMPORTS.packages[room] if name in packages or IMPORTS.packages[room][name] <= {EITHER_WAY}}
    assert {name: files for name, files in IMPORTS.packages[room].items() if name not in allowed} == {}
    allowed = {name for name, files in IMPORTS.rooms[room].items() if name in rooms | {"errors"} or files <= {EITHER_WAY}}
    assert {name: files for name, files in IMPORTS.rooms[room].items() if name not in allowed} == {}


def test_every_room_of_the_training_has_its_place() -> None:
    assert ROOMS["handmesh_training"] <= set(MAY_IMPORT)
    assert ROOMS["handmesh_ros"] & ROOMS["handmesh_training"] == set(), "a room's name says in which package it is"


def test_no_rooms_import_each_other_in_a_circle() -> None:
    assert set(floors(IMPORTS.rooms)) == set(IMPORTS.rooms)


def test_a_circle_is_found() -> None:
    assert floors({"a": {"b": {"file"}, "somewhere_else": {"file"}}, "b": {}}) == {"a": 1, "b": 0}
    with pytest.raises(ValueError, match=r"circle.*: a, b, c$"):
        floors({"a": {"b": {"file"}}, "b": {"a": {"file"}}, "c": {"a": {"file"}}, "d": {}})


def test_an_arrow_is_left_out_where_others_lead_the_same_way() -> None:
    rooms = {"a": {"b": {"file"}, "c": {"file"}, "d": {"file"}}, "b": {"d": {"file"}}, "c": {}, "d": {}}
    assert reduced(rooms) == {"a": {"b", "c"}, "b": {"d"}, "c": set(), "d": set()}


def test_the_picture_of_the_architecture_shows_these_imports() -> None:
    picture = (REPO / "docs" / "images" / "architecture.svg").read_text(encoding="utf-8")
    shown = set(re.findall(r'id="(\w+ to \w+)"', picture))
    expected = {f"{upper} to {lower}" for upper, rooms in drawn_arrows(IMPORTS).items() for lower in rooms}
    assert shown == expected, "draw it again: PYTHONPATH=test python docs/draw_architecture.py"


def test_every_room_is_in_the_table_of_the_architecture() -> None:
    table = (REPO / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {f"{room}.py" if (REPO / package / f"{room}.py").is_file() else f"{room}/" for package in PACKAGES for room in ROOMS[package]}
    assert {room for room in rooms if f"`{room}`" not in table} == set()


def test_only_commands_reach_what_robots_lack_and_only_when_they_run() -> None:
    """A robot has handmesh_ros without handmesh_training and benchmarks. A command imports them in the function that needs them, so that
    --help and every other command work without."""
    lacking = ROOMS["handmesh_training"] | {"benchmarks"}
    upwards = {room: {name: files for name, files in rooms.items() if name in lacking}
               for room, rooms in IMPORTS.rooms.items() if room in ROOMS["handmesh_ros"]}  # fmt: skip
    files = set().union(*(files for rooms in upwards.values() for files in rooms.values()))
    assert files == {f"commands/{name}" for name in ("train", "eval", "export", "import_official")}
    for file in files:
        statements = ast.parse((REPO / "handmesh_ros" / file).with_suffix(".py").read_text(encoding="utf-8")).body
        assert [name for node in statements for name in names_of(node) if name.startswith(("handmesh_training", "benchmarks"))] == []


def test_ros_is_imported_by_the_node_and_its_benchmarks_only() -> None:
    importers = {room: set().union(*(files for name, files in names.items() if ROS_PACKAGE.fullmatch(name)))
                 for room, names in IMPORTS.packages.items() if room not in ROS_ROOMS}  # fmt: skip
    importers |= {room: importers[room].union(*(names.get(part, set()) for part in ("msg", "srv")))
                  for room, names in IMPORTS.rooms.items() if room in importers}  # fmt: skip
    assert set().union(*importers.values()) == {EITHER_WAY}


def test_nothing_imports_the_command_line() -> None:
    assert {room for room, names in IMPORTS.rooms.items() if {"cli", "commands"} & set(names) and room not in ("cli", "commands")} == set()


def test_no_command_imports_another() -> None:
    commands = {path.stem for path in (REPO / "handmesh_ros" / "commands").glob("*.py")} - {"__init__"}
    for name in commands:
        tree = ast.walk(ast.parse((REPO / "handmesh_ros" / "commands" / f"{name}.py").read_text(encoding="utf-8")))
        assert [found for node in tree for found in names_of(node) if found.startswith("handmesh_ros.commands")] == []


def test_the_runtime_starts_without_ros_and_torch() -> None:
    """What the imports of the files promise holds when Python really runs them."""
    heavy = ("rclpy", "torch", "onnx", "matplotlib", "handmesh_training")
    code = f"import sys, handmesh_ros.perception; print([name for name in {heavy} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, timeout=60)
    assert result.stdout.strip() == "[]", result.stderr


# ---- manifests ----

PACKAGE_XML = ElementTree.parse(REPO / "package.xml").getroot()


def declared(*tags: str) -> set[str]:
    return {element.text or "" for tag in tags for element in PACKAGE_XML.findall(tag)}


def test_package_xml_names_all_that_the_robot_runs() -> None:
    """Runtime rooms only: training, evaluation and making models need more, by pip (docs/install.md)."""
    imported = set().union(*(IMPORTS.packages[room] for room in ("hand", "perception", "sources", "overlay", "messages", "node")))
    needed = {ROSDEP.get(name, name) for name in imported - MEDIA - {"rosbags"}}
    assert needed - declared("depend", "exec_depend") == set()


def test_setup_py_names_all_that_pip_users_run(tmp_path: Path) -> None:
    if importlib.util.find_spec("setuptools") is None:  # not imported here: that fails once a test has imported distutils
        pytest.skip("needs setuptools")
    result = subprocess.run(
        [sys.executable, "setup.py", "--quiet", "egg_info", "--egg-base", str(tmp_path)],
        cwd=REPO, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    info = tmp_path / "handmesh_ros.egg-info"
    required = {re.split(r"[<>=;\[ ]", line)[0] for line in (info / "requires.txt").read_text().splitlines() if line[:1].isalpha()}
    imported = {name for room, packages in IMPORTS.packages.items() if room not in ROS_ROOMS for name in packages
                if packages[name] != {EITHER_WAY}}  # fmt: skip
    needed = {ON_PYPI.get(name, name) for name in imported}
    assert needed - required == set()
    assert f"\nVersion: {PACKAGE_XML.findtext('version')}\n" in (info / "PKG-INFO").read_text()


def test_commits_are_checked_as_make_lint_checks_and_nothing_is_downloaded_for_it() -> None:
    (local,) = yaml.safe_load((REPO / ".pre-commit-config.yaml").read_text())["repos"]
    lint = re.search(r"^lint:.*?\n\n", (REPO / "Makefile").read_text(), re.MULTILINE | re.DOTALL)
    assert lint and local["repo"] == "local" and {hook["language"] for hook in local["hooks"]} == {"system"}
    for hook in local["hooks"]:
        assert hook["entry"].replace("python", "$(RUN)").replace(" --fix", "").removesuffix(" format") in lint[0]


@pytest.mark.parametrize("source", sorted((REPO / "ros_from_pypi").glob("*.in")), ids=lambda path: path.stem)
def test_the_pinned_versions_keep_what_is_asked_for_and_have_hashes(source: Path) -> None:
    """A list of the bare machine has every package that is named, in the version that is written there."""
    wanted = [line for line in source.read_text().splitlines() if line and not line.startswith("#")]
    lines = [line for path in source.parent.glob(f"{source.stem}*.txt") for line in path.read_text().splitlines()]
    pinned: dict[str, set[str]] = {}
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        if "==" in line and not line.startswith(" "):
            assert "--hash=sha256:" in after, line
            name, version = line.split()[0].removesuffix("+cpu").split("==")
            pinned.setdefault(normalized(name), set()).add(version)
    for line in wanted:
        name = normalized(re.split(r"[<>=]", line)[0])
        assert name in pinned, f"{source.stem} lacks {name}: make lock"
        if "==" in line:
            assert pinned[name] == {line.split("==")[1]}, f"{source.stem}, {name}: make lock"


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
