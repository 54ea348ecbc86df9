"""An official checkpoint, imported by the command, runs in the node by ``model:=path.onnx``.

The published weights may not be shipped, so the checkpoint has their layout and random weights: the node must load and run it, not
find hands with it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")
pytest.importorskip("torch", reason="needs the extra 'train'")

from handmesh_ros.msg import HandArray, HandMeshFaces
from rclpy.qos import DurabilityPolicy, QoSProfile
from support.camera_stand_in import CameraStandIn, hand_picture
from support.paths import SHARED, needs_shared
from support.ros_world import World

from handmesh_ros.cli import main

FIXTURES = SHARED / "handmesh_fixtures"


@needs_shared
@pytest.mark.timeout(180)
def test_an_imported_checkpoint_runs_in_the_node(tmp_path: Path, world: World) -> None:
    checkpoint, model = tmp_path / "mobrecon.pt", tmp_path / "official.onnx"
    make = [sys.executable, str(FIXTURES / "make_checkpoint.py"), str(FIXTURES / "official_densestack_keys.txt"), "a", str(checkpoint)]
    subprocess.run(make, check=True, capture_output=True)
    assert main(["import-official", str(checkpoint), "--template", str(FIXTURES / "template"), "--out", str(model)]) == 0
    world.listen("hands", HandArray)
    world.listen("mesh_faces", HandMeshFaces, QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL))
    node = world.start("node.hand_node", model=str(model))
    node.wait_for_log("ready")
    camera = CameraStandIn(world)
    camera.wait_for_node()
    picture = hand_picture()

    def answered() -> bool:
        camera.send_info()
        camera.send(picture)  # best effort: a frame may get lost
        world.spin(0.1)
        return len(world.messages["hands"]) >= 3

    world.until(answered, "the node answers frames")
    assert world.messages["mesh_faces"][-1].vertex_count == 778
    assert "unexpected" not in node.log and "Traceback" not in node.log, node.log
