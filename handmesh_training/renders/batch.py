"""Batches of labelled pictures: the one function that training calls."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from handmesh_ros.hand import FloatArray
from handmesh_ros.perception.camera import Camera
from handmesh_training.renders.assets import Assets, load_assets
from handmesh_training.renders.neighbours import add_second_hands
from handmesh_training.renders.occluders import BEHIND_SHARE, Things, add_behind, add_held, add_in_front, assign
from handmesh_training.renders.people import FittedHands
from handmesh_training.renders.sampling import mean_skin_colour, sample_backgrounds, sample_light, sample_sensor, sample_skin
from handmesh_training.renders.scene import Scene, Skin
from handmesh_training.renders.sensor import expose
from handmesh_training.renders.shading import Draw, draw
from handmesh_training.renders.split import Part, in_part
from handmesh_training.renders.surface import HandSurface
from handmesh_training.renders.views import crop_projection, jittered_crop, sample_views
from handmesh_training.renders.visibility import visible_joints
from handmesh_training.template.contacts import sample_contacts
from handmesh_training.template.identities import Identities, load_identities
from handmesh_training.template.poses import sample_poses
from handmesh_training.template.rig import Rig, load_poses, load_rig
from handmesh_training.template.shapes import sample_shapes

OCCLUDER_SHARE = 0.30  # a third each: something held, something in front, a second hand (occluders.py)
CONTACT_SHARE = 0.12
PEOPLE_SHARE = 0.6  # shapes of MakeHuman's people; the others vary each bone by itself, which reaches farther
MESHES = ("Hand_Nails_R", "hand_r")
CAMERA = Camera(width=1280, height=960, K=np.array([[960.0, 0, 640], [0, 960.0, 480], [0, 0, 1]]))


@dataclass(frozen=True, eq=False)
class Studio:
    """All that stays the same from batch to batch: meshes, poses, textures, light. ``surfaces`` belong to ``rigs``; with ``people``,
    hands are held and seen as theirs are, otherwise in any way that joints allow."""

    rigs: tuple[Rig, ...]
    surfaces: tuple[HandSurface, ...]
    poses: dict[str, FloatArray]
    assets: Assets
    identities: Identities
    people: FittedHands | None = None

    @classmethod
    def load(cls, assets_dir: Path, device: torch.device | str = "cpu", part: Part = "all", fits: Path | None = None) -> Studio:
        """Reads the assets folder, and the ``fits`` to real crops if the people's hands are wanted: all of it, or only what training
        or validation may show (``split.py``). AssetError, GltfError, IdentityError or FitsError name what is missing."""
        rigs = tuple(load_rig(assets_dir, mesh) for mesh in MESHES)
        surfaces = tuple(HandSurface.from_rig(rig, device) for rig in rigs)
        assets = load_assets(assets_dir, device=device, part=part)
        named = load_poses(assets_dir, rigs[0])
        poses = {name: named[name] for name in in_part(part, "pose", named)}
        people = None if fits is None else FittedHands.load(fits, part)
        return cls(rigs, surfaces, poses, assets, load_identities(assets_dir, rigs[0]), people)


@dataclass(frozen=True, eq=False)
class RenderBatch:
    """N labelled crops of right hands.

    Labels are in crop axes (x right, y down in the crop, z along the ray through its centre), metres, relative to the wrist. Any
    mesh on the same skeleton follows: ``(skin(rig, rig.bone_transforms(local_rotations, bone_scale)) - wrist[:, None]) @
    rotation.transpose(0, 2, 1)``, per picture.

    Attributes:
        images: (N, S, S, 3) uint8 sRGB.
        joints: (N, 21, 3); keypoints: (N, 21, 2) fractions of the crop.
        local_rotations: (N, 27, 3, 3); bone_scale: (N, 27, 3).
        rotation: (N, 3, 3), mesh frame to crop axes; wrist: (N, 3), in the mesh frame.
        wrist_distance: (N,) metres from the camera.
        mask: (N, S, S) uint8, 255 where hand or forearm are seen.
        occluded: (N,) bool, a thing is held or in front, or a second hand beside; brightness: (N,) mean of the hand's pixels, 0..1.
        visible: (N, 21) float32, 1 where a joint is seen, 0 where it is hidden or outside, nan where nobody knows (old caches).
        camera: (N, 3, 3) crop axes to fractions of the crop, homogeneous: ``camera @ (joint + wrist)``, the wrist lying
            ``wrist_distance`` along ``inv(camera) @ (keypoint, 1)``; nan in old caches.
    """

    images: np.ndarray
    joints: FloatArray
    keypoints: FloatArray
    local_rotations: FloatArray
    bone_scale: FloatArray
    rotation: FloatArray
    wrist: FloatArray
    wrist_distance: FloatArray
    mask: np.ndarray
    occluded: np.ndarray
    brightness: FloatArray
    visible: FloatArray
    camera: FloatArray


@dataclass(frozen=True, eq=False)
class _Posed:
    """N hands of one rig before the camera.

    Attributes:
        which: the rig, as the studio counts; local_rotations (N, 27, 3, 3), bone_scale (N, 27, 3): pose and shape.
        transforms: (N, 27, 4, 4) of the bones; mesh_joints: (N, 21, 3), mesh frame; joints: (N, 21, 3), camera frame.
        rotation: (N, 3, 3), mesh frame to camera; offset: (N, 1, 3), where the mesh frame's origin lies in the camera frame.
    """

    which: int
    local_rotations: FloatArray
    bone_scale: FloatArray
    transforms: FloatArray
    mesh_joints: FloatArray
    joints: FloatArray
    rotation: FloatArray
    offset: FloatArray


@dataclass(frozen=True, eq=False)
class _Cropped:
    """The crops that N hands are seen in: ``axes`` (N, 3, 3), crop axes to camera; ``projection``, camera frame to pixels, and ``camera``,
    crop axes to fractions of the crop (N, 3, 3); ``keypoints`` (N, 21, 2) fractions of the crop."""

    axes: FloatArray
    projection: FloatArray
    camera: FloatArray
    keypoints: FloatArray


def render_batch(
    studio: Studio,
    rng: np.random.Generator,
    count: int,
    size: int = 224,
    crop_scale: float = 2.0,
    occluder_share: float = OCCLUDER_SHARE,
    samples: int = 2,
    backend: Draw = draw,
) -> RenderBatch:
    """Draws ``count`` random hands as crops of ``size`` pixels, cut as the runtime cuts them. Equal generators give equal
    batches (on a GPU up to the rounding of sums).

    Args:
        occluder_share: of hands with a thing in or before them or another hand beside them.
        backend: ``shading.draw`` or :meth:`handmesh_training.renders.egl.Egl.draw`.
    """
    posed = _pose(studio, rng, count)
    cropped = _crop(rng, posed.joints, crop_scale, size)
    scene, occluded = _scene(studio, rng, posed, cropped, size, occluder_share)
    surface = studio.surfaces[posed.which]
    picture = backend(scene, surface, studio.assets, samples)
    device = surface.rest.device
    noise = torch.Generator(device).manual_seed(int(rng.integers(2**62)))
    images = expose(picture.radiance, sample_sensor(rng, count, size, device), noise).cpu().numpy()
    return _labelled(posed, cropped, images, picture.hand.cpu().numpy(), occluded)


def _pose(studio: Studio, rng: np.random.Generator, count: int) -> _Posed:
    which = int(rng.integers(len(studio.rigs)))
    rig = studio.rigs[which]
    if studio.people is None:
        rotations, views = sample_poses(rig, studio.poses, rng, count), None
    else:
        rotations, views = studio.people.sample(rig, studio.poses, rng, count)
    scale = sample_shapes(rig, rng, count)
    people = rng.random(count) < PEOPLE_SHARE
    scale[people] = studio.identities.sample(rig, rng, int(people.sum()))
    rotations, _ = sample_contacts(rig, rotations, scale, rng, CONTACT_SHARE)
    transforms = rig.bone_transforms(rotations, scale)
    mesh_joints = rig.joint_positions(transforms)
    views = views or sample_views(rng, count)
    centre = mesh_joints.mean(1)
    offset = views.place(np.zeros((count, 1, 3)), centre)
    return _Posed(which, rotations, scale, transforms, mesh_joints, views.place(mesh_joints, centre), views.rotation, offset)


def _crop(rng: np.random.Generator, joints: FloatArray, crop_scale: float, size: int) -> _Cropped:
    regions = [jittered_crop(rng, CAMERA.project(hand), crop_scale) for hand in joints]
    axes = np.stack([region.axes_in_camera(CAMERA) for region in regions])
    return _Cropped(
        axes=axes,
        projection=np.stack([crop_projection(CAMERA, region, size) for region in regions]),
        camera=np.stack([crop_projection(CAMERA, region, 1) for region in regions]) @ axes,
        keypoints=np.stack([region.to_patch(CAMERA.project(hand)) for region, hand in zip(regions, joints, strict=True)]),
    )


def _scene(
    studio: Studio, rng: np.random.Generator, posed: _Posed, cropped: _Cropped, size: int, occluder_share: float
) -> tuple[Scene, np.ndarray]:
    """What there is to draw, and (N,) bool, which hands may be hidden by something."""
    rig, surface, count = studio.rigs[posed.which], studio.surfaces[posed.which], len(posed.joints)

    def tensor(array: FloatArray) -> Tensor:
        return torch.from_numpy(array).float().to(surface.rest.device)

    local_vertices = surface.pose(tensor(rig.skin_matrices(posed.transforms)))
    skin = sample_skin(rng, studio.assets, count)
    things, occluded = _surround(studio, posed.which, rng, posed.joints, skin, occluder_share)
    background, gain = sample_backgrounds(rng, studio.assets, count, size)
    scene = Scene(
        vertices=torch.bmm(local_vertices, tensor(posed.rotation).transpose(1, 2)) + tensor(posed.offset),
        joints=tensor(posed.joints),
        projection=tensor(cropped.projection),
        light=sample_light(rng, studio.assets, count),
        skin=skin,
        background=background,
        background_gain=gain,
        occluders=things.tensors(surface.rest.device),
    )
    return scene, occluded


def _labelled(posed: _Posed, cropped: _Cropped, images: np.ndarray, hand: FloatArray, occluded: np.ndarray) -> RenderBatch:
    """``hand`` (N, S, S): share of each pixel that hand and forearm cover."""
    return RenderBatch(
        images=images,
        joints=(posed.joints - posed.joints[:, :1]) @ cropped.axes,
        keypoints=cropped.keypoints,
        local_rotations=posed.local_rotations,
        bone_scale=posed.bone_scale,
        rotation=cropped.axes.transpose(0, 2, 1) @ posed.rotation,
        wrist=posed.mesh_joints[:, 0],
        wrist_distance=np.linalg.norm(posed.joints[:, 0], axis=1),
        mask=np.round(hand * 255).astype(np.uint8),
        occluded=occluded,
        brightness=(images.mean(3) / 255 * hand).sum((1, 2)) / np.maximum(hand.sum((1, 2)), 1.0),
        visible=visible_joints(posed.joints, cropped.keypoints, hand).astype(np.float32),
        camera=cropped.camera,
    )


def _surround(
    studio: Studio, which: int, rng: np.random.Generator, joints: FloatArray, skin: Skin, share: float
) -> tuple[Things, np.ndarray]:
    """Things and second hands round hands (N, 21, 3; camera frame), and (N,) bool, which of them may be hidden by some."""
    things = Things()
    grasps, in_front, beside = assign(rng, joints, share)
    for hand, grasp in grasps.items():
        add_held(rng, things, hand, grasp)
    for hand in in_front:
        add_in_front(rng, things, int(hand), joints[hand])
    skin_colours = mean_skin_colour(studio.assets, skin)
    for hand in np.flatnonzero(rng.random(len(joints)) < BEHIND_SHARE).tolist():
        add_behind(rng, things, hand, joints[hand], skin_colours[hand])
    beside = add_second_hands(rng, things, beside, joints, studio.rigs[which], studio.surfaces[which], studio.poses, studio.assets, skin)
    return things, np.isin(np.arange(len(joints)), [*grasps, *in_front, *beside])
