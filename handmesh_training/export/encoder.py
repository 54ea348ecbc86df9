"""The encoders as ONNX nodes, rewritten exactly for speed.

Batch norms are folded into convolutions, space-to-depth with its 1x1 becomes one 2x2 convolution of stride 2, gates come after the average
pool (they commute: a gate is one factor a channel, and the mean of the pooled map is the mean of the map), the 1x1 before the bilinear
enlargement, and the 1x1 after a concatenation becomes the sum of two.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from handmesh_training.export.graph import GraphBuilder
from handmesh_training.networks.blocks import ConvNorm, DenseBlock, GhostUnit, SeparableUnit, SpaceToDepthStem, SqueezeExcite
from handmesh_training.networks.paper.densestack import DenseBottleneck, DenseDown, DenseUp
from handmesh_training.networks.paper.ghoststack import GhostBottleneck, GhostDown, GhostUp
from handmesh_training.networks.paper.resnetstack import BasicBlock, Bottleneck, ResNetDown, ResNetUp
from handmesh_training.networks.stack import StackedEncoder, StackMerge

Array = NDArray[Any]
PyramidNames = tuple[str, str, str]


def array(tensor: Tensor) -> Array:
    """Double precision, so that folding does not round."""
    return tensor.detach().cpu().numpy().astype(np.float64)


def folded(weight: Tensor, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Array, Array]:
    """Weight (out, ...) and bias of a bias-free layer with the batch norm that follows it."""
    scale, shift = norm_line(norm)
    shape = (-1,) + (1,) * (weight.ndim - 1)
    return array(weight) * scale.reshape(shape), shift


def norm_line(norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Array, Array]:
    """What a batch norm does with every channel: factor and summand."""
    assert norm.running_mean is not None and norm.running_var is not None
    scale = array(norm.weight) / np.sqrt(array(norm.running_var) + norm.eps)
    return scale, array(norm.bias) - array(norm.running_mean) * scale


@singledispatch
def emit(module: nn.Module, graph: GraphBuilder, x: str) -> str:
    """Add the nodes of a module that maps one feature map to one; returns the result's name."""
    raise TypeError(f"no ONNX form is known for {type(module).__name__}")


@emit.register
def _conv_norm(module: ConvNorm, graph: GraphBuilder, x: str) -> str:
    weight, bias = folded(module.conv.weight, module.norm)
    return graph.conv(x, weight, bias, stride=module.conv.stride[0], groups=module.conv.groups, relu=module.relu)


@emit.register
def _sequential(module: nn.Sequential, graph: GraphBuilder, x: str) -> str:
    for part in module:
        x = emit(part, graph, x)
    return x


@emit.register
def _identity(module: nn.Identity, graph: GraphBuilder, x: str) -> str:
    return x


@emit.register
def _separable_unit(module: SeparableUnit, graph: GraphBuilder, x: str) -> str:
    y = emit(module.pointwise, graph, emit(module.depthwise, graph, x))
    return graph.node("Add", x, y) if module.identity else y


@emit.register
def _ghost_unit(module: GhostUnit, graph: GraphBuilder, x: str) -> str:
    primary = emit(module.primary, graph, x)
    return graph.node("Concat", primary, emit(module.cheap, graph, primary), axis=1)


@emit.register
def _dense_block(module: DenseBlock, graph: GraphBuilder, x: str) -> str:
    for unit in module.units:
        x = graph.node("Concat", x, emit(unit, graph, x), axis=1)
    return x


@emit.register
def _squeeze_excite(module: SqueezeExcite, graph: GraphBuilder, x: str) -> str:
    squeeze, squeeze_bias = folded(module.squeeze.weight, module.squeeze_norm)
    excite, excite_bias = folded(module.excite.weight, module.excite_norm)
    mean = graph.set_side(graph.node("GlobalAveragePool", x), 1)
    hidden = graph.conv(mean, squeeze[:, :, None, None], squeeze_bias)
    gate = graph.node("Sigmoid", graph.conv(graph.clip(hidden, 0, 4), excite[:, :, None, None], excite_bias))
    # In float, a product of equal shapes stays in ONNX Runtime's blocked layout; a broadcast one would cost three changes of layout.
    return graph.node("Mul", x, gate if graph.integer else emit_enlarged(graph, gate, graph.side(x)))


@emit.register
def _dense_bottleneck(module: DenseBottleneck, graph: GraphBuilder, x: str) -> str:
    main = emit(module.main, graph, x)
    return graph.node("Concat", main, emit(module.rest, graph, graph.node("Concat", x, main, axis=1)), axis=1)


@emit.register
def _ghost_bottleneck(module: GhostBottleneck, graph: GraphBuilder, x: str) -> str:
    return graph.node("Add", x, emit(module.widen, graph, emit(module.squeeze, graph, x)))


@emit.register
def _basic_block(module: BasicBlock, graph: GraphBuilder, x: str) -> str:
    y = emit(module.conv2, graph, emit(module.conv1, graph, x))
    return graph.node("Relu", graph.node("Add", y, emit(module.shortcut, graph, x)))


