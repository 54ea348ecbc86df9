"""``handmesh train mobrecon``: stages of a run, one optimizer step after the other, resumable at any of them.

On several GPUs: ``torchrun --nproc_per_node=N -m handmesh_ros.cli train mobrecon --config FILE``; the batch is then N times as large.
"""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from handmesh_ros.files import package_root, required_file
from handmesh_ros.progress import say
from handmesh_training.networks import MobRecon, NetworkConfig, TemplateLevels
from handmesh_training.networks.checkpoint import load_network
from handmesh_training.networks.landmarkstack import LandmarkEncoder
from handmesh_training.networks.stack import Pyramid
from handmesh_training.template import HandTemplate
from handmesh_training.template.meshes import sample_meshes
from handmesh_training.trainer.alive import deaf_layers
from handmesh_training.trainer.batches import Batches, Labelled, balanced_odds
from handmesh_training.trainer.biomechanics import bone_lengths
from handmesh_training.trainer.config import TrainConfig, TrainConfigError, TrainingStage, read_config
from handmesh_training.trainer.data import Data, load_data
from handmesh_training.trainer.gallery import Gallery
from handmesh_training.trainer.losses import TrainingLoss
from handmesh_training.trainer.remembered import FrozenEncoder, RememberedBatches
from handmesh_training.trainer.report import Curves, write_model
from handmesh_training.trainer.run_state import Average, load_state, save_state
from handmesh_training.trainer.sheet import write_best_and_worst, write_sheet
from handmesh_training.trainer.validate import ValidationErrors, answer, validate

MOBRECON_CONFIG = "config/train/mobrecon.yaml"  # of the package
SKIN_HANDS = 1500  # that the mesh over the joints is fitted to
ALIVE_PICTURES = 16  # that every layer must tell apart
LAST_RATE = 0.02  # of a stage, as a share of its first


@dataclass(frozen=True)
class Workplace:
    """Where the network is trained: device, and which process of how many this is."""

    device: torch.device
    rank: int = 0
    count: int = 1

    @classmethod
    def find(cls) -> Workplace:
        """A GPU where there is one; several processes under torchrun."""
        count = int(os.environ.get("WORLD_SIZE", "1"))
        local = int(os.environ.get("LOCAL_RANK", "0"))
        cuda = torch.cuda.is_available()
        if count > 1:
            torch.distributed.init_process_group("nccl" if cuda else "gloo")
        if cuda:
            torch.cuda.set_device(local)
            torch.set_float32_matmul_precision("high")
            torch.backends.cudnn.benchmark = True  # shapes never change
        return cls(torch.device("cuda", local) if cuda else torch.device("cpu"), int(os.environ.get("RANK", "0")), count)


def main(config_path: str | Path | None = None, root: Path | None = None) -> dict[str, ValidationErrors]:
    """Train to the end of the last stage, write the model file, return the errors on every validation set.

    Args:
        config_path: see ``config/train/mobrecon.yaml``, the default.
        root: what the paths in it are relative to; default: the folder of the package's own ``config/`` and ``models/``.

    Raises:
        TrainConfigError: the configuration or a file that it names is missing, or the checkpoint is of another run.
    """
    root = root or package_root()
    config = read_config(config_path or required_file(MOBRECON_CONFIG))
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    template = HandTemplate.load()
    levels = TemplateLevels.from_hand_template(template)
    workplace = Workplace.find()
    network = build_network(config, root, template, levels).to(workplace.device)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # convolutions are faster so, on CPUs above all
    run = Run(config, root, workplace, network, template)
    step = run.resume()
    run.go(load_data(config, root, template), step)
    return run.finish()


def build_network(config: TrainConfig, root: Path, template: HandTemplate, levels: TemplateLevels) -> MobRecon:
    """The network of a run at its beginning."""
    network = MobRecon(NetworkConfig.from_yaml(root / config.network), levels)
    if network.skin is not None:
        network.skin.fit(*map(torch.from_numpy, sample_meshes(template, np.random.default_rng(config.seed), SKIN_HANDS)))
    if config.landmark_weights:
        network.load_landmark_weights(root / config.landmark_weights)
    if config.begin_with:
        earlier, _ = load_network(root / config.begin_with, levels)
        _begin_with(network, earlier, config)
    if config.frozen_blocks:
        if not isinstance(network.encoder, LandmarkEncoder):
            raise TrainConfigError(f"frozen_blocks is {config.frozen_blocks}, but the encoder is {network.config.encoder!r}: set it to 0")
        network.encoder.freeze(config.frozen_blocks)
    if config.looks > 1 and (torch.cuda.is_available() or not _all_frozen(network)):
        raise TrainConfigError(
            f"looks is {config.looks}: patches can be remembered on a CPU, with all blocks of the encoder 'landmark' frozen; set it to 1"
        )
    if config.fixed_outputs and network.presence_side is not None:
        network.presence_side.requires_grad_(False)
    return network


