"""Batches: what is in them, and that a step's batch is the same every time."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch
from support.dot_pictures import dot_pictures

from handmesh_training.trainer.batches import Batches, Labelled, balanced_odds
from handmesh_training.trainer.config import Batch
from handmesh_training.trainer.gallery import Gallery

SIZE = 128
CPU = torch.device("cpu")


def batches(batch: Batch, odds: tuple[float, ...] = (0.5, 0.5), grey: bool = False) -> Batches:
    gallery = Gallery.hang([dot_pictures(3), dot_pictures(len(odds), 5)], CPU)
    shape = (2, 100, 120, 3)
    background = torch.full(shape, 128) if grey else torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(1))
    return Batches(gallery, np.array(odds), background.to(torch.uint8), batch, SIZE, 1.5, seed=4)


def test_a_step_gives_the_same_batch_every_time_and_another_step_another() -> None:
    made = batches(Batch(renders=3, real=2, empty=1))
    first, again, other = made.of_step(7), made.of_step(7), made.of_step(8)
    assert first.patches.shape == (8, 3, SIZE, SIZE)
    for field in fields(Labelled):
        torch.testing.assert_close(getattr(first, field.name), getattr(again, field.name), equal_nan=True)
        assert len(getattr(first, field.name)) == 8
    assert not torch.equal(first.patches, other.patches)
    assert first.pair.tolist() == [-1, -1, -1, 5, 6, 3, 4, -1]
    assert first.presence.tolist() == [1] * 7 + [0]
    assert torch.isnan(first.right).tolist() == [False] * 7 + [True]
    # A mirrored patch shows a left hand, whose mesh is not asked for.
    assert ((first.mesh_weights > 0) == ~first.mirrored).all()
    assert first.patches.min() >= 0 and first.patches.max() <= 1


def test_the_looks_of_a_pair_show_one_picture_from_one_side_a_little_moved() -> None:
    made = batches(Batch(renders=0, real=40, empty=0))
    labels = made.of_step(0)
    first, second = slice(0, 40), slice(40, 80)
    assert (labels.mirrored[first] == labels.mirrored[second]).all()
    assert 0 < labels.mirrored.float().mean() < 0.4
    pixels = (labels.keypoints - 0.5) @ labels.axes.transpose(1, 2) * labels.sizes[:, None, None] + labels.centers[:, None]
    torch.testing.assert_close(pixels[first], pixels[second], atol=1e-3, rtol=0)
    moved = (labels.centers[first] - labels.centers[second]).norm(dim=1) / labels.sizes[first]
    frames = made.frames - 40
    assert len(frames) == 34
    assert 0 < moved[frames].max() < 0.06
    others = np.setdiff1d(np.arange(40), frames.numpy())
    assert moved[others].mean() > moved[frames].mean()


def test_patches_without_a_hand_come_from_everywhere() -> None:
    made = batches(Batch(renders=0, real=0, empty=8), grey=True)
    rows = [made.of_step(step) for step in range(5)]
    assert all((row.presence == 0).all() for row in rows)
    plain = torch.cat([row.patches.flatten(1).std(1) < 0.12 for row in rows])
    assert 0.2 < plain.float().mean() < 0.7


def test_pictures_without_a_chance_are_never_shown() -> None:
    made = batches(Batch(renders=0, real=30, empty=0), odds=(0.5, 0.0, 0.5, 0.0))
    labels = made.of_step(0)
    pixels = (labels.keypoints - 0.5) @ labels.axes.transpose(1, 2) * labels.sizes[:, None, None] + labels.centers[:, None]
    shown = {int((made.gallery.keypoints[3:] - one).abs().sum((1, 2)).argmin()) for one in pixels}
    assert shown == {0, 2}


def test_a_source_counts_by_the_root_of_its_size() -> None:
    sources = np.array(["a"] * 100 + ["b"] * 4 + ["c"])
    odds = balanced_odds(sources, leave_out=["c"])
    assert odds.sum() == pytest.approx(1)
    assert odds[:100].sum() / odds[100:104].sum() == pytest.approx(5)
    assert odds[-1] == 0
