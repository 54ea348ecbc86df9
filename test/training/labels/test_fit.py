"""Meshes fitted to keypoints: template hands whose pose is known, seen as the teacher would mark them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from support.crop_folder import SIDE, made_up_labels, write_crops

from handmesh_ros.evaluation.metrics import point_errors, similarity_align
from handmesh_training.labels.crops import RealCrops, load_real_crops
from handmesh_training.labels.evidence import gather
from handmesh_training.labels.fit import fit_crops, main, summary, write_fits
from handmesh_training.labels.fitter import MARK_OFFSETS_MM, Evidence, Fits, Fitter
from handmesh_training.labels.fused import Fused
from handmesh_training.labels.skeleton import HandPrior, Skeleton
from handmesh_training.template import HandTemplate
from handmesh_training.template.hand_template import bone_sum
from handmesh_training.template.poses import sample_poses
from handmesh_training.template.shapes import sample_shapes
from handmesh_training.trainer.data import read_real
from handmesh_training.trainer.pictures import SIDE as PICTURE_SIDE

COUNT = 24


@pytest.fixture(scope="module")
def template() -> HandTemplate:
    return HandTemplate.load()


@pytest.fixture(scope="module")
def fitter(template: HandTemplate) -> Fitter:
    torch.set_num_threads(1)
    return Fitter(template)


class Truth:
    """Hands, wrist-relative in crop axes at the reference size, and their marks in a picture of SIDE pixels."""

    def __init__(self, template: HandTemplate) -> None:
        rng = np.random.default_rng(5)
        rotations, scale = sample_poses(template.rig, template.poses, rng, COUNT), sample_shapes(template.rig, rng, COUNT)
        mesh, joints = template.pose(rotations, scale)
        view, _ = np.linalg.qr(rng.normal(size=(COUNT, 3, 3)))
        view *= np.linalg.det(view)[:, None, None]
        size = (template.reference_size_m / np.linalg.norm(joints[:, 9] - joints[:, 0], axis=1))[:, None, None]
        bones = template.rig.bone_transforms(rotations, scale)[:, template.rig.joint_bones, :3, :3]
        bones = bones / np.linalg.norm(bones, axis=-2, keepdims=True)
        marks = joints - joints[:, :1] + (bones @ (np.array(MARK_OFFSETS_MM)[..., None] / 1000))[..., 0] / size
        to_crop = view.transpose(0, 2, 1) * size
        self.joints, self.mesh = (joints - joints[:, :1]) @ to_crop, (mesh - joints[:, :1]) @ to_crop
        marks = marks @ to_crop
        # A camera 0.6 m away; the marks' box takes half of the picture.
        seen = marks[..., :2] / (0.6 + marks[..., 2:] - marks[..., 2:].mean(1, keepdims=True))
        low, high = seen.min(1, keepdims=True), seen.max(1, keepdims=True)
        self.keypoints = (seen - (low + high) / 2) / (high - low).max(2, keepdims=True) * SIDE / 2 + SIDE / 2
        self.marks = marks
        self.noise = rng.normal(0, (0.003, 0.003, 0.005), (COUNT, 21, 3))

    def fused(self, noise: float = 1.0) -> Fused:
        """What the fused teacher would say of pictures of which every other one is mirrored: marks, rough."""
        said = self.marks + noise * self.noise
        size = bone_sum(said)[:, None, None]
        joints = (said - said[:, :1]) / size
        joints[1::2, :, 0] *= -1
        return Fused(self.keypoints, joints, np.broadcast_to((0.003, 0.003, 0.005) / size, joints.shape))


@pytest.fixture(scope="module")
def truth(template: HandTemplate) -> Truth:
    return Truth(template)


@pytest.fixture(scope="module")
def crops(truth: Truth, tmp_path_factory: pytest.TempPathFactory) -> RealCrops:
    """The hands as labels; every other picture is mirrored and shows a left hand."""
    keypoints = truth.keypoints.copy()
    keypoints[1::2, :, 0] = SIDE - keypoints[1::2, :, 0]
    labels = made_up_labels(COUNT, keypoints)
    labels["uv_mirror"] = labels["uv"]
    labels["right"][1::2] = 0.1
    shared = tmp_path_factory.mktemp("shared")
    write_crops(shared / "mine", labels)
    return load_real_crops(shared, folders=["mine"])


@pytest.fixture(scope="module")
def fits(fitter: Fitter, crops: RealCrops, truth: Truth) -> Fits:
    return fit_crops(crops, fitter, truth.fused())


def test_the_skeleton_puts_joints_where_the_rig_does(template: HandTemplate) -> None:
    prior, rng = HandPrior.measure(template, count=500), torch.Generator().manual_seed(0)
    rotations = prior.local_rotations(torch.randn(50, 57, generator=rng))
    scale = prior.bone_scale(torch.randn(50, 20, generator=rng))
    joints, _ = Skeleton(template.rig).joints(rotations, scale)
    expected = template.rig.joint_positions(template.rig.bone_transforms(rotations.double().numpy(), scale.double().numpy()))
    np.testing.assert_allclose(joints.numpy(), expected, atol=2e-6)


def pa_errors(joints: np.ndarray, truth: Truth) -> np.ndarray:
    return np.asarray(1000 * point_errors(similarity_align(joints, truth.joints), truth.joints).mean(1))


def test_hands_are_found_again_left_ones_mirrored(fits: Fits, truth: Truth, crops: RealCrops) -> None:
    assert crops.is_left.sum() == COUNT // 2
    errors = pa_errors(fits.joints, truth)
    assert np.median(errors) < min(4.5, np.median(pa_errors(truth.marks + truth.noise, truth)))
    for side in (crops.is_left, ~crops.is_left):
        assert np.median(errors[side]) < 5
        assert 1000 * np.median(np.linalg.norm(fits.joints - truth.joints, axis=2)[side]) < 12
    assert np.median(fits.residuals) < 0.012
    assert fits.good.mean() > 0.8


def test_the_surer_the_evidence_the_nearer_the_fit(fitter: Fitter, fits: Fits, crops: RealCrops, truth: Truth) -> None:
    evidence = gather(crops, truth.fused(noise=0))
    sure = replace(evidence, keypoint_sigma=evidence.keypoint_sigma / 10, depth_sigma=evidence.depth_sigma / 10)
    found = fitter.fit(sure)
    assert np.median(found.residuals) < min(0.003, np.median(fits.residuals) / 2)
    errors, usual = (1000 * np.median(np.linalg.norm(fit.joints - truth.joints, axis=2)) for fit in (found, fits))
    assert errors < min(7.5, usual)


def test_keypoints_of_the_fit_are_those_of_its_joints(fits: Fits, template: HandTemplate) -> None:
    """The camera is the fit's own, but all that is seen lies on the joints but for perspective."""
    seen = fits.keypoints - fits.keypoints.mean(1, keepdims=True)
    flat = fits.joints[..., :2] - fits.joints[..., :2].mean(1, keepdims=True)
    scale = (seen * flat).sum((1, 2)) / np.square(flat).sum((1, 2))
    assert np.linalg.norm(seen - scale[:, None, None] * flat, axis=2).max() < 0.12
    lengths = np.linalg.norm(fits.joints[:, 9], axis=1)
    np.testing.assert_allclose(lengths, template.reference_size_m, rtol=1e-3)


