"""When a warning is due."""

from __future__ import annotations

from handmesh_ros.node.troubles import REPEAT_S, Troubles


def test_a_trouble_is_told_at_once_and_again_while_it_lasts_but_not_with_every_frame() -> None:
    troubles = Troubles()
    told = [step / 30 for step in range(round(2.5 * REPEAT_S * 30)) if troubles.is_due(f"the image holds {step} bytes", step / 30)]
    assert told == [0.0, REPEAT_S, 2 * REPEAT_S]


def test_another_trouble_does_not_wait_for_the_first_one() -> None:
    troubles = Troubles()
    assert troubles.is_due("no camera_info has arrived", 0.0)
    assert troubles.is_due("the image is 0 x 0 pixels", 0.1)
    assert not troubles.is_due("no camera_info has arrived", 0.2)
