"""Every encoding becomes the same RGB picture; every broken message is refused with a reason."""

from __future__ import annotations

import array
from collections.abc import Callable

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from handmesh_ros.messages.images import CameraCache, ImageError, check_frame_id, frame_of_compressed, frame_of_image
from handmesh_ros.perception.camera import CameraError

HEIGHT, WIDTH = 48, 64
PATTERNS = ("rggb", "bggr", "gbrg", "grbg")
# Four quarters of plain colours: chroma subsampling and JPEG keep them away from the edges.
COLOURS = ((200, 40, 30), (30, 180, 60), (20, 60, 210), (120, 120, 120))


def scene() -> np.ndarray:
    rgb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for quarter, colour in enumerate(COLOURS):
        row, column = divmod(quarter, 2)
        rgb[row * 24 : row * 24 + 24, column * 32 : column * 32 + 32] = colour
    return rgb


def image(pixels: np.ndarray, encoding: str, padding: int = 0) -> Image:
    """A message of (H, W[, C]) pixels, with ``padding`` junk bytes at the end of each row."""
    rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(pixels.shape[0], -1)
    padded = np.pad(rows, ((0, 0), (0, padding)), constant_values=0xAA)
    message = Image(height=pixels.shape[0], width=pixels.shape[1], encoding=encoding, step=padded.shape[1])
    message.data.frombytes(padded.tobytes())
    return message


def yuv(rgb: np.ndarray) -> np.ndarray:
    """(3, H, W) YUV 4:4:4 by the definition of ITU-R BT.601 (video range)."""
    r, g, b = (rgb[..., c].astype(float) for c in range(3))
    y = 16 + 0.257 * r + 0.504 * g + 0.098 * b
    u = 128 - 0.148 * r - 0.291 * g + 0.439 * b
    v = 128 + 0.439 * r - 0.368 * g - 0.071 * b
    return np.stack([y, u, v])


