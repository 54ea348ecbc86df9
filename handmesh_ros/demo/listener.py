"""Listens to the hands as a user's node would, and writes what came and when: one JSON object a line.

``python -m handmesh_ros.demo.listener --ros-args -p out:=hands.jsonl -p mesh_out:=mesh.npz -p frames_out:=frames``

Lines: {"kind": "hands", "stamp": s, "received": s, "latency_ms": ms, "hands": [as ``handmesh_ros.records`` says]};
{"kind": "mesh", "stamp", "received", "track_id", "side", "latency_ms"}; {"kind": "diagnostics", "received", "level", "message",
"values": {...}}; {"kind": "frame", "stamp", "width", "height", "k", "d", "distortion_model"} for every camera_info, so for every
frame that the camera sent.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import CameraInfo, Image

from handmesh_ros.errors import InputError
from handmesh_ros.messages.images import frame_of_image
from handmesh_ros.messages.stamps import seconds_of
from handmesh_ros.msg import HandArray, HandMesh, HandMeshFaces
from handmesh_ros.node.parameter_table import ParameterTable, parameter
from handmesh_ros.node.process import spin
from handmesh_ros.node.received import SIDE_OF, hand_of_message
from handmesh_ros.records import hand_record


@dataclass(frozen=True)
class ListenerParameters(ParameterTable):
    """The listener's."""

    out: str = parameter("hands.jsonl", "file of a line for every message", required=True, read_only=True)
    mesh_out: str = parameter("", ".npz with every mesh; empty: only their arrival is written", read_only=True)
    frames_out: str = parameter("", "folder for the pictures, <stamp in s>.jpg; empty: none", read_only=True)
    idle_s: float = parameter(
        0.0, "end when nothing has come for so long after something came; 0: never", low=0.0, high=3600.0, read_only=True
    )


class Listener(Node):
    """Writes until Ctrl-C, or until nothing has come for ``idle_s`` seconds after something came."""

    def __init__(self) -> None:
        super().__init__("listener")
        given = ListenerParameters.declared_on(self)
        self._idle_s = given.idle_s
        self._mesh_path = Path(given.mesh_out) if given.mesh_out else None
        try:
            Path(given.out).parent.mkdir(parents=True, exist_ok=True)
            self._lines = Path(given.out).open("w", encoding="utf-8", buffering=1)  # noqa: SIM115 - closed in destroy_node
        except OSError as error:
            raise InputError(f"{given.out}: cannot be written ({error.strerror})") from error
        self._meshes: list[tuple[float, int, int, np.ndarray]] = []
        self._faces = np.zeros((0, 3), np.uint16)
        self._last_arrival: float | None = None
        self.create_subscription(HandArray, "hands", self._on_hands, 10)
        self.create_subscription(HandMesh, "mesh", self._on_mesh, 10)
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.create_subscription(HandMeshFaces, "mesh_faces", self._on_faces, latched)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        self.create_subscription(CameraInfo, "camera_info", self._on_camera_info, 10)
        self._frames_folder = Path(given.frames_out) if given.frames_out else None
        if self._frames_folder is not None:
            self._frames_folder.mkdir(parents=True, exist_ok=True)
            self.create_subscription(Image, "image", self._on_image, 10)
        if self._idle_s > 0:
            self.create_timer(0.1, self._end_when_idle)

    def destroy_node(self) -> None:
        self._lines.close()
        if self._mesh_path is not None:
            stamps, tracks, sides, vertices = zip(*self._meshes, strict=True) if self._meshes else ((), (), (), ())
            np.savez_compressed(
                self._mesh_path, stamp=np.array(stamps), track_id=np.array(tracks), side=np.array(sides), faces=self._faces,
                vertices=np.array(vertices, np.float32),
            )  # fmt: skip
        super().destroy_node()

    def _on_hands(self, message: HandArray) -> None:
        arrival = self._arrival(message.header.stamp)
        hands = [hand_record(hand_of_message(hand, arrival["stamp"])) for hand in message.hands]
        self._write({"kind": "hands", **arrival, "hands": hands})

    def _on_mesh(self, message: HandMesh) -> None:
        arrival = self._arrival(message.header.stamp)
        if self._mesh_path is not None:
            vertices = np.array(message.vertices, np.float32).reshape(-1, 3)
            self._meshes.append((arrival["stamp"], message.track_id, message.side, vertices))
        self._write({"kind": "mesh", **arrival, "track_id": message.track_id, "side": SIDE_OF[message.side].value})

    def _on_faces(self, message: HandMeshFaces) -> None:
        self._faces = np.array(message.right, np.uint16).reshape(-1, 3)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            values = {pair.key: pair.value for pair in status.values}
            record = {"kind": "diagnostics", "received": time.time(), "name": status.name, "level": ord(status.level)}
            self._write({**record, "message": status.message, "values": values})

    def _on_camera_info(self, message: CameraInfo) -> None:
        camera = {"width": message.width, "height": message.height, "k": message.k.tolist(), "d": list(message.d)}
        stamp = round(seconds_of(message.header.stamp), 9)
        self._write({"kind": "frame", "stamp": stamp, **camera, "distortion_model": message.distortion_model})

    def _on_image(self, message: Image) -> None:
        assert self._frames_folder is not None
        name = f"{round(seconds_of(message.header.stamp), 9):.9f}.jpg"  # reads back as exactly the stamp of the lines
        bgr = cv2.cvtColor(frame_of_image(message), cv2.COLOR_RGB2BGR)
        cv2.imwrite(str(self._frames_folder / name), bgr, [cv2.IMWRITE_JPEG_QUALITY, 92])

    def _arrival(self, stamp: Any) -> dict[str, float]:
        """Stamp, arrival and their difference, by the node's clock."""
        now = self.get_clock().now().nanoseconds * 1e-9
        self._last_arrival = time.monotonic()
        sent = seconds_of(stamp)
        return {"stamp": round(sent, 9), "received": round(now, 6), "latency_ms": round(1e3 * (now - sent), 3)}

    def _write(self, record: dict[str, Any]) -> None:
        self._lines.write(json.dumps(record) + "\n")

    def _end_when_idle(self) -> None:
        if self._last_arrival is not None and time.monotonic() - self._last_arrival > self._idle_s:
            raise SystemExit(0)


def main(argv: Sequence[str] | None = None) -> int:
    return spin(Listener, argv)


if __name__ == "__main__":
    sys.exit(main())
