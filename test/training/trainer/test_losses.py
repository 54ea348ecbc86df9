"""The losses are zero for the truth, see what they are for, and ignore what a patch has no label for."""

import math
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from support.network_parts import made_up_levels

from handmesh_training.networks import MobReconOutput
from handmesh_training.trainer.batches import Labelled
from handmesh_training.trainer.config import Losses
from handmesh_training.trainer.losses import TrainingLoss

LEVELS = made_up_levels((10, 25, 60))
# Triangles of three different corners: a normal needs an area.
LEVELS = replace(LEVELS, faces=np.array([np.random.default_rng(k).choice(60, 3, replace=False) for k in range(100)]))
REGRESSOR = torch.from_numpy(LEVELS.joint_regressor)
MEAN_BONES = torch.ones(20)
LOSS = TrainingLoss(Losses(), torch.from_numpy(LEVELS.faces), REGRESSOR, MEAN_BONES, LEVELS.size_m)


def truth(seed: int = 0) -> tuple[MobReconOutput, Labelled]:
    """Four patches and the network's answer that is right in everything; 2 and 3 are a pair, 3 turned by a quarter."""
    generator = torch.Generator().manual_seed(seed)
    vertices = 0.05 * torch.randn(4, 60, 3, generator=generator)
    quarter = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
    vertices[3] = vertices[2]
    vertices[3, :, :2] = vertices[2, :, :2] @ quarter
    joints = REGRESSOR @ vertices
    keypoints = 0.5 + 2.0 * joints[..., :2]
    axes = torch.eye(2).repeat(4, 1, 1)
    axes[3] = quarter
    labels = Labelled(
        patches=torch.zeros(4, 3, 8, 8, dtype=torch.uint8), keypoints=keypoints, keypoint_weights=torch.ones(4), vertices=vertices,
        mesh_weights=torch.ones(4), joints=joints, joint_weights=torch.ones(4, 21, 2), presence=torch.ones(4), right=torch.ones(4),
        mirrored=torch.zeros(4, dtype=torch.bool), axes=axes, centers=torch.full((4, 2), 50.0), sizes=torch.full((4,), 100.0),
        pair=torch.tensor([-1, -1, 3, 2]),
    )  # fmt: skip
    guesses, points = (torch.stack((value, value), 1) for value in (keypoints, joints))
    return MobReconOutput(vertices, joints, keypoints, None, guesses, points, torch.full((4, 2), 20.0)), labels


def terms(output: MobReconOutput, labels: Labelled) -> dict[str, float]:
    return {name: float(value) for name, value in LOSS(output, labels)[1].items()}


def test_hands_and_empty_patches_count_the_same_however_many_there_are() -> None:
    output, labels = truth()
    unsure = output._replace(presence_side=torch.tensor([[2.0, 0.0]] * 4))
    labels = replace(labels, presence=torch.tensor([1.0, 1.0, 1.0, 0.0]))
    right, wrong = math.log(1 + math.exp(-2)), math.log(1 + math.exp(2))
    assert terms(unsure, labels)["presence"] == pytest.approx((right + wrong) / 2, abs=1e-5)


def test_a_false_hand_may_count_more_than_a_missed_one() -> None:
    output, labels = truth()
    labels = replace(labels, presence=torch.tensor([1.0, 1.0, 1.0, 0.0]))
    loss = TrainingLoss(Losses(false_hand=10.0), LOSS.faces, LOSS.joint_regressor, MEAN_BONES, LOSS.size_m)
    # A network that cannot tell a hand from none does best with a score of odds one to ten.
    scores = [torch.tensor(math.log(odds)) for odds in (1 / 20, 1 / 10, 1 / 5, 1.0)]
    costs = [float(loss(output._replace(presence_side=torch.stack((s, s)).expand(4, 2)), labels)[1]["presence"]) for s in scores]
    assert min(costs) == costs[1]


def test_the_truth_costs_nothing() -> None:
    total, each = LOSS(*truth())
    assert set(each) == {f.name for f in fields(Losses)} - {"heatmaps", "false_hand", "biomechanics"}
    assert float(total) == pytest.approx(0, abs=1e-5)