def semi_planar(rgb: np.ndarray, u_first: bool) -> np.ndarray:
    """(3/2 H, W) the brightness, then u and v in pairs at half the resolution."""
    y, u, v = np.rint(yuv(rgb)).astype(np.uint8)
    pairs = [plane[::2, ::2] for plane in ((u, v) if u_first else (v, u))]
    return np.vstack([y, np.stack(pairs, axis=-1).reshape(HEIGHT // 2, WIDTH)])


def yuyv(rgb: np.ndarray, luma_first: bool) -> np.ndarray:
    """(H, W, 2) YUV 4:2:2."""
    y, u, v = yuv(rgb)
    chroma = np.where(np.arange(rgb.shape[1]) % 2 == 0, u, v)
    planes = (y, chroma) if luma_first else (chroma, y)
    return np.rint(np.stack(planes, axis=-1)).astype(np.uint8)


def bayer(pattern: str) -> Callable[[np.ndarray], np.ndarray]:
    """The mosaic whose upper left four pixels have these colours, row by row."""

    def mosaic(rgb: np.ndarray) -> np.ndarray:
        pixels = np.zeros(rgb.shape[:2], np.uint8)
        for place, colour in enumerate(pattern):
            row, column = divmod(place, 2)
            pixels[row::2, column::2] = rgb[row::2, column::2, "rgb".index(colour)]
        return pixels

    return mosaic


def assert_quarters(frame: np.ndarray, expected: np.ndarray, tolerance: int) -> None:
    assert frame.shape == (HEIGHT, WIDTH, 3) and frame.dtype == np.uint8
    for row in (12, 36):
        for column in (16, 48):
            np.testing.assert_allclose(frame[row, column].astype(int), expected[row, column].astype(int), atol=tolerance)


@pytest.mark.parametrize("padding", [0, 8])
@pytest.mark.parametrize(
    ("encoding", "make", "tolerance"),
    [
        ("rgb8", lambda rgb: rgb, 0),
        ("bgr8", lambda rgb: rgb[..., ::-1], 0),
        ("rgba8", lambda rgb: np.dstack([rgb, np.full((HEIGHT, WIDTH), 7, np.uint8)]), 0),
        ("bgra8", lambda rgb: np.dstack([rgb[..., ::-1], np.full((HEIGHT, WIDTH), 7, np.uint8)]), 0),
        ("yuv422_yuy2", lambda rgb: yuyv(rgb, luma_first=True), 3),
        ("yuv422", lambda rgb: yuyv(rgb, luma_first=False), 3),
        ("8UC4", lambda rgb: np.dstack([rgb[..., ::-1], np.full((HEIGHT, WIDTH), 7, np.uint8)]), 0),
        *((f"bayer_{pattern}8", bayer(pattern), 1) for pattern in PATTERNS),
    ],
)
def test_colour_encodings(encoding: str, make: Callable, tolerance: int, padding: int) -> None:
    assert_quarters(frame_of_image(image(make(scene()), encoding, padding)), scene(), tolerance)


@pytest.mark.parametrize("padding", [0, 8])
@pytest.mark.parametrize(("encoding", "u_first"), [("nv12", True), ("nv21", False)])
def test_brightness_and_colour_in_planes(encoding: str, u_first: bool, padding: int) -> None:
    """What Jetson's and many telephones' cameras give: the message's height is the picture's, not that of both planes."""
    message = image(semi_planar(scene(), u_first), encoding, padding)
    message.height = HEIGHT
    assert_quarters(frame_of_image(message), scene(), 3)


@pytest.mark.parametrize("big_endian", [False, True])
@pytest.mark.parametrize(
    ("encoding", "make"),
    [("rgb16", lambda rgb: rgb), ("bgr16", lambda rgb: rgb[..., ::-1]), *((f"bayer_{pattern}16", bayer(pattern)) for pattern in PATTERNS)],
)
def test_sixteen_bit_a_channel(encoding: str, make: Callable, big_endian: bool) -> None:
    wide = make(scene()).astype(">u2" if big_endian else "<u2") * 256 + 99
    message = image(wide.astype(">u2" if big_endian else "<u2"), encoding, padding=6)
    message.is_bigendian = int(big_endian)
    assert_quarters(frame_of_image(message), scene(), 1)


@pytest.mark.parametrize("padding", [0, 6])
def test_gray_encodings(padding: int) -> None:
    gray = scene()[..., 0]
    expected = np.repeat(gray[..., None], 3, axis=2)
    np.testing.assert_array_equal(frame_of_image(image(gray, "mono8", padding)), expected)
    wide = gray.astype(np.uint16) * 256 + 99
    np.testing.assert_array_equal(frame_of_image(image(wide, "mono16", padding)), expected)
    swapped = image(wide.astype(">u2"), "mono16", padding)
    swapped.is_bigendian = 1
    np.testing.assert_array_equal(frame_of_image(swapped), expected)


def test_rgb8_is_not_copied() -> None:
    message = image(scene(), "rgb8")
    assert np.shares_memory(frame_of_image(message), np.frombuffer(message.data, np.uint8))


def test_last_row_may_lack_its_padding() -> None:
    message = image(scene(), "rgb8", padding=16)
    del message.data[-16:]
    np.testing.assert_array_equal(frame_of_image(message), scene())


def broken(**changes: object) -> Image:
    message = image(scene(), "rgb8")
    for name, value in changes.items():
        setattr(message, name, value)
    return message


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (broken(encoding="rgb9"), "unknown image encoding 'rgb9'; known are .*rgb8"),
        (broken(encoding=""), "unknown image encoding ''"),
        (broken(height=0), "64 x 0 pixels"),
        (broken(width=0), "0 x 48 pixels"),
        (broken(height=49), "9216 bytes.*need 9408: truncated"),
        (broken(step=100), "step is 100 bytes.*need 192"),
        (broken(encoding="32FC1"), "unknown image encoding '32FC1'"),
        (broken(encoding="yuv422_yuy2", width=63), "width is 63 pixels.*even one"),
        (broken(encoding="nv12", height=47), "height is 47 pixels.*even one"),
        (image(scene()[..., 0], "nv12"), "need 4608: truncated"),
        (Image(), "0 x 0 pixels"),
    ],
)
def test_broken_images_are_refused_with_a_reason(message: Image, reason: str) -> None:
    with pytest.raises(ImageError, match=reason):
        frame_of_image(message)


def compressed(suffix: str = ".jpg", keep: float = 1.0) -> CompressedImage:
    data = cv2.imencode(suffix, scene()[..., ::-1])[1].tobytes()
    message = CompressedImage(format=f"rgb8; {suffix[1:]} compressed bgr8")
    message.data.frombytes(data[: int(len(data) * keep)])
    return message


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_compressed_images(suffix: str) -> None:
    assert_quarters(frame_of_compressed(compressed(suffix)), scene(), 6)


def test_broken_compressed_images_are_refused_with_a_reason() -> None:
    with pytest.raises(ImageError, match="no end: truncated"):
        frame_of_compressed(compressed(keep=0.8))
    with pytest.raises(ImageError, match="truncated on its way"):
        frame_of_compressed(compressed(".png", keep=0.8))
    with pytest.raises(ImageError, match="is empty"):
        frame_of_compressed(CompressedImage(format="jpeg"))
    garbage = CompressedImage(format="jpeg")
    garbage.data.frombytes(b"no picture at all")
    with pytest.raises(ImageError, match="cannot be decoded"):
        frame_of_compressed(garbage)
    with pytest.raises(ImageError, match="depth image"):
        frame_of_compressed(CompressedImage(format="16UC1; compressedDepth png"))


def test_a_jpeg_that_claims_to_be_huge_is_refused_before_it_is_decoded() -> None:
    data = compressed().data
    header = bytes(data).find(b"\xff\xc0")
    data[header + 5 : header + 9] = array.array("B", (9000).to_bytes(2, "big") + (65500).to_bytes(2, "big"))
    with pytest.raises(ImageError, match="pixels that are read"):
        frame_of_compressed(CompressedImage(format="jpeg", data=data))


def test_a_png_that_claims_to_be_longer_than_it_is_is_refused_before_it_is_decoded() -> None:
    """125 bytes took 1.4 GB and seconds."""
    png = cv2.imencode(".png", scene())[1].tobytes()
    frame_of_compressed(CompressedImage(format="png", data=png + b"and something behind it"))
    place = png.index(b"IDAT") - 4
    for damaged in (png[:place] + (0x50000000).to_bytes(4, "big") + png[place + 4 :], png[: len(png) // 2]):
        with pytest.raises(ImageError, match=f"the PNG of {len(damaged)} bytes ends within a part"):
            frame_of_compressed(CompressedImage(format="png", data=damaged))


def camera_info(**changes: object) -> CameraInfo:
    info = CameraInfo(width=WIDTH, height=HEIGHT, distortion_model="plumb_bob", d=[0.0] * 5)
    info.k = [60.0, 0.0, 31.5, 0.0, 61.0, 23.5, 0.0, 0.0, 1.0]
    info.p = [50.0, 0.0, 30.0, 0.0, 0.0, 50.0, 20.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    for name, value in changes.items():
        setattr(info, name, value)
    return info


def cache(info: CameraInfo | None) -> CameraCache:
    cameras = CameraCache()
    cameras.info = info
    return cameras


def test_camera_of_camera_info() -> None:
    cameras = cache(camera_info())
    camera, problem = cameras.camera(scene(), False, 0.0)
    assert problem is None and camera.calibrated
    np.testing.assert_allclose(camera.K[[0, 1, 0, 1], [0, 1, 2, 2]], [60, 61, 31.5, 23.5])
    cameras.info = camera_info()  # the next message says the same
    assert cameras.camera(scene(), False, 0.0)[0] is camera
    assert cameras.camera(scene(), True, 0.0)[0].K[0, 0] == 50


@pytest.mark.parametrize("name", ["none", "magic", "plumb_bob"])
def test_a_lens_without_distortion_may_call_its_model_anything(name: str) -> None:
    for coefficients in ([], [0.0] * 3, [0.0] * 5):
        camera, _ = cache(camera_info(distortion_model=name, d=coefficients)).camera(scene(), False, 0.0)
        assert camera.calibrated and not camera.distortion.any()


def test_binned_and_cropped_camera_info_fits_the_small_image() -> None:
    info = camera_info(width=4 * WIDTH, height=4 * HEIGHT, binning_x=2, binning_y=2)
    info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height = 10, 20, 2 * WIDTH, 2 * HEIGHT
    camera, _ = cache(info).camera(scene(), False, 0.0)
    np.testing.assert_allclose(camera.K[[0, 1, 0, 1], [0, 1, 2, 2]], [30, 30.5, (31.5 - 10) / 2, (23.5 - 20) / 2])


def test_a_driver_may_tell_its_binning_and_have_reduced_size_and_k_already() -> None:
    camera, _ = cache(camera_info(binning_x=2, binning_y=2)).camera(scene(), False, 0.0)
    np.testing.assert_allclose(camera.K[[0, 1, 0, 1], [0, 1, 2, 2]], [60, 61, 31.5, 23.5])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"width": 3 * WIDTH, "height": 3 * HEIGHT},
            "if the driver bins or scales by 3, camera_info must say so",
        ),
        ({"width": 4 * WIDTH, "height": 4 * HEIGHT, "binning_x": 2, "binning_y": 2}, "128 x 96 .*256 x 192.* binning of 2 x 2 counted in"),
        ({"width": 3 * WIDTH, "height": 2 * HEIGHT}, "describes 192 x 96: the calibration"),
    ],
)
def test_sizes_that_differ_name_the_binning_that_would_explain_them(changes: dict, reason: str) -> None:
    with pytest.raises(CameraError, match=reason):
        cache(camera_info(**changes)).camera(scene(), False, 0.0)


