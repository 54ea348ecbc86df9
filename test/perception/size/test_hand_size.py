"""Hand sizes: what is assumed, given, measured and kept."""

import resource
import signal
from pathlib import Path

import numpy as np
import pytest
from support.synthetic_hand import SIZE_M, random_hand

from handmesh_ros.hand import Side
from handmesh_ros.perception.place import place
from handmesh_ros.perception.size.hand_size import ADULT_RELATIVE_SIGMA, ADULT_SIZE_M, HandSize, HandSizeError, HandSizes


def test_unknown_hands_are_average_adults() -> None:
    sizes = HandSizes()
    assert sizes.of(Side.LEFT) == HandSize(ADULT_SIZE_M, ADULT_RELATIVE_SIGMA)
    assert HandSizes(HandSize(0.08, 0.05)).of(Side.RIGHT) == HandSize(0.08, 0.05)


def test_a_given_size_holds_for_both_or_one() -> None:
    sizes = HandSizes()
    sizes.set(0.085)
    assert sizes.of(Side.LEFT).size_m == sizes.of(Side.RIGHT).size_m == 0.085
    sizes.set(0.09, Side.LEFT)
    assert (sizes.of(Side.LEFT).size_m, sizes.of(Side.RIGHT).size_m) == (0.09, 0.085)
    sizes.reset()
    assert sizes.of(Side.LEFT) == HandSize()


def test_the_other_hand_is_a_better_guess_than_the_average() -> None:
    sizes = HandSizes()
    sizes.set(0.08, Side.LEFT, relative_sigma=0.01)
    right = sizes.of(Side.RIGHT)
    assert right.size_m == 0.08
    assert 0.01 < right.relative_sigma < 0.03


def test_measurements_are_median_filtered_and_grow_surer() -> None:
    rng = np.random.default_rng(0)
    sizes = HandSizes()
    first = sizes.observe(Side.RIGHT, 0.086)
    for i in range(60):
        sizes.observe(Side.RIGHT, 0.14 if i % 10 == 0 else 0.085 * np.exp(0.03 * rng.normal()))
    assert sizes.of(Side.RIGHT).size_m == pytest.approx(0.085, rel=0.015)
    assert 0.01 <= sizes.of(Side.RIGHT).relative_sigma < first.relative_sigma


def test_the_stated_uncertainty_holds() -> None:
    """Of many people, each measured ten times with 3 % noise by a network that is 1 % off on them, two thirds lie within one sigma."""
    rng = np.random.default_rng(1)
    within = 0
    for _ in range(400):
        sizes = HandSizes()
        systematic = 0.01 * rng.normal()
        for _ in range(10):
            sizes.observe(Side.LEFT, 0.09 * np.exp(systematic + 0.03 * rng.normal()))
        learnt = sizes.of(Side.LEFT)
        within += abs(learnt.size_m / 0.09 - 1) < learnt.relative_sigma
    assert 0.62 < within / 400 < 0.82


def test_learning_from_a_known_distance() -> None:
    """A small hand placed with the adult size seems too far; one look at its true distance mends size and distance."""
    rng = np.random.default_rng(0)
    true_size = 0.08
    wrist = np.array([0.05, -0.1, 0.5])
    joints = random_hand(rng)[0] / SIZE_M
    rays = (joints * true_size + wrist)[:, :2] / (joints * true_size + wrist)[:, 2:]
    sizes = HandSizes()
    assumed = sizes.of(Side.RIGHT).size_m
    placed = place(joints * assumed, rays, 600, 1.5, 0.004).translation
    assert placed[2] == pytest.approx(wrist[2] * assumed / true_size)
    learnt = sizes.observe_depth(Side.RIGHT, assumed, placed[2], wrist[2])
    assert learnt.size_m == pytest.approx(true_size)
    np.testing.assert_allclose(place(joints * learnt.size_m, rays, 600, 1.5, 0.004).translation, wrist, atol=1e-9)


def test_sizes_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "hand_size.yaml"
    sizes = HandSizes()
    sizes.set(0.0834, Side.LEFT, 0.015)
    sizes.observe(Side.RIGHT, 0.084)
    sizes.save(path)
    again = HandSizes()
    again.load(path)
    for side in Side:
        assert again.of(side).size_m == pytest.approx(sizes.of(side).size_m, abs=1e-5)
        assert again.of(side).relative_sigma == pytest.approx(sizes.of(side).relative_sigma, abs=1e-4)
    HandSizes().save(path)
    again.load(path)
    assert again.of(Side.LEFT) == HandSize(), "nothing known is kept as nothing known"


BROKEN = ["left: 0.09", "- 1", "a: [", "[" * 5000, "a: &a [*a]"]
BROKEN += [f"{side}: {{size_m: {size}, relative_sigma: 0}}" for side, size in (("middle", 0.09), ("left", 9), ("left", ".inf"))]


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_file_changes_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "hand_size.yaml"
    path.write_text(text)
    sizes = HandSizes()
    sizes.set(0.08)
    with pytest.raises(HandSizeError, match=r"hand_size\.yaml"):
        sizes.load(path)
    with pytest.raises(HandSizeError, match="cannot be read"):
        sizes.load(tmp_path / "missing.yaml")
    assert sizes.of(Side.LEFT).size_m == 0.08


def test_a_file_that_is_none_of_ours_is_not_overwritten(tmp_path: Path) -> None:
    theirs, link = tmp_path / "theirs.yaml", tmp_path / "link.yaml"
    theirs.write_text("important: yes")
    link.symlink_to(theirs)
    for path in (theirs, link):
        with pytest.raises(HandSizeError, match="holds no hand sizes"):
            HandSizes().save(path)
    assert theirs.read_text() == "important: yes"
    theirs.write_text("")  # an empty file is nobody's
    HandSizes().save(link)
    assert link.is_symlink() and theirs.read_text().startswith("# Hand sizes")


def test_a_save_that_fails_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "hand_size.yaml"
    sizes = HandSizes()
    sizes.set(0.08)
    sizes.save(path)
    before = path.read_text()
    sizes.set(0.09)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, limits[1]))
        with pytest.raises(OSError, match="File too large"):
            sizes.save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_text() == before and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("size", [0.0, -0.09, 0.01, 0.5, np.nan, np.inf])
def test_impossible_sizes_are_refused(size: float) -> None:
    sizes = HandSizes()
    with pytest.raises(HandSizeError, match="hand size"):
        sizes.set(size)
    with pytest.raises(HandSizeError, match="hand size"):
        sizes.observe(Side.LEFT, size)
    with pytest.raises(HandSizeError):
        sizes.observe_depth(Side.LEFT, 0.09, 0.5, size * 100)
    assert sizes.of(Side.LEFT) == HandSize()
