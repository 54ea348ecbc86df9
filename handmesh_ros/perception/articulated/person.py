"""A person's bones, learnt while the hand is followed."""

from __future__ import annotations

import numpy as np

from handmesh_ros.hand import FloatArray
from handmesh_ros.hand_proportions import PHALANX_LENGTHS, ROOT_PLACES
from handmesh_ros.perception.articulated.fit import PoseFit, person_evidence
from handmesh_ros.perception.articulated.kinematics import Bones
from handmesh_ros.perception.articulated.skeleton import CHAIN_COUNT, LENGTH_SIGMA, PERSON, ROOT_SIGMAS
from handmesh_ros.perception.evidence import HandEvidence

# A network's errors last and follow the pose: what it says within this time counts as one look. On recorded motions of rendered hands a
# tenth of it makes bones wander (2 % in four seconds) towards the network's own errors, and nothing is gained by learning faster.
LOOK_S = 10.0
LEAST_SIGMA = 0.02  # of a bone's length and of a root's place, share: where a network sees joints is never learnt better
FARTHEST_SIGMAS = 2.5  # from the mean hand


class Person:
    """Shares of ONE hand's bones with what is known of them: begins as the mean hand."""

    def __init__(self) -> None:
        sigmas = np.concatenate([ROOT_SIGMAS, np.full((CHAIN_COUNT, 3), LENGTH_SIGMA)], 1)
        self._prior_sigmas = sigmas
        self._information = np.zeros((CHAIN_COUNT, PERSON, PERSON))
        self._information[:, range(PERSON), range(PERSON)] = sigmas**-2
        self._offsets = np.zeros((CHAIN_COUNT, PERSON))
        self._shares = Bones(ROOT_PLACES, PHALANX_LENGTHS)

    @property
    def offsets(self) -> FloatArray:
        """(5, 6) from the mean hand: of roots, shares of the size; of lengths, logarithms."""
        return self._offsets

    @property
    def covariance(self) -> FloatArray:
        """(5, 6, 6) of the offsets."""
        covariance = np.linalg.inv(self._information)
        covariance[:, range(PERSON), range(PERSON)] += LEAST_SIGMA**2
        return covariance

    def bones(self, size_m: float) -> Bones:
        """Metres, for a hand of this size."""
        return Bones(size_m * self._shares.roots, size_m * self._shares.lengths)

    def learn(self, evidence: HandEvidence, fit: PoseFit, size_m: float, dt: float) -> None:
        """Take in what a fit with these bones says, ``dt`` seconds after the last one."""
        information, pull = person_evidence(evidence, fit, self.bones(size_m), size_m)
        weight = min(dt / LOOK_S, 1.0)
        self._information = self._information + weight * information
        step = np.linalg.solve(self._information, weight * pull[..., None])[..., 0]
        most = FARTHEST_SIGMAS * self._prior_sigmas
        self._offsets = np.clip(self._offsets + step, -most, most)
        self._shares = Bones(ROOT_PLACES + self._offsets[:, :3], PHALANX_LENGTHS * np.exp(self._offsets[:, 3:]))
