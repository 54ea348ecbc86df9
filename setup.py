"""The ROS-free part for pip, on Linux, macOS and Windows: `pip install .` gives the command `handmesh` and the library.

With ROS the package is built by CMakeLists.txt (colcon); package.xml holds the version for both.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.findall(r"<version>(.+?)</version>", (HERE / "package.xml").read_text(encoding="utf-8"))[0]


def installed_files(*folders: str) -> list[tuple[str, list[str]]]:
    """The files of folders of this project, to be installed under share/handmesh_ros as colcon does."""
    found: dict[str, list[str]] = {}
    for path in sorted(path for folder in folders for path in (HERE / folder).rglob("*") if path.is_file()):
        relative = path.relative_to(HERE)
        found.setdefault(f"share/handmesh_ros/{relative.parent.as_posix()}", []).append(relative.as_posix())
    return list(found.items())


setup(
    name="handmesh_ros",
    version=VERSION,
    description="One ordinary camera in, a stable metric hand out: mesh, 21 joints, on a CPU",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["handmesh_ros", "handmesh_ros.*", "handmesh_training", "handmesh_training.*"]),
    data_files=installed_files("models", "config", "msg"),
    entry_points={"console_scripts": ["handmesh = handmesh_ros.cli:main"]},
    install_requires=[
        "numpy>=1.21",
        # headless: opencv-python does not import where libGL is missing, and no window is ever opened; OpenCV 5 breaks cv_bridge
        "opencv-python-headless>=4.5,<5",
        "onnxruntime>=1.14",
        "onnx>=1.14",
        "PyYAML>=5.4",
        "transforms3d",
        "pip",  # downloads the models' wheel; environments of uv and pipx have none
    ],
    extras_require={
        # recordings read better than by OpenCV alone, and pictures that it cannot read
        "media": ["av>=14", "Pillow>=9.1", "pi-heif>=0.13"],
        # bags in, recordings out; what reads bags without ROS is not needed where ROS is
        "bags": ["rosbags>=0.11", "mcap>=1.2"],
        # LeRobot data sets for handmesh annotate: their tables, and a stretch of a video
        "datasets": ["pyarrow>=14", "av>=14"],
        "ray": ["ray[data]>=2.9"],
        "rerun": ["rerun-sdk>=0.33"],
        "robot": ["mujoco>=3.2", "mink>=1.0"],
        "view": ["viser>=1.1,<2", "websockets>=13.1"],
        "train": ["torch>=2.1", "scipy", "matplotlib", "fast-simplification", "moderngl>=5.12"],
        "dev": [
            "pytest>=7",
            "pytest-timeout",
            "hypothesis",
            "ruff",
            "mypy",
            "pre-commit",
            "types-PyYAML",
            "ai-edge-litert; platform_system != 'Windows'",
            "OneEuroFilter",
        ],
    },
)
