"""``handmesh export``: what the command is told stands in the file."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.paths import REPO

from handmesh_ros.cli import main
from handmesh_ros.perception.mesh_net import MeshNetwork

WEIGHTS = REPO / "models" / "mobrecon_lite.pt"


def test_crop_and_noise_are_written_into_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch", reason="needs the extra 'train'")
    out = tmp_path / "mine.onnx"
    told = ["--crop-box", "palm", "--crop-scale", "2.0", "--keypoint-sigma", "0.02", "--joint-sigma-m", "0.007"]
    assert main(["export", str(WEIGHTS), "--out", str(out), "--precision", "fp16", *told]) == 0
    assert "largest difference from torch" in capsys.readouterr().out
    network = MeshNetwork(out)
    assert (network.name, network.crop_box, network.crop_scale) == ("mine", "palm", 2.0)
    assert (network.keypoint_sigma, network.joint_sigma_m) == (0.02, 0.007)
