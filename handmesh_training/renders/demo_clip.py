"""Draws the demo's clips. "demo": the CC0 hand opens, holds still, pinches, points, turns, leaves the picture and comes back. "grasp": it
reaches, closes, lifts, carries, sets down and opens, for a robot to follow.

    python -m handmesh_training.renders.demo_clip --assets ../shared/assets --out config/demo --clip demo

Written: ``demo.mp4``; ``demo_truth.npz`` with ``joints`` (F, 21, 3) float32 in metres in the camera frame, ``visible`` (F,) bool (every
joint lies in the picture), ``absent`` (F,) bool (nothing of the hand does), ``stamp_s`` (F,), ``size_m`` (wrist to middle mcp, median over
the frames), ``side``; and ``demo_camera.yaml``, the camera as camera_calibration would write it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import yaml

from handmesh_ros.hand import MIDDLE_MCP, WRIST, FloatArray, Side
from handmesh_ros.perception.camera import Camera
from handmesh_ros.progress import progress_over
from handmesh_training.renders.assets import AssetError, Assets, load_assets
from handmesh_training.renders.scene import Light, Scene, Skin
from handmesh_training.renders.sensor import Sensor, expose
from handmesh_training.renders.shading import draw
from handmesh_training.renders.surface import HandSurface
from handmesh_training.renders.views import hand_rotation
from handmesh_training.template.minimum_jerk import minimum_jerk
from handmesh_training.template.rig import Rig, load_poses, load_rig
from handmesh_training.template.rotation_batches import axis_rotation, slerp
from handmesh_training.template.shapes import mean_shape

WIDTH, HEIGHT, FOCAL_PX = 640, 480, 600.0
RATE_HZ = 30
ROOM = "env_lab_0.jpg"  # CC0, like everything else in the picture
LIGHT = "lab"
SAMPLES = 2
FRAMES_AT_ONCE = 4
SHIFT_TO_PIXEL_CENTRES = 0.5  # cameras put (0, 0) at the centre of the first pixel, the renderer at its corner


@dataclass(frozen=True)
class Key:
    """Where the hand comes to rest: a named pose, the wrist's place in the camera frame (metres), and the view (degrees)."""

    time_s: float
    pose: str
    wrist: tuple[float, float, float]
    azimuth: float = 180.0
    elevation: float = 0.0
    roll: float = 0.0