@emit.register
def _bottleneck(module: Bottleneck, graph: GraphBuilder, x: str) -> str:
    y = emit(module.conv3, graph, emit(module.conv2, graph, emit(module.conv1, graph, x)))
    return graph.node("Relu", graph.node("Add", y, emit(module.shortcut, graph, x)))


@emit.register
def _space_to_depth_stem(module: SpaceToDepthStem, graph: GraphBuilder, x: str) -> str:
    # Patch values 0..1 become -1..1: the factor 2 goes into the weights, the shift stays, as it must not touch the zero padding.
    weight, bias = folded(module.conv.conv.weight, module.conv.norm)
    x = graph.conv(graph.node("Sub", x, graph.constant(0.5)), 2 * weight, bias, stride=2, relu=True)
    x = emit(module.block, graph, x)
    weight, bias = folded(module.mix.conv.weight, module.mix.norm)
    out, folded_channels = weight.shape[:2]
    return graph.conv(x, weight.reshape(out, folded_channels // 4, 2, 2), bias, stride=2, pad=0, relu=True)


@singledispatch
def emit_on_parts(unit: nn.Module, graph: GraphBuilder, parts: list[str], widths: list[int]) -> str:
    """Add a unit whose input is the concatenation of ``parts`` (of these widths), without concatenating them.

    A depthwise filter acts on every part alone, and a 1x1 on a concatenation is the sum of 1x1s on its parts, which the runtime adds up
    in place.
    """
    raise TypeError(f"no ONNX form is known for {type(unit).__name__}")


@emit_on_parts.register
def _separable_unit_on_parts(unit: SeparableUnit, graph: GraphBuilder, parts: list[str], widths: list[int]) -> str:
    for layer in unit.depthwise:
        assert isinstance(layer, ConvNorm)
        weight, bias = folded(layer.conv.weight, layer.norm)
        at = np.cumsum(widths)[:-1]
        pieces = zip(parts, np.split(weight, at), np.split(bias, at), strict=True)
        parts = [graph.conv(part, w, b, groups=len(w), relu=True) for part, w, b in pieces]
    return _mixed(unit.pointwise, graph, parts, widths)


@emit_on_parts.register
def _ghost_unit_on_parts(unit: GhostUnit, graph: GraphBuilder, parts: list[str], widths: list[int]) -> str:
    primary = _mixed(unit.primary, graph, parts, widths)
    return graph.node("Concat", primary, emit(unit.cheap, graph, primary), axis=1)


def _mixed(layer: ConvNorm, graph: GraphBuilder, parts: list[str], widths: list[int]) -> str:
    """A 1x1 layer with ReLU on the concatenation of parts, as a sum."""
    weight, bias = folded(layer.conv.weight, layer.norm)
    weights = np.split(weight, np.cumsum(widths)[:-1], axis=1)
    total = graph.conv(parts[0], weights[0], bias)
    for part, w in zip(parts[1:], weights[1:], strict=True):
        total = graph.node("Add", total, graph.conv(part, w))
    return graph.node("Relu", total)


def pooled_dense_block(block: DenseBlock, graph: GraphBuilder, x: str) -> str:
    """Add a dense block and the average pool after it; features are put together only when they are a quarter of the size."""
    if graph.integer:  # integer sums of parts would each be rounded
        return average_pool(graph, emit(block, graph, x), block.in_channels + block.growth * len(block.units))
    parts, widths = [x], [block.in_channels]
    for unit in block.units:
        parts.append(emit_on_parts(unit, graph, parts, widths))
        widths.append(block.growth)
    return graph.node("Concat", *(average_pool(graph, part, width) for part, width in zip(parts, widths, strict=True)), axis=1)


def average_pool(graph: GraphBuilder, x: str, width: int) -> str:
    """Means of 2x2, ``width`` channels."""
    if graph.integer:  # the integer pooling kernel is several times slower than the depthwise convolution
        return graph.conv(x, np.full((width, 1, 2, 2), 0.25), stride=2, groups=width, pad=0)
    return graph.set_side(graph.node("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2]), graph.side(x) // 2)


def emit_enlarged(graph: GraphBuilder, x: str, factor: int = 2) -> str:
    """Nearest neighbour."""
    scales = graph.constant(np.array([1.0, 1, factor, factor]))
    y = graph.node("Resize", x, "", scales, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    return graph.set_side(y, factor * graph.side(x))


@singledispatch
def emit_down(module: nn.Module, graph: GraphBuilder, x: str) -> PyramidNames:
    """Add a way down; names of the features at 1/8, 1/16 and 1/32."""
    raise TypeError(f"no ONNX form is known for {type(module).__name__}")


@emit_down.register
def _dense_down(module: DenseDown, graph: GraphBuilder, x: str) -> PyramidNames:
    eighth = emit(module.gate1, graph, pooled_dense_block(module.block1, graph, x))
    sixteenth = emit(module.gate2, graph, pooled_dense_block(module.block2, graph, eighth))
    top = emit(module.gate3, graph, pooled_dense_block(module.block3, graph, sixteenth))
    return eighth, sixteenth, emit(module.top, graph, top)


@emit_down.register
def _ghost_down(module: GhostDown, graph: GraphBuilder, x: str) -> PyramidNames:
    eighth = emit(module.gate1, graph, pooled_dense_block(module.block1, graph, x))
    sixteenth = emit(module.gate2, graph, pooled_dense_block(module.block2, graph, eighth))
    top = emit(module.block4, graph, pooled_dense_block(module.block3, graph, sixteenth))
    return eighth, sixteenth, emit(module.top, graph, emit(module.gate4, graph, top))


@emit_down.register
def _res_net_down(module: ResNetDown, graph: GraphBuilder, x: str) -> PyramidNames:
    eighth = emit(module.stage2, graph, emit(module.stage1, graph, x))
    sixteenth = emit(module.stage3, graph, eighth)
    return eighth, sixteenth, emit(module.stage4, graph, sixteenth)


@singledispatch
def emit_up(module: nn.Module, graph: GraphBuilder, pyramid: PyramidNames) -> str:
    """Add a way up; the name of the pose map."""
    raise TypeError(f"no ONNX form is known for {type(module).__name__}")


@emit_up.register
def _dense_up(module: DenseUp, graph: GraphBuilder, pyramid: PyramidNames) -> str:
    eighth, sixteenth, top = pyramid
    x = emit_enlarged(graph, emit(module.gate1, graph, emit(module.reduce1, graph, top)))
    x = graph.node("Add", x, sixteenth)
    x = graph.node("Add", emit_enlarged(graph, emit(module.gate2, graph, emit(module.reduce2, graph, x))), eighth)
    return emit(module.gate3, graph, emit(module.reduce3, graph, x))


@emit_up.register
def _ghost_up(module: GhostUp, graph: GraphBuilder, pyramid: PyramidNames) -> str:
    eighth, sixteenth, top = pyramid
    x = graph.node("Add", emit_enlarged(graph, emit(module.reduce1, graph, top)), emit(module.skip1, graph, sixteenth))
    x = graph.node("Add", emit_enlarged(graph, emit(module.reduce2, graph, x)), emit(module.skip2, graph, eighth))
    return emit(module.gate, graph, emit(module.reduce3, graph, x))


@emit_up.register
def _res_net_up(module: ResNetUp, graph: GraphBuilder, pyramid: PyramidNames) -> str:
    eighth, sixteenth, top = pyramid
    x = graph.node("Add", emit(module.reduce1, graph, emit_enlarged(graph, top)), emit(module.skip1, graph, sixteenth))
    x = graph.node("Add", emit(module.reduce2, graph, emit_enlarged(graph, x)), emit(module.skip2, graph, eighth))
    return emit(module.reduce3, graph, x)


def emit_merge(module: StackMerge, graph: GraphBuilder, stem: str, pose_map: str) -> str:
    """Join the stem's features with stack 1's conclusion."""
    # Bilinear weights sum to 1, so weights and bias may act on the small map; the ReLU may not.
    weight, bias = folded(module.remap.conv.weight, module.remap.norm)
    scales = graph.constant(np.array([1.0, 1, 2, 2]))
    small = graph.conv(pose_map, weight, bias)
    large = graph.node("Resize", small, "", scales, mode="linear", coordinate_transformation_mode="align_corners")
    graph.set_side(large, 2 * graph.side(small))
    weight, bias = folded(module.mix.conv.weight, module.mix.norm)
    channels = module.remap.conv.out_channels
    from_stem = graph.conv(stem, weight[:, channels:], bias)
    from_pose = graph.conv(graph.node("Relu", large), weight[:, :channels])
    return graph.node("Relu", graph.node("Add", from_stem, from_pose))


class EncoderNames(NamedTuple):
    """Names of an encoder's outputs, as EncoderOutput has them; None where the network has none. ``pooled`` is (1, C)."""

    latent: str
    pose_map: str | None
    pooled: str | None = None


@singledispatch
def emit_encoder(encoder: nn.Module, graph: GraphBuilder, image: str) -> EncoderNames:
    """Add the encoder, reading a patch of 0..1."""
    raise TypeError(f"no ONNX form is known for {type(encoder).__name__}")


@emit_encoder.register
def _stacked_encoder(encoder: StackedEncoder, graph: GraphBuilder, image: str) -> EncoderNames:
    stem = emit(encoder.stem, graph, image)
    first = emit_up(encoder.up1, graph, emit_down(encoder.down1, graph, stem))
    pyramid = emit_down(encoder.down2, graph, emit_merge(encoder.merge, graph, stem, first))
    latent = graph.conv(pyramid[2], array(encoder.latent.weight))
    return EncoderNames(latent, None if encoder.up2 is None else emit_up(encoder.up2, graph, pyramid))