def test_an_image_without_a_frame_is_refused() -> None:
    check_frame_id(Header(frame_id="camera"))
    with pytest.raises(ImageError, match=r"empty frame_id.* set the frame of the camera driver"):
        check_frame_id(Header())


NAN = float("nan")


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        (None, "no camera_info has arrived"),
        (camera_info(k=[0.0] * 9), r"K\[0\] == 0: the camera is not calibrated"),
        (camera_info(k=[NAN, 0.0, 31.5, 0.0, 61.0, 23.5, 0.0, 0.0, 1.0]), "NaN"),
        (camera_info(d=[NAN] * 5), "NaN"),
        (camera_info(width=1280, height=960), "image is 64 x 48 pixels but camera_info describes 1280 x 960"),
        (camera_info(width=0, height=0), "camera_info says that the images are 0 x 0 pixels"),
        (camera_info(distortion_model="magic", d=[0.1] * 5), "unknown distortion model 'magic'"),
    ],
)
def test_unusable_camera_info_is_refused_with_advice_or_replaced_by_the_fallback(info: CameraInfo | None, reason: str) -> None:
    with pytest.raises(CameraError, match=reason) as caught:
        cache(info).camera(scene(), False, 0.0)
    assert "fallback_hfov_deg" in str(caught.value)
    camera, problem = cache(info).camera(scene(), False, 90.0)
    assert not camera.calibrated and camera.K[0, 0] == pytest.approx(WIDTH / 2)
    assert problem is not None and "fallback_hfov_deg" not in problem


def test_a_damaged_camera_info_is_as_good_as_none() -> None:
    cameras = cache(camera_info())
    cameras.calibrated(scene(), False)
    cameras.heard(bytes(serialize_message(camera_info()))[:60])
    with pytest.raises(CameraError, match="damaged"):
        cameras.calibrated(scene(), False)
    cameras.heard(bytes(serialize_message(camera_info())))
    assert cameras.calibrated(scene(), False).calibrated
