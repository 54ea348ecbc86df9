"""Runs a mesh network on labelled pictures and collects its errors.

The network is judged alone: its crop comes from the labelled keypoints, as the tracker's comes from the last frame's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from handmesh_ros.evaluation import metrics
from handmesh_ros.evaluation.datasets import Sample
from handmesh_ros.hand import MIDDLE_MCP, WRIST, FloatArray, Side
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.crop import extract_patch
from handmesh_ros.perception.mesh_net import MeshNetwork

DEFAULT_HFOV_DEGREES = 60.0
PCK_3D_THRESHOLDS_M = np.linspace(0, 0.05, 51)
PCK_2D_THRESHOLDS = np.linspace(0, 0.3, 61)


@dataclass(eq=False)
class Errors:
    """Errors of every sample: distances in metres, 2D ones as fractions of the hand's extent."""

    keypoints: list[FloatArray] = field(default_factory=list)
    root_aligned: list[FloatArray] = field(default_factory=list)
    joints_aligned: list[FloatArray] = field(default_factory=list)
    joints_aligned_upright: list[FloatArray] = field(default_factory=list)
    vertices_root_aligned: list[FloatArray] = field(default_factory=list)
    vertices_aligned: list[FloatArray] = field(default_factory=list)
    f_5mm: list[float] = field(default_factory=list)
    f_15mm: list[float] = field(default_factory=list)
    samples: int = 0

    def summary(self) -> dict[str, float]:
        """Name -> mean over the data set; millimetres for distances. Only what could be measured is there."""
        rows: dict[str, float] = {"samples": self.samples}
        for name, values in (
            ("MPJPE mm", self.root_aligned),
            ("PA-MPJPE mm", self.joints_aligned),
            ("PA-MPJPE without rotation mm", self.joints_aligned_upright),
            ("MPVPE mm", self.vertices_root_aligned),
            ("PA-MPVPE mm", self.vertices_aligned),
        ):
            if values:
                rows[name] = 1e3 * float(np.mean(values))
        if self.f_5mm:
            rows["F@5 mm"], rows["F@15 mm"] = float(np.mean(self.f_5mm)), float(np.mean(self.f_15mm))
        if self.joints_aligned:
            curve = metrics.pck_curve(np.concatenate(self.joints_aligned), PCK_3D_THRESHOLDS_M)
            rows["AUC of 3D PCK 0..50 mm"] = metrics.area_under_curve(curve, PCK_3D_THRESHOLDS_M)
        if self.keypoints:
            errors = np.concatenate(self.keypoints)
            rows["2D PCK@0.1"] = float((errors <= 0.1).mean())
            rows["2D median error, share of hand size"] = float(np.median(errors))
        return rows


def evaluate(samples: Iterable[Sample], network: MeshNetwork) -> Errors:
    """Errors of a network on labelled samples.

    Sizes: MPJPE and MPVPE are taken after the wrists are laid on each other and the estimate is scaled to the true hand's size
    (wrist to middle mcp), since one picture does not show a size. PA errors are after similarity alignment; vertex errors need
    a template with the labels' own vertices.

    Raises:
        DatasetError: a picture cannot be read.
    """
    errors = Errors()
    for sample in samples:
        _add(errors, sample, network)
    return errors


def _add(errors: Errors, sample: Sample, network: MeshNetwork) -> None:
    picture = sample.read_picture()
    height, width = picture.shape[:2]
    camera = Camera.from_hfov(width, height, DEFAULT_HFOV_DEGREES) if sample.K is None else Camera(width=width, height=height, K=sample.K)
    region = network.region_around(sample.keypoints, mirror=sample.side is Side.LEFT)
    estimate = network.predict(extract_patch(picture, region, network.patch_size))
    errors.samples += 1
    keypoints = region.to_image(estimate.keypoints)
    errors.keypoints.append(metrics.relative_keypoint_errors(keypoints, sample.keypoints))
    if sample.joints is None:
        return
    axes = region.axes_in_camera(camera)
    joints = estimate.joints @ axes.T
    scale = _size(sample.joints) / max(_size(joints), 1e-9)
    true_joints = sample.joints - sample.joints[WRIST]
    errors.root_aligned.append(metrics.point_errors(scale * (joints - joints[WRIST]), true_joints))
    errors.joints_aligned.append(metrics.point_errors(metrics.similarity_align(joints, true_joints), true_joints))
    upright = metrics.similarity_align(joints, true_joints, rotation=False)
    errors.joints_aligned_upright.append(metrics.point_errors(upright, true_joints))
    if sample.vertices is None or len(sample.vertices) != len(estimate.vertices):
        return
    vertices = estimate.vertices @ axes.T
    true_vertices = sample.vertices - sample.joints[WRIST]
    errors.vertices_root_aligned.append(metrics.point_errors(scale * (vertices - joints[WRIST]), true_vertices))
    aligned = metrics.similarity_align(vertices, true_vertices)
    errors.vertices_aligned.append(metrics.point_errors(aligned, true_vertices))
    errors.f_5mm.append(metrics.f_score(aligned, true_vertices, 0.005))
    errors.f_15mm.append(metrics.f_score(aligned, true_vertices, 0.015))


def _size(joints: FloatArray) -> float:
    return float(np.linalg.norm(joints[MIDDLE_MCP] - joints[WRIST]))