# Between two keys everything moves with least jerk and stops at the second. Azimuth 180 shows the palm, 0 the back.
KEYS = (
    Key(0.0, "Grip 1", (0.03, 0.10, 0.55), 170, 5, 8),
    Key(0.3, "Grip 1", (0.03, 0.10, 0.55), 170, 5, 8),
    Key(1.1, "Sign 5", (0.00, 0.10, 0.52), 180, 5, 5),
    Key(2.2, "Sign 5", (0.00, 0.10, 0.52), 180, 5, 5),
    Key(2.8, "OK", (-0.02, 0.09, 0.50), 185, 8, 0),
    Key(3.0, "OK", (-0.02, 0.09, 0.50), 185, 8, 0),
    Key(3.4, "Sign 5", (-0.05, 0.09, 0.47), 185, 8, -4),
    Key(3.8, "OK", (-0.06, 0.08, 0.45), 180, 8, -8),
    Key(4.0, "OK", (-0.06, 0.08, 0.45), 180, 8, -8),
    Key(4.6, "Sign_Point", (-0.07, 0.08, 0.52), 165, 10, -12),
    Key(5.2, "Sign_Point", (0.06, 0.06, 0.58), 165, 10, 12),
    Key(5.8, "Sign 5", (0.00, 0.10, 0.60), 180, 5, 0),
    # Half-way round, a flat hand seen on edge is a line: rounded, it can still be read.
    Key(6.3, "Rounded", (-0.01, 0.10, 0.58), 105, 12, 0),
    Key(6.6, "Rounded", (-0.02, 0.10, 0.56), 45, 10, 0),
    Key(6.9, "Sign 5", (-0.02, 0.10, 0.56), 20, 5, 0),
    Key(7.1, "Sign 5", (-0.02, 0.10, 0.56), 20, 5, 0),
    Key(7.85, "Straight", (0.47, 0.12, 0.55), 20, 5, 8),
    Key(8.3, "Straight", (0.47, 0.12, 0.55), 10, 5, 8),
    Key(9.05, "Sign 5", (0.02, 0.10, 0.50), 10, 5, 4),
    Key(9.6, "Sign 4", (0.00, 0.10, 0.50), 5, 5, 0),
)
PALM_SEEN = (175.0, 5.0, 5.0)
GRASP_KEYS = (
    Key(0.0, "Sign 5", (0.07, 0.04, 0.55), *PALM_SEEN),
    Key(1.4, "Sign 5", (0.07, 0.04, 0.55), *PALM_SEEN),
    Key(2.2, "Sign 5", (0.07, 0.12, 0.55), *PALM_SEEN),
    Key(2.4, "Sign 5", (0.07, 0.12, 0.55), *PALM_SEEN),
    Key(2.9, "Grip", (0.07, 0.12, 0.55), *PALM_SEEN),
    Key(3.2, "Grip", (0.07, 0.12, 0.55), *PALM_SEEN),
    Key(3.9, "Grip", (0.07, 0.05, 0.55), *PALM_SEEN),
    Key(4.8, "Grip", (-0.05, 0.05, 0.55), *PALM_SEEN),
    # A little higher than it was grasped, so that the cube is not pressed into the table.
    Key(5.5, "Grip", (-0.05, 0.119, 0.55), *PALM_SEEN),
    Key(5.8, "Grip", (-0.05, 0.119, 0.55), *PALM_SEEN),
    Key(6.3, "Sign 5", (-0.05, 0.119, 0.55), *PALM_SEEN),
    Key(6.5, "Sign 5", (-0.05, 0.119, 0.55), *PALM_SEEN),
    Key(7.2, "Sign 5", (-0.05, 0.04, 0.55), *PALM_SEEN),
    Key(7.6, "Sign 5", (-0.05, 0.04, 0.55), *PALM_SEEN),
)
CLIPS = {"demo": KEYS, "grasp": GRASP_KEYS}
# Degrees of flexion that bring thumb and index of the mean hand together in the pose "OK", where the longer rig's own touch.
PINCH = {"Thumb_Metacarpal_R": -3.2, "Thumb_Proximal_R": -3.2, "Thumb_Distal_R": -2.3, "Index_Proximal_R": 6.8, "Index_Intermediate_R": 2.7}


def camera() -> Camera:
    """The clip's camera: no distortion, principal point in the middle."""
    K = np.array([[FOCAL_PX, 0, (WIDTH - 1) / 2], [0, FOCAL_PX, (HEIGHT - 1) / 2], [0, 0, 1]])
    return Camera(width=WIDTH, height=HEIGHT, K=K)


@dataclass(frozen=True, eq=False)
class Motion:
    """The hand in F frames: local_rotations (F, 27, 3, 3); rotation (F, 3, 3), mesh frame to camera; wrist (F, 3) in the camera frame."""

    stamp_s: FloatArray
    local_rotations: FloatArray
    rotation: FloatArray
    wrist: FloatArray

    def transforms(self, rig: Rig) -> FloatArray:
        """(F, 27, 4, 4) bone transforms of a hand of mean proportions."""
        return rig.bone_transforms(self.local_rotations, np.broadcast_to(mean_shape(rig), self.local_rotations.shape[:-1]))

    def joints(self, rig: Rig) -> FloatArray:
        """(F, 21, 3), camera frame, metres."""
        mesh_joints = rig.joint_positions(self.transforms(rig))
        return (mesh_joints - mesh_joints[:, :1]) @ self.rotation.transpose(0, 2, 1) + self.wrist[:, None]


def choreography(rig: Rig, poses: dict[str, FloatArray], keys: Sequence[Key] = KEYS) -> Motion:
    """A clip's motion, frame by frame; ``poses`` are the named poses of the rig."""
    pinch = poses["OK"].copy()
    for bone, degrees in PINCH.items():
        pinch[rig.bone(bone)] = pinch[rig.bone(bone)] @ axis_rotation("z", np.radians(degrees))
    poses = {**poses, "OK": pinch}
    stamps = np.arange(round(keys[-1].time_s * RATE_HZ)) / RATE_HZ
    times = np.array([key.time_s for key in keys])
    segment = np.clip(np.searchsorted(times, stamps, side="right") - 1, 0, len(keys) - 2)
    part = minimum_jerk((stamps - times[segment]) / (times[segment + 1] - times[segment]))

    def between(values: FloatArray) -> FloatArray:
        return values[segment] + part.reshape(-1, *[1] * (values.ndim - 1)) * (values[segment + 1] - values[segment])

    angles = np.radians(between(np.array([(key.azimuth, key.elevation, key.roll) for key in keys])))
    named = np.stack([poses[key.pose] for key in keys])
    return Motion(
        stamp_s=stamps,
        local_rotations=slerp(named[segment], named[segment + 1], np.repeat(part[:, None], named.shape[1], 1)),
        rotation=hand_rotation(*angles.T),
        wrist=between(np.array([key.wrist for key in keys])),
    )


