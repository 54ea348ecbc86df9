"""What the listener heard, read back: frames sent, hands received, meshes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.hand import Hand
from handmesh_ros.perception.camera import Camera
from handmesh_ros.records import hand_of_record


@dataclass(frozen=True)
class HeardFrame:
    """The hands message of one image: the image's stamp, what it took from there to its reception, and its hands."""

    stamp_s: float
    latency_s: float
    hands: tuple[Hand, ...]


@dataclass(frozen=True, eq=False)
class Recording:
    """One run.

    Attributes:
        sent: stamps of the frames that the camera sent, seconds.
        camera: the calibration that came with them, None where there was none.
        heard: one entry for each hands message.
        faces: (F, 3) of a right hand's mesh.
        diagnostics: the node's last values, as it names them.
    """

    sent: tuple[float, ...]
    camera: Camera | None
    heard: tuple[HeardFrame, ...]
    faces: NDArray[np.integer]
    diagnostics: dict[str, str]

    @property
    def by_stamp(self) -> dict[float, HeardFrame]:
        return {frame.stamp_s: frame for frame in self.heard}


def read_recording(lines_path: Path, mesh_path: Path) -> Recording:
    """Read the two files that the listener wrote."""
    records = [json.loads(line) for line in lines_path.read_text(encoding="utf-8").splitlines()]
    kinds: dict[str, list[dict[str, Any]]] = {kind: [r for r in records if r["kind"] == kind] for kind in ("frame", "hands", "diagnostics")}
    with np.load(mesh_path) as meshes:
        keys = zip(meshes["stamp"].tolist(), meshes["track_id"].tolist(), strict=True)
        vertices = dict(zip(keys, meshes["vertices"], strict=True))
        faces = meshes["faces"].astype(np.int32)
    heard = tuple(HeardFrame(record["stamp"], 1e-3 * record["latency_ms"], tuple(_hands(record, vertices))) for record in kinds["hands"])
    # The first seconds hold the warm-up; the last full second is the steady state.
    values = [record["values"] for record in kinds["diagnostics"] if any(key.startswith("stage ") for key in record["values"])]
    sent = tuple(record["stamp"] for record in kinds["frame"])
    return Recording(sent, _camera(kinds["frame"]), heard, faces, values[-1] if values else {})


def _hands(record: dict[str, Any], vertices: dict[tuple[float, int], NDArray[np.float32]]) -> Iterator[Hand]:
    """The hands of one message; one whose mesh did not arrive has no vertices."""
    stamp, none = record["stamp"], np.zeros((0, 3), np.float32)
    for hand in record["hands"]:
        yield hand_of_record(hand, stamp, vertices.get((stamp, hand["track_id"]), none))


def _camera(frames: list[dict[str, Any]]) -> Camera | None:
    if not frames or frames[0]["k"][0] == 0:
        return None
    first = frames[0]
    return Camera(
        width=first["width"],
        height=first["height"],
        K=np.array(first["k"]).reshape(3, 3),
        distortion=np.array(first["d"]),
        distortion_model=first["distortion_model"],
    )
