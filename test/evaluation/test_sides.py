"""How long both hands of a person are taken for hands of one side."""

from __future__ import annotations

import pytest

from handmesh_ros.evaluation.sides import longest_run


@pytest.mark.parametrize(
    ("flags", "longest"),
    [([], 0.0), ([False] * 4, 0.0), ([True], 0.0), ([False, True, False, True, True], 0.2), ([True, True, True, False, True], 0.3)],
)
def test_the_longest_time_on_end(flags: list[bool], longest: float) -> None:
    assert longest_run(flags, [0.1 * index for index in range(len(flags))]) == pytest.approx(longest)
