"""Where the package's own files lie: in a checkout beside the code, or where pip and colcon install them."""

from __future__ import annotations

from pathlib import Path


def package_file(relative: str) -> Path | None:
    """A file such as ``config/hand.yaml``: of the checkout, or of ``<prefix>/share/handmesh_ros``; None where there is none.

    Links are followed first: a symlink install leads back to the checkout, where files come and go.
    """
    for folder in Path(__file__).resolve().parents:
        for candidate in (folder / relative, folder / "share" / "handmesh_ros" / relative):
            if candidate.is_file():
                return candidate
    return None