def render_frames(assets_dir: Path, motion: Motion, rig: Rig, seed: int = 0) -> np.ndarray:
    """(F, 480, 640, 3) uint8 RGB. Equal seeds give equal frames."""
    assets = load_assets(assets_dir, texture_size=1024)
    surface = HandSurface.from_rig(rig)
    transforms = motion.transforms(rig)
    matrices = torch.from_numpy(rig.skin_matrices(transforms)).float()
    mesh_wrist = torch.from_numpy(rig.joint_positions(transforms)[:, WRIST]).float()
    rotation, wrist = torch.from_numpy(motion.rotation).float(), torch.from_numpy(motion.wrist).float()
    joints = torch.from_numpy(motion.joints(rig)).float()
    background = torch.from_numpy(_room(assets_dir))
    to_pixels = torch.from_numpy(camera().K).float()
    to_pixels[:2, 2] += SHIFT_TO_PIXEL_CENTRES
    noise = torch.Generator().manual_seed(seed)
    frames = []
    for start in progress_over(range(0, len(matrices), FRAMES_AT_ONCE), "demo clip", f"x {FRAMES_AT_ONCE} frames"):
        rows = slice(start, min(start + FRAMES_AT_ONCE, len(matrices)))
        count = rows.stop - rows.start
        local = surface.pose(matrices[rows]) - mesh_wrist[rows, None]
        scene = Scene(
            vertices=torch.bmm(local, rotation[rows].transpose(1, 2)) + wrist[rows, None],
            joints=joints[rows],
            projection=to_pixels.repeat(count, 1, 1),
            light=_light(assets_dir, assets, count),
            skin=_skin(count),
            background=background.repeat(count, 1, 1, 1),
            background_gain=torch.full((count, 3), 0.8),
        )
        frames.append(expose(draw(scene, surface, assets, SAMPLES).radiance, _sensor(count), noise).numpy())
    return np.concatenate(frames)


def truth(motion: Motion, rig: Rig) -> dict[str, np.ndarray]:
    """What is known of every frame, as written to ``demo_truth.npz``."""
    joints = motion.joints(rig)
    pixels = camera().project(joints.reshape(-1, 3)).reshape(len(joints), -1, 2)
    corner = np.array([WIDTH - 1, HEIGHT - 1])
    inside = np.all((pixels >= 0) & (pixels <= corner), axis=2)
    # The skin reaches farther than the joints: 25 mm all round is more than any finger's or the palm's half thickness.
    margin = 0.025 * FOCAL_PX / joints[..., 2].min(1)
    low, high = pixels.min(1), pixels.max(1)
    outside = (high < -margin[:, None]) | (low > corner + margin[:, None])
    return {
        "joints": joints.astype(np.float32),
        "visible": np.all(inside, axis=1),
        "absent": np.any(outside, axis=1),
        "stamp_s": motion.stamp_s,
        "size_m": np.array(np.median(np.linalg.norm(joints[:, MIDDLE_MCP] - joints[:, WRIST], axis=1)), np.float32),
        "side": np.array(Side.RIGHT.value),
    }


def write_truth(assets_dir: Path, out: Path, clip: str) -> tuple[Motion, Rig]:
    """Writes what is known of a clip, without drawing it: enough where only the joints' places in the hand were redefined."""
    out.mkdir(parents=True, exist_ok=True)
    rig = load_rig(assets_dir)
    motion = choreography(rig, load_poses(assets_dir, rig), CLIPS[clip])
    np.savez_compressed(out / f"{clip}_truth.npz", **truth(motion, rig))  # type: ignore[arg-type]
    (out / "demo_camera.yaml").write_text(_camera_yaml(camera()))
    return motion, rig


