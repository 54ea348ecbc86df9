"""Random numbers for a batch of patches, on the device that makes them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class Dice:
    """Throws for B patches, one or several each.

    Args:
        generator: of the device; count: B.
        leaders, followers: (F,) int64 on the device, which patches get the throws of which others: those of the second of two video
            frames, whose light, surroundings and things in the way are the first one's. None: each has its own.
    """

    def __init__(self, generator: torch.Generator, count: int, leaders: Tensor | None = None, followers: Tensor | None = None) -> None:
        nobody = torch.zeros(0, dtype=torch.int64, device=generator.device)
        self.generator, self.count = generator, count
        self.leaders, self.followers = (nobody if who is None else who for who in (leaders, followers))

    @property
    def device(self) -> torch.device:
        return self.generator.device

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """(B, *shape) between low and high."""
        return low + (high - low) * self._follow(torch.rand(self.count, *shape, generator=self.generator, device=self.device))

    def normal(self, spread: float, *shape: int) -> Tensor:
        """(B, *shape) with mean 0 and a standard deviation."""
        return spread * self._follow(torch.randn(self.count, *shape, generator=self.generator, device=self.device))

    def chance(self, share: float) -> Tensor:
        """(B,) bool, true for about so many."""
        return self.uniform(0, 1) < share

    def integers(self, below: int) -> Tensor:
        """(B,) int64 from 0 to below - 1."""
        return self._follow(torch.randint(below, (self.count,), generator=self.generator, device=self.device))

    def some(self, share: float) -> Tensor:
        """Numbers of about so many of the patches, leaders with their followers. How many is known beforehand: a GPU need not be waited
        for."""
        thrown = torch.rand(self.count, generator=self.generator, device=self.device)
        pairs = len(self.leaders)
        chosen = thrown[self.leaders].argsort(stable=True)[: round(share * pairs)]
        thrown.index_fill_(0, torch.cat((self.leaders, self.followers)), 2.0)  # the last in order
        alone = thrown.argsort(stable=True)[: round(share * (self.count - 2 * pairs))]
        return torch.cat((alone, self.leaders[chosen], self.followers[chosen]))

    def _follow(self, thrown: Tensor) -> Tensor:
        return thrown.index_copy(0, self.followers, thrown[self.leaders])


def seeded(seed: int, step: int, device: torch.device) -> torch.Generator:
    """The generator of a step: equal for equal seeds and steps."""
    mixed = np.random.SeedSequence([seed, step]).generate_state(1)  # 32 bits: a CPU's generator takes no more
    return torch.Generator(device).manual_seed(int(mixed[0]))
