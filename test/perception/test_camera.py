"""The camera: points to pixels and back, ROI and binning, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handmesh_ros.perception.camera import Camera, CameraError

K = np.array([[600.0, 0, 322.5], [0, 610, 238.0], [0, 0, 1]])
LENSES = {
    "none": ("plumb_bob", ()),
    "plumb_bob": ("plumb_bob", (-0.30, 0.10, 0.001, -0.002, 0.02)),
    "barrel": ("plumb_bob", (-0.45, 0.20, 0.001, -0.002, 0.0)),
    "rational": ("rational_polynomial", (0.5, 0.2, 0.001, -0.002, 0.02, 0.6, 0.3, 0.05)),
    "equidistant": ("equidistant", (-0.01, 0.02, -0.003, 0.001)),
}
LENS = pytest.mark.parametrize("lens", LENSES.values(), ids=LENSES.keys())


def camera(lens: tuple[str, tuple[float, ...]]) -> Camera:
    return Camera(640, 480, K, np.array(lens[1]), distortion_model=lens[0])


@LENS
def test_pixels_to_rays_to_pixels(lens: tuple[str, tuple[float, ...]]) -> None:
    pixels = np.stack(np.meshgrid(np.linspace(0, 639, 25), np.linspace(0, 479, 19)), -1).reshape(-1, 2)
    rays = camera(lens).normalize(pixels)
    points = np.column_stack([rays, np.ones(len(rays))]) * np.linspace(0.2, 3, len(rays))[:, None]
    np.testing.assert_allclose(camera(lens).project(points), pixels, atol=1e-6)


def test_projection_by_hand() -> None:
    """Each lens against its formula, written out for one point."""
    point, x, y = np.array([[0.3, -0.2, 1.0]]), 0.3, -0.2
    np.testing.assert_allclose(camera(LENSES["none"]).project(point), [[600 * x + 322.5, 610 * y + 238]])
    k1, k2, p1, p2, k3 = LENSES["plumb_bob"][1]
    r2 = x * x + y * y
    radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
    u = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
    v = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
    np.testing.assert_allclose(camera(LENSES["plumb_bob"]).project(point), [[600 * u + 322.5, 610 * v + 238]])
    theta = np.arctan(np.sqrt(r2))
    bent = theta * (1 + sum(k * theta ** (2 * i + 2) for i, k in enumerate(LENSES["equidistant"][1])))
    scale = bent / np.sqrt(r2)
    np.testing.assert_allclose(camera(LENSES["equidistant"]).project(point), [[600 * x * scale + 322.5, 610 * y * scale + 238]])


def test_points_behind_the_camera_have_no_pixel() -> None:
    pixels = camera(LENSES["plumb_bob"]).project(np.array([[0.1, 0.1, -1.0], [0.1, 0.1, 0.0], [0, 0, 1.0]]))
    assert np.isnan(pixels[:2]).all()
    np.testing.assert_allclose(pixels[2], K[:2, 2])


@LENS
def test_pixels_beyond_the_lens_are_nan_not_wrong(lens: tuple[str, tuple[float, ...]]) -> None:
    """Either a ray that projects back onto the pixel, or NaN."""
    pixels = np.random.default_rng(0).uniform(-8000, 8000, (300, 2))
    rays = camera(lens).normalize(pixels)
    known = np.isfinite(rays).all(axis=1)
    back = camera(lens).project(np.column_stack([rays[known], np.ones(known.sum())]))
    np.testing.assert_allclose(back, pixels[known], atol=1e-2)


def test_no_pixels_are_no_trouble() -> None:
    for lens in LENSES.values():
        assert camera(lens).normalize(np.zeros((0, 2))).shape == (0, 2)
        assert camera(lens).project(np.zeros((0, 3))).shape == (0, 2)


@LENS
def test_a_skewed_sensor_is_skewed_behind_every_lens(lens: tuple[str, tuple[float, ...]]) -> None:
    skewed = Camera(640, 480, K + [[0, 30, 0], [0, 0, 0], [0, 0, 0]], np.array(lens[1]), distortion_model=lens[0])
    points = np.array([[0.2, -0.3, 1.0], [-0.1, 0.25, 0.8]])
    straight = camera(lens).project(points)
    np.testing.assert_allclose(skewed.project(points) - straight, np.outer(30 / 610 * (straight[:, 1] - 238), [1, 0]), atol=1e-9)
    np.testing.assert_allclose(skewed.normalize(skewed.project(points)), points[:, :2] / points[:, 2:], atol=1e-9)


@given(st.floats(0.1, 8), st.floats(-1, 1), st.floats(-1, 1))
def test_scaling_image_and_k_changes_no_ray(scale: float, x: float, y: float) -> None:
    scaled = Camera(round(640 * scale), round(480 * scale), np.diag([scale, scale, 1]) @ K, np.array(LENSES["plumb_bob"][1]))
    pixel = np.array([[320 + 300 * x, 240 + 220 * y]])
    np.testing.assert_allclose(scaled.normalize(pixel * scale), camera(LENSES["plumb_bob"]).normalize(pixel), atol=1e-9)


def test_roi_and_binning() -> None:
    """The same point seen through a cut and binned image lies where cutting and binning put its pixel."""
    full = Camera.from_camera_info_fields(640, 480, K.ravel(), LENSES["plumb_bob"][1])
    part = Camera.from_camera_info_fields(640, 480, K.ravel(), LENSES["plumb_bob"][1], roi=(100, 60, 320, 240), binning=(2, 4))
    assert (part.width, part.height) == (160, 60)
    points = np.array([[0.02, -0.05, 0.7], [-0.2, 0.1, 0.9]])
    np.testing.assert_allclose(part.project(points), (full.project(points) - (100, 60)) / (2, 4))
    np.testing.assert_allclose(part.normalize(part.project(points)), points[:, :2] / points[:, 2:], atol=1e-9)


def test_rectified_images_use_p_and_no_distortion() -> None:
    p = [500, 0, 300, -50, 0, 500, 200, 0, 0, 0, 1, 0]
    rectified = Camera.from_camera_info_fields(640, 480, K.ravel(), LENSES["plumb_bob"][1], rectified_p=p)
    np.testing.assert_allclose(rectified.project(np.array([[0.1, 0.2, 1.0]])), [[350, 300]])


def test_field_of_view_is_a_guess() -> None:
    guess = Camera.from_hfov(640, 480, 60)
    assert not guess.calibrated
    edges = guess.normalize(np.array([[-0.5, 239.5], [639.5, 239.5]]))
    np.testing.assert_allclose(np.degrees(np.arctan(edges[:, 0])), [-30, 30])


CALIBRATION = """
image_width: 640
image_height: 480
camera_name: front
camera_matrix: {rows: 3, cols: 3, data: [600.0, 0.0, 322.5, 0.0, 610.0, 238.0, 0.0, 0.0, 1.0]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [-0.3, 0.1, 0.001, -0.002, 0.02]}
"""


def test_yaml_of_camera_calibration(tmp_path: Path) -> None:
    path = tmp_path / "camera.yaml"
    path.write_text(CALIBRATION)
    read = Camera.from_yaml(path)
    assert (read.width, read.height, read.calibrated) == (640, 480, True)
    np.testing.assert_array_equal(read.K, K)
    np.testing.assert_array_equal(read.distortion, LENSES["plumb_bob"][1])


@pytest.mark.parametrize(
    ("written", "replaced"),
    [
        ("none", "plumb_bob\ndistortion_coefficients: {rows: 1, cols: 5, data: [-0.3, 0.1, 0.001, -0.002, 0.02]}"),
        ("~", "plumb_bob\ndistortion_coefficients: {rows: 1, cols: 5, data: [-0.3, 0.1, 0.001, -0.002, 0.02]}"),
        ("RADTAN", "plumb_bob"),
        ("", "plumb_bob"),
    ],
)
def test_the_file_may_call_the_lens_as_other_programs_do(tmp_path: Path, written: str, replaced: str) -> None:
    path = tmp_path / "camera.yaml"
    path.write_text(CALIBRATION.replace(replaced, written))
    assert Camera.from_yaml(path).distortion.size == (5 if replaced == "plumb_bob" else 0)


BROKEN = ["", "[1, 2]", "a: [", "image_width: 640", CALIBRATION.replace("600.0", "a"), CALIBRATION.replace("600.0", "0")]


@pytest.mark.parametrize("text", BROKEN)
def test_broken_yaml_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "camera.yaml"
    path.write_text(text)
    with pytest.raises(CameraError, match=r"camera\.yaml"):
        Camera.from_yaml(path)
    with pytest.raises(CameraError, match="cannot be read"):
        Camera.from_yaml(tmp_path / "missing.yaml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": [0.0] * 9}, "not calibrated"),
        ({"k": [np.nan] * 9}, "NaN"),
        ({"k": [1.0] * 8}, "8 numbers"),
        ({"width": 0}, "must be positive"),
        ({"d": [np.inf]}, "infinity"),
        ({"d": [0.1, 0.2, 0.3]}, "3 coefficients"),
        ({"d": [0.1] * 5, "distortion_model": "equidistant"}, "5 coefficients"),
        ({"distortion_model": "cylindrical"}, "unknown distortion model 'cylindrical'"),
        ({"roi": (700, 0, 10, 10)}, "outside"),
    ],
)
def test_useless_camera_info_is_refused(change: dict, message: str) -> None:
    fields = {"width": 640, "height": 480, "k": K.ravel(), "d": LENSES["plumb_bob"][1]} | change
    with pytest.raises(CameraError, match=message):
        Camera.from_camera_info_fields(**fields)


@pytest.mark.parametrize("model", ["", "none", "None", "pinhole", "PLUMB_BOB", "equidistant", "rational_polynomial", "their own"])
@pytest.mark.parametrize("zeros", [0, 1, 3, 5, 12, 2000])
def test_without_distortion_the_model_may_have_any_name(model: str, zeros: int) -> None:
    read = Camera.from_camera_info_fields(640, 480, K.ravel(), [0.0] * zeros, model)
    assert (read.distortion.size, read.distortion_model) == (0, "plumb_bob")


RADIAL, FISHEYE = [0.1, -0.1, 0.001, 0.002], [0.05, 0.01, 0.002, 0.001]
# Numerator and denominator nearly cancel, as calibrations of the rational model often come out.
WILD = [
    [6.7, -3.9, 0.0003, -0.0001, 0.25, 6.6, -3.3, -0.2],
    [118.3, -1287.0, 0.001, 0.002, 4300.0, 118.4, -1290.0, 4330.0],
]


@pytest.mark.parametrize(
    ("model", "written", "ros", "read"),
    [
        ("PLUMB_BOB", RADIAL, "plumb_bob", RADIAL),
        ("Plumb Bob", RADIAL, "plumb_bob", RADIAL),
        ("radtan", RADIAL, "plumb_bob", RADIAL),
        ("brown_conrady", [*RADIAL, 0.0], "plumb_bob", [*RADIAL, 0.0]),
        ("Brown-Conrady", RADIAL, "plumb_bob", RADIAL),
        ("", RADIAL, "plumb_bob", RADIAL),
        ("plumb_bob", [0.1], "plumb_bob", [0.1, 0, 0, 0]),
        ("plumb_bob", [0.1, -0.1], "plumb_bob", [0.1, -0.1, 0, 0]),
        ("plumb_bob", [*RADIAL, 0.0, 0.0], "plumb_bob", RADIAL),
        ("plumb_bob", [0.1, -0.1, 0.001, 0.0, 0.0, 0.0, 0.0], "plumb_bob", [0.1, -0.1, 0.001, 0.0]),
        ("plumb_bob", [*RADIAL, 0.01] + [0.0] * 20, "plumb_bob", [*RADIAL, 0.01]),
        ("kannala_brandt4", FISHEYE, "equidistant", FISHEYE),
        ("Kannala Brandt4", FISHEYE, "equidistant", FISHEYE),
        ("FISHEYE", FISHEYE, "equidistant", FISHEYE),
        ("equidistant", [*FISHEYE, 0.0], "equidistant", FISHEYE),
        ("equidistant", [*FISHEYE, 0.0, 0.0, 0.0, 0.0], "equidistant", FISHEYE),
        ("equidistant", [0.05, 0.01, 0.002], "equidistant", [0.05, 0.01, 0.002, 0]),
        *(("rational_polynomial", wild, "rational_polynomial", wild) for wild in WILD),
        ("rational", [*WILD[0], 0.0, 0.0, 0.0, 0.0], "rational_polynomial", [*WILD[0], 0.0, 0.0, 0.0, 0.0]),
    ],
)
def test_distortions_are_taken_as_programs_write_them(model: str, written: list[float], ros: str, read: list[float]) -> None:
    camera = Camera.from_camera_info_fields(640, 480, K.ravel(), written, model)
    assert camera.distortion_model == ros
    np.testing.assert_array_equal(camera.distortion, read)
    np.testing.assert_allclose(camera.project(np.array([[0.0, 0, 1]])), [K[:2, 2]])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": (K * [[1e4], [1e4], [1]]).ravel()}, "focal lengths 6e[+]06 .* no picture of 640 x 480 .* a view of 0.0061 degrees"),
        ({"k": (K * [[1e-4], [1e-4], [1]]).ravel()}, "no picture of 640 x 480"),
        ({"k": [600.0, 0, 320, 0, 1e9, 240, 0, 0, 1]}, "no picture of 640 x 480"),
        ({"k": [600.0, 0, 1e300, 0, 600, 240, 0, 0, 1]}, "centre or skew"),
        ({"k": [600.0, 1e6, 320, 0, 600, 240, 0, 0, 1]}, "centre or skew"),
        ({"k": K.T.ravel()}, "column by column"),
        ({"d": [1e9, 0, 0, 0, 0]}, "no lens bends rays"),
        ({"d": [-1e9, 0, 0, 0, 0]}, "no lens bends rays"),
        ({"d": [0.1, 0.1, 1e6, 0, 0]}, "no lens bends rays"),
        ({"d": [1e300] * 4, "distortion_model": "equidistant"}, "no lens bends rays"),
        ({"d": [0.1] * 4, "distortion_model": "none"}, "one of the two is wrong"),
        ({"d": [0.1] * 4, "distortion_model": "Pinhole"}, "one of the two is wrong"),
        ({"d": [0.1] * 4, "distortion_model": "inverse_brown_conrady"}, "unknown distortion model"),
        ({"d": [0.1] * 15}, "15 coefficients"),
    ],
)
def test_what_is_no_camera_is_refused(change: dict, message: str) -> None:
    """A hand would be placed kilometres away."""
    with pytest.raises(CameraError, match=message):
        Camera.from_camera_info_fields(**{"width": 640, "height": 480, "k": K.ravel()} | change)
