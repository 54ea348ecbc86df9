"""A person's bones are learnt from frames of a moving hand, and never leave what hands have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from support.skeleton_hands import SIZE_M, bones, joints_of, pose, seen

from handmesh_ros.hand_proportions import PHALANX_LENGTHS
from handmesh_ros.perception.articulated.fit import fitted
from handmesh_ros.perception.articulated.kinematics import pose_near
from handmesh_ros.perception.articulated.person import LOOK_S, Person


def test_bones_are_learnt_while_the_hand_moves() -> None:
    rng, person = np.random.default_rng(1), Person()
    true_bones = replace(bones(), lengths=bones().lengths * np.exp(rng.normal(0, 0.06, (5, 3))))
    before = np.abs(person.bones(SIZE_M).lengths / true_bones.lengths - 1).mean()
    for _ in range(60):
        turn, bend = rng.normal(0, 0.3, 3), rng.uniform(-0.2, 0.5)
        truth = pose(turn=turn, bend=bend)
        joints = joints_of(truth, true_bones)
        evidence = seen(joints, rng)
        fit = fitted(evidence, pose_near(evidence.joints + truth.wrist, truth.rotation), person.bones(SIZE_M))
        person.learn(evidence, fit, SIZE_M, 0.5 * LOOK_S)
    after = np.abs(person.bones(SIZE_M).lengths / true_bones.lengths - 1).mean()
    assert after < 0.65 * before and after < 0.035
    assert np.isfinite(person.covariance).all() and (np.linalg.eigvalsh(person.covariance) > 0).all()


def test_a_network_that_is_wrong_for_ever_cannot_make_a_hand_that_nobody_has() -> None:
    person = Person()
    truth = pose()
    evidence = seen(joints_of(truth, bones(stretch=0.5)))
    for _ in range(200):
        fit = fitted(evidence, pose_near(evidence.joints + truth.wrist, truth.rotation), person.bones(SIZE_M))
        person.learn(evidence, fit, SIZE_M, LOOK_S)
    assert (np.abs(np.log(person.bones(SIZE_M).lengths / (SIZE_M * PHALANX_LENGTHS))) < 0.13).all()
