"""The stage benchmark runs and names every stage; how fast they are is for ``make bench`` to say."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from support.paths import REPO

from handmesh_ros.bench.stages import GEOMETRY, measure_stages
from handmesh_ros.perception import Camera

DEMO = REPO / "config" / "demo"


def test_every_stage_is_measured() -> None:
    costs = measure_stages(DEMO / "demo.mp4", Camera.from_yaml(DEMO / "demo_camera.yaml"), most_frames=40)
    assert set(GEOMETRY) < set(costs.stages_ms)
    assert costs.geometry_ms == pytest.approx(sum(costs.stages_ms[stage] for stage in GEOMETRY))
    assert all(stage in costs.table() for stage in costs.stages_ms)
    assert costs.frames == 40 and costs.detect_ms > 0


def test_a_clip_without_a_hand_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((480, 640, 3), 100, np.uint8))
    with pytest.raises(ValueError, match="no hand"):
        measure_stages(tmp_path / "grey.png", Camera.from_hfov(640, 480, 60))
