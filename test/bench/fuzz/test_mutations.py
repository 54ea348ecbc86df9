"""Damage comes from the seed alone, and is damage."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from handmesh_ros.bench.fuzz.mutations import damaged, damaged_text

CONTENT = b"image_width: 640\nimage_height: 480\ndata: [1.0, 0.5, -3]\n" * 5


@pytest.mark.parametrize("damage", [damaged, damaged_text])
def test_the_same_seed_does_the_same_damage(damage: Callable[[bytes, np.random.Generator], bytes]) -> None:
    made = [damage(CONTENT, np.random.default_rng(seed)) for seed in range(300)]
    assert made == [damage(CONTENT, np.random.default_rng(seed)) for seed in range(300)]
    assert len(set(made)) > 280 and sum(content == CONTENT for content in made) < 10
    assert any(len(content) < len(CONTENT) for content in made) and any(len(content) > len(CONTENT) for content in made)


@pytest.mark.parametrize("damage", [damaged, damaged_text])
@pytest.mark.parametrize("content", [b"", b"a", b":", b"\n\n"])
def test_there_is_something_to_be_done_to_nearly_nothing(damage: Callable[[bytes, np.random.Generator], bytes], content: bytes) -> None:
    for seed in range(100):
        assert isinstance(damage(content, np.random.default_rng(seed)), bytes)


def test_most_damaged_texts_still_have_lines() -> None:
    made = [damaged_text(CONTENT, np.random.default_rng(seed)) for seed in range(200)]
    assert np.mean([content.count(b"\n") > 5 for content in made]) > 0.8
