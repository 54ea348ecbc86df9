"""Reading the manifest, the project's own and faulty ones."""

from pathlib import Path

import pytest
from support.paths import REPO

from handmesh_ros.provision.fetch import sha256_of
from handmesh_ros.provision.manifest import CommittedSource, ComposedSource, ModelError, WheelSource, read_manifest, record_checksum

MANIFEST = REPO / "models" / "manifest.yaml"

GOOD = """
wheels:
  box: {requirement: box==1.0, file: box.whl, sha256: aa, python_version: "3.11", platform: any}
models:
  eye:
    kind: landmark
    file: eye.onnx
    licence: MIT
    description: >
      Finds
      eyes.
    source: {wheel: box, member: box/eye.tflite, sha256: bb, outputs: [points]}
    sha256: cc
  tail:
    kind: part
    file: tail.onnx
    licence: MIT
    description: A part.
    source: committed
    sha256: dd  # of the file
  cat:
    kind: mesh
    file: cat.onnx
    licence: MIT
    description: Both.
    source: {landmark: eye, decoder: tail}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "manifest.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_reads_the_three_kinds_of_source(tmp_path: Path) -> None:
    models = read_manifest(write(tmp_path, GOOD))
    assert list(models) == ["eye", "tail", "cat"]
    eye = models["eye"].source
    assert isinstance(eye, WheelSource)
    assert (eye.wheel.requirement, eye.member, eye.outputs) == ("box==1.0", "box/eye.tflite", ("points",))
    assert models["eye"].description == "Finds eyes."
    assert models["tail"].source == CommittedSource()
    assert models["cat"].source == ComposedSource("eye", "tail")
    assert models["cat"].sha256 is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kind: mesh", "kind: cat", "kind 'cat'"),
        ("wheel: box", "wheel: bag", "'bag'"),
        ("decoder: tail", "decoder: paw", "'cat' is composed of models that are not listed"),
        ("source: committed", "source: somewhere", "somewhere"),
        ("decoder: tail", "decoder: [tail]", "'cat' is composed of models that are not listed"),
        ("    sha256: cc\n", "", "'eye' has no sha256"),
        ("    licence: MIT\n", "", "licence"),
        ("requirement: box==1.0, ", "", "requirement"),
        ("models:", "- [", "manifest.yaml"),
        (GOOD, "just text", "faulty manifest"),
    ],
)
def test_a_faulty_manifest_says_what_is_wrong(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(ModelError, match="faulty manifest") as error:
        read_manifest(write(tmp_path, GOOD.replace(old, new)))
    assert message in str(error.value)


def test_a_missing_manifest_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nowhere"):
        read_manifest(tmp_path / "nowhere.yaml")


def test_recording_a_checksum_changes_one_line(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    record_checksum(path, "tail", "ee" * 32)
    assert read_manifest(path)["tail"].sha256 == "ee" * 32
    before, after = GOOD.splitlines(), path.read_text(encoding="utf-8").splitlines()
    changed = [i for i, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    assert changed == [before.index("    sha256: dd  # of the file")]


@pytest.mark.parametrize("name", ["cat", "dog"])
def test_recording_needs_a_line_to_write_to(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match=name):
        record_checksum(write(tmp_path, GOOD), name, "ee")


def test_committed_models_are_those_of_the_manifest() -> None:
    for model in read_manifest(MANIFEST).values():
        if isinstance(model.source, CommittedSource):
            assert sha256_of(MANIFEST.parent / model.file) == model.sha256, model.name
