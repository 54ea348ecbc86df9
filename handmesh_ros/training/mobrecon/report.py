"""What people see of a run: a progress bar, curves as CSV, pictures of the validation, and at the end the model file."""

from __future__ import annotations

import csv
import hashlib
import json
import time
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from tqdm import tqdm

from handmesh_ros.hand import BONES
from handmesh_ros.training.mobrecon.config import TrainConfig
from handmesh_ros.training.mobrecon.pictures import PictureSet
from handmesh_ros.training.mobrecon.validate import Errors, answer
from handmesh_ros.training.networks import MobRecon

CURVE_EVERY = 20
FINGER_COLOURS = ((255, 60, 60), (255, 200, 0), (60, 220, 60), (60, 160, 255), (220, 80, 255))  # thumb to little
SHOWN, COLUMNS, SHOWN_SIZE = 24, 8, 192


class Curves:
    """Progress bar with rate and time left, ``training.csv`` and ``validation.csv``; a run that goes on appends to them."""

    def __init__(self, work: Path, steps: int, step: int, patches: int, rank: int) -> None:
        self.work, self.patches, self.rank = work, patches, rank
        self.bar = tqdm(total=steps, initial=step, desc="train", unit="step", smoothing=0.05, disable=rank != 0, mininterval=2.0)
        self.sums: dict[str, float] = {}
        self.since = time.perf_counter()

    def __enter__(self) -> Curves:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.bar.close()

    def step(self, step: int, terms: dict[str, float], rate: float) -> None:
        """After step ``step`` (from 1)."""
        self.bar.update(step - self.bar.n)
        for name, value in terms.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        if step % CURVE_EVERY or self.rank:
            return
        means = {name: value / CURVE_EVERY for name, value in self.sums.items()}
        speed = self.patches * CURVE_EVERY / (time.perf_counter() - self.since)
        self.sums, self.since = {}, time.perf_counter()
        self.bar.set_postfix(loss=f"{means['loss']:.4f}", patches_per_s=f"{speed:.0f}")
        row = {"step": step, "rate": rate, "patches_per_s": speed, **means}
        _append(self.work / "training.csv", {name: f"{value:.6g}" for name, value in row.items()})

    def errors(self, when: str, step: int, found: dict[str, Errors]) -> None:
        """Print and note the errors on the validation sets."""
        self.since = time.perf_counter()
        for name, errors in found.items():
            self.bar.write(f"{when}, {name}: {errors}")
            _append(self.work / "validation.csv", {"step": str(step), "set": name, **{k: f"{v:.6g}" for k, v in asdict(errors).items()}})


def _append(path: Path, row: dict[str, str]) -> None:
    new = not path.is_file()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, row.keys(), extrasaction="ignore")
        if new:
            writer.writeheader()
        writer.writerow(row)


def write_pictures(path: Path, network: MobRecon, pictures: PictureSet, crop_scale: float) -> None:
    """A contact sheet: every picture with the network's keypoints (coloured) and the labels' (white dots)."""
    rows = np.linspace(0, len(pictures) - 1, min(SHOWN, len(pictures))).astype(int)
    said = answer(network.eval(), pictures.take(rows), crop_scale)
    tiles = []
    for patch, keypoints, truth in zip(said.patches, said.keypoints, said.true_keypoints, strict=True):
        tile = cv2.resize(patch, (SHOWN_SIZE, SHOWN_SIZE), interpolation=cv2.INTER_LINEAR)
        points = np.rint(keypoints * SHOWN_SIZE).astype(int)
        for number, (start, end) in enumerate(BONES):
            cv2.line(tile, points[start].tolist(), points[end].tolist(), FINGER_COLOURS[number // 4], 2, cv2.LINE_AA)
        for x, y in np.rint(truth * SHOWN_SIZE).astype(int).tolist():
            cv2.circle(tile, (x, y), 2, (255, 255, 255), -1, cv2.LINE_AA)
        tiles.append(tile)
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)
    sheet = np.concatenate([np.concatenate(tiles[k : k + COLUMNS], 1) for k in range(0, len(tiles), COLUMNS)])
    cv2.imwrite(str(path), sheet[..., ::-1])


def write_model(config: TrainConfig, root: Path, work: Path, network: MobRecon, errors: dict[str, Errors]) -> None:
    """``network.pt`` and ``report.json`` in the work folder, the model file (float16 weights), and its checksum in the manifest
    beside it where that names it."""
    from handmesh_ros.provision.manifest import MANIFEST_NAME, record_checksum
    from handmesh_ros.training.export import ModelCard, export_network
    from handmesh_ros.training.networks.checkpoint import save_network

    training = describe(config)
    out = root / config.out
    save_network(work / "network.pt", network.eval(), training)
    (work / "report.json").write_text(json.dumps({name: asdict(value) for name, value in errors.items()}, indent=2) + "\n")
    card = ModelCard(out.stem, "Apache-2.0", training, config.crop_scale)
    print(f"{out}: {export_network(network, out, card, 'fp16')}")
    manifest = out.with_name(MANIFEST_NAME)
    if manifest.is_file():
        record_checksum(manifest, out.stem, hashlib.sha256(out.read_bytes()).hexdigest())


def describe(config: TrainConfig) -> str:
    """One line on data and recipe for the model's metadata."""
    renders = sum(entry.count for entry in config.renders)
    start = "begun with MediaPipe's landmark network (Apache-2.0), " if config.landmark_weights else ""
    return (
        f"{start}{config.steps} steps of {config.batch.patches} patches: {renders} renders of a CC0 hand, and real crops "
        "(Apache-2.0, MIT) with that network's opinion; no MANO, no annotated data set"
    )
