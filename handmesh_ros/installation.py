"""Whether the installed files are those of one version."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import handmesh_ros
from handmesh_ros.errors import HandmeshError

# Modules of version 0.1 that went elsewhere. CMake's install(DIRECTORY) adds files and removes none, so they outlive an upgrade.
LEFT_BY_0_1 = ("training/__init__.py", "bench/filters.py", "node/listener.py", "perception/imm.py", "perception/track.py")


class InstallationError(HandmeshError, RuntimeError):
    """Files of another version lie among those of this one."""


def check_installation(folders: Sequence[str] | None = None) -> None:
    """Refuse an installation in which an older version's modules can still be imported.

    Args:
        folders: of the package; default: those that Python imports ``handmesh_ros`` from.

    Raises:
        InstallationError: says which files are left over and how to be rid of them.
    """
    left = [Path(folder, name) for folder in folders or handmesh_ros.__path__ for name in LEFT_BY_0_1 if Path(folder, name).is_file()]
    if left:
        found = " ".join(str(path.parent if path.name == "__init__.py" else path) for path in left)
        raise InstallationError(f"parts of version 0.1 are left among the files of this installation; remove them: rm -r {found}")
