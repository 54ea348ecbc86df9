"""Hands as a recording of the Rerun viewer: picture, keypoints, mesh, joint frames and curves. Needs rerun-sdk."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
import rerun as rr

from handmesh_ros.hand import BONES, Hand, Side, faces_of_side
from handmesh_ros.outputs import UnfinishedFile
from handmesh_ros.overlay import MESH_COLOUR
from handmesh_ros.perception.grasp import aperture, pinch_distance
from handmesh_ros.recordings.seen import MeshModel, SeenFrame

PICTURE_QUALITY = 85  # chosen by hand: a picture to look at
AXIS_M = 0.012
BONE_PAIRS = np.array(BONES)


class RerunWriter:
    """Entities: ``camera`` (pinhole), ``camera/picture`` with ``keypoints``, ``hands/<side>`` with ``mesh``, ``bones`` and a frame for each
    joint, ``curves/<side>/...`` and ``curves/latency_ms``. Timelines: ``time`` (of the picture, seconds) and ``frame``.

    Raises:
        OutputError: the file cannot be written.
    """

    def __init__(self, path: Path, model: MeshModel) -> None:
        self.path = path
        self.remains: Path | None = None
        self._unfinished = UnfinishedFile(path)
        self._model = model
        self._shown: set[Side] = set()
        self._recording = rr.RecordingStream("handmesh")
        self._recording.save(self._unfinished.working)
        self._recording.log("/", rr.ViewCoordinates.RDF, static=True)  # right, down, forward: the camera's optical frame

    def __enter__(self) -> RerunWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._recording.flush()
        self._recording.disconnect()
        if kind is None:
            self._unfinished.finish()
        else:
            self.remains = self._unfinished.abandon()

    def write(self, seen: SeenFrame) -> None:
        log, camera = self._recording.log, seen.camera
        self._recording.set_time("time", timestamp=seen.frame.stamp_s)
        self._recording.set_time("frame", sequence=seen.frame.number)
        log("camera", rr.Pinhole(image_from_camera=camera.K, resolution=[camera.width, camera.height], image_plane_distance=0.3))
        _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(seen.frame.rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, PICTURE_QUALITY])
        log("camera/picture", rr.EncodedImage(contents=jpeg.tobytes(), media_type="image/jpeg"))
        sides = {hand.side for hand in seen.hands}
        for side in self._shown - sides:
            for gone in (f"hands/{side.value}", f"camera/picture/{side.value}"):
                log(gone, rr.Clear(recursive=True))
        self._shown = sides
        for hand in seen.hands:
            self._hand(hand)
        log("curves/latency_ms", rr.Scalars(1e3 * seen.work_s))

    def _hand(self, hand: Hand) -> None:
        log, side = self._recording.log, hand.side.value
        faces = faces_of_side(self._model.faces, hand.side)
        log(f"hands/{side}/mesh", rr.Mesh3D(vertex_positions=hand.vertices, triangle_indices=faces, albedo_factor=MESH_COLOUR[hand.side]))
        log(f"hands/{side}/bones", rr.LineStrips3D(hand.joints[BONE_PAIRS], radii=0.001))
        for axis, colour in enumerate(((255, 60, 60), (60, 220, 60), (80, 120, 255))):
            vectors = AXIS_M * hand.rotations[:, :, axis]
            log(f"hands/{side}/frames/{'xyz'[axis]}", rr.Arrows3D(origins=hand.joints, vectors=vectors, colors=colour))
        log(f"camera/picture/{side}/keypoints", rr.Points2D(hand.keypoints, radii=2.5, colors=MESH_COLOUR[hand.side]))
        curves = {
            "pinch_m": pinch_distance(hand.joints),
            "aperture": aperture(hand.joints),
            "depth_m": float(hand.joints[0, 2]),
            "score": hand.score,
        }
        for name, value in curves.items():
            log(f"curves/{side}/{name}", rr.Scalars(value))
