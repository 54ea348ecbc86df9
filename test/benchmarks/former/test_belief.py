"""The two models: what is expected, how samples are judged, what is believed after them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.filters.former.belief import Belief, MotionParameters, judged, loosened, predicted, started, updated
from handmesh_ros.perception.vectors import Vector, direction

HOME: Vector = (0.1, 0.05, 0.6)
RAY = direction(HOME)
DT = 1 / 30
PARAMETERS = MotionParameters()


def after(positions: np.ndarray, parameters: MotionParameters = PARAMETERS) -> Belief:
    """The belief after these samples, none of them left out."""
    samples: list[Vector] = [(x, y, z) for x, y, z in positions.tolist()]
    belief = started(samples[0], parameters)
    for sample in samples[1:]:
        ray = direction(sample)
        expected = predicted(belief, ray, DT, parameters, surprised=False)
        belief = updated(expected, judged(expected, sample, ray, parameters), DT, parameters)
    return belief


def rest(seed: int, count: int, sigma: float = 1.0) -> np.ndarray:
    return np.array(HOME) + sigma * np.random.default_rng(seed).normal(size=(count, 3)) * (0.0025, 0.0025, 0.010)


def test_a_resting_hand_is_believed_still_and_a_reaching_one_moving() -> None:
    still = rest(0, 90)
    assert after(still).probability_still > 0.9
    reach = rest(0, 90)
    reach[60:, 0] += 0.5 * DT * np.arange(30)
    belief = after(reach)
    assert belief.probability_still < 0.01
    assert belief.velocity[0] == pytest.approx(0.5, abs=0.15)
    assert np.array(belief.mean_velocity) == pytest.approx(np.array(belief.velocity), rel=0.02)


def test_the_position_lies_between_both_models_as_their_probabilities_say() -> None:
    belief = started(HOME, PARAMETERS)._replace(probability_still=0.25, moving=(0.2, 0.05, 0.6))
    assert belief.position == pytest.approx((0.175, 0.05, 0.6))
    between = 0.25 * 0.75 * 0.1**2  # variance of the doubt between two places 0.1 m apart
    across, along = belief.position_variances((0.0, 0.0, 1.0))
    assert across == pytest.approx(PARAMETERS.noise_m**2 + between / 2.0)
    assert along == pytest.approx(PARAMETERS.depth_noise_m**2)


def test_waiting_makes_less_sure_and_a_sample_surer() -> None:
    belief = after(rest(1, 30))
    soon, later = (predicted(belief, RAY, dt, PARAMETERS, surprised=False) for dt in (0.01, 0.2))
    assert belief.position_variances(RAY) < soon.position_variances(RAY) < later.position_variances(RAY)
    judgement = judged(later, HOME, RAY, PARAMETERS)
    assert updated(later, judgement, 0.2, PARAMETERS).position_variances(RAY) < later.position_variances(RAY)


def test_a_far_sample_is_an_outlier_until_a_movement_may_have_begun() -> None:
    belief = after(rest(2, 60))
    far = (HOME[0] + 0.05, HOME[1], HOME[2])
    expected = predicted(belief, RAY, DT, PARAMETERS, surprised=False)
    assert judged(expected, far, RAY, PARAMETERS).is_outlier
    assert not judged(expected, HOME, RAY, PARAMETERS).is_outlier
    surprised = predicted(loosened(expected, DT, PARAMETERS), RAY, DT, PARAMETERS, surprised=True)
    assert not judged(surprised, far, RAY, PARAMETERS).is_outlier


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_the_noise_is_learned_within_its_range(seed: int) -> None:
    least, most = 1.0 / PARAMETERS.noise_range**2, PARAMETERS.noise_range**2
    calm, wild = after(rest(seed, 300, 0.01)), after(rest(seed, 300, 2.0))
    assert least == pytest.approx(calm.noise_scale)
    assert 1.0 < wild.noise_scale <= most
