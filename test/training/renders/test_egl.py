"""The OpenGL back end draws what the torch back end draws."""

import importlib
from pathlib import Path

import numpy as np
import pytest
import torch
from support.paths import SHARED, needs_shared

from handmesh_training.renders.assets import Assets, linear_to_srgb
from handmesh_training.renders.batch import Studio, render_batch
from handmesh_training.renders.cache import read_cache, write_cache
from handmesh_training.renders.egl import Egl, EglError
from handmesh_training.renders.scene import Scene
from handmesh_training.renders.shading import Picture, draw
from handmesh_training.renders.surface import HandSurface

SIZE = 256  # edges, where the samples of the two lie at other places, are a small part


@pytest.fixture(scope="module")
def egl() -> Egl:
    try:
        return Egl()
    except EglError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def studio() -> Studio:
    torch.set_num_threads(1)
    return Studio.load(SHARED / "assets")


def two_pictures(studio: Studio, egl: Egl, seed: int, samples: int = 2) -> tuple[Picture, Picture, Scene]:
    pairs: list[tuple[Picture, Picture, Scene]] = []

    def both(scene: Scene, surface: HandSurface, assets: Assets, count: int) -> Picture:
        pairs.append((draw(scene, surface, assets, count), egl.draw(scene, surface, assets, count), scene))
        return pairs[0][0]

    render_batch(studio, np.random.default_rng(seed), 5, SIZE, occluder_share=0.8, samples=samples, backend=both)
    return pairs[0]


def overlap(first: torch.Tensor, second: torch.Tensor) -> float:
    return float(((first > 0.5) & (second > 0.5)).sum() / ((first > 0.5) | (second > 0.5)).sum())


@needs_shared
@pytest.mark.parametrize("samples", [1, 2])
def test_both_back_ends_draw_the_same_picture(studio: Studio, egl: Egl, samples: int) -> None:
    torch_picture, gl_picture, scene = two_pictures(studio, egl, 2, samples)
    assert scene.occluders is not None, "things and second hands are part of the comparison"
    assert overlap(torch_picture.hand, gl_picture.hand) > 0.98
    assert overlap(torch_picture.occluder, gl_picture.occluder) > 0.96  # thin things: all edge
    difference = (linear_to_srgb(torch_picture.radiance) - linear_to_srgb(gl_picture.radiance)).abs().mean(3) * 255
    assert float(difference.mean()) < 0.5
    on_hand = (torch_picture.hand > 0.99) & (gl_picture.hand > 0.99)
    assert float(difference[on_hand].mean()) < 1.5
    assert float(difference[on_hand].median()) < 0.5, "light, shadow, texture and relief agree, not only on average"


@needs_shared
def test_a_batch_of_another_size_and_one_hand_alone(studio: Studio, egl: Egl) -> None:
    first = render_batch(studio, np.random.default_rng(4), 3, 64, occluder_share=0.0, backend=egl.draw)
    again = render_batch(studio, np.random.default_rng(4), 3, 64, occluder_share=0.0, backend=egl.draw)
    alone = render_batch(studio, np.random.default_rng(4), 1, 96, occluder_share=0.0, backend=egl.draw)
    assert (first.images == again.images).all() and alone.images.shape == (1, 96, 96, 3)
    assert first.mask.max() == 255


@needs_shared
def test_too_many_samples_are_refused(studio: Studio, egl: Egl) -> None:
    with pytest.raises(EglError, match="at most"):
        render_batch(studio, np.random.default_rng(4), 1, 32, samples=9, backend=egl.draw)


@needs_shared
def test_the_cache_can_be_drawn_with_it(studio: Studio, egl: Egl, tmp_path: Path) -> None:
    for name, backend in (("egl", egl.draw), ("torch", draw)):
        write_cache(studio, tmp_path / name, 2, size=64, backend=backend, shard_size=2)
    first, second = (next(read_cache(tmp_path / name)) for name in ("egl", "torch"))
    assert np.array_equal(first.joints, second.joints), "the scene does not depend on who draws it"
    assert not np.array_equal(first.images, second.images)
    assert np.abs(first.images.astype(int) - second.images).mean() < 12


def test_a_machine_without_opengl_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, *_: object) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(EglError, match=r"moderngl.*libegl1 libgl1-mesa-dri"):
        Egl()
