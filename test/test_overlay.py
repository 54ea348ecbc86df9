"""What is drawn, where, and what is hidden."""

from dataclasses import replace

import numpy as np
import pytest

from handmesh_ros.hand import Hand, Side, TrackState, faces_of_side
from handmesh_ros.overlay import draw_hands, draw_mesh
from handmesh_ros.perception.camera import Camera

CAMERA = Camera.from_hfov(320, 240, 60)
# A square facing the camera, wound counter-clockwise as seen from it (y points down).
SQUARE = np.array([[-0.05, -0.05, 0.5], [-0.05, 0.05, 0.5], [0.05, 0.05, 0.5], [0.05, -0.05, 0.5]])
FACES = np.array([[0, 1, 2], [0, 2, 3]])


def black() -> np.ndarray:
    return np.zeros((240, 320, 3), np.uint8)


def make_hand(vertices: np.ndarray, side: Side = Side.RIGHT) -> Hand:
    joints = np.tile([0.0, 0.0, 0.5], (21, 1))
    return Hand(
        side, 1.0, 1.0, 1, TrackState.TRACKING, 0.0, vertices, joints, np.tile(np.eye(3), (21, 1, 1)),
        CAMERA.project(joints), np.eye(3) * 1e-6, 0.095, True,
    )  # fmt: skip


def test_a_triangle_that_faces_the_camera_is_drawn_where_it_projects() -> None:
    picture = black()
    draw_mesh(picture, SQUARE, FACES, CAMERA, (200, 200, 200))
    rows, columns = np.nonzero(picture[..., 0])
    corners = CAMERA.project(SQUARE)
    assert abs(columns.min() - corners[:, 0].min()) <= 1.5 and abs(columns.max() - corners[:, 0].max()) <= 1.5
    assert abs(rows.min() - corners[:, 1].min()) <= 1.5 and abs(rows.max() - corners[:, 1].max()) <= 1.5


def test_the_back_of_a_surface_is_not_drawn() -> None:
    picture = black()
    draw_mesh(picture, SQUARE, FACES[:, ::-1], CAMERA, (200, 200, 200))
    assert not picture.any()


def test_the_nearer_surface_hides_the_farther_one() -> None:
    both = np.vstack([SQUARE, SQUARE + [0, 0, 0.2]])
    near_bright = black()
    draw_mesh(near_bright, both, np.vstack([FACES + 4, FACES]), CAMERA, (200, 200, 200))
    alone = black()
    draw_mesh(alone, SQUARE, FACES, CAMERA, (200, 200, 200))
    np.testing.assert_array_equal(near_bright[120, 160], alone[120, 160])


def test_a_left_hand_is_drawn_from_its_mirrored_mesh() -> None:
    mirrored = SQUARE * [-1, 1, 1]
    picture = black()
    draw_mesh(picture, mirrored, faces_of_side(FACES, Side.LEFT), CAMERA, (200, 200, 200))
    assert picture.any()


def test_the_frame_itself_is_left_alone() -> None:
    frame = black()
    drawn = draw_hands(frame, [make_hand(SQUARE)], CAMERA, FACES)
    assert not frame.any() and drawn.any()


@pytest.mark.parametrize("shift", [(0, 0, -0.6), (9.0, 0, 0)], ids=["behind", "beside"])
def test_of_a_hand_behind_or_beside_the_camera_nothing_is_drawn(shift: tuple[float, float, float]) -> None:
    hand = make_hand(SQUARE + shift)
    drawn = draw_hands(black(), [replace(hand, joints=hand.joints + shift)], CAMERA, FACES)
    assert not drawn.any()


def test_triangles_too_near_to_project_are_left_out_and_the_others_drawn() -> None:
    near, picture, alone = SQUARE - [0, 0, 0.495], black(), black()
    draw_mesh(picture, np.vstack([near, SQUARE]), np.vstack([FACES, FACES + 4]), CAMERA, (200, 200, 200))
    draw_mesh(alone, SQUARE, FACES, CAMERA, (200, 200, 200))
    np.testing.assert_array_equal(picture, alone)