def write_clip(assets_dir: Path, out: Path, clip: str) -> None:
    """Draws a clip and writes the three files into ``out``."""
    frames = render_frames(assets_dir, *write_truth(assets_dir, out, clip))
    # MPEG-4 part 2: the one codec that pip's OpenCV both writes and reads on every platform.
    writer = cv2.VideoWriter(str(out / f"{clip}.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), RATE_HZ, (WIDTH, HEIGHT))
    if not writer.isOpened():
        raise RuntimeError(f"this OpenCV cannot write {out / f'{clip}.mp4'} (codec mp4v); install opencv-python from PyPI")
    for frame in frames:
        writer.write(np.ascontiguousarray(frame[..., ::-1]))
    writer.release()


def _room(assets_dir: Path) -> np.ndarray:
    path = assets_dir / "backgrounds" / ROOM
    room = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if room is None:
        raise AssetError(f"cannot read the background {path}: missing or broken file")
    rows = room.shape[1] * HEIGHT // WIDTH
    top = (room.shape[0] - rows) // 2
    enlarged = cv2.resize(room[top : top + rows], (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(enlarged[..., ::-1])


def _light(assets_dir: Path, assets: Assets, count: int) -> Light:
    names = [path.stem for path in sorted((assets_dir / "environments").glob("*.npz"))]
    form = assets.irradiance[names.index(LIGHT)]
    # A level camera: x stays, y and z (down, forward) are the world's y and z turned round.
    turn = torch.diag(torch.tensor([1.0, -1.0, -1.0, 1.0]))
    form = 0.40 * (turn @ (0.5 * form + 0.5 * form.mean(0)) @ turn)
    towards = torch.nn.functional.normalize(torch.tensor([[-0.55, -0.75, -0.60]]), dim=1)
    return Light(form.repeat(count, 1, 1, 1), towards.repeat(count, 1), torch.tensor([[0.34, 0.32, 0.29]]).repeat(count, 1))


def _skin(count: int) -> Skin:
    return Skin(
        textures=torch.tensor([[0, 1]]).repeat(count, 1),
        blend=torch.full((count,), 0.12),
        tint=torch.tensor([[0.95, 0.97, 1.0]]).repeat(count, 1),
        saturation=torch.full((count,), 0.72),
        gloss=torch.full((count,), 0.5),
        sleeve_from=torch.full((count,), 0.05),
        sleeve_colour=torch.tensor([[0.05, 0.08, 0.14]]).repeat(count, 1),
    )


def _sensor(count: int) -> Sensor:
    return Sensor(
        gain=torch.ones(count, 3),
        blur_px=torch.full((count,), 0.6),
        motion_px=torch.zeros(count, 2),
        shot_noise=torch.full((count,), 0.006),
        read_noise=torch.full((count,), 0.0015),
        jpeg_quality=torch.full((count,), 100.0),
    )


def _camera_yaml(camera: Camera) -> str:
    projection = np.column_stack([camera.K, np.zeros(3)])

    def matrix(values: FloatArray) -> dict[str, object]:
        return {"rows": values.shape[0], "cols": values.shape[1], "data": [float(value) for value in values.ravel()]}

    fields = {
        "image_width": camera.width,
        "image_height": camera.height,
        "camera_name": "demo",
        "camera_matrix": matrix(camera.K),
        "distortion_model": "plumb_bob",
        "distortion_coefficients": matrix(np.zeros((1, 5))),
        "rectification_matrix": matrix(np.eye(3)),
        "projection_matrix": matrix(projection),
    }
    return yaml.safe_dump(fields, sort_keys=False, default_flow_style=None)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of this module."""
    parser = argparse.ArgumentParser(description="Draw a clip of the demo with its true joints.")
    parser.add_argument("--assets", type=Path, required=True, help="folder with hand/, environments/, backgrounds/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--truth-only", action="store_true", help="leave the pictures as they are")
    parser.add_argument("--clip", choices=CLIPS, default="demo")
    chosen = parser.parse_args(arguments)
    if chosen.truth_only:
        write_truth(chosen.assets, chosen.out, chosen.clip)
    else:
        write_clip(chosen.assets, chosen.out, chosen.clip)


if __name__ == "__main__":
    main()