def _begin_with(network: MobRecon, earlier: MobRecon, config: TrainConfig) -> None:
    if earlier.config.encoder != network.config.encoder:
        raise TrainConfigError(
            f"{config.begin_with}: has the encoder {earlier.config.encoder!r}, {config.network} asks for {network.config.encoder!r}"
        )
    state = network.state_dict()
    fitting = {name: value for name, value in earlier.state_dict().items() if name in state and state[name].shape == value.shape}
    network.load_state_dict(fitting, strict=False)
    if anew := sorted({".".join(name.split(".")[:3]) for name in state.keys() - fitting.keys()}):
        say(f"{config.begin_with} does not fit everywhere, these parts begin anew: {', '.join(anew)}")


class Run:
    """The state of a training and how it moves on."""

    def __init__(self, config: TrainConfig, root: Path, workplace: Workplace, network: MobRecon, template: HandTemplate) -> None:
        self.config, self.root, self.workplace, self.network = config, root, workplace, network
        self.work = root / config.work
        self.work.mkdir(parents=True, exist_ok=True)
        self.average = Average(network, config.average)
        levels, regressor = network.levels, network.joint_regressor.cpu()
        mean_bones = bone_lengths(regressor @ torch.from_numpy(template.mean_vertices).float())
        self.loss = TrainingLoss(config.losses, torch.from_numpy(levels.faces), regressor, mean_bones, levels.size_m).to(workplace.device)
        self.cuda = workplace.device.type == "cuda"
        self.optimizer = torch.optim.AdamW(list(_parameter_groups(network, config)), lr=1.0, fused=self.cuda)
        self.scaler = torch.amp.GradScaler("cuda", enabled=self.cuda)
        self.landmark_network = None if _all_frozen(network) or not config.fixed_outputs else _landmark_outputs(network)
        self.model: nn.Module = network
        if workplace.count > 1:
            self.model = nn.parallel.DistributedDataParallel(network, device_ids=[workplace.device.index] if self.cuda else None)
        self.errors: dict[str, ValidationErrors] = {}

    def resume(self) -> int:
        """The step to go on with."""
        return load_state(self.work / "state.pt", self.config, **self._parts())

    def _parts(self) -> dict[str, Any]:
        return {"network": self.network, "average": self.average.network, "optimizer": self.optimizer, "scaler": self.scaler}

    def go(self, data: Data, step: int) -> None:
        """Train from a step to the end of the last stage."""
        begin = 0
        gallery = Gallery.hang([data.renders, data.real], self.workplace.device)
        backgrounds = torch.from_numpy(data.backgrounds).to(self.workplace.device)
        with Curves(self.work, self.config.steps, step, self.config.batch.patches * self.workplace.count, self.workplace.rank) as curves:
            for number, stage in enumerate(self.config.stages):
                end = begin + stage.steps
                if step < end:
                    batches = self._batches(stage, data, gallery, backgrounds)
                    step = self._stage(stage, data, batches, max(step, begin), begin, curves)
                    self._validate(f"end of stage {number + 1}", stage, data, step, curves)
                begin = end
        if not self.errors:
            self._validate("end", self.config.stages[-1], data, step, None)

    def _batches(self, stage: TrainingStage, data: Data, gallery: Gallery, backgrounds: Tensor) -> Batches | RememberedBatches:
        config, odds, size = self.config, balanced_odds(data.real.sources, stage.leave_out), self.network.config.patch_size
        batches = Batches(gallery, odds, backgrounds, config.batch, size, config.crop_scale, config.seed + 1000 * self.workplace.rank)
        if config.looks == 1:
            return batches
        assert isinstance(self.network.encoder, LandmarkEncoder)  # see build_network
        return RememberedBatches(batches, FrozenEncoder(self.network.encoder, size, config.threads), config.looks)

    def _stage(self, stage: TrainingStage, data: Data, batches: Batches | RememberedBatches, step: int, begin: int, curves: Curves) -> int:
        end = begin + stage.steps
        config = self.config
        self.loss.weights = replace(config.losses, consistency=config.losses.consistency * stage.consistency)
        while step < end:
            for group in self.optimizer.param_groups:
                group["lr"] = group["share"] * learning_rate(stage, step - begin, config.warmup_steps if not begin else 0)
            terms = self._step(batches.of_step(step), step)
            step += 1
            curves.step(step, terms, self.optimizer.param_groups[-1]["lr"])
            if step % config.save_every == 0 or step == end:
                self._save(step)
            if step % config.validate_every == 0 and step != end:
                self._validate(f"step {step}", stage, data, step, curves)
        return step

    def _step(self, labels: Labelled, step: int) -> dict[str, Tensor]:
        self.network.train()
        patches = labels.patches
        if isinstance(patches, Tensor):
            patches = patches.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cuda", enabled=self.cuda):
            output = self.model(patches)
        total, terms = self.loss(output, labels, self._held(patches))
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(total).backward()
        self.scaler.unscale_(self.optimizer)
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if not self.cuda and not torch.isfinite(norm):
            raise TrainConfigError(f"step {step}: the gradient is not finite; go on from the checkpoint with a lower rate")
        self.average.update(self.network, step)
        return {name: term.detach() for name, term in {"loss": total, **terms}.items()}

    @torch.no_grad()
    def _held(self, patches: Tensor | Pyramid) -> Tensor | None:
        """What the landmark network itself says of presence and side, where the trained one has to say the same."""
        if self.landmark_network is None or not isinstance(patches, Tensor):
            return None
        encoder, outputs = self.landmark_network
        with torch.autocast("cuda", enabled=self.cuda):
            encoded = encoder(2 * patches - 1)
        return outputs(encoded.as_float())  # type: ignore[no-any-return]

    def _save(self, step: int) -> None:
        if self.workplace.rank == 0:
            save_state(self.work / "state.pt", self.config, step, **self._parts())

    def _validate(self, when: str, stage: TrainingStage, data: Data, step: int, curves: Curves | None) -> None:
        if self.workplace.rank:
            return
        network, scale = self.average.network, self.config.crop_scale
        sets = dict(data.validation_renders)
        for source in stage.leave_out:
            sets[source] = data.real.take(np.flatnonzero(data.real.sources == source))
        some = next(iter(sets.values()))
        some = some.take(np.arange(min(ALIVE_PICTURES, len(some))))
        for name in deaf_layers(network, torch.from_numpy(answer(network.eval(), some, scale).patches).permute(0, 3, 1, 2).float() / 255):
            say(f"{when}: layer {name} is told the same of every picture: what comes before it has died")
        found = {name: validate(network, pictures, scale) for name, pictures in sets.items()}
        self.errors |= found
        if curves is not None:
            curves.errors(when, step, found)
        for name, pictures in sets.items():
            write_sheet(self.work / f"validation_{name}.png", network, pictures, scale)
        for name, pictures in data.validation_renders.items():
            write_best_and_worst(self.work / f"best_and_worst_{name}.png", network, pictures, scale)

    def finish(self) -> dict[str, ValidationErrors]:
        """Write weights and model file; the errors of the last validation of each set."""
        if self.workplace.rank == 0:
            write_model(self.config, self.root, self.work, self.average.network, self.errors)
        return self.errors


