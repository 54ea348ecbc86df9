"""LeRobot data sets, layouts v2.1 and v3.0 (github.com/huggingface/lerobot, ``lerobot/datasets``): their episodes as clips, and a copy of
the data set with hands in it.

Columns are called ``hand.left.*`` and ``hand.right.*``. Not ``observation.*``: LeRobot would make inputs of every policy of them.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from handmesh_ros.annotation.clips import Clip
from handmesh_ros.annotation.episodes import EpisodePart
from handmesh_ros.errors import HandmeshError, reading
from handmesh_ros.hand import JOINT_COUNT, JOINT_NAMES, Hand, Side, TrackState
from handmesh_ros.records import read_frames

if TYPE_CHECKING:
    import pyarrow as pa

INFO = Path("meta", "info.json")
WORK = ".annotation"  # in the new data set until it is complete: a file of hands for each episode
KIND = "a data set as LeRobot writes it"  # for messages
DONE_KEY = "hand.right.joints"  # a data set with this column is annotated


class LeRobotError(HandmeshError, ValueError):
    """A data set cannot be annotated; the message names it and says why."""


@dataclass(frozen=True, eq=False)
class LeRobotDataset:
    """A data set on this disk.

    Attributes:
        root: its folder.
        info: what ``meta/info.json`` says.
    """

    root: Path
    info: Mapping[str, Any]

    @classmethod
    def is_one(cls, root: Path) -> bool:
        return (root / INFO).is_file()

    @classmethod
    def read(cls, root: Path) -> LeRobotDataset:
        """
        Raises:
            LeRobotError: it is of a layout that is not known, or annotated already.
        """
        with reading(root / INFO, "what LeRobot writes", LeRobotError):
            info = json.loads((root / INFO).read_text(encoding="utf-8"))
            version, features = str(info["codebase_version"]), info["features"]
        if not version.startswith(("v2.", "v3.")):
            raise LeRobotError(f"{root}: layout {version}; v2.0, v2.1 and v3.0 are known. LeRobot's own scripts convert older ones")
        if not isinstance(features, dict):
            raise LeRobotError(f"{root / INFO}: its features are no table")
        if DONE_KEY in features:
            raise LeRobotError(f"{root}: has hands already (column {DONE_KEY})")
        return cls(root, info)

    def camera_key(self, wanted: str | None) -> str:
        """The pictures to look at: those that are wanted, or the only ones.

        Raises:
            LeRobotError: there are none, or several to choose from.
        """
        with reading(self.root, KIND, LeRobotError):
            keys = [key for key, feature in self.info["features"].items() if feature["dtype"] in ("video", "image")]
        if not keys:
            raise LeRobotError(f"{self.root}: a data set without pictures: no feature is a video or an image")
        chosen = [key for key in keys if wanted in (None, key)]
        if len(chosen) == 1:
            return str(chosen[0])
        asked = "which camera?" if wanted is None else f"there is no {wanted}."
        raise LeRobotError(f"{self.root}: {asked} Give --camera-key, one of {', '.join(keys)}")

    def clips(self, key: str, out: Path) -> list[Clip]:
        """The episodes' pictures of one camera, and where each one's hands will be until all are there.

        Raises:
            LeRobotError: what the data set says of its episodes is not what LeRobot writes.
        """
        with reading(self.root, KIND, LeRobotError):
            column = key if self.info["features"][key]["dtype"] == "image" else ""
            return [self._clip(episode, key, column, out) for episode in self._episodes]

    def _clip(self, episode: Mapping[str, Any], key: str, column: str, out: Path) -> Clip:
        index = int(episode["episode_index"])
        path = self._data_path(episode) if column else self._video_path(episode, key)
        start_s = 0.0 if column else float(episode.get(f"videos/{key}/from_timestamp", 0.0))
        part = EpisodePart(index, int(episode["length"]), float(self.info["fps"]), start_s, column)
        return Clip(str(path), str(out / WORK / f"episode_{index:06d}.jsonl"), part)

    def write_with_hands(self, out: Path, mesh: bool) -> None:
        """The data set again in another folder, with the hands of its clips. Videos and whatever else is not changed are hard links where
        the disk can, else copies. ``meta/info.json`` comes last: until then the folder is no data set.

        Raises:
            LeRobotError: a file of data is not as its meta data says.
        """
        import pyarrow.parquet as pq

        data = {self._data_path(episode) for episode in self._episodes}
        for path in sorted(self.root.rglob("*")):
            if path.is_file() and path not in data and path != self.root / INFO and WORK not in path.parts:
                _share(path, out / path.relative_to(self.root))
        columns: list[str] = []
        for path in sorted(data):
            table = pq.read_table(path)
            hands = _columns(table, out / WORK, mesh)
            for name, column in hands.items():
                table = table.append_column(name, column)
            columns = list(hands)
            target = out / path.relative_to(self.root)
            target.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, target.with_suffix(".part"))
            target.with_suffix(".part").replace(target)
        shapes = {name: _feature(name, mesh_size(out / WORK) if mesh else 0) for name in columns}
        info = dict(self.info) | {"features": {**self.info["features"], **shapes}}
        target = out / INFO
        target.parent.mkdir(parents=True, exist_ok=True)
        target.with_suffix(".part").write_text(json.dumps(info, indent=4, ensure_ascii=False), encoding="utf-8")
        target.with_suffix(".part").replace(target)
        shutil.rmtree(out / WORK)

    @cached_property
    def _episodes(self) -> list[Mapping[str, Any]]:
        """In the order of their numbers."""
        if str(self.info["codebase_version"]).startswith("v2."):
            lines = (self.root / "meta" / "episodes.jsonl").read_text(encoding="utf-8").splitlines()
            found = [json.loads(line) for line in lines if line.strip()]
        else:
            import pyarrow.parquet as pq

            found = []
            for path in sorted((self.root / "meta" / "episodes").glob("*/*.parquet")):
                wanted = [name for name in pq.read_schema(path).names if not name.startswith("stats/")]
                found += pq.read_table(path, columns=wanted).to_pylist()
        if not found:
            raise LeRobotError(f"{self.root}: no episodes in meta/")
        return sorted(found, key=lambda episode: int(episode["episode_index"]))

    def _data_path(self, episode: Mapping[str, Any]) -> Path:
        return self.root / str(self.info["data_path"]).format(**self._chunk(episode, "data"))

    def _video_path(self, episode: Mapping[str, Any], key: str) -> Path:
        return self.root / str(self.info["video_path"]).format(video_key=key, **self._chunk(episode, f"videos/{key}"))

    def _chunk(self, episode: Mapping[str, Any], what: str) -> dict[str, int]:
        """What the patterns of file names ask for, in either layout."""
        index = int(episode["episode_index"])
        if f"{what}/chunk_index" in episode:
            return {"chunk_index": int(episode[f"{what}/chunk_index"]), "file_index": int(episode[f"{what}/file_index"])}
        return {"episode_chunk": index // int(self.info.get("chunks_size", 1000)), "episode_index": index}


def mesh_size(work: Path) -> int:
    """Vertices of the first hand that has any."""
    for path in sorted(work.glob("*.jsonl")):
        for frame in read_frames(path):
            for hand in frame.hands:
                return len(hand.vertices)
    return 0


def _columns(table: pa.Table, work: Path, mesh: bool) -> dict[str, pa.Array]:
    """What is added to a table of data: for either side, and every row."""
    import pyarrow as pa

    rows = zip(table["episode_index"].to_pylist(), table["frame_index"].to_pylist(), strict=True)
    hands = _hands_of_rows(list(rows), work)
    vertex_count = mesh_size(work) if mesh else 0
    columns: dict[str, pa.Array] = {}
    for side in Side:
        seen = [frame.get(side) for frame in hands]
        joints = np.full((len(seen), JOINT_COUNT, 3), np.nan, np.float32)
        keypoints = np.full((len(seen), JOINT_COUNT, 2), np.nan, np.float32)
        vertices = np.full((len(seen), vertex_count, 3), np.nan, np.float32)
        for row, hand in enumerate(seen):
            if hand is not None:
                joints[row], keypoints[row] = hand.joints, hand.keypoints
                if vertex_count:
                    vertices[row] = hand.vertices
        name = f"hand.{side.value}"
        columns[f"{name}.joints"] = _nested(joints)
        columns[f"{name}.keypoints"] = _nested(keypoints)
        columns[f"{name}.score"] = pa.array([0.0 if hand is None else hand.score for hand in seen], pa.float32())
        columns[f"{name}.side_score"] = pa.array([0.0 if hand is None else hand.side_score for hand in seen], pa.float32())
        columns[f"{name}.track_id"] = pa.array([0 if hand is None else hand.track_id for hand in seen], pa.int64())
        columns[f"{name}.metric"] = pa.array([hand is not None and hand.metric for hand in seen], pa.bool_())
        if vertex_count:
            columns[f"{name}.vertices"] = _nested(vertices)
    return columns


def _hands_of_rows(rows: list[tuple[int, int]], work: Path) -> list[dict[Side, Hand]]:
    """The hands of every (episode, frame), by side."""
    frames: dict[int, list[dict[Side, Hand]]] = {}
    for episode in {episode for episode, _ in rows}:
        path = work / f"episode_{episode:06d}.jsonl"
        frames[episode] = [_by_side(frame.hands) for frame in read_frames(path)]
    try:
        return [frames[episode][number] for episode, number in rows]
    except IndexError as error:
        raise LeRobotError("the data of an episode has more rows than meta/ says that it is long") from error


def _by_side(hands: list[Hand]) -> dict[Side, Hand]:
    """Of several hands of a side the one that is most surely seen."""
    return {hand.side: hand for hand in sorted(hands, key=lambda hand: (hand.state is TrackState.TRACKING, hand.score))}


def _nested(values: np.ndarray) -> pa.Array:
    """(R, N, D) float32 as lists of lists, which is how Hugging Face's Array2D lies in a file."""
    import pyarrow as pa

    rows, count, width = values.shape
    inner = pa.ListArray.from_arrays(np.arange(0, rows * count + 1, dtype=np.int32) * width, pa.array(values.reshape(-1)))
    return pa.ListArray.from_arrays(np.arange(0, rows + 1, dtype=np.int32) * count, inner)


def _feature(column: str, vertex_count: int) -> dict[str, Any]:
    """What ``meta/info.json`` says of a column."""
    kind = column.rsplit(".", 1)[1]
    if kind == "joints":
        return {"dtype": "float32", "shape": [JOINT_COUNT, 3], "names": list(JOINT_NAMES)}
    if kind == "keypoints":
        return {"dtype": "float32", "shape": [JOINT_COUNT, 2], "names": list(JOINT_NAMES)}
    if kind == "vertices":
        return {"dtype": "float32", "shape": [vertex_count, 3], "names": None}
    return {"dtype": {"track_id": "int64", "metric": "bool"}.get(kind, "float32"), "shape": [1], "names": None}


def _share(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        return
    try:
        os.link(path, target)
    except OSError:
        shutil.copy2(path, target)
