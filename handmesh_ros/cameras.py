"""Which camera an input was taken with: one that is calibrated, or a pinhole with an assumed field of view."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.errors import InputError
from handmesh_ros.perception.camera import Camera


@dataclass(frozen=True)
class InputCamera:
    """The camera of an input, whatever the size of its frames.

    Attributes:
        calibrated: the calibration, None where there is none.
        hfov_deg: assumed horizontal field of view without one, degrees.
        name: of the calibration, for messages.
    """

    calibrated: Camera | None
    hfov_deg: float
    name: str = "the calibration"

    @classmethod
    def read(cls, calibration: Path | None, hfov_deg: float) -> InputCamera:
        """Read a calibration file once, if there is one.

        Raises:
            CameraError: the file holds no calibration.
            OSError: it cannot be read.
        """
        if calibration is None:
            return cls(None, hfov_deg)
        return cls(Camera.from_yaml(calibration), hfov_deg, str(calibration))

    def of_frame(self, frame_rgb: NDArray[np.uint8], recorded: Camera | None = None) -> Camera:
        """The camera that took this (H, W, 3) frame: the user's calibration, else the recording's own, else the assumed one.

        Raises:
            InputError: the calibration belongs to another picture size.
        """
        height, width = frame_rgb.shape[:2]
        if self.calibrated is None:
            if recorded is not None:
                return recorded
            return Camera.from_hfov(width, height, self.hfov_deg)
        if (self.calibrated.width, self.calibrated.height) != (width, height):
            raise InputError(
                f"{self.name} is for {self.calibrated.width}x{self.calibrated.height} pictures, the input has {width}x{height}: "
                "calibrate at this size, or give --hfov instead"
            )
        return self.calibrated
