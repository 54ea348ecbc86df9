"""Random numbers of a batch: spread, shares, and who follows whom."""

from __future__ import annotations

import pytest
import torch

from handmesh_training.trainer.dice import Dice, seeded

CPU = torch.device("cpu")


def test_throws_are_spread_as_asked() -> None:
    dice = Dice(seeded(1, 2, CPU), 20000)
    uniform, normal = dice.uniform(-1, 3), dice.normal(2.0)
    assert (uniform.min() >= -1, uniform.max() <= 3, float(uniform.mean())) == (True, True, pytest.approx(1, abs=0.05))
    assert (float(normal.mean()), float(normal.std())) == (pytest.approx(0, abs=0.05), pytest.approx(2, rel=0.03))
    assert dice.integers(5).unique().tolist() == [0, 1, 2, 3, 4]
    assert dice.chance(0.2).float().mean() == pytest.approx(0.2, abs=0.02)
    assert dice.uniform(0, 1, 3, 2).shape == (20000, 3, 2)


def test_equal_seeds_and_steps_give_equal_throws() -> None:
    first, again = (Dice(seeded(1, 2, CPU), 5).uniform(0, 1) for _ in range(2))
    others = [Dice(seeded(*which, CPU), 5).uniform(0, 1) for which in ((1, 3), (2, 2))]
    torch.testing.assert_close(first, again)
    assert not any(torch.equal(first, other) for other in others)


def test_followers_throw_what_their_leaders_throw() -> None:
    leaders = torch.tensor([0, 3])
    dice = Dice(seeded(1, 2, CPU), 12, leaders, torch.tensor([5, 6]))
    for thrown in (dice.uniform(0, 1), dice.normal(1.0, 3), dice.integers(1000), dice.chance(0.5)):
        assert torch.equal(thrown[[5, 6]], thrown[leaders])
    for _ in range(20):
        rows = dice.some(0.5).tolist()
        assert len(set(rows)) == len(rows) == 6, "half of the eight that are alone, one leader and its follower"
        assert (0 in rows, 3 in rows) == (5 in rows, 6 in rows)
