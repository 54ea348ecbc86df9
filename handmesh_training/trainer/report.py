"""What people see of a run: a progress bar, curves as CSV, and at the end the model file."""

from __future__ import annotations

import csv
import hashlib
import json
import time
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

from torch import Tensor

from handmesh_ros.progress import Progress, say
from handmesh_training.networks import MobRecon
from handmesh_training.trainer.config import TrainConfig
from handmesh_training.trainer.validate import ValidationErrors

CURVE_EVERY = 20


class Curves:
    """Progress with rate and time left, ``training.csv`` and ``validation.csv``; a run that goes on appends to them."""

    def __init__(self, work: Path, steps: int, step: int, patches: int, rank: int) -> None:
        self.work, self.patches, self.rank = work, patches, rank
        self._shown = Progress("train", steps, "steps", done=step, shown=rank == 0)
        self.sums: dict[str, Tensor] = {}
        self.since = time.perf_counter()

    def __enter__(self) -> Curves:
        self._shown.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._shown.__exit__(kind, error, trace)

    def step(self, step: int, terms: dict[str, Tensor], rate: float) -> None:
        """After step ``step`` (from 1). A GPU is only waited for where the curves have a row."""
        self._shown.reach(step)
        for name, value in terms.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value
        if step % CURVE_EVERY or self.rank:
            return
        means = {name: float(value) / CURVE_EVERY for name, value in self.sums.items()}
        speed = self.patches * CURVE_EVERY / (time.perf_counter() - self.since)
        self.sums, self.since = {}, time.perf_counter()
        self._shown.reach(step, f"loss {means['loss']:.4f}, {speed:.0f} patches/s")
        row = {"step": step, "rate": rate, "patches_per_s": speed, **means}
        _append(self.work / "training.csv", {name: f"{value:.6g}" for name, value in row.items()})

    def errors(self, when: str, step: int, found: dict[str, ValidationErrors]) -> None:
        """Tell and note the errors on the validation sets."""
        self.since = time.perf_counter()
        for name, errors in found.items():
            say(f"{when}, {name}: {errors}")
            _append(self.work / "validation.csv", {"step": str(step), "set": name, **{k: f"{v:.6g}" for k, v in asdict(errors).items()}})


def _append(path: Path, row: dict[str, str]) -> None:
    new = not path.is_file()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, row.keys(), extrasaction="ignore")
        if new:
            writer.writeheader()
        writer.writerow(row)


def write_model(config: TrainConfig, root: Path, work: Path, network: MobRecon, errors: dict[str, ValidationErrors]) -> None:
    """``network.pt`` and ``report.json`` in the work folder; the model file, beside it the network to go on from (both with float16
    weights), and the model's checksum in the manifest there if that names it."""
    from handmesh_ros.provision.manifest import MANIFEST_NAME, read_manifest, record_checksum
    from handmesh_training.export.build import ModelCard, export_network
    from handmesh_training.networks.checkpoint import save_network

    training = describe(config)
    out = root / config.out
    save_network(work / "network.pt", network.eval(), training)
    save_network(out.with_suffix(".pt"), network, training, half=True)
    (work / "report.json").write_text(json.dumps({name: asdict(value) for name, value in errors.items()}, indent=2) + "\n")
    # The last set of renders shows hands most as people hold them (config/train/mobrecon.yaml).
    noise = errors.get(Path(config.validation_renders[-1].folder).name) if config.validation_renders else None
    sigmas = (noise.keypoint_sigma, noise.joint_sigma_m) if noise else (None, None)
    card = ModelCard(out.stem, "Apache-2.0", training, config.crop_scale, config.crop_box, *sigmas)
    say(f"{out}: {export_network(network, out, card, 'fp16')}")
    manifest = out.with_name(MANIFEST_NAME)
    if manifest.is_file() and out.stem in read_manifest(manifest):
        record_checksum(manifest, out.stem, hashlib.sha256(out.read_bytes()).hexdigest())


def describe(config: TrainConfig) -> str:
    """One line on data and recipe for the model's metadata."""
    renders = sum(entry.count for entry in config.renders)
    first = "MediaPipe's landmark network (Apache-2.0)" if config.landmark_weights else config.begin_with and Path(config.begin_with).name
    start = f"begun with {first}, " if first else ""
    return (
        f"{start}{config.steps} steps of {config.batch.patches} patches: {renders} renders of a CC0 hand, and real crops "
        "(Apache-2.0, MIT, CC BY) with opinions of MediaPipe's landmark networks; no MANO, no annotated data set"
    )