def test_keypoints_of_another_hand_make_no_good_fit(fitter: Fitter, crops: RealCrops, truth: Truth) -> None:
    evidence = gather(crops, truth.fused())
    shuffled = np.random.default_rng(0).permuted(np.tile(np.arange(21), (COUNT, 1)), axis=1)
    wrong = replace(evidence, keypoints=np.take_along_axis(evidence.keypoints, shuffled[..., None], 1))
    assert isinstance(wrong, Evidence)
    assert not fitter.fit(wrong).good.any()


def test_the_training_reads_the_file_and_gets_the_mesh(
    fits: Fits, truth: Truth, crops: RealCrops, template: HandTemplate, tmp_path: Path
) -> None:
    write_fits(tmp_path / "new" / "fits.npz", crops, fits)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["fits.npz"]
    shared = crops.paths[0].parents[2]
    pictures = read_real(shared, ["mine"], tmp_path / "new" / "fits.npz", template)
    good = fits.good
    assert ((pictures.mesh_weights > 0) == good).all()
    assert np.isnan(pictures.vertices[~good]).all()
    errors = 1000 * np.linalg.norm(pictures.vertices[good] - truth.mesh[good], axis=2).mean(1)
    assert np.median(errors) < 10
    # Pictures of left hands are mirrored, and their keypoints with them: they fall onto those of the fit.
    with np.load(tmp_path / "new" / "fits.npz") as archive:
        fractions = (pictures.keypoints + 0.5) / PICTURE_SIDE
        apart = SIDE * np.linalg.norm(fractions - archive["keypoints"], axis=2) / crops.hand_size[:, None]
    assert np.median(apart[good]) < 0.05
    assert "someone" in summary(crops, fits)


def test_what_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--shared", str(tmp_path), "--out", str(tmp_path / "fits.npz")]) == 1
    assert "labels.npz: missing" in capsys.readouterr().err
    write_crops(tmp_path / "old", made_up_labels(2))
    assert main(["--shared", str(tmp_path), "--folders", "old", "--out", str(tmp_path / "fits.npz")]) == 1
    assert "2 crops of old lack the opinion of MediaPipe's 2020 network" in capsys.readouterr().err
    assert not (tmp_path / "fits.npz").exists()
