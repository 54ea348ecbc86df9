"""Records what a network says of rendered hands in motion, crop by crop as the runtime cuts them: real errors, correlated as they are.

python -m benchmarks.motion.record --assets ../shared/assets --model mobrecon --out runs/motion/mobrecon.npz
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from benchmarks.motion.measure import MOTION_HEIGHT, MOTION_WIDTH, motion_camera
from benchmarks.motion.sequences import KINDS, HandMotion, hand_motion
from handmesh_ros.hand import WRIST, FloatArray
from handmesh_ros.perception.crop import CropRegion, extract_patch
from handmesh_ros.perception.crop_rules import steadied
from handmesh_ros.perception.mesh_net import MeshNetwork
from handmesh_ros.progress import progress_over
from handmesh_ros.provision import model_path
from handmesh_training.renders.assets import Assets, load_assets
from handmesh_training.renders.sampling import sample_backgrounds, sample_light, sample_skin
from handmesh_training.renders.scene import Light, Scene, Skin
from handmesh_training.renders.sensor import Sensor, expose
from handmesh_training.renders.shading import draw
from handmesh_training.renders.surface import HandSurface
from handmesh_training.renders.views import crop_projection
from handmesh_training.template.identities import load_identities
from handmesh_training.template.rig import Rig, load_poses, load_rig

EACH = 2  # motions of each kind
AT_ONCE = 4  # pictures drawn together


def motions(assets: Path, each: int = EACH, seed: int = 0) -> tuple[Rig, list[HandMotion]]:
    """``each`` motions of every kind, every one of another person."""
    rig = load_rig(assets)
    poses = load_poses(assets, rig)
    people = load_identities(assets, rig).sample(rig, np.random.default_rng(seed), each * len(KINDS))
    kinds = KINDS * each
    return rig, [hand_motion(kind, rig, poses, person, seed + n) for n, (kind, person) in enumerate(zip(kinds, people, strict=True))]


def record_motions(assets_dir: Path, network: MeshNetwork, rig: Rig, moving: Sequence[HandMotion], seed: int = 0) -> dict[str, FloatArray]:
    """Arrays of all motions (M) in all frames (F).

    Returns: ``stamps`` (F,); ``truth`` (M, F, 21, 3) camera frame, metres; ``joints`` (M, F, 21, 3) relative to the wrist as the network
    has them, camera axes, at its reference size; ``keypoints`` (M, F, 21, 2) px; ``extent_px`` (M, F), the hand's size in the picture;
    ``score`` (M, F).
    """
    assets = load_assets(assets_dir, part="validation")
    stage = _Stage(rig, moving, assets, seed)
    lens, size = motion_camera(), network.patch_size
    frames = len(moving[0].stamps)
    shape = (len(moving), frames)
    result = {
        "stamps": moving[0].stamps,
        "truth": np.array([motion.joints for motion in moving]),
        "joints": np.zeros((*shape, 21, 3)),
        "keypoints": np.zeros((*shape, 21, 2)),
        "extent_px": np.zeros(shape),
        "score": np.zeros(shape),
    }
    regions = [network.region_around(lens.project(motion.joints[0])) for motion in moving]
    for frame in progress_over(range(frames), "motions", f"x {len(moving)} frames"):
        patches = stage.pictures(frame, regions, size)
        for m, patch in enumerate(patches):
            region = regions[m]
            estimate = network.predict(np.ascontiguousarray(patch.transpose(2, 0, 1)[None]).astype(np.float32) / 255)
            keypoints = region.to_image(estimate.keypoints)
            result["joints"][m, frame] = estimate.joints @ region.axes_in_camera(lens).T
            result["keypoints"][m, frame] = keypoints
            result["extent_px"][m, frame] = estimate.extent * region.size
            result["score"][m, frame] = estimate.score
            if np.abs(keypoints.mean(0) - lens.project(moving[m].joints[frame]).mean(0)).max() > 0.5 * region.size:
                keypoints = lens.project(moving[m].joints[frame])  # lost: the detector would find it again
            regions[m] = steadied(network.region_around(keypoints, previous=region), region)
    return result


def write_recording(path: Path, arrays: dict[str, FloatArray], network: MeshNetwork) -> None:
    """What ``record_motions`` gave, with what the network knows of its own noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    numbers = {
        "keypoint_sigma": network.keypoint_sigma,
        "joint_sigma_m": network.joint_sigma_m,
        "reference_size_m": network.reference_size_m,
    }
    np.savez_compressed(path, **{k: v.astype(np.float32) for k, v in arrays.items()}, **numbers)  # type: ignore[arg-type]


