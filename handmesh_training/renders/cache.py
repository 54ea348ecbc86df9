"""Renders kept on disk, for trainings that look at the same pictures many times.

    python -m handmesh_training.renders.cache --assets ../shared/assets --out runs/renders --count 8000

A folder of shards ``renders_00000.npz``: the fields of ``RenderBatch``, pictures as JPEG. A shard that exists is not drawn again, so a
stopped run goes on where it was.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import torch

from handmesh_ros.errors import HandmeshError, reading
from handmesh_ros.progress import Progress
from handmesh_training.renders.batch import OCCLUDER_SHARE, RenderBatch, Studio, render_batch
from handmesh_training.renders.egl import Egl
from handmesh_training.renders.shading import Draw, draw
from handmesh_training.renders.split import PARTS, Part

SHARD_SIZE = 256  # pictures in a file
BATCH_SIZE = 16  # pictures drawn at once: more does not fit a CPU's cache and is slower
RENDER_JPEG_QUALITY = 95


class CacheError(HandmeshError, RuntimeError):
    """A cache is missing or broken; the message names the file."""


@dataclass(frozen=True)
class StudioOrder:
    """A studio to be loaded where it is needed: tensors do not travel between processes."""

    assets: Path
    device: str = "cpu"
    part: Part = "all"
    fits: Path | None = None

    def load(self) -> Studio:
        """Read the assets."""
        return Studio.load(self.assets, self.device, self.part, self.fits)


@dataclass(frozen=True)
class _Shard:
    path: Path
    seed: tuple[int, int]
    size: int
    crop_scale: float
    occluder_share: float
    batches: tuple[int, ...]  # pictures in each


def write_cache(
    studio: Studio | StudioOrder,
    out: Path,
    count: int,
    seed: int = 0,
    size: int = 224,
    crop_scale: float = 2.0,
    occluder_share: float = OCCLUDER_SHARE,
    backend: Draw = draw,
    workers: int = 1,
    shard_size: int = SHARD_SIZE,
    batch_size: int = BATCH_SIZE,
) -> None:
    """Draws at least ``count`` pictures into ``out``. Every shard has its own seed: equal arguments give equal shards.

    Args:
        workers: processes side by side; more than one need an order for a studio, and draw with PyTorch.
        shard_size: pictures in a file; batch_size: how many of them are drawn at once: other sizes give other pictures.
    """
    out.mkdir(parents=True, exist_ok=True)
    paths = {shard: out / f"renders_{shard:05d}.npz" for shard in range(-(-count // shard_size))}
    batches = tuple(min(batch_size, shard_size - start) for start in range(0, shard_size, batch_size))
    missing = {shard: path for shard, path in paths.items() if not path.exists()}
    shards = [_Shard(path, (seed, shard), size, crop_scale, occluder_share, batches) for shard, path in missing.items()]
    with Progress("renders", len(paths), f"x {shard_size} pictures", done=len(paths) - len(shards)) as progress:
        if not shards:
            return
        if isinstance(studio, StudioOrder) and min(workers, len(shards)) > 1:
            with ProcessPoolExecutor(min(workers, len(shards)), get_context("spawn"), _open_studio, (studio,)) as pool:
                for _ in pool.map(_draw_here, shards):
                    progress.advance()
            return
        opened = studio.load() if isinstance(studio, StudioOrder) else studio
        for shard in shards:
            _draw_shard(opened, shard, backend)
            progress.advance()


_studio: list[Studio] = []  # of a process of the pool


def _open_studio(order: StudioOrder) -> None:
    torch.set_num_threads(1)
    _studio.append(order.load())


def _draw_here(shard: _Shard) -> None:
    _draw_shard(_studio[0], shard, draw)


def _draw_shard(studio: Studio, shard: _Shard, backend: Draw) -> None:
    rng = np.random.default_rng(shard.seed)
    parts = [
        render_batch(studio, rng, count, shard.size, shard.crop_scale, shard.occluder_share, backend=backend) for count in shard.batches
    ]
    temporary = shard.path.with_suffix(".part.npz")
    np.savez(temporary, **_pack(join(parts)))  # type: ignore[arg-type]
    temporary.replace(shard.path)  # a run stopped while writing leaves no half shard under the final name


def shard_paths(folder: Path) -> list[Path]:
    """The shards of a folder, in order; CacheError if there are none."""
    paths = sorted(path for path in folder.glob("renders_*.npz") if ".part" not in path.name)
    if not paths:
        raise CacheError(f"no renders_*.npz in {folder}: draw some with 'python -m handmesh_training.renders.cache'")
    return paths


def read_shard(path: Path) -> RenderBatch:
    """One shard; CacheError names one that cannot be read."""
    with reading(path, "a shard of renders, which can be deleted and drawn again", CacheError), np.load(path) as shard:
        return _unpack({name: shard[name] for name in shard.files})


def read_cache(folder: Path) -> Iterator[RenderBatch]:
    """The shards of a folder, in order.

    Raises:
        CacheError: there is no shard, or one cannot be read.
    """
    yield from map(read_shard, shard_paths(folder))


def join(batches: Sequence[RenderBatch]) -> RenderBatch:
    """Several batches as one."""
    return RenderBatch(*(np.concatenate([getattr(batch, field.name) for batch in batches]) for field in fields(RenderBatch)))


def _pack(batch: RenderBatch) -> dict[str, np.ndarray]:
    arrays = {field.name: getattr(batch, field.name) for field in fields(RenderBatch)}
    arrays = {name: array.astype(np.float32) if array.dtype == np.float64 else array for name, array in arrays.items()}
    options = [cv2.IMWRITE_JPEG_QUALITY, RENDER_JPEG_QUALITY]
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
    parser.add_argument("--fits", type=Path, help="file of meshes fitted to real crops: hands are held and seen as those people's are")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1, help="processes side by side, torch only")
    parser.add_argument("--backend", choices=("torch", "egl"), default="torch", help="egl: OpenGL, on a CPU about 1.5 times faster")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(chosen.threads)
    backend = draw
    if chosen.backend == "egl":
        if chosen.workers > 1:
            parser.error("--workers above 1 draw with the torch back end; for OpenGL start several processes with seeds of their own")
        # Mesa's rasteriser counts its threads beside the one that calls it, once, when it starts.
        os.environ.setdefault("LP_NUM_THREADS", str(chosen.threads if chosen.threads > 1 else 0))
        backend = Egl().draw
    studio = StudioOrder(chosen.assets, chosen.device, chosen.part, chosen.fits)
    write_cache(studio, chosen.out, chosen.count, chosen.seed, chosen.size, chosen.crop_scale, chosen.occluders, backend, chosen.workers)


if __name__ == "__main__":
    main()
