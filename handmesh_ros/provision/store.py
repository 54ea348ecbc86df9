"""Where models lie, whether they are whole, and how missing ones are made."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path

from handmesh_ros.files import package_file, user_path
from handmesh_ros.provision.fetch import fetch_member, sha256_of, write_atomically
from handmesh_ros.provision.manifest import MANIFEST_NAME, CommittedSource, ComposedSource, Model, ModelError, WheelSource, read_manifest

MEND = "handmesh models --provision"


class ModelState(str, Enum):
    """OK: the checksum holds. DAMAGED: it does not. OUTDATED: composed of parts that have changed since."""

    OK = "ok"
    MISSING = "missing"
    DAMAGED = "damaged"
    OUTDATED = "outdated"


@dataclass(frozen=True)
class ModelStatus:
    """A model and how its file is: ``path`` is where the file is or belongs, ``found`` and ``expected`` are checksums."""

    model: Model
    state: ModelState
    path: Path
    expected: str | None = None
    found: str | None = None

    def explain(self) -> str:
        """What is wrong and what to do, for a person."""
        mend = f"'{MEND}' mends this"
        if isinstance(self.model.source, CommittedSource):
            mend = f"it is part of the project: 'git checkout -- models/{self.model.file}' or install the package again"
            if self.state is ModelState.DAMAGED:
                mend += f" (trained anew? then write the new sha256 into models/{MANIFEST_NAME})"
        if self.state is ModelState.MISSING:
            wanted = f" (sha256 {self.expected})" if self.expected else ""
            return f"{self.path}: the model {self.model.name!r} is missing{wanted}; {mend}"
        if self.state is ModelState.DAMAGED:
            expected = self.expected or "unknown"
            return f"{self.path}: the model {self.model.name!r} is damaged: sha256 {self.found}, expected {expected}; {mend}"
        if self.state is ModelState.OUTDATED:
            return f"{self.path}: the model {self.model.name!r} was composed of parts that have changed since; {mend}"
        return f"{self.path}: ok"


def _needs_onnx(path: Path, error: ImportError) -> ModelError:
    """Making models needs a package that running them does not, so it is imported only there."""
    return ModelError(f"{path}: making it needs the Python package 'onnx' ({error}): pip install onnx, then '{MEND}'")


def _compose_lifted(landmark: Path, decoder: Path, out: Path) -> None:
    try:
        from handmesh_ros.provision.compose import compose_lifted
    except ImportError as error:
        raise _needs_onnx(out, error) from error
    compose_lifted(landmark, decoder, out)


@dataclass(frozen=True)
class ModelStore:
    """The folders that models live in.

    Attributes:
        home: holds the manifest and the committed models; provisioned ones too where it is writable.
        user: takes the provisioned models where ``home`` is not writable; None where the user has no home directory.
        cache: keeps the downloaded sources; None likewise.
        compose: makes the third file of the first two, a landmark network and a decoder.
    """

    home: Path
    user: Path | None
    cache: Path | None
    compose: Callable[[Path, Path, Path], None] = _compose_lifted

    @cached_property
    def models(self) -> dict[str, Model]:
        return read_manifest(self.home / MANIFEST_NAME)

    def find(self, name: str) -> Model:
        """A model by name. Raises ModelError that lists the mesh networks there are: the other files are parts, nothing to choose from."""
        if name not in self.models:
            meshes = ", ".join(model.name for model in self.models.values() if model.kind == "mesh")
            raise ModelError(f"there is no model {name!r}; there are {meshes}, or give the path of an .onnx file")
        return self.models[name]

    def status(self, model: Model) -> ModelStatus:
        """Check the file of a model in both folders: a whole one in either counts."""
        at_home = self._status_in(self.home, model)
        if at_home.state is ModelState.OK or isinstance(model.source, CommittedSource) or self.user is None:
            return at_home
        for_user = self._status_in(self.user, model)
        return at_home if for_user.state is ModelState.MISSING else for_user

    def path(self, name_or_path: str | Path) -> Path:
        """The file of a model, by its name in the manifest or as a path. Raises ModelError unless it is there and whole."""
        if str(name_or_path) not in self.models:
            try:
                path = user_path(str(name_or_path))
                if path.suffix == ".onnx" or path.exists():
                    return _own_file(path)
            except (OSError, ValueError) as error:  # a name too long, or with a zero in it; a folder that is closed
                raise ModelError(f"{str(name_or_path)[:80]!r} names no model file: {error}") from error
        status = self.status(self.find(str(name_or_path)))
        if status.state is not ModelState.OK:
            raise ModelError(status.explain())
        return status.path

    def provision(self, progress: Callable[[str], None], force: bool = False) -> None:
        """Make every model that is missing, damaged or outdated (with ``force``: every one that is not committed).

        Raises:
            ModelError: some model cannot be made; those that can are there all the same.
        """
        problems = []
        for model in self.models.values():
            try:
                if self.status(model).state is ModelState.OK and (not force or isinstance(model.source, CommittedSource)):
                    progress(f"{model.name}: ok")
                else:
                    self._make(model, progress)
                    progress(f"{model.name}: made, {self.path(model.name)}")
            except ModelError as error:
                problems.append(str(error))
            except (OSError, ValueError) as error:  # no space or permission; parts that do not fit together
                problems.append(f"the model {model.name!r} cannot be made: {error}")
        if problems:
            # Something that is missing is named once, not again for each model that needs it.
            raise ModelError("\n".join(dict.fromkeys(problems)))

    def _status_in(self, folder: Path, model: Model) -> ModelStatus:
        path = folder / model.file
        receipt = _read_receipt(path)
        expected = model.sha256 or receipt.get(model.file)
        if not path.is_file():
            return ModelStatus(model, ModelState.MISSING, path, model.sha256)
        found = sha256_of(path)
        state = ModelState.OK if found == expected else ModelState.DAMAGED
        if state is ModelState.OK and isinstance(model.source, ComposedSource) and receipt != self._receipt(model, found):
            state = ModelState.OUTDATED
        return ModelStatus(model, state, path, expected, found)

    def _receipt(self, model: Model, sha256: str) -> dict[str, str | None]:
        """Checksums of a composed model, of its parts, and of the code that put them together."""
        assert isinstance(model.source, ComposedSource)
        parts = [self.status(self.models[name]) for name in (model.source.landmark, model.source.decoder)]
        composition = Path(__file__).with_name("compose.py")
        return {model.file: sha256, **{part.model.file: part.found for part in parts}, composition.name: sha256_of(composition)}

    def _make(self, model: Model, progress: Callable[[str], None]) -> None:
        if isinstance(model.source, CommittedSource):
            raise ModelError(self.status(model).explain())
        folder = self.home if os.access(self.home, os.W_OK) else _needed(self.user, "XDG_DATA_HOME")
        folder.mkdir(parents=True, exist_ok=True)
        if isinstance(model.source, WheelSource):
            self._convert(model, model.source, folder / model.file, progress)
        else:
            self._compose(model, model.source, folder / model.file, progress)

    def _convert(self, model: Model, source: WheelSource, path: Path, progress: Callable[[str], None]) -> None:
        try:
            from handmesh_ros.provision.tflite_to_onnx import tflite_to_onnx
        except ImportError as error:
            raise _needs_onnx(path, error) from error
        content = fetch_member(source, _needed(self.cache, "XDG_CACHE_HOME"), progress)
        progress(f"converting {Path(source.member).name}")
        converted = tflite_to_onnx(content, "image", source.outputs, model.name)
        found = hashlib.sha256(converted).hexdigest()
        if found != model.sha256:
            raise ModelError(f"{path}: the conversion gave sha256 {found}, expected {model.sha256}; not written")
        write_atomically(path, converted)

    def _compose(self, model: Model, source: ComposedSource, path: Path, progress: Callable[[str], None]) -> None:
        landmark, decoder = self.path(source.landmark), self.path(source.decoder)
        progress(f"composing {model.file}")
        temporary = path.with_name(f".{os.getpid()}.{path.name}")
        try:
            self.compose(landmark, decoder, temporary)
            receipt = self._receipt(model, sha256_of(temporary))
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        lines = "".join(f"{sha256}  {name}\n" for name, sha256 in receipt.items())
        write_atomically(_receipt_path(path), lines.encode())


def _own_file(path: Path) -> Path:
    """A file of the user's own, which nothing is known of but that it is there."""
    if not path.is_file():
        raise ModelError(f"{path}: there is no such model file")
    if path.stat().st_size == 0:
        raise ModelError(f"{path}: the model file is empty")
    return path


