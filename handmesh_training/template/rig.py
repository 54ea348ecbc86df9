"""The rigged hand: skeleton, forward kinematics and linear blend skinning of the CC0 hand of ``assets/hand``.

Rest pose, metres: a right hand, fingers along -Z, back of the hand +X, palm -X, thumb side +Y. A left hand is its mirror image.
A bone's local +Y points to its child; rotation about its local Z is flexion, about X abduction, about Y twist. A local rotation
replaces the rest rotation: global(bone) = global(parent) * [rotation | translation].
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from handmesh_ros.hand import JOINT_COUNT, JOINT_NAMES, FloatArray
from handmesh_training.template.gltf import SkinnedMesh, quaternion_to_matrix, read_skinned_mesh
from handmesh_training.template.wrist import WRIST_REST, open_wrist

FOREARM = "Forearm_R"
# Which bone's head is which joint, in the project's order; the wrist and the finger tips have places of their own (below).
FINGER_PARTS = ("Proximal", "Intermediate", "Distal", "Distal")
JOINT_BONES = (
    "Wrist_R", "Thumb_Metacarpal_R", "Thumb_Proximal_R", "Thumb_Distal_R", "Thumb_Distal_R",
    *(f"{finger}_{part}_R" for finger in ("Index", "Middle", "Ring", "Little") for part in FINGER_PARTS),
)  # fmt: skip
# A tip is marked in the middle of the pad, not at the outermost skin. The other joints are where the rig's bones turn, but for the
# thumb's root: annotators and networks put it a little along the metacarpal (metres; the mean of what the landmark network's two
# outputs, picture and world, say of open hands), and hands with measured joints agree with them.
TIP_INSET_M = 0.0025
SLAB_M = 0.008  # where the middle of the flesh is sought, before the end of the finger
THUMB_ROOT_ADVANCE_M = 0.009


@dataclass(frozen=True, eq=False)
class Rig:
    """A skinned mesh with its skeleton; the last of the 27 bones is the forearm, hinged at the wrist joint.

    Attributes:
        vertices, normals: (V, 3), rest pose.
        uv: (V, 2), origin top left.
        faces: (F, 3), counter-clockwise seen from outside.
        bone_indices, bone_weights: (V, 4), weights sum to 1.
        bone_names, parents: 27 bones, parents first, -1 at the root.
        rest_rotations: (27, 3, 3) local; rest_translations: (27, 3) in the parent's frame.
        inverse_bind: (27, 4, 4), rest mesh to bone.
        joint_bones: (21,) bone of each joint; joint_offsets: (21, 3) its place in that bone's frame.
    """

    vertices: FloatArray
    normals: FloatArray
    uv: FloatArray
    faces: np.ndarray
    bone_indices: np.ndarray
    bone_weights: FloatArray
    bone_names: tuple[str, ...]
    parents: tuple[int, ...]
    rest_rotations: FloatArray
    rest_translations: FloatArray
    inverse_bind: FloatArray
    joint_bones: np.ndarray
    joint_offsets: FloatArray

    @property
    def bone_count(self) -> int:
        return len(self.bone_names)

    def bone(self, name: str) -> int:
        """Index of a bone by name."""
        return self.bone_names.index(name)

    def bone_transforms(self, local_rotations: FloatArray, bone_scale: FloatArray | None = None) -> FloatArray:
        """Forward kinematics.

        Args:
            local_rotations: (..., 27, 3, 3), in place of the rest rotations. The root's rotates the whole hand.
            bone_scale: (..., 27, 3), stretch of each bone's flesh and of its children's places along the bone's local x, y
                (its length) and z; None for the rest shape. Scales are not handed down to children.

        Returns:
            (..., 27, 4, 4) bone to mesh frame, scale included.
        """
        rotations = np.asarray(local_rotations, float)
        shape = rotations.shape[:-3]
        scale = np.ones((*shape, self.bone_count, 3)) if bone_scale is None else np.asarray(bone_scale, float)
        turned: list[FloatArray] = []
        origins: list[FloatArray] = []
        for bone, parent in enumerate(self.parents):
            offset = self.rest_translations[bone]
            if parent < 0:
                turned.append(rotations[..., bone, :, :])
                origins.append(np.broadcast_to(offset, (*shape, 3)))
            else:
                stretched = scale[..., parent, :] * offset
                turned.append(turned[parent] @ rotations[..., bone, :, :])
                origins.append(origins[parent] + (turned[parent] @ stretched[..., None])[..., 0])
        transforms = np.zeros((*shape, self.bone_count, 4, 4))
        transforms[..., :3, :3] = np.stack(turned, -3) * scale[..., None, :]
        transforms[..., :3, 3] = np.stack(origins, -2)
        transforms[..., 3, 3] = 1.0
        return transforms

    def skin_matrices(self, transforms: FloatArray) -> FloatArray:
        """(..., 27, 4, 4) matrices that carry rest vertices along with the bones of :meth:`bone_transforms`."""
        return transforms @ self.inverse_bind

    def joint_positions(self, transforms: FloatArray) -> FloatArray:
        """(..., 21, 3) places of the joints, in the frame and order of the rest of the project."""
        bones = transforms[..., self.joint_bones, :, :]
        return (bones[..., :3, :3] @ self.joint_offsets[..., None])[..., 0] + bones[..., :3, 3]


def skin(rig: Rig, transforms: FloatArray) -> FloatArray:
    """Linear blend skinning: (..., V, 3) vertices for (..., 27, 4, 4) bone transforms."""
    matrices = rig.skin_matrices(transforms)[..., :3, :]
    homogeneous = np.concatenate([rig.vertices, np.ones((len(rig.vertices), 1))], 1)
    weights = np.zeros((len(rig.vertices), rig.bone_count))
    np.add.at(weights, (np.arange(len(weights))[:, None], rig.bone_indices), rig.bone_weights)
    blended = np.tensordot(weights, matrices, ([1], [matrices.ndim - 3]))  # (V, ..., 3, 4)
    return np.moveaxis(np.einsum("v...ij,vj->v...i", blended, homogeneous), 0, -2)


def load_rig(assets: str | Path, mesh: str = "Hand_Nails_R") -> Rig:
    """Load one of the hand's meshes with the wrist opened and a forearm added.

    Args:
        assets: folder that holds ``hand/``.
        mesh: file name without ending: hand_r, Hand_Nails_R, Hand_low_R, Hand_Glove_R ...; all share bones and joints.

    Raises:
        GltfError: the file is missing or broken.
    """
    folder = Path(assets) / "hand"
    source = open_wrist(read_skinned_mesh(folder / f"{mesh}.gltf"), FOREARM)
    # Nails and gloves reach farther out than the finger: the joints are those of the bare hand, whatever is drawn.
    bare = source if mesh == "hand_r" else open_wrist(read_skinned_mesh(folder / "hand_r.gltf"), FOREARM)
    joint_bones = np.array([source.bone_names.index(name) for name in JOINT_BONES])
    return Rig(
        vertices=source.vertices, normals=source.normals, uv=source.uv, faces=source.faces,
        bone_indices=source.bone_indices, bone_weights=source.bone_weights, bone_names=source.bone_names,
        parents=source.parents, rest_rotations=source.rest_rotations, rest_translations=source.rest_translations,
        inverse_bind=source.inverse_bind, joint_bones=joint_bones, joint_offsets=_joint_offsets(bare, joint_bones),
    )  # fmt: skip


def load_poses(assets: str | Path, rig: Rig) -> dict[str, FloatArray]:
    """The 35 named poses as (27, 3, 3) local rotations; bones that a pose does not name keep their rest rotation."""
    document = json.loads((Path(assets) / "hand" / "poses.json").read_text())
    poses = {}
    for name, pose in document["poses"].items():
        rotations = rig.rest_rotations.copy()
        for bone, xyzw in pose["rotations"].items():
            rotations[rig.bone(bone)] = quaternion_to_matrix(np.array(xyzw))
        poses[name] = rotations
    return poses


def _joint_offsets(bare: SkinnedMesh, joint_bones: np.ndarray) -> FloatArray:
    """(21, 3) joints in their bones' frames: the wrist in the carpus, tips in the middle of the finger's pad."""
    offsets = np.zeros((JOINT_COUNT, 3))
    offsets[0] = (bare.inverse_bind[joint_bones[0]] @ [*WRIST_REST, 1.0])[:3]
    offsets[JOINT_NAMES.index("thumb_cmc"), 1] = THUMB_ROOT_ADVANCE_M
    for joint, name in enumerate(JOINT_NAMES):
        if not name.endswith("_tip"):
            continue
        bone = int(joint_bones[joint])
        tip_bone = bare.parents.index(bone)
        direction = bare.rest_translations[tip_bone] / np.linalg.norm(bare.rest_translations[tip_bone])
        weight = (bare.bone_weights * (bare.bone_indices == bone)).sum(1)
        local = bare.vertices @ bare.inverse_bind[bone, :3, :3].T + bare.inverse_bind[bone, :3, 3]
        local = local[weight > 0.5]
        along = local @ direction
        end = along.max()
        # The bone runs off the finger's middle: near the end, take the middle of the flesh's cross-section.
        slab = local[np.abs(along - (end - SLAB_M)) < SLAB_M / 2]
        middle = (slab.min(0) + slab.max(0)) / 2
        offsets[joint] = middle + direction * (end - TIP_INSET_M - middle @ direction)
    return offsets
