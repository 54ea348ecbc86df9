"""Composed models: made of two others, and made again when either has changed."""

import hashlib
from pathlib import Path

import pytest

from handmesh_ros.provision import ModelError, ModelState, ModelStore
from handmesh_ros.provision.manifest import record_checksum


def join(first: Path, second: Path, out: Path) -> None:
    """The simplest composition there is: it shows which parts went in."""
    out.write_bytes(first.read_bytes() + second.read_bytes())


def write_part(store: ModelStore, name: str, content: bytes) -> None:
    (store.home / f"{name}.onnx").write_bytes(content)
    record_checksum(store.home / "manifest.yaml", name, hashlib.sha256(content).hexdigest())
    store.__dict__.pop("models", None)  # the manifest was read before


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    part = "kind: part\n    licence: MIT\n    description: x\n    source: committed\n    sha256: none\n"
    text = f"models:\n  eye:\n    file: eye.onnx\n    {part}  tail:\n    file: tail.onnx\n    {part}"
    text += "  cat:\n    file: cat.onnx\n    kind: mesh\n    licence: MIT\n    description: x\n    source: {landmark: eye, decoder: tail}\n"
    (tmp_path / "manifest.yaml").write_text(text, encoding="utf-8")
    store = ModelStore(tmp_path, tmp_path / "user", tmp_path / "cache", compose=join)
    write_part(store, "eye", b"eye1")
    write_part(store, "tail", b"tail1")
    return store


def provision(store: ModelStore) -> None:
    store.provision(lambda line: None)


def state(store: ModelStore) -> ModelState:
    return store.status(store.models["cat"]).state


def test_is_composed_and_its_checksum_lies_beside_it(store: ModelStore) -> None:
    assert state(store) is ModelState.MISSING
    provision(store)
    assert store.path("cat").read_bytes() == b"eye1tail1"
    lines = (store.home / "cat.onnx.sha256").read_text(encoding="utf-8").splitlines()
    assert lines[:3] == [f"{hashlib.sha256(content).hexdigest()}  {name}.onnx"
                     for name, content in (("cat", b"eye1tail1"), ("eye", b"eye1"), ("tail", b"tail1"))]  # fmt: skip
    assert lines[3].endswith("  compose.py")  # composed by other code, it is another model


def test_is_made_again_when_a_part_has_changed(store: ModelStore) -> None:
    provision(store)
    write_part(store, "tail", b"tail2")
    assert state(store) is ModelState.OUTDATED
    with pytest.raises(ModelError, match=r"cat\.onnx.*changed since.*handmesh models --provision"):
        store.path("cat")
    provision(store)
    assert store.path("cat").read_bytes() == b"eye1tail2"


@pytest.mark.parametrize("content", [b"eye1ta", b"", b"something else"])
def test_damage_is_noticed_and_mended(store: ModelStore, content: bytes) -> None:
    provision(store)
    (store.home / "cat.onnx").write_bytes(content)
    assert state(store) is ModelState.DAMAGED
    provision(store)
    assert store.path("cat").read_bytes() == b"eye1tail1"


def test_a_file_without_its_checksum_is_not_trusted(store: ModelStore) -> None:
    provision(store)
    (store.home / "cat.onnx.sha256").unlink()
    assert state(store) is ModelState.DAMAGED


def test_a_missing_part_is_named_once_and_the_way_to_get_it_back(store: ModelStore) -> None:
    (store.home / "tail.onnx").unlink()
    with pytest.raises(ModelError, match=r"tail\.onnx: the model 'tail' is missing.*git checkout") as error:
        provision(store)
    assert str(error.value).count("tail.onnx: ") == 1
    assert state(store) is ModelState.MISSING


def test_a_failing_composition_leaves_nothing_behind(store: ModelStore) -> None:
    def fail(first: Path, second: Path, out: Path) -> None:
        out.write_bytes(b"half")
        raise ValueError("the decoder does not fit")

    failing = ModelStore(store.home, store.user, store.cache, compose=fail)
    with pytest.raises(ModelError, match="'cat' cannot be made: the decoder does not fit"):
        provision(failing)
    assert sorted(path.name for path in store.home.iterdir()) == ["eye.onnx", "manifest.yaml", "tail.onnx"]
