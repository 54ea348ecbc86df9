"""Image, CompressedImage and CameraInfo messages to arrays and a Camera. Never trusts a message."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from handmesh_ros.decoding import PictureError, UnknownPictureError, decode_picture
from handmesh_ros.errors import HandmeshError
from handmesh_ros.messages.types import CameraInfo, CompressedImage, Header, Image, deserialize_message
from handmesh_ros.perception.camera import Camera, CameraError

FrameArray = NDArray[np.uint8]

AFTER_STAMP = 12  # bytes of a serialized message with a header: CDR's own 4, then the stamp's 8

# encoding -> (channels of 8 bit, OpenCV conversion to RGB); None: it is RGB already. OpenCV names Bayer patterns by the second row.
ENCODINGS: dict[str, tuple[int, int | None]] = {
    "rgb8": (3, None),
    "8UC3": (3, cv2.COLOR_BGR2RGB),
    "bgr8": (3, cv2.COLOR_BGR2RGB),
    "rgba8": (4, cv2.COLOR_RGBA2RGB),
    "bgra8": (4, cv2.COLOR_BGRA2RGB),
    "8UC4": (4, cv2.COLOR_BGRA2RGB),
    "mono8": (1, cv2.COLOR_GRAY2RGB),
    "8UC1": (1, cv2.COLOR_GRAY2RGB),
    "yuv422": (2, cv2.COLOR_YUV2RGB_UYVY),
    "uyvy": (2, cv2.COLOR_YUV2RGB_UYVY),
    "yuv422_yuy2": (2, cv2.COLOR_YUV2RGB_YUY2),
    "yuyv": (2, cv2.COLOR_YUV2RGB_YUY2),
    "bayer_rggb8": (1, cv2.COLOR_BayerBG2RGB),
    "bayer_bggr8": (1, cv2.COLOR_BayerRG2RGB),
    "bayer_gbrg8": (1, cv2.COLOR_BayerGR2RGB),
    "bayer_grbg8": (1, cv2.COLOR_BayerGB2RGB),
}
# Of 16 bit a channel, the one of 8 bit that their upper bytes make.
WIDE_ENCODINGS = {f"{name}16": f"{name}8" for name in ("rgb", "bgr", "rgba", "bgra", "mono")} | {
    f"bayer_{pattern}16": f"bayer_{pattern}8" for pattern in ("rggb", "bggr", "gbrg", "grbg")
}
# A plane of brightness, then one of colour in pairs, half as high and wide.
PLANAR_ENCODINGS = {"nv12": cv2.COLOR_YUV2RGB_NV12, "nv21": cv2.COLOR_YUV2RGB_NV21}

NOT_CALIBRATED_ADVICE = (
    "No hand is published without a calibration: calibrate the camera (ros2 run camera_calibration cameracalibrator) and publish the "
    "result as camera_info, or set the parameter 'fallback_hfov_deg' to the camera's horizontal field of view (about 60 for a webcam) "
    "and get hands that are not metric"
)


class ImageError(HandmeshError, ValueError):
    """The picture cannot be used; the message says what is wrong and what to do."""


def frame_of_image(message: Image) -> FrameArray:
    """(H, W, 3) uint8 RGB; shares the message's memory where the picture is rgb8 already.

    Raises:
        ImageError: zero size, unknown encoding, too little data.
    """
    encoding, height, width = message.encoding, message.height, message.width
    if height == 0 or width == 0:
        raise ImageError(f"the image is {width} x {height} pixels: the camera driver sends empty images")
    if encoding in PLANAR_ENCODINGS:
        _check_even(encoding, width=width, height=height)
        return _cvt(_rows(message, bytes_a_pixel=1, rows=height + height // 2), PLANAR_ENCODINGS[encoding])
    narrow = WIDE_ENCODINGS.get(encoding, encoding)
    if narrow not in ENCODINGS:
        known = ", ".join(sorted([*ENCODINGS, *WIDE_ENCODINGS, *PLANAR_ENCODINGS]))
        raise ImageError(f"unknown image encoding '{encoding}'; known are {known}")
    channels, conversion = ENCODINGS[narrow]
    if channels == 2:
        _check_even(encoding, width=width)
    if narrow is not encoding:
        words = _rows(message, 2 * channels).view(">u2" if message.is_bigendian else "<u2")
        pixels = np.right_shift(words, 8).astype(np.uint8).reshape(height, width, channels)
    else:
        pixels = _rows(message, channels).reshape(height, width, channels)
    return np.ascontiguousarray(pixels) if conversion is None else _cvt(pixels, conversion)


def depth_of_image(message: Image) -> NDArray[np.generic]:
    """(H, W) uint16 millimetres or float32 metres of a depth image (REP 118).

    Raises:
        ImageError: another encoding, too little data.
    """
    types = {"16UC1": "u2", "mono16": "u2", "32FC1": "f4"}
    if message.encoding not in types:
        raise ImageError(f"the depth image has the encoding '{message.encoding}'; 16UC1 (millimetres) or 32FC1 (metres) is needed")
    dtype = np.dtype((">" if message.is_bigendian else "<") + types[message.encoding])
    return _rows(message, dtype.itemsize).view(dtype).astype(dtype.newbyteorder("="))


def frame_of_compressed(message: CompressedImage) -> FrameArray:
    """(H, W, 3) uint8 RGB of a JPEG or PNG.

    Raises:
        ImageError: a depth image; empty, cut off or damaged data; a picture that claims to be huge.
    """
    if "compressedDepth" in message.format:
        raise ImageError(f"the compressed image has the format '{message.format}': a depth image; a colour image is needed")
    if not len(message.data):
        raise ImageError("the compressed image is empty")
    try:
        return decode_picture(bytes(message.data))
    except (PictureError, UnknownPictureError) as error:
        raise ImageError(f"the compressed image (format '{message.format}') is not used: {error}") from error


def camera_of_info(info: CameraInfo, frame: FrameArray, rectified: bool = False) -> Camera:
    """The calibrated camera of this frame.

    Args:
        info: the latest camera_info.
        frame: (H, W, 3), whose size must be the one that camera_info describes, region of interest and binning counted in.
        rectified: the picture is rectified: P holds, distortion is gone.

    Raises:
        CameraError: not calibrated, NaN, unknown distortion, another size; the message says what to do.
    """
    height, width = frame.shape[:2]
    if info.k[0] == 0:
        raise CameraError("camera_info has K[0] == 0: the camera is not calibrated")
    if info.width == 0 or info.height == 0:
        raise CameraError(f"camera_info says that the images are {info.width} x {info.height} pixels: the driver leaves their size out")
    if rectified and not any(info.p):
        raise CameraError("camera_info has no P, which rectified images need: set the parameter 'rectified' to false")
    roi = (info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height)
    is_whole = roi in ((0, 0, 0, 0), (0, 0, info.width, info.height))
    # Drivers that bin may have reduced size and K already, and tell the binning all the same: the image shows that it is not to come.
    binning = (1, 1) if is_whole and (info.width, info.height) == (width, height) else (info.binning_x, info.binning_y)
    model, p = info.distortion_model, info.p if rectified else None
    camera = Camera.from_camera_info_fields(info.width, info.height, info.k, info.d, model, roi, binning, p)
    if (camera.width, camera.height) != (width, height):
        described = f"{camera.width} x {camera.height}{_why(info, camera, frame)}"
        raise CameraError(
            f"the image is {width} x {height} pixels but camera_info describes {described}: the calibration is of another resolution "
            "or of another camera"
        )
    return camera


def _why(info: CameraInfo, camera: Camera, frame: FrameArray) -> str:
    """How sizes that differ may have come about, where binning explains it."""
    height, width = frame.shape[:2]
    if info.binning_x > 1 or info.binning_y > 1:
        return f" ({info.width} x {info.height}, region of interest and a binning of {info.binning_x} x {info.binning_y} counted in)"
    times, rest = divmod(camera.width, width)
    if times > 1 and not rest and camera.height == times * height:
        return f" (if the driver bins or scales by {times}, camera_info must say so: binning_x and binning_y {times}, or all reduced)"
    return ""


def check_frame_id(header: Header) -> None:
    """Raises ImageError where the header does not say whose image it is."""
    if not header.frame_id:
        raise ImageError(
            "the images have an empty frame_id, so nobody can tell where the hands are, and tf2 refuses such frames: set the frame of the "
            "camera driver (parameter frame_id, camera_frame_id or the like)"
        )


class CameraCache:
    """The latest camera_info and the Camera made of it, so that a camera is built when something changes, not per frame."""

    def __init__(self) -> None:
        self.info: CameraInfo | None = None
        self._missing = "no camera_info has arrived (does the driver publish it, is the topic remapped beside the image's?)"
        self._serialized = b""
        self._key: tuple[Any, ...] = ()
        self._camera: Camera | None = None

    def heard(self, serialized: bytes | None) -> None:
        """Take a serialized camera_info, unless it says what the last one said, or is None. One that cannot be read is as good as none."""
        if serialized is None or serialized[AFTER_STAMP:] == self._serialized[AFTER_STAMP:]:
            return
        self._serialized, self.info = serialized, None
        try:
            self.info = deserialize_message(serialized, CameraInfo)
        except Exception as error:  # ROS's and rosbags' have nothing in common
            self._missing = (
                f"camera_info is damaged and cannot be read ({str(error).splitlines()[0] if str(error) else type(error).__name__})"
            )

    def camera(self, frame: FrameArray, rectified: bool, fallback_hfov_deg: float) -> tuple[Camera, str | None]:
        """The calibrated camera of the frame and None, or the fallback (whose hands are not metric) and why it was needed.

        Raises:
            CameraError: there is neither; the message says why and what to do.
        """
        try:
            return self.calibrated(frame, rectified), None
        except CameraError as error:
            if fallback_hfov_deg > 0:
                return Camera.from_hfov(frame.shape[1], frame.shape[0], fallback_hfov_deg), str(error)
            raise CameraError(f"{error}. {NOT_CALIBRATED_ADVICE}") from error

    def calibrated(self, frame: FrameArray, rectified: bool) -> Camera:
        """The calibrated camera of the frame.

        Raises:
            CameraError: there is none, or it is another camera's.
        """
        if self.info is None:
            raise CameraError(self._missing)
        key = (*_calibration_key(self.info), frame.shape, rectified)
        if self._camera is None or key != self._key:
            self._camera, self._key = camera_of_info(self.info, frame, rectified), key
        return self._camera


def _calibration_key(info: CameraInfo) -> tuple[Any, ...]:
    roi = info.roi
    return (
        info.width, info.height, info.distortion_model, np.asarray(info.k).tobytes(), np.asarray(info.d).tobytes(),
        np.asarray(info.p).tobytes(), info.binning_x, info.binning_y, roi.x_offset, roi.y_offset, roi.width, roi.height,
    )  # fmt: skip


def _rows(message: Image, bytes_a_pixel: int, rows: int = 0) -> NDArray[np.uint8]:
    """(H, W * bytes_a_pixel) uint8 view of the pixels, without the padding at the rows' ends; ``rows`` where they are more than H."""
    rows = rows or message.height
    used = message.width * bytes_a_pixel
    step = message.step or used
    if step < used:
        raise ImageError(
            f"the image's step is {step} bytes, but {message.width} pixels of '{message.encoding}' need {used}: "
            "the camera driver fills in the wrong encoding or step"
        )
    data = np.frombuffer(message.data, np.uint8)
    # The last row may come without its padding.
    needed = step * (rows - 1) + used
    if data.size < needed:
        raise ImageError(
            f"the image holds {data.size} bytes, but {message.width} x {message.height} '{message.encoding}' need {needed}: truncated"
        )
    return np.lib.stride_tricks.as_strided(data, (rows, used), (step, 1), writeable=False)


def _cvt(pixels: NDArray[Any], conversion: int) -> FrameArray:
    return np.asarray(cv2.cvtColor(pixels, conversion), np.uint8)


def _check_even(encoding: str, **lengths: int) -> None:
    for name, length in lengths.items():
        if length % 2:
            raise ImageError(f"the image's {name} is {length} pixels; encoding '{encoding}' needs an even one")
