"""Models: what there is, where it lies, whether it is whole, and how to make what is missing.

``model_path`` and ``list_models`` never use the network; ``provision_all`` does, once.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from handmesh_ros.provision.manifest import Model, ModelError
from handmesh_ros.provision.store import ModelState, ModelStatus, ModelStore, default_store

__all__ = ["DEFAULT_MODEL", "Model", "ModelError", "ModelState", "ModelStatus", "ModelStore", "list_models", "model_path", "provision_all"]

DEFAULT_MODEL = "mobrecon"  # of the mesh networks


def model_path(name_or_path: str | Path) -> Path:
    """The file of a model, by its name in the manifest or as a path.

    Raises:
        ModelError: missing, damaged or unknown; the message says which file, the checksums and the command that mends it.
    """
    return default_store().path(name_or_path)


def list_models() -> list[ModelStatus]:
    """Every model of the manifest with the state of its file."""
    store = default_store()
    return [store.status(model) for model in store.models.values()]


def provision_all(progress: Callable[[str], None], force: bool = False) -> None:
    """Make every model that is missing, damaged or outdated; ``progress`` gets a line for each step.

    Raises:
        ModelError: some could not be made; the rest is there all the same.
    """
    default_store().provision(progress, force)
