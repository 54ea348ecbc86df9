"""Official MobRecon checkpoints with the user's own template files -> a network of this project, as an ONNX file that keeps the contract.

Checkpoints come in three key layouts: mobrecon with DSConv, mobrecon with SpiralConv, cmr with SpiralConv. They hold 3.08 M parameters of
stack 1 that are never called, and older ones ``decoder3d.de_layer_conv``, which the published code no longer has; both are left out.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from handmesh_ros.errors import HandmeshError
from handmesh_training.networks import MobRecon, NetworkConfig, TemplateLevels
from handmesh_training.official.template_files import load_official_template

UNUSED = re.compile(r"backbone\.dense_stack1\.(senet3|dense4|dense5)\.|decoder3d\.de_layer_conv\.|.*num_batches_tracked$")

# Official name -> ours, applied in this order; {n+k} in the result is a number of the name plus k.
RENAMES = (
    (r"^backbone\.pre_layer\.0\.", "encoder.stem.conv."),
    (r"^backbone\.pre_layer\.1\.", "encoder.stem.block."),
    (r"^backbone\.thrink\.", "encoder.stem.mix."),
    (r"^backbone\.stack1_remap\.", "encoder.merge.remap."),
    (r"^backbone\.thrink2\.", "encoder.merge.mix."),
    (r"^backbone\.mid_proj\.0\.", "encoder.latent."),
    (r"^backbone\.dense_stack(\d)\.dense([123])\.conv(\d)\.", r"encoder.down\1.block\2.units.{\3-1}."),
    (r"^backbone\.dense_stack(\d)\.dense([45])\.conv1\.", r"encoder.down\1.top.{\2-4}.main."),
    (r"^backbone\.dense_stack(\d)\.dense([45])\.conv2\.", r"encoder.down\1.top.{\2-4}.rest."),
    (r"^backbone\.dense_stack(\d)\.thrink(\d)\.", r"encoder.up\1.reduce\2."),
    (r"^backbone\.dense_stack(\d)\.senet([123])\.", r"encoder.down\1.gate\2."),
    (r"^backbone\.dense_stack(\d)\.senet([456])\.", r"encoder.up\1.gate{\2-3}."),
    (r"^backbone\.(?:reduce|conv)\.0\.", "head.maps."),
    (r"^backbone\.uv_reg\.(\d)\.0\.", r"head.fc{\1+1}."),
    (r"^decoder3d\.upsample$", "decoder.lifting.matrix"),
    (r"^decoder3d\.de_layer\.(\d)\.conv\.", r"decoder.operators.\1."),
    (r"^decoder3d\.head\.", "decoder.head."),
    (r"\.spatial_layer\.weight$", ".taps"),
    (r"\.channel_layer\.", ".mix."),
    (r"\.layer\.", ".linear."),
    (r"\.fc1\.0\.", ".squeeze."),
    (r"\.fc1\.1\.", ".squeeze_norm."),
    (r"\.fc2\.0\.", ".excite."),
    (r"\.fc2\.1\.", ".excite_norm."),
    (r"\.conv3x3\.", ".depthwise."),
    (r"\.conv1x1\.", ".pointwise."),
    (r"(\.(?:conv|mix|remap|pointwise|depthwise\.\d))\.0\.(?=weight)", r"\1.conv."),
    (r"(\.(?:conv|mix|remap|pointwise|depthwise\.\d))\.1\.(?=weight|bias|running)", r"\1.norm."),
)


class CheckpointError(HandmeshError, ValueError):
    """The file is no checkpoint of a MobRecon network; the message says what is wrong and what to do."""


def our_name(official: str) -> str:
    """The name of an official tensor in ``MobRecon``; names that no rule knows come out unchanged in part or whole."""
    name = official
    for pattern, replacement in RENAMES:
        name = re.sub(pattern, replacement, name)
    return re.sub(r"\{(\d)([+-])(\d)\}", lambda m: str(int(m[1]) + int(m[2] + m[3])), name)


def read_state(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint file by their official names.

    Raises:
        CheckpointError: no such file, no torch checkpoint, or one that needs more than tensors to load.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such file; download the checkpoint from the page that docs/models.md names")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CheckpointError(
            f"{path}: not a torch checkpoint of plain tensors ({reason}); a web page saved instead of the file, an incomplete "
            "download and a file that wants to run code all end here: download it again"
        ) from error
    for key in ("model_state_dict", "state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not content or not all(isinstance(v, Tensor) for v in content.values()):
        raise CheckpointError(f"{path}: holds no state dict: expected tensors by name, or those under 'model_state_dict'")
    return {str(k).removeprefix("module."): v for k, v in content.items()}


def import_state(state: Mapping[str, Tensor], levels: TemplateLevels) -> MobRecon:
    """A network with official weights, ready to run (eval mode).

    Args:
        state: tensors by official names, any of the three layouts.
        levels: the official template, see load_official_template.

    Raises:
        CheckpointError: unknown or missing keys or wrong shapes.
    """
    used = {key: value for key, value in state.items() if not UNUSED.match(key)}
    if not any(key.startswith("backbone.") for key in used) or not any(key.startswith("decoder3d.") for key in used):
        raise CheckpointError(
            f"these are not the tensors of a MobRecon network (first: {', '.join(list(state)[:3])}): expected names that begin with "
            "'backbone.' and 'decoder3d.'; other models of the official repository (CMR, YoutubeHand) cannot be imported"
        )
    depth_separable = any(key.endswith("spatial_layer.weight") for key in used)
    network = MobRecon(NetworkConfig(encoder="dense", decoder="dsconv" if depth_separable else "spiral"), levels)
    wanted = {k: v for k, v in network.state_dict().items() if not k.endswith("num_batches_tracked")}
    names = {key: our_name(key) for key in used}
    unknown = sorted(key for key, name in names.items() if name not in wanted)
    missing = sorted(set(wanted) - set(names.values()))
    if unknown or missing:
        raise CheckpointError(
            f"the checkpoint does not fit DenseStack with {'DSConv' if depth_separable else 'SpiralConv'}: "
            f"{len(unknown)} unknown keys{_some(unknown)}, {len(missing)} missing{_some(missing)}; "
            "only official MobRecon (DenseStack) checkpoints with one of the three published key layouts can be imported"
        )
    ready = {}
    for key, name in names.items():
        value = used[key].float()
        if name.endswith(".taps"):  # stored as (C, 1, 3, 3): nine taps in reading order
            value = value.flatten(1)
        if value.shape != wanted[name].shape:
            raise CheckpointError(f"{key} is {tuple(used[key].shape)}, expected {tuple(wanted[name].shape)}: another network or template")
        if not torch.isfinite(value).all():
            raise CheckpointError(f"{key} holds numbers that are not finite: the file is damaged, download it again")
        ready[name] = value
    network.load_state_dict(ready, strict=False)
    return network.eval()


def import_official(checkpoint: str | Path, template: str | Path) -> MobRecon:
    """Read a checkpoint and a template folder; raises CheckpointError or OfficialTemplateError."""
    return import_state(read_state(checkpoint), load_official_template(template))


def _some(keys: list[str]) -> str:
    if not keys:
        return ""
    return f" ({', '.join(keys[:4])}{', ...' if len(keys) > 4 else ''})"
