"""The teleoperator: a thread follows the camera, ``get_action`` asks what has become of it."""

from __future__ import annotations

import threading
import time
from typing import Any

from lerobot.teleoperators.teleoperator import Teleoperator

from handmesh_ros.hand import Side
from handmesh_ros.perception import Camera, HandPipeline
from handmesh_ros.sources import open_source
from handmesh_ros.teleop.limited_motion import Limits

from .config_handmesh import HandmeshTeleopConfig
from .leading import LeadingHand


class HandmeshTeleop(Teleoperator):
    """See README.md."""

    config_class = HandmeshTeleopConfig
    name = "handmesh"

    def __init__(self, config: HandmeshTeleopConfig) -> None:
        super().__init__(config)
        self.config = config
        limits = Limits(config.speed_mps, config.acceleration_mps2)
        self._leading = LeadingHand(Side(config.side), config.axis_map, config.scale, config.reach_m, limits)
        self._lock = threading.Lock()
        self._ends = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def action_features(self) -> dict[str, Any]:
        return {"dtype": "float32", "shape": (4,), "names": {"delta_x": 0, "delta_y": 1, "delta_z": 2, "gripper": 3}}

    @property
    def feedback_features(self) -> dict[str, Any]:
        return {}

    @property
    def is_connected(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    @property
    def is_calibrated(self) -> bool:
        return True

    def connect(self, calibrate: bool = True) -> None:
        source, pipeline = open_source(self.config.camera), HandPipeline.load()
        self._ends.clear()
        self._thread = threading.Thread(target=self._watch, args=(source, pipeline), daemon=True)
        self._thread.start()

    def disconnect(self) -> None:
        self._ends.set()
        if self._thread is not None:
            self._thread.join()

    def calibrate(self) -> None:
        """Nothing to do: the camera's calibration is a file."""

    def configure(self) -> None:
        """Nothing to do."""

    def send_feedback(self, feedback: dict[str, Any]) -> None:
        """A hand in the air feels nothing."""

    def get_action(self) -> dict[str, Any]:
        if not self.is_connected:
            raise ConnectionError(f"{self} is not connected, or its camera has ended")
        with self._lock:
            way, gripper = self._leading.move(time.time())
        x, y, z = (way / self.config.unit_m).tolist()
        return {"delta_x": x, "delta_y": y, "delta_z": z, "gripper": gripper}

    def _watch(self, source: Any, pipeline: HandPipeline) -> None:
        camera = Camera.from_yaml(self.config.camera_info) if self.config.camera_info else None
        began_s = 0.0 if source.is_live else time.time()
        for frame in source:
            if self._ends.is_set():
                break
            stamp_s = began_s + frame.stamp_s
            time.sleep(max(0.0, stamp_s - time.time()))  # a recording plays at its own speed
            height, width = frame.rgb.shape[:2]
            hands = pipeline.process(frame.rgb, camera or Camera.from_hfov(width, height, self.config.hfov_deg), stamp_s)
            with self._lock:
                self._leading.see(hands)
        source.close()
