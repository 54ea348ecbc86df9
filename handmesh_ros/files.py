"""Where files lie: the package's own, in a checkout beside the code or where pip and colcon install them, and the user's."""

from __future__ import annotations

from pathlib import Path

from handmesh_ros.errors import HandmeshError, InputError


class MissingFileError(HandmeshError, FileNotFoundError):
    """A file that belongs to the package is not there."""


def user_path(text: str) -> Path:
    """A path as its user wrote it: ``~`` is the home directory.

    Raises:
        InputError: there is none.
    """
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise InputError(f"{text}: there is no home directory that ~ could mean; set HOME, or write the path out") from error


def package_file(relative: str) -> Path | None:
    """A file such as ``config/hand.yaml``: of the checkout, or of ``<prefix>/share/handmesh_ros``; None where there is none.

    Links are followed first: a symlink install leads back to the checkout, where files come and go.
    """
    for folder in Path(__file__).resolve().parents:
        for candidate in (folder / relative, folder / "share" / "handmesh_ros" / relative):
            if candidate.is_file():
                return candidate
    return None


def required_file(relative: str) -> Path:
    """A file without which a task cannot go on; see :func:`package_file`.

    Raises:
        MissingFileError: it is not installed.
    """
    path = package_file(relative)
    if path is None:
        raise MissingFileError(f"{relative} of handmesh_ros is missing: install the package again, or restore it with git in a checkout")
    return path


def package_root() -> Path:
    """The folder that holds ``config/`` and ``models/``: the checkout, or ``<prefix>/share/handmesh_ros``.

    Raises:
        MissingFileError: the models' manifest, by which it is known, is not installed.
    """
    return required_file("models/manifest.yaml").parents[1]


def clip_file(name: str) -> Path:
    """A file of the project's own clips: demo.mp4, demo_camera.yaml, demo_truth.npz, grasp.mp4, ..., or of the demo's robot.

    Raises:
        MissingFileError: it is not installed.
    """
    return required_file(f"config/demo/{name}")
