"""Small LeRobot data sets of either layout, made of stretches of the demo clip."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from support.paths import REPO

CLIP = REPO / "config" / "demo" / "demo.mp4"
KEY = "observation.images.front"
RATE = 30
EPISODES = ((40, 12), (75, 9), (200, 10))  # first frame in the clip, and how many


def clip_frames(first: int, count: int) -> list[np.ndarray]:
    """BGR."""
    capture = cv2.VideoCapture(str(CLIP))
    frames = [capture.read()[1] for _ in range(first + count)]
    return frames[first:]


def write_video(path: Path, frames: list[np.ndarray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), RATE, (640, 480))
    for frame in frames:
        writer.write(frame)
    writer.release()


def make_dataset(root: Path, version: str, images: bool = False) -> Path:
    """Three episodes; of v3.0 in one file of video and one of data, of v2.1 each in its own."""
    import pyarrow as pa

    one_file = version == "v3.0"
    patterns = (
        (
            "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
            "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
        )
        if one_file
        else (
            "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
            "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4",
        )
    )
    info = {
        "codebase_version": version, "fps": RATE, "chunks_size": 1000, "data_path": patterns[0], "video_path": patterns[1],
        "features": {
            KEY: {"dtype": "image" if images else "video", "shape": [480, 640, 3], "names": ["height", "width", "channels"]},
            "observation.state": {"dtype": "float32", "shape": [2], "names": ["a", "b"]},
            **{name: {"dtype": "int64", "shape": [1], "names": None} for name in ("frame_index", "episode_index", "index")},
        },
    }  # fmt: skip
    pictures = [clip_frames(*episode) for episode in EPISODES]
    tables, episodes, begin = [], [], 0
    for index, frames in enumerate(pictures):
        count = len(frames)
        columns = {
            "observation.state": pa.array(np.random.default_rng(index).normal(size=(count, 2)).astype(np.float32).tolist()),
            "frame_index": list(range(count)),
            "episode_index": [index] * count,
            "index": list(range(begin, begin + count)),
        }
        if images:
            columns[KEY] = [{"bytes": cv2.imencode(".png", frame)[1].tobytes(), "path": None} for frame in frames]
        tables.append(pa.table(columns))
        places = {} if not one_file else {
            "data/chunk_index": 0, "data/file_index": 0, f"videos/{KEY}/chunk_index": 0, f"videos/{KEY}/file_index": 0,
            f"videos/{KEY}/from_timestamp": begin / RATE, f"videos/{KEY}/to_timestamp": (begin + count) / RATE,
        }  # fmt: skip
        episodes.append({"episode_index": index, "length": count, "tasks": ["wave"], **places})
        begin += count
    (root / "meta").mkdir(parents=True)
    (root / "meta" / "info.json").write_text(json.dumps(info))
    if one_file:
        _write_table(root / "data" / "chunk-000" / "file-000.parquet", pa.concat_tables(tables))
        _write_table(root / "meta" / "episodes" / "chunk-000" / "file-000.parquet", pa.Table.from_pylist(episodes))
        if not images:
            write_video(root / "videos" / KEY / "chunk-000" / "file-000.mp4", [frame for frames in pictures for frame in frames])
        return root
    (root / "meta" / "episodes.jsonl").write_text("\n".join(json.dumps(episode) for episode in episodes))
    for index, (table, frames) in enumerate(zip(tables, pictures, strict=True)):
        _write_table(root / "data" / "chunk-000" / f"episode_{index:06d}.parquet", table)
        if not images:
            write_video(root / "videos" / "chunk-000" / KEY / f"episode_{index:06d}.mp4", frames)
    return root


def _write_table(path: Path, table: object) -> None:
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)
