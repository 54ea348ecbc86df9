"""Every reader of a file names it when it is damaged, whatever the damage is."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.paths import REPO

from handmesh_ros.demo.report import Truth
from handmesh_ros.errors import HandmeshError, InputError, reading
from handmesh_ros.evaluation.datasets import read_dataset
from handmesh_ros.provision.manifest import read_manifest

Maker, Reader = Callable[[Path], Path], Callable[[Path], Any]


def crops(folder: Path) -> Path:
    path = folder / "labels.npz"
    np.savez_compressed(path, names=np.array(["a.jpg", "b.jpg"]), uv=np.ones((2, 21, 2)), right=np.ones(2), source=np.zeros(2, int),
                        source_names=np.array(["someone"]))  # fmt: skip
    return path


def freihand(folder: Path) -> Path:
    for name, shape in (("K", (1, 3, 3)), ("verts", (1, 778, 3)), ("xyz", (1, 21, 3))):
        (folder / f"evaluation_{name}.json").write_text(json.dumps(np.ones(shape).tolist()))
    return folder / "evaluation_xyz.json"


def ho3d(folder: Path) -> Path:
    (folder / "train" / "ABF10" / "meta").mkdir(parents=True, exist_ok=True)
    (folder / "train.txt").write_text("ABF10/0000\n")
    path = folder / "train" / "ABF10" / "meta" / "0000.pkl"
    path.write_bytes(pickle.dumps({"handJoints3D": np.ones((21, 3)), "camMat": np.ones((3, 3))}))
    return path


def copied(name: str) -> Maker:
    return lambda folder: Path(shutil.copy(REPO / name, folder))


def data_set(kind: str) -> Reader:
    return lambda path: list(read_dataset(kind, path.parents[3] if kind == "ho3d" else path.parent))


def train_config(path: Path) -> Any:
    return pytest.importorskip("handmesh_training.trainer.config").read_config(path)


def network_config(path: Path) -> Any:
    return pytest.importorskip("handmesh_training.networks.config").NetworkConfig.from_yaml(path)


def template(path: Path) -> Any:
    return pytest.importorskip("handmesh_training.template").HandTemplate.load(path)


READERS: dict[str, tuple[Maker, Reader]] = {
    "crops": (crops, data_set("crops")),
    "freihand": (freihand, data_set("freihand")),
    "ho3d": (ho3d, data_set("ho3d")),
    "manifest": (copied("models/manifest.yaml"), read_manifest),
    "truth": (copied("config/demo/demo_truth.npz"), Truth.read),
    "training run": (copied("config/train/mobrecon.yaml"), train_config),
    "network": (copied("config/networks/mobrecon.yaml"), network_config),
}


def mutations(content: bytes, count: int) -> list[bytes]:
    """The file cut off, with bytes changed, doubled, emptied, and other files of its name."""
    random = np.random.default_rng(0)
    found = [b"", b"\0" * 100, b"\xff\xfe not text", b"[" * 3000, b"<html>", b"- a: [1", b"null"]
    found += [content[: len(content) // 2], content + content]
    for _ in range(count):
        changed = bytearray(content)
        for place in random.integers(0, len(content), random.integers(1, 8)):
            changed[place] = random.integers(256)
        found.append(bytes(changed))
    return found


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.filterwarnings("ignore")
def test_a_damaged_file_is_named(kind: str, tmp_path: Path) -> None:
    make, read = READERS[kind]
    path = make(tmp_path)
    read(path)
    named = 0
    for content in mutations(path.read_bytes(), 20):
        path.write_bytes(content)
        try:
            read(path)
        except HandmeshError as error:
            assert path.name in str(error) or path.parent.name in str(error)
            assert len(str(error)) < 2000
            named += 1
    assert named > 5


def test_what_names_the_file_already_stays() -> None:
    path = Path("some.yaml")
    with pytest.raises(InputError, match=r"^some.yaml: too short$"), reading(path, "anything", HandmeshError):
        raise InputError("some.yaml: too short")
    with pytest.raises(InputError, match=r"^some.yaml: no steps$"), reading(path, "anything", InputError):
        raise InputError("no steps")


@pytest.mark.parametrize("error", [MemoryError(), RecursionError("deep"), KeyError("uv"), UnicodeDecodeError("utf-8", b"", 0, 1, "")])
def test_whatever_is_raised_names_the_file(error: Exception) -> None:
    with pytest.raises(InputError, match=r"some\.yaml: not labels \(.+\)"), reading(Path("some.yaml"), "labels", InputError):
        raise error


def test_a_stop_is_not_an_error_of_the_file() -> None:
    with pytest.raises(KeyboardInterrupt), reading(Path("some.yaml"), "anything", InputError):
        raise KeyboardInterrupt
