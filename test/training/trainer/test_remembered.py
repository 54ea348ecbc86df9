"""A frozen encoder in ONNX Runtime sees what torch's does, and batches come again in another order."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from handmesh_training.networks.landmarkstack import LandmarkEncoder
from handmesh_training.networks.stack import Pyramid
from handmesh_training.trainer import remembered
from handmesh_training.trainer.batches import Labelled
from handmesh_training.trainer.remembered import FrozenEncoder, RememberedBatches

SIZE = 64


class Numbers:
    """Batches whose patches and presence are their number; it counts how often each was made."""

    seed = 3

    def __init__(self) -> None:
        self.made: list[int] = []

    def of_step(self, step: int) -> Labelled:
        self.made.append(step)
        empty = torch.zeros(2)
        values = dict.fromkeys(Labelled.__dataclass_fields__, empty)
        return replace(Labelled(**values), patches=torch.full((2, 3, SIZE, SIZE), step / 100), presence=torch.full((2,), float(step)))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def encoder() -> LandmarkEncoder:
    torch.manual_seed(0)
    return LandmarkEncoder().eval()


def test_it_sees_what_torch_sees(encoder: LandmarkEncoder) -> None:
    patches = torch.rand(3, 3, SIZE, SIZE)
    with torch.no_grad():
        expected = encoder.down(2 * patches - 1)
        fine = encoder(2 * patches - 1)
        seen = FrozenEncoder(encoder, SIZE, threads=2)(patches)
        again = encoder(seen)
    for ours, theirs in zip(seen, expected, strict=True):
        torch.testing.assert_close(ours.float(), theirs, atol=2e-3, rtol=2e-3)  # half precision keeps eleven bits
    torch.testing.assert_close(again.latent, fine.latent, atol=1e-2, rtol=1e-2)
    torch.testing.assert_close(again.pooled, fine.pooled, atol=2e-3, rtol=2e-3)


def test_every_batch_is_made_once_and_shown_as_often_as_asked(encoder: LandmarkEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "REMEMBERED_BATCHES", 4)
    frozen = FrozenEncoder(encoder, SIZE, threads=1)

    def shown(steps: range) -> tuple[list[int], list[int]]:
        numbers = Numbers()
        batches = RememberedBatches(numbers, frozen, looks=3)  # type: ignore[arg-type]
        labels = [batches.of_step(step) for step in steps]
        assert all(isinstance(one.patches, Pyramid) and isinstance(one.patches.top, Tensor) for one in labels)
        return [int(one.presence[0]) for one in labels], numbers.made

    order, made = shown(range(24))
    assert sorted(made) == list(range(8))
    for start, numbers in ((0, range(4)), (12, range(4, 8))):
        looks = [order[start + 4 * look : start + 4 * look + 4] for look in range(3)]
        assert all(sorted(look) == list(numbers) for look in looks)
        assert len({tuple(look) for look in looks}) > 1
    # A run that goes on in the middle shows the same.
    assert shown(range(7, 24))[0] == order[7:]