def test_a_shift_of_the_mesh_is_seen_by_positions_and_not_by_shapes() -> None:
    output, labels = truth()
    moved = output._replace(vertices=output.vertices + 0.01, joints=output.joints + 0.01)
    each = terms(moved, labels)
    assert each["vertices"] == pytest.approx(0.01 / LEVELS.size_m, rel=1e-4)
    assert each["joints"] == pytest.approx(0.01 / LEVELS.size_m, rel=1e-4)
    assert each["edges"] == pytest.approx(0, abs=1e-5)
    assert each["normals"] == pytest.approx(0, abs=1e-4)
    assert each["projection"] == pytest.approx(0, abs=1e-5)


def test_a_larger_mesh_is_seen_by_edges_and_not_by_the_projection() -> None:
    output, labels = truth()
    each = terms(output._replace(vertices=1.1 * output.vertices, joints=1.1 * output.joints), labels)
    assert each["edges"] > 0.01
    assert each["projection"] == pytest.approx(0, abs=1e-5)


def test_a_tilted_mesh_is_seen_by_the_projection() -> None:
    output, labels = truth()
    tilt = torch.tensor([[1.0, 0, 0], [0, 0.8, -0.6], [0, 0.6, 0.8]])
    assert terms(output._replace(joints=output.joints @ tilt), labels)["projection"] > 0.001


def test_a_wrong_first_guess_costs_though_refinement_mended_it() -> None:
    output, labels = truth()
    assert output.guesses is not None
    first_wrong = output.guesses + torch.tensor([0.02, 0.0])[:, None, None]
    each = terms(output._replace(guesses=first_wrong), labels)
    assert each["guesses"] == pytest.approx(0.01, rel=1e-4)  # the mean of two
    assert each["keypoints"] == pytest.approx(0, abs=1e-6)


def test_patches_without_a_label_do_not_count() -> None:
    output, labels = truth()
    wrong = output._replace(vertices=output.vertices + 0.1, joints=output.joints + 0.1, keypoints=output.keypoints + 0.1)
    nothing = replace(
        labels, mesh_weights=torch.zeros(4), joint_weights=torch.zeros(4, 21, 2), keypoint_weights=torch.zeros(4),
        right=torch.full((4,), torch.nan), pair=torch.full((4,), -1),
    )  # fmt: skip
    each = terms(wrong, nothing)
    assert {name for name, value in each.items() if value > 1e-5} == set()


def test_two_looks_must_agree_in_the_pictures_axes() -> None:
    output, labels = truth()
    same = output._replace(joints=output.joints[[0, 1, 2, 2]], keypoints=output.keypoints[[0, 1, 2, 2]])
    assert terms(same, labels)["consistency"] > 0.05  # not turned back although the crop was turned
    assert terms(output, labels)["consistency"] == pytest.approx(0, abs=1e-5)


def test_heatmaps_have_their_least_cost_at_the_keypoint() -> None:
    output, labels = truth()
    loss = TrainingLoss(Losses(heatmaps=1.0), torch.from_numpy(LEVELS.faces), REGRESSOR, MEAN_BONES, LEVELS.size_m)
    keypoints = torch.full((4, 21, 2), 5.5 / 16)
    labels = replace(labels, keypoints=keypoints)

    def cost(cell: int) -> float:
        maps = torch.full((4, 21, 16, 16), 1e-4)
        maps[..., cell, cell] = 1
        return float(loss(output._replace(heatmaps=maps / maps.sum((2, 3), keepdim=True)), labels)[1]["heatmaps"])

    assert cost(5) < min(cost(4), cost(6)) < cost(9)


def test_each_axis_of_a_joint_counts_as_far_as_its_label_is_trusted() -> None:
    output, labels = truth()
    depth = torch.tensor([0.0, 0.0, 0.01])
    off = output._replace(joints=output.joints + depth)
    labels = replace(labels, joint_weights=torch.tensor([1.0, 0.0]).expand(4, 21, 2))
    assert terms(off, labels)["joints"] == pytest.approx(0, abs=1e-6)
    labels = replace(labels, joint_weights=torch.tensor([0.0, 1.0]).expand(4, 21, 2))
    assert terms(off, labels)["joints"] == pytest.approx(0.01 / LEVELS.size_m, rel=1e-4)


def test_presence_and_side_may_be_held_to_what_another_network_says() -> None:
    output, labels = truth()
    labels = replace(labels, presence=torch.zeros(4))
    same = LOSS(output, labels, output.presence_side)[1]["presence"]
    other = LOSS(output, labels, -output.presence_side)[1]["presence"]
    assert float(same) == pytest.approx(0, abs=1e-5)
    assert float(other) > 10
