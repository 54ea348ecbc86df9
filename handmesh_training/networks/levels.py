"""What a mesh decoder has to know of a hand template: resolution levels, their spirals, faces and the joints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.errors import InputError
from handmesh_ros.hand import JOINT_COUNT

if TYPE_CHECKING:
    from handmesh_training.template import HandTemplate


@dataclass(frozen=True, eq=False)
class TemplateLevels:
    """Levels of a template mesh, coarse to fine, V_0 < V_1 < ... < V_n.

    Attributes:
        upsampling: n matrices (V_i+1, V_i): vertex features of a level from those of the coarser one.
        spirals: n index arrays (V_i+1, length): spirals of every level but the coarsest.
        faces: (F, 3) triangles of the finest level, outward orientation.
        joint_regressor: (21, V_n), joints in the order of ``handmesh_ros.hand.JOINT_NAMES`` from vertices; rows sum to 1.
        size_m: distance from the wrist to the middle mcp of the hand that vertices in metres describe.
    """

    upsampling: tuple[NDArray[np.float32], ...]
    spirals: tuple[NDArray[np.int64], ...]
    faces: NDArray[np.int64]
    joint_regressor: NDArray[np.float32]
    size_m: float

    def __post_init__(self) -> None:
        if not self.upsampling or len(self.upsampling) != len(self.spirals):
            raise InputError(f"{len(self.upsampling)} upsampling matrices and {len(self.spirals)} spirals: expected one of each a level")
        for fine, coarse in zip(self.upsampling[1:], self.upsampling[:-1], strict=True):
            if fine.shape[1] != coarse.shape[0]:
                raise InputError(f"an upsampling from {fine.shape[1]} vertices follows a level of {coarse.shape[0]}")
        for matrix, spiral in zip(self.upsampling, self.spirals, strict=True):
            if spiral.ndim != 2 or len(spiral) != len(matrix):
                raise InputError(f"spirals of shape {spiral.shape} do not fit a level of {len(matrix)} vertices")
            if spiral.min() < 0 or spiral.max() >= len(matrix):
                raise InputError(f"spirals name vertex {spiral.max()}, the level has {len(matrix)}")
        vertex_count = self.vertex_counts[-1]
        if self.faces.ndim != 2 or self.faces.shape[1] != 3 or self.faces.max() >= vertex_count:
            raise InputError(f"faces {self.faces.shape} do not fit {vertex_count} vertices")
        if self.joint_regressor.shape != (JOINT_COUNT, vertex_count):
            raise InputError(f"joint_regressor is {self.joint_regressor.shape}, expected {(JOINT_COUNT, vertex_count)}")
        if not 0 < self.size_m < 1:
            raise InputError(f"size_m is {self.size_m}, expected the wrist to middle mcp distance in metres")

    @property
    def vertex_counts(self) -> tuple[int, ...]:
        """Vertices of every level, coarse to fine."""
        return (self.upsampling[0].shape[1], *(len(matrix) for matrix in self.upsampling))

    @classmethod
    def from_hand_template(cls, template: HandTemplate) -> TemplateLevels:
        """The levels of the project's own hand (which lists them finest first)."""
        steps = zip(template.upsampling_indices, template.upsampling_weights, template.spirals, strict=True)
        coarse_counts = [len(spiral) for spiral in template.spirals[1:]] + [int(template.faces[-1].max()) + 1]
        matrices, spirals = [], []
        for (columns, weights, spiral), coarse in zip(steps, coarse_counts, strict=True):
            matrix = np.zeros((len(columns), coarse), np.float32)
            np.add.at(matrix, (np.arange(len(columns))[:, None], columns), weights)
            matrices.append(matrix)
            spirals.append(spiral.astype(np.int64))
        return cls(
            upsampling=tuple(matrices[::-1]),
            spirals=tuple(spirals[::-1]),
            faces=template.faces[0].astype(np.int64),
            joint_regressor=template.regressor.astype(np.float32),
            size_m=template.reference_size_m,
        )


def sparse_rows(matrix: NDArray[np.floating]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Columns and weights of the non-zeros of each row, (rows, k) both; short rows are filled with weight 0.

    An upsampling row has three non-zeros at most, so the product with features is three gathers.
    """
    width = max(1, int((matrix != 0).sum(axis=1).max()))
    columns = np.argsort(-np.abs(matrix), axis=1, kind="stable")[:, :width]
    return columns.astype(np.int64), np.take_along_axis(matrix, columns, axis=1).astype(np.float32)
