"""Renders kept on disk, for trainings that look at the same pictures many times.

    python -m handmesh_ros.training.render.cache --assets ../shared/assets --out runs/renders --count 8000

A folder of shards ``renders_00000.npz``: the fields of ``RenderBatch``, pictures as JPEG. A shard that exists is not drawn again, so a
stopped run goes on where it was.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from zipfile import BadZipFile

import cv2
import numpy as np
import torch
from tqdm import tqdm

from handmesh_ros.training.render.batch import OCCLUDER_SHARE, RenderBatch, Studio, render_batch
from handmesh_ros.training.render.egl import Egl
from handmesh_ros.training.render.shading import Draw, draw
from handmesh_ros.training.render.split import PARTS

SHARD_SIZE = 256
BATCH_SIZE = 16  # more does not fit a CPU's cache and is slower
JPEG_QUALITY = 95


class CacheError(RuntimeError):
    """A cache is missing or broken; the message names the file."""


def write_cache(
    studio: Studio,
    out: Path,
    count: int,
    seed: int = 0,
    size: int = 224,
    crop_scale: float = 2.0,
    occluder_share: float = OCCLUDER_SHARE,
    backend: Draw = draw,
) -> None:
    """Draws at least ``count`` pictures into ``out``. Every shard has its own seed: equal arguments give equal shards."""
    out.mkdir(parents=True, exist_ok=True)
    for shard in tqdm(range(-(-count // SHARD_SIZE)), desc="renders", unit=f"x{SHARD_SIZE}"):
        path = out / f"renders_{shard:05d}.npz"
        if path.exists():
            continue
        rng = np.random.default_rng([seed, shard])
        batches = range(SHARD_SIZE // BATCH_SIZE)
        parts = [render_batch(studio, rng, BATCH_SIZE, size, crop_scale, occluder_share, backend=backend) for _ in batches]
        temporary = path.with_suffix(".part.npz")
        np.savez(temporary, **_pack(join(parts)))  # type: ignore[arg-type]
        temporary.replace(path)  # a run stopped while writing leaves no half shard under the final name


def read_cache(folder: Path) -> Iterator[RenderBatch]:
    """The shards of a folder, in order.

    Raises:
        CacheError: there is no shard, or one cannot be read.
    """
    paths = sorted(path for path in folder.glob("renders_*.npz") if ".part" not in path.name)
    if not paths:
        raise CacheError(f"no renders_*.npz in {folder}: draw some with 'python -m handmesh_ros.training.render.cache'")
    for path in paths:
        try:
            with np.load(path) as shard:
                yield _unpack({name: shard[name] for name in shard.files})
        except (OSError, ValueError, KeyError, TypeError, BadZipFile) as error:
            raise CacheError(f"{path}: not a shard of renders ({error}); delete it and draw it again") from error


def join(batches: Sequence[RenderBatch]) -> RenderBatch:
    """Several batches as one."""
    return RenderBatch(*(np.concatenate([getattr(batch, field.name) for batch in batches]) for field in fields(RenderBatch)))


def _pack(batch: RenderBatch) -> dict[str, np.ndarray]:
    arrays = {field.name: getattr(batch, field.name) for field in fields(RenderBatch)}
    arrays = {name: array.astype(np.float32) if array.dtype == np.float64 else array for name, array in arrays.items()}
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    for name in ("images", "mask"):
        pictures = arrays.pop(name)
        pictures = pictures[..., ::-1] if pictures.ndim == 4 else pictures  # OpenCV's order of colours
        coded = [cv2.imencode(".jpg", np.ascontiguousarray(picture), options)[1] for picture in pictures]
        arrays[f"{name}_jpeg"] = np.concatenate(coded)
        arrays[f"{name}_end"] = np.cumsum([len(code) for code in coded])
    return arrays


def _unpack(arrays: dict[str, np.ndarray]) -> RenderBatch:
    for name, flag in (("images", cv2.IMREAD_COLOR), ("mask", cv2.IMREAD_GRAYSCALE)):
        ends = arrays.pop(f"{name}_end")
        codes = np.split(arrays.pop(f"{name}_jpeg"), ends[:-1])
        decoded = (cv2.imdecode(code, flag) for code in codes)
        pictures = [picture for picture in decoded if picture is not None]
        if len(pictures) != len(codes):
            raise ValueError("a picture cannot be decoded")
        stacked = np.stack(pictures)
        arrays[name] = stacked[..., ::-1] if stacked.ndim == 4 else stacked
    # Caches drawn before these labels existed stay readable.
    count = len(arrays["joints"])
    arrays.setdefault("visible", np.full((count, 21), np.nan, np.float32))
    arrays.setdefault("camera", np.full((count, 3, 3), np.nan, np.float32))
    return RenderBatch(**arrays)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of this module."""
    parser = argparse.ArgumentParser(description="Draw labelled pictures of hands into a folder.")
    parser.add_argument("--assets", type=Path, required=True, help="folder with hand/, environments/, backgrounds/")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=8000)
    parser.add_argument("--size", type=int, default=224, help="side of a picture, pixels")
    parser.add_argument("--crop-scale", type=float, default=2.0)
    parser.add_argument("--occluders", type=float, default=OCCLUDER_SHARE, help="share of hands with a thing or a second hand")
    parser.add_argument("--part", choices=PARTS, default="all", help="show only what training, or only what validation may see")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--backend", choices=("torch", "egl"), default="torch", help="egl: OpenGL, on a CPU about 1.5 times faster")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(chosen.threads)
    backend = draw
    if chosen.backend == "egl":
        # Mesa's rasteriser counts its threads beside the one that calls it, once, when it starts.
        os.environ.setdefault("LP_NUM_THREADS", str(chosen.threads if chosen.threads > 1 else 0))
        backend = Egl().draw
    studio = Studio.load(chosen.assets, chosen.device, chosen.part)
    write_cache(studio, chosen.out, chosen.count, chosen.seed, chosen.size, chosen.crop_scale, chosen.occluders, backend)


if __name__ == "__main__":
    main()
