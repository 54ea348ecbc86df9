"""``python -m handmesh_training.labels.fit``: hand meshes for all real crops, written to one file for the training.

The file holds a row for each crop: ``names``, the fields of :class:`Fits` (keypoints as fractions of the picture's side), ``is_left`` (the
fit is one of the mirrored picture) and ``good``; the others are not to be learnt from.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch

from handmesh_ros.errors import HandmeshError, reading
from handmesh_ros.progress import Progress
from handmesh_training.labels.crops import FOLDERS, RealCrops, load_real_crops
from handmesh_training.labels.evidence import gather
from handmesh_training.labels.fitter import Evidence, Fits, Fitter
from handmesh_training.labels.fused import Fused
from handmesh_training.labels.opinions import fused_joints
from handmesh_training.template import HandTemplate

HANDS_AT_ONCE = 1000


class FitsError(HandmeshError, ValueError):
    """The file of fits is missing, broken or without what is asked for; the message names it."""


def fit_crops(crops: RealCrops, fitter: Fitter, fused: Fused) -> Fits:
    """Fit every crop to its keypoints and to the fused teacher's depths."""
    evidence = gather(crops, fused)
    chunks = np.array_split(np.arange(len(crops)), -(-len(crops) // HANDS_AT_ONCE))
    parts = []
    with Progress("fitting", len(chunks) * fitter.weights.steps, "steps") as progress:
        for chunk in chunks:
            part = Evidence(**{f.name: getattr(evidence, f.name)[chunk] for f in fields(Evidence)})
            parts.append(fitter.fit(part, lambda _, loss: progress.advance(note=f"loss {loss:.1f}")))
    return Fits(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Fits)})


def write_fits(path: Path, crops: RealCrops, fits: Fits) -> None:
    """Write the file that the training reads."""
    arrays = {f.name: getattr(fits, f.name) for f in fields(Fits)}
    arrays["keypoints"] = fits.keypoints * (crops.hand_size / crops.side)[:, None, None]
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.stem}.partial.npz")  # a killed run leaves no half file under the name
    np.savez(partial, names=crops.names, is_left=crops.is_left, good=fits.good, **arrays)
    partial.replace(path)


def read_fits(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file of fits.

    Raises:
        FitsError: it is missing or broken.
    """
    if not path.is_file():
        raise FitsError(f"{path}: missing; 'python -m handmesh_training.labels.fit' makes it")
    with reading(path, "a file of fits", FitsError), np.load(path) as archive:
        return {name: archive[name] for name in ("names", "good", "local_rotations", "bone_scale", "rotation")}


def summary(crops: RealCrops, fits: Fits) -> str:
    """A line for each source: how many, which part is good, how far the marks are off."""
    lines = [f"{'source':<16}{'crops':>7}{'good':>7}{'residual, median':>18}{'worst joint':>13}"]
    for name in (*sorted(set(crops.source.tolist())), None):
        chosen = np.full(len(crops), True) if name is None else crops.source == name
        off = fits.residuals[chosen]
        lines.append(
            f"{name or 'all':<16}{chosen.sum():>7}{fits.good[chosen].mean():>7.0%}{np.median(off):>18.3f}{np.median(off.max(1)):>13.3f}"
        )
    return "\n".join([*lines, "residuals are fractions of the hand's size"])


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0, or 1 with a message."""
    parser = argparse.ArgumentParser(prog="python -m handmesh_training.labels.fit", description="fit hand meshes to the real crops")
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="the folder that holds the folders of crops")
    parser.add_argument("--folders", nargs="+", default=list(FOLDERS), metavar="FOLDER", help="of crops; relative to --shared or absolute")
    parser.add_argument("--sources", nargs="+", metavar="NAME", help="only these sources")
    parser.add_argument("--opinions", type=Path, metavar="OPINIONS.npz", help="for folders whose labels lack the 2020 network's opinion")
    parser.add_argument("--out", type=Path, required=True, metavar="FITS.npz")
    parser.add_argument("--threads", type=int, default=1, help="of the CPU")
    arguments = parser.parse_args(argv)
    torch.set_num_threads(arguments.threads)
    try:
        crops = load_real_crops(arguments.shared, arguments.sources, folders=arguments.folders)
        fused = fused_joints(crops, arguments.opinions)
        fits = fit_crops(crops, Fitter(HandTemplate.load()), fused)
        write_fits(arguments.out, crops, fits)
    except (HandmeshError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{summary(crops, fits)}\nwritten to {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
