"""How far off the mesh networks are, as one sigma: what goes into a model's metadata ``keypoint_sigma`` and ``joint_sigma_m``.

Keypoints in the picture against labels of real crops (people's hands, but a label is the landmark network's opinion, so it tells
nothing of ``lifted``, whose keypoints are that network's) and against the demo clip's truth; joints in space against the demo clip's
truth, wrists laid on each other as the network gives them (root-aligned, nothing turned or scaled, at the network's reference size).
Sigmas are for each axis and robust: the median of the absolute errors over 0.6745. Placement reweighs what lies farther out.

``python -m benchmarks noise``
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from handmesh_ros.evaluation.datasets import Sample
from handmesh_ros.evaluation.metrics import hand_extent, robust_sigma
from handmesh_ros.files import clip_file, package_file
from handmesh_ros.hand import MIDDLE_MCP, WRIST, FloatArray, Side
from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.crop import extract_patch
from handmesh_ros.perception.mesh_net import MeshNetwork
from handmesh_ros.provision import list_models
from handmesh_ros.provision.store import ModelState
from handmesh_ros.sources import open_source

# Sources of real crops, as (folder, source or None for all): the one that the first stage of training left out and later ones did not
# (docs/training.md), and the people of another folder, whom no network here was ever shown.
REAL_SETS = (("real_hands", "subhi"), ("real_hands_wide", None))
MOST_CROPS = 1200  # of a source, evenly spread


def keypoint_errors(network: MeshNetwork, samples: Iterable[Sample]) -> FloatArray:
    """(N, 21, 2) along the upright crop's axes, fractions of the hand's size in the picture (longer side of its keypoints' box there)."""
    errors = []
    for sample in samples:
        region = network.region_around(sample.keypoints, sample.side is Side.LEFT)
        found = network.predict(extract_patch(sample.read_picture(), region, network.patch_size)).keypoints
        truth = region.to_patch(sample.keypoints)
        errors.append((found - truth) / hand_extent(truth))
    return np.array(errors)


def joint_errors(network: MeshNetwork, samples: Iterable[Sample]) -> FloatArray:
    """(N, 20, 3) of all joints but the wrist, metres at the network's reference size, camera axes; samples with joints and K only."""
    errors = []
    for sample in samples:
        assert sample.joints is not None and sample.K is not None
        picture = sample.read_picture()
        region = network.region_around(sample.keypoints, sample.side is Side.LEFT)
        found = network.predict(extract_patch(picture, region, network.patch_size)).joints
        camera = Camera(picture.shape[1], picture.shape[0], sample.K)
        truth = sample.joints - sample.joints[WRIST]
        truth *= network.reference_size_m / np.linalg.norm(truth[MIDDLE_MCP])
        errors.append((found @ region.axes_in_camera(camera).T - truth)[1:])
    return np.array(errors)


def clip_samples() -> Iterator[Sample]:
    """Frames of the demo clip that show the hand, with their truth."""
    camera = Camera.from_yaml(clip_file("demo_camera.yaml"))
    with np.load(clip_file("demo_truth.npz")) as truth:
        joints, visible, side = truth["joints"].astype(float), truth["visible"], Side(str(truth["side"]))
    path = clip_file("demo.mp4")
    for frame in open_source(str(path)):
        if visible[frame.number]:
            yield Sample(path, camera.K, camera.project(joints[frame.number]), joints[frame.number], None, side, frame.rgb)


def real_samples(shared: Path, folder: str, source: str | None) -> Iterator[Sample]:
    """Labelled crops of real hands."""
    from handmesh_training.labels.crops import load_real_crops

    crops = load_real_crops(shared, sources=None if source is None else [source], folders=[folder])
    for row in range(0, len(crops), -(-len(crops) // MOST_CROPS)):
        side = Side.LEFT if crops.is_left[row] else Side.RIGHT
        # The labels' corner is (0, 0), an image's first pixel centre.
        yield Sample(crops.paths[row], None, crops.keypoints[row] - 0.5, None, None, side, crops.read_picture(row))


def measure_noise() -> None:
    """Print the sigmas of every mesh model whose file is there."""
    columns = {"demo clip": list(clip_samples())}
    for folder, source in REAL_SETS:
        labels = package_file(f"shared/{folder}/labels.npz")
        if labels is None:
            print(f"left out: shared/{folder} is not there")
            continue
        columns[source or folder] = list(real_samples(labels.parents[1], folder, source))
    print("keypoints, share of the hand in the picture, and joints, mm; one sigma an axis; in brackets, how many pictures")
    for status in list_models():
        if status.model.kind != "mesh":
            continue
        if status.state is not ModelState.OK:
            print(f"  {status.model.name} left out: {status.explain()}")
            continue
        network = MeshNetwork(status.path)
        for name, samples in columns.items():
            print(f"  {network.name:<16}keypoints {name:<20}{robust_sigma(keypoint_errors(network, samples)):8.4f}  ({len(samples)})")
        print(
            f"  {network.name:<16}joints    {'demo clip':<20}{1e3 * robust_sigma(joint_errors(network, columns['demo clip'])):8.1f}",
            flush=True,
        )
