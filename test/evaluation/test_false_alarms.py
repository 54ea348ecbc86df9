"""Crops of frames without hands: all inside, the same for every network."""

from pathlib import Path

import numpy as np
import pytest
from support.tiny_mesh_network import write_tiny_mesh_network

from handmesh_ros.evaluation import false_alarms
from handmesh_ros.perception.crop import CropRegion
from handmesh_ros.perception.mesh_net import MeshNetwork
from handmesh_ros.sources import Frame


def frame() -> Frame:
    return Frame(0, 0.0, np.full((60, 80, 3), 128, np.uint8))


def test_every_crop_is_scored_by_every_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sure, unsure = (MeshNetwork(write_tiny_mesh_network(tmp_path / f"{score}.onnx", score=score)) for score in (0.75, 0.25))
    seen: list[CropRegion] = []
    original = false_alarms.extract_patch

    def noted(rgb: np.ndarray, region: CropRegion, size: int) -> np.ndarray:
        seen.append(region)
        return original(rgb, region, size)

    monkeypatch.setattr(false_alarms, "extract_patch", noted)
    first, second = false_alarms.scores_without_hands([frame(), frame()], [sure, unsure])
    assert first.shape == second.shape == (2 * false_alarms.CROPS,)
    np.testing.assert_allclose(first, 0.75, atol=0.01)
    np.testing.assert_allclose(second, 0.25, atol=0.01)
    assert all(one is two for one, two in zip(seen[::2], seen[1::2], strict=True))
    for region in seen:
        assert (region.center - region.size / 2 >= 0).all()
        assert (region.center + region.size / 2 <= (80, 60)).all()


def test_a_network_without_score_is_refused(tmp_path: Path) -> None:
    network = MeshNetwork(write_tiny_mesh_network(tmp_path / "blind.onnx", score=None))
    with pytest.raises(ValueError, match="no score"):
        false_alarms.scores_without_hands([frame()], [network])


def test_no_frames_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no frames"):
        false_alarms.scores_without_hands([], [MeshNetwork(write_tiny_mesh_network(tmp_path / "a.onnx"))])
