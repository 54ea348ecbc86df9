"""``python -m handmesh_training.labels.opinions``: the 2020 network's opinion of crops whose labels lack it, in a file beside them.

Folders that ``handmesh train pseudo-label`` makes hold it in their labels; the file is for folders that are older or cannot be written. A
stopped run goes on where it was, and a file that exists is only added to.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handmesh_ros.errors import HandmeshError, reading
from handmesh_ros.evaluation.datasets import DatasetError
from handmesh_ros.hand import JOINT_COUNT, FloatArray
from handmesh_ros.perception.crop_rules import region_from_keypoints
from handmesh_ros.progress import Progress
from handmesh_ros.provision.compose import CROP_BOX, CROP_SCALE
from handmesh_training.labels.crops import FOLDERS, RealCrops, load_real_crops
from handmesh_training.labels.fused import Fused, fuse
from handmesh_training.labels.network_2020 import FILE_IN_SHARED, Network2020

COMMAND = "python -m handmesh_training.labels.opinions"
CROPS_BETWEEN_WRITES = 500
SAME_PX = 0.01  # between keypoints of the labels and of the file; rounding to float32 is less


@dataclass(frozen=True, eq=False)
class Opinions:
    """What the file holds of N crops.

    Attributes:
        names: (N,) str, those of :class:`RealCrops`; keypoints: (N, 21, 2) pixels, the labels that the crops were cut by.
        looks: (N, 2, 21, 3) pixels, landmarks of picture and mirror image.
    """

    names: NDArray[np.str_]
    keypoints: FloatArray
    looks: FloatArray

    @classmethod
    def of(cls, crops: RealCrops) -> Opinions:
        return cls(crops.names, crops.keypoints.astype(np.float32), crops.looks_2020.astype(np.float32))

    @classmethod
    def read(cls, path: Path) -> Opinions:
        """Raises DatasetError: the file is missing or broken."""
        if not path.is_file():
            raise DatasetError(f"{path}: missing; '{COMMAND} --out {path}' makes it")
        with reading(path, "a file of opinions", DatasetError):
            with np.load(path) as archive:
                names, keypoints, looks = archive["names"], archive["keypoints"], archive["landmarks_2020"]
            if keypoints.shape != (len(names), JOINT_COUNT, 2) or looks.shape != (len(names), 2, JOINT_COUNT, 3):
                raise ValueError(f"shapes {keypoints.shape} and {looks.shape}")
            return cls(names, keypoints, looks)

    def joined(self, more: Opinions) -> Opinions:
        """These and those of more crops."""
        return Opinions(*(np.concatenate([getattr(part, name) for part in (self, more)]) for name in ("names", "keypoints", "looks")))

    def write(self, path: Path) -> None:
        """Write the file whole: a killed run leaves no half one under the name."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.stem}.partial.npz")
        np.savez(partial, names=self.names, keypoints=self.keypoints, landmarks_2020=self.looks)
        partial.replace(path)


def _anew(path: Path) -> str:
    return f"delete it and make it anew with '{COMMAND} --out {path}'"


def fused_joints(crops: RealCrops, opinions: Path | None = None) -> Fused:
    """The fused teacher's joints of all crops.

    Args:
        opinions: a file of this module, for crops whose labels lack the 2020 network's opinion.

    Raises:
        DatasetError: a crop lacks it, the file is missing or broken, or it was made for other labels; says how to mend it.
    """
    if opinions is not None:
        crops = with_opinions(crops, opinions)
    lacking = crops.lacks_2020
    if lacking.any():
        folders = sorted({str(name).split("/")[0] for name in crops.names[lacking]})
        raise DatasetError(
            f"{lacking.sum()} crops of {', '.join(folders)} lack the opinion of MediaPipe's 2020 network: their labels are of the old "
            f"format; add it with '{COMMAND} --folders {' '.join(folders)} --out OPINIONS.npz' and give that file as opinions"
        )
    return fuse(crops.keypoint_looks, crops.world_looks, crops.looks_2020)


def with_opinions(crops: RealCrops, path: Path) -> RealCrops:
    """The same crops; those whose labels lack the 2020 network's opinion have it from the file, where it knows them.

    Raises:
        DatasetError: the file is missing or broken, or a crop of it has other labels now.
    """
    known = Opinions.read(path)
    place = {str(name): row for row, name in enumerate(known.names)}
    pairs = [(row, place[str(crops.names[row])]) for row in np.flatnonzero(crops.lacks_2020) if str(crops.names[row]) in place]
    ours, theirs = np.array(pairs, int).reshape(-1, 2).T
    moved = np.abs(crops.keypoints[ours] - known.keypoints[theirs]).max((1, 2)) > SAME_PX
    if moved.any():
        raise DatasetError(f"{path}: was made when {crops.names[ours[moved][0]]} had other labels; {_anew(path)}")
    merged = crops.looks_2020.copy()
    merged[ours] = known.looks[theirs]
    return replace(crops, looks_2020=merged)


def look_at(crops: RealCrops, network: Network2020, row: int) -> FloatArray:
    """(2, 21, 3) pixels: what the 2020 network says of a crop and, mapped back, of its mirror image, cut as the 2021 network wants it."""
    region = region_from_keypoints(crops.keypoints[row] - 0.5, CROP_SCALE, box=CROP_BOX)
    return network.looks(crops.read_picture(row), region)


def add_opinions(crops: RealCrops, network: Network2020, path: Path) -> None:
    """Look at the crops that lack an opinion and add what the network says to the file, which may hold that of others."""
    known = Opinions.read(path) if path.is_file() else Opinions.of(crops.take(np.zeros(0, np.int64)))
    if path.is_file():
        crops = with_opinions(crops, path)
    rows = np.flatnonzero(crops.lacks_2020)
    with Progress("2020 network on real crops", len(rows), "pictures") as progress:
        for start in range(0, len(rows), CROPS_BETWEEN_WRITES):
            part = crops.take(rows[start : start + CROPS_BETWEEN_WRITES])
            looks = []
            for row in range(len(part)):
                looks.append(look_at(part, network, row))
                progress.advance()
            known = known.joined(Opinions.of(replace(part, looks_2020=np.array(looks))))
            known.write(path)


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or 1 with a message."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="add the 2020 network's opinion to folders of crops that lack it")
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="the folder that holds the folders of crops")
    parser.add_argument("--folders", nargs="+", default=list(FOLDERS), metavar="FOLDER", help="of crops; relative to --shared or absolute")
    parser.add_argument("--teacher-2020", type=Path, metavar="FILE", help=f"the network; default: {FILE_IN_SHARED} in --shared")
    parser.add_argument("--out", type=Path, required=True, metavar="OPINIONS.npz")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU")
    arguments = parser.parse_args(argv)
    try:
        network = Network2020(arguments.teacher_2020 or arguments.shared / FILE_IN_SHARED, arguments.threads)
        add_opinions(load_real_crops(arguments.shared, folders=arguments.folders), network, arguments.out)
    except (HandmeshError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"written to {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
