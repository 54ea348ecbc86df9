"""What the page draws of hands: the right surface, the right way out, in the overlay's colours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from support.known_hand import FACES, known_hand

from handmesh_ros.hand import PALM_JOINTS, Side, TrackState
from handmesh_ros.overlay import MESH_COLOUR, PREDICTED_COLOUR
from handmesh_ros.view.drawn_hands import centre_of, drawn_hands


def test_two_hands_keep_their_places_whatever_order_they_come_in() -> None:
    left, right = known_hand(Side.LEFT, track_id=7), known_hand(Side.RIGHT, track_id=2, position=(0.2, 0, 0.6))
    for hands in ([left, right], [right, left]):
        first, second = drawn_hands(hands, FACES)
        np.testing.assert_array_equal(first.vertices, left.vertices)
        np.testing.assert_allclose(second.joints, right.joints, atol=1e-7)
        assert (first.colour, second.colour) == (MESH_COLOUR[Side.LEFT], MESH_COLOUR[Side.RIGHT])


def test_a_left_hand_is_not_inside_out() -> None:
    drawn = {side: drawn_hands([known_hand(side)], FACES)[0] for side in Side}
    np.testing.assert_array_equal(drawn[Side.LEFT].faces, drawn[Side.RIGHT].faces[:, ::-1])
    assert drawn[Side.LEFT].faces.dtype == np.uint32 and drawn[Side.LEFT].vertices.dtype == np.float32


def test_a_hand_that_is_not_measured_is_gray() -> None:
    (drawn,) = drawn_hands([known_hand(state=TrackState.PREDICTED)], FACES)
    assert drawn.colour == PREDICTED_COLOUR


def test_a_hand_whose_mesh_has_not_come_is_left_out() -> None:
    none = replace(known_hand(), vertices=np.zeros((0, 3), np.float32))
    smaller = replace(known_hand(), vertices=known_hand().vertices[:100])
    assert drawn_hands([none, smaller], FACES) == ()
    assert drawn_hands([known_hand()], np.zeros((0, 3), int)) == ()


def test_the_middle_is_that_of_the_palms() -> None:
    near, far = known_hand(position=(0, 0, 0.4)), known_hand(position=(0.2, 0, 0.8))
    middle = centre_of([near, far])
    palms = [hand.joints[list(PALM_JOINTS)].mean(axis=0) for hand in (near, far)]
    np.testing.assert_allclose(middle, 0.5 * (palms[0] + palms[1]))
    assert centre_of([]) is None