def _receipt_path(path: Path) -> Path:
    """Lies beside a composed model, in the format of sha256sum."""
    return path.with_name(path.name + ".sha256")


def _read_receipt(path: Path) -> dict[str, str | None]:
    try:
        lines = _receipt_path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return {name: sha256 for sha256, _, name in (line.partition("  ") for line in lines)}


def default_store() -> ModelStore:
    """The store of this installation: a checkout's ``models/``, or ``<prefix>/share/handmesh_ros/models``. Raises ModelError."""
    manifest = package_file(f"models/{MANIFEST_NAME}")
    if manifest is not None:
        user = _base("XDG_DATA_HOME", ".local/share")
        return ModelStore(manifest.parent, user and user / "models", _base("XDG_CACHE_HOME", ".cache"))
    raise ModelError(
        f"{MANIFEST_NAME} is neither in a folder 'models' above {Path(__file__).resolve().parent} nor in a 'share/handmesh_ros/models' "
        "there; install the package again"
    )


def _needed(folder: Path | None, variable: str) -> Path:
    if folder is None:
        raise ModelError(f"there is no home directory to keep models in: set HOME, or {variable} to a folder")
    return folder


def _base(variable: str, fallback: str) -> Path | None:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "handmesh_ros" / ("cache" if "cache" in fallback else "data")
    try:
        return Path(os.environ.get(variable) or Path.home() / fallback) / "handmesh_ros"
    except RuntimeError:  # an unknown user without HOME: what is there can be run all the same
        return None
