"""``handmesh train lifted``: renders, what the landmark network says of them and of real hands, corrector, decoder, export, report.

Each step leaves a file in the work folder and is left out where that file exists, so a stopped run goes on where it was.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch

from handmesh_ros.errors import HandmeshError, reading
from handmesh_ros.files import package_root, required_file
from handmesh_ros.progress import Progress, say
from handmesh_ros.yaml_files import read_yaml
from handmesh_training.labels.landmark_network import LandmarkNetwork
from handmesh_training.lifted.accuracy import Report, measure_accuracy
from handmesh_training.lifted.corrector_training import Pairs, real_pairs, render_pairs, train_corrector
from handmesh_training.lifted.decoder_training import fit_linear_part, train_decoder
from handmesh_training.lifted.export import export_decoder
from handmesh_training.lifted.network import Lifted, NetworkSize
from handmesh_training.lifted.real import RealLooks, look_at_real_hands
from handmesh_training.lifted.renders import RenderObservations, in_the_networks_regime, observe_renders, with_true_joints
from handmesh_training.template import HandTemplate

LIFTED_CONFIG = "config/train/lifted.yaml"  # of the package


class TrainError(HandmeshError, ValueError):
    """The configuration or something it names is missing; the message says what."""


def main(config_path: str | Path | None = None, root: Path | None = None) -> Report:
    """Train, write the decoder and its checksum, return the report.

    Args:
        config_path: see ``config/train/lifted.yaml``, the default.
        root: what the paths in it are relative to; default: the folder of the package's own ``config/`` and ``models/``.

    Raises:
        TrainError: configuration, landmark network or assets are missing.
    """
    root = root or package_root()
    config = _read_config(Path(config_path or required_file(LIFTED_CONFIG)))
    seed = config["seed"]
    torch.set_num_threads(config["threads"])
    work = root / config["work"]
    work.mkdir(parents=True, exist_ok=True)
    template = HandTemplate.load()

    renders = [_observed_renders(entry, config, root, work, template) for entry in config["renders"]]
    kept = [part.take(np.flatnonzero(in_the_networks_regime(part))) for part in renders]
    held_back = [np.random.default_rng([seed, k]).random(len(part)) < config["held_back"] for k, part in enumerate(kept)]
    training = [render_pairs(part.take(np.flatnonzero(~h)), template.reference_size_m) for part, h in zip(kept, held_back, strict=True)]
    test = RenderObservations.join([part.take(np.flatnonzero(h)) for part, h in zip(kept, held_back, strict=True)])
    looks = _real_looks(config, root, work)
    real, real_test = (real_pairs(looks, chosen) for chosen in (~looks.validation, looks.validation))
    pairs = Pairs.join(training)
    say(f"{sum(map(len, renders))} renders, {len(pairs.target)} fit for training, {len(test)} held back; {len(real.target)} real looks")

    torch.manual_seed(seed)
    network = Lifted(template, NetworkSize(hidden=config["corrector"]["hidden"]))
    _corrector(network, pairs, real, config, work)
    fit_linear_part(network.decoder, template, seed)
    with torch.no_grad():
        corrected = torch.cat([network.corrector(p.landmarks, p.world) for p in (pairs, real)])
    options = config["decoder"]
    with LossCurve("decoder", options["steps"], work / "decoder.csv") as progress:
        train_decoder(
            network.decoder, template, corrected, options["steps"], seed, options["hands"], options["batch"], options["rate"],
            work / "decoder.pt", progress,
        )  # fmt: skip
    report = measure_accuracy(network, template, test, real_test)
    export_decoder(network, template, root / config["out"], _describe(renders, pairs, real))
    (work / "report.json").write_text(json.dumps(asdict(report), indent=2) + "\n")
    _record_checksum(root / config["out"])
    return report


class LossCurve:
    """A line of progress for people and a CSV file (step, loss) for plots; a run that goes on appends to the file."""

    def __init__(self, name: str, steps: int, path: Path, every: int = 20) -> None:
        self._progress = Progress(name, steps, "steps")
        self._every = every
        self._mean: float | None = None
        self._file = path.open("a", newline="")
        self._rows = csv.writer(self._file)

    def __enter__(self) -> Callable[[int, float], None]:
        self._progress.__enter__()
        return self._report

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._progress.__exit__(kind, error, trace)
        self._file.close()

    def _report(self, step: int, loss: float) -> None:
        self._mean = loss if self._mean is None else 0.95 * self._mean + 0.05 * loss
        due = (step + 1) % self._every == 0
        self._progress.reach(step + 1, f"loss {self._mean:.3f} mm" if due else None)
        if due:
            self._rows.writerow([step + 1, f"{self._mean:.4f}"])
            self._file.flush()


def _observed_renders(entry: dict[str, Any], config: dict[str, Any], root: Path, work: Path, template: HandTemplate) -> RenderObservations:
    """What the network says of one set of renders; drawn and looked at where that has not been done."""
    folder = root / entry["folder"]
    path = work / f"observed_{folder.name}.npz"
    if not path.is_file():
        network = _landmark_network(config, root)
        from handmesh_training.renders.batch import Studio
        from handmesh_training.renders.cache import write_cache

        write_cache(Studio.load(root / config["assets"]), folder, entry["count"], entry["seed"], entry["size"])
        observe_renders(folder, network, template).save(path)
    # Joints follow the template of today, whenever the pictures were drawn.
    return with_true_joints(RenderObservations.load(path), template)


def _real_looks(config: dict[str, Any], root: Path, work: Path) -> RealLooks:
    path = work / "observed_real.npz"
    if not path.is_file():
        try:
            look_at_real_hands(root / config["real_hands"], _landmark_network(config, root), config["seed"]).save(path)
        except FileNotFoundError as error:
            raise TrainError(f"{error}; set 'real_hands' in the configuration to the folder that holds real_hands") from error
    return RealLooks.load(path)


def _landmark_network(config: dict[str, Any], root: Path) -> LandmarkNetwork:
    path = root / config["landmark_model"]
    if not path.is_file():
        raise TrainError(f"{path}: the landmark network is missing; 'handmesh models --provision' makes it")
    return LandmarkNetwork(path, config["threads"])


def _corrector(network: Lifted, pairs: Pairs, real: Pairs, config: dict[str, Any], work: Path) -> None:
    path, options = work / "corrector.pt", config["corrector"]
    if path.is_file():
        network.corrector.load_state_dict(torch.load(path, weights_only=True))
        return
    with LossCurve("corrector", options["steps"], work / "corrector.csv") as progress:
        train_corrector(network.corrector, pairs, real, options["steps"], options["batch"], options["rate"], progress)
    torch.save(network.corrector.state_dict(), path)


def _describe(renders: list[RenderObservations], pairs: Pairs, real: Pairs) -> str:
    return (
        f"corrector: {len(pairs.target)} of {sum(map(len, renders))} renders of a CC0 hand, {len(real.target)} looks of the landmark "
        "network at real hands (Apache-2.0, MIT pictures; no annotations); decoder: poses of the CC0 hand"
    )


def _record_checksum(path: Path) -> None:
    """Write the new file's checksum into the manifest beside it, where there is one."""
    from handmesh_ros.provision.manifest import MANIFEST_NAME, record_checksum

    manifest = path.with_name(MANIFEST_NAME)
    if manifest.is_file():
        record_checksum(manifest, path.stem, hashlib.sha256(path.read_bytes()).hexdigest())


def _read_config(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise TrainError(f"{path}: there is no such configuration")
    with reading(path, "a training run", TrainError):
        config = dict(read_yaml(path) or {})
    needed = {"assets", "real_hands", "landmark_model", "out", "work", "seed", "threads", "renders", "held_back", "corrector", "decoder"}
    missing = needed - set(config)
    if missing:
        raise TrainError(f"{path}: {', '.join(sorted(missing))} missing")
    return config