def _all_frozen(network: MobRecon) -> bool:
    return isinstance(network.encoder, LandmarkEncoder) and network.encoder.frozen_blocks == len(network.encoder.blocks)


def _landmark_outputs(network: MobRecon) -> tuple[nn.Module, nn.Module]:
    """Copies of an encoder that is still the landmark network's and of its outputs presence and side.

    Raises:
        TrainConfigError: the network has no such outputs.
    """
    if not isinstance(network.encoder, LandmarkEncoder) or network.presence_side is None:
        raise TrainConfigError("fixed_outputs needs the encoder 'landmark' and the outputs presence and side")
    encoder, outputs = (copy.deepcopy(part).eval().requires_grad_(False) for part in (network.encoder, network.presence_side))
    return encoder, outputs


def learning_rate(stage: TrainingStage, step: int, warmup_steps: int) -> float:
    """Of a step of a stage (from 0): a linear start, then a cosine down to LAST_RATE."""
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, step / stage.steps)))
    return stage.rate * (LAST_RATE + (1 - LAST_RATE) * cosine) * min(1.0, (step + 1) / max(warmup_steps, 1))


def _parameter_groups(network: MobRecon, config: TrainConfig) -> Iterator[dict[str, Any]]:
    """Encoder, the landmark network's outputs and the rest, each with and without weight decay (none on biases and norms);
    ``share`` is of the stage's rate."""
    shares = {"encoder": config.encoder_rate, "landmark": config.landmark_rate, "rest": 1.0}
    for part, share in shares.items():
        for decayed in (True, False):
            named = [(name, p) for name, p in network.named_parameters() if p.requires_grad and (p.ndim > 1) == decayed]
            chosen = [p for name, p in named if _part(name) == part]
            yield {"params": chosen, "weight_decay": config.weight_decay if decayed else 0.0, "share": share}


def _part(name: str) -> str:
    """Whose rate a parameter learns at."""
    if name.startswith(("head.marks.", "head.world.", "presence_side.fc.")):
        return "landmark"
    learnt_anew = ("encoder.up.", "encoder.latent.")  # what the landmark network lacks
    return "encoder" if name.startswith("encoder.") and not name.startswith(learnt_anew) else "rest"