class _Stage:
    """Draws the crops of all motions: one person, light, background and camera each."""

    def __init__(self, rig: Rig, moving: Sequence[HandMotion], assets: Assets, seed: int) -> None:
        rng = np.random.default_rng(seed)
        count = len(moving)
        self.surface, self.assets, self.moving = HandSurface.from_rig(rig), assets, moving
        self.light, self.skin = sample_light(rng, assets, count), sample_skin(rng, assets, count)
        backgrounds, self.gain = sample_backgrounds(rng, assets, count, MOTION_HEIGHT)
        border = ((0, 0), (0, MOTION_WIDTH - MOTION_HEIGHT), (0, 0))
        self.rooms = [np.ascontiguousarray(np.pad(b, border, "reflect")) for b in backgrounds.numpy()]
        scales = [np.broadcast_to(m.bone_scale, (len(m.stamps), *m.bone_scale.shape)) for m in moving]
        transforms = [rig.bone_transforms(m.local_rotations, scale) for m, scale in zip(moving, scales, strict=True)]
        self.matrices = [torch.from_numpy(rig.skin_matrices(t)).float() for t in transforms]
        self.mesh_wrists = [torch.from_numpy(rig.joint_positions(t)[:, WRIST]).float() for t in transforms]
        self.noise = torch.Generator().manual_seed(seed)

    def pictures(self, frame: int, regions: Sequence[CropRegion], size: int) -> FloatArray:
        """(M, S, S, 3) uint8, what each region shows."""
        parts = []
        for start in range(0, len(regions), AT_ONCE):
            rows = list(range(start, min(start + AT_ONCE, len(regions))))
            local = self.surface.pose(torch.stack([self.matrices[m][frame] for m in rows]))
            local = local - torch.stack([self.mesh_wrists[m][frame] for m in rows])[:, None]
            rotation = torch.from_numpy(np.stack([self.moving[m].rotation[frame] for m in rows])).float()
            wrist = torch.from_numpy(np.stack([self.moving[m].wrist[frame] for m in rows])).float()
            rooms = [extract_patch(self.rooms[m], regions[m], size)[0].transpose(1, 2, 0) * 255 for m in rows]
            scene = Scene(
                vertices=torch.bmm(local, rotation.transpose(1, 2)) + wrist[:, None],
                joints=torch.from_numpy(np.stack([self.moving[m].joints[frame] for m in rows])).float(),
                projection=torch.from_numpy(np.stack([crop_projection(motion_camera(), regions[m], size) for m in rows])).float(),
                light=_rows(self.light, rows),
                skin=_rows(self.skin, rows),
                background=torch.from_numpy(np.stack(rooms).astype(np.uint8)),
                background_gain=self.gain[rows],
            )
            parts.append(expose(draw(scene, self.surface, self.assets, 1).radiance, _sensor(len(rows)), self.noise).numpy())
        return np.concatenate(parts)


Rows = TypeVar("Rows", Light, Skin)


def _rows(group: Rows, rows: list[int]) -> Rows:
    return type(group)(*(value[rows] for value in vars(group).values()))


def _sensor(count: int) -> Sensor:
    return Sensor(
        gain=torch.ones(count, 3),
        blur_px=torch.full((count,), 0.7),
        motion_px=torch.zeros(count, 2),
        shot_noise=torch.full((count,), 0.02),
        read_noise=torch.full((count,), 0.004),
        jpeg_quality=torch.full((count,), 80.0),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of this module."""
    parser = argparse.ArgumentParser(description="Record a network on rendered hands in motion.")
    parser.add_argument("--assets", type=Path, default=Path("../shared/assets"))
    parser.add_argument("--model", required=True, help="name of a model, or an .onnx file")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--each", type=int, default=EACH, help="motions of each kind")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    network = MeshNetwork(model_path(chosen.model))
    rig, moving = motions(chosen.assets, chosen.each, chosen.seed)
    write_recording(chosen.out, record_motions(chosen.assets, network, rig, moving, chosen.seed), network)


if __name__ == "__main__":
    main()
