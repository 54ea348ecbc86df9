"""Corrects the paths that the ROS wheels on PyPI carry over from the machine that built them.

Their CMake files name ``/opt/python/cp311-cp311/include/...``; building messages against them fails until the paths are this
environment's own. Run with the environment's python after every (re)install of a ros-* wheel; running it again changes nothing.
"""

from __future__ import annotations

import re
import sys
import sysconfig
from pathlib import Path

import numpy

BUILD_MACHINE = re.compile(r'/opt/python/cp3[^;">]*?/(include/python3\.\d+|numpy/_core/include|numpy/core/include)')


def corrected(text: str) -> str:
    """The text of a CMake export file with this environment's include folders."""
    python_include, numpy_include = sysconfig.get_paths()["include"], numpy.get_include()
    return BUILD_MACHINE.sub(lambda found: numpy_include if "numpy" in found[1] else python_include, text)


def main() -> int:
    if not Path(sysconfig.get_paths()["include"], "Python.h").is_file():
        print(
            f"error: this Python has no headers ({sysconfig.get_paths()['include']}/Python.h). They are needed to build the ROS "
            f"messages: apt install python3.{sys.version_info[1]}-dev, or a Python that brings them (pyenv, python.org).",
            file=sys.stderr,
        )
        return 1
    for path in sorted(Path(sys.prefix, "share").glob("*/cmake/*rosidl_generator_py*Export*.cmake")):
        before = path.read_text()
        if (after := corrected(before)) != before:
            path.write_text(after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
