"""2D heads, pose pooling and mesh decoders as ONNX nodes, rewritten exactly for speed. Batch size 1.

Reading the latent map at a point becomes a product with hat-function weights, lifting is folded with the first upsampling, and vertex
features lie as (V, C), so that spirals and upsampling are gathers of whole rows.
"""

from __future__ import annotations

from functools import singledispatch
from typing import NamedTuple

import numpy as np
from torch import nn

from handmesh_ros.hand import JOINT_COUNT
from handmesh_training.export.encoder import EncoderNames, array
from handmesh_training.export.graph import GraphBuilder
from handmesh_training.networks.decoder import MeshDecoder, Upsampling
from handmesh_training.networks.heads import MapRegHead, PresenceSideHead
from handmesh_training.networks.lifting import GridPooling
from handmesh_training.networks.paper.heads import DirectHead, HeatmapHead, HeatmapPooling, SoftArgmaxHead
from handmesh_training.networks.paper.spiral_lstm import SpiralConvLSTM
from handmesh_training.networks.spiral_operators import DSConv, SpiralConv, SpiralOperator
from handmesh_training.networks.stack import LATENT_CHANNELS

# A DSConv to at most so many channels is one full product along the spiral: more multiply-adds, but fewer passes over memory.
FULL_PRODUCT = 8


class PoseNames(NamedTuple):
    """Names of the keypoints (21, 2) and, if there are any, of the heatmap weights (21, h * w), the landmark head's places in space
    (21, 4), the features seen at each joint (21, C) and the context (1, C)."""

    keypoints: str
    heatmaps: str | None = None
    spatial: str | None = None
    seen: str | None = None
    context: str | None = None


@singledispatch
def emit_head(head: nn.Module, graph: GraphBuilder, encoded: EncoderNames) -> PoseNames:
    """Add a 2D head."""
    raise TypeError(f"no ONNX form is known for {type(head).__name__}")


def raw_maps(conv: nn.Conv2d, graph: GraphBuilder, pose_map: str | None) -> str:
    """Add the 1x1 that makes a map for each joint; (21, h * w), before any soft max."""
    assert pose_map is not None  # NetworkConfig lets no such head through
    maps = graph.conv(pose_map, array(conv.weight), None if conv.bias is None else array(conv.bias))
    return graph.reshape(maps, JOINT_COUNT, -1)


def linear(layer: nn.Linear, graph: GraphBuilder, x: str) -> str:
    """Add a linear layer on rows."""
    y = graph.node("MatMul", x, graph.constant(array(layer.weight).T))
    return y if layer.bias is None else graph.node("Add", y, graph.constant(array(layer.bias)))


@emit_head.register
def _map_reg_head(head: MapRegHead, graph: GraphBuilder, encoded: EncoderNames) -> PoseNames:
    x = graph.clip(linear(head.fc1, graph, raw_maps(head.maps, graph, encoded.pose_map)), 0, 4)
    return PoseNames(linear(head.fc3, graph, graph.clip(linear(head.fc2, graph, x), 0, 4)))


@emit_head.register
def _heatmap_head(head: HeatmapHead, graph: GraphBuilder, encoded: EncoderNames) -> PoseNames:
    raw = raw_maps(head.maps, graph, encoded.pose_map)
    keypoints = graph.node("Gather", graph.constant(array(head.cells)), graph.node("ArgMax", raw, axis=1, keepdims=0))
    positive = graph.node("Relu", raw)
    total = graph.node("Add", graph.node("ReduceSum", positive, graph.constant(np.array([1]))), graph.constant(1e-6))
    return PoseNames(keypoints, graph.node("Div", positive, total))


@emit_head.register
def _soft_argmax_head(head: SoftArgmaxHead, graph: GraphBuilder, encoded: EncoderNames) -> PoseNames:
    probability = graph.node("Softmax", raw_maps(head.maps, graph, encoded.pose_map), axis=1)
    return PoseNames(graph.node("MatMul", probability, graph.constant(array(head.cells))), probability)


@emit_head.register
def _direct_head(head: DirectHead, graph: GraphBuilder, encoded: EncoderNames) -> PoseNames:
    hidden = graph.node("Relu", linear(head.fc1, graph, _latent_mean(graph, encoded.latent)))
    return PoseNames(graph.reshape(linear(head.fc2, graph, hidden), JOINT_COUNT, 2))


@singledispatch
def emit_presence_side(head: nn.Module, graph: GraphBuilder, encoded: EncoderNames) -> tuple[str, str]:
    """Add the extra head; names of the two probabilities, (1, 1) each."""
    raise TypeError(f"no ONNX form is known for {type(head).__name__}")


@emit_presence_side.register
def _presence_side_head(head: PresenceSideHead, graph: GraphBuilder, encoded: EncoderNames) -> tuple[str, str]:
    hidden = graph.node("Relu", linear(head.fc1, graph, _latent_mean(graph, encoded.latent)))
    return probabilities(graph, linear(head.fc2, graph, hidden))


def probabilities(graph: GraphBuilder, logits: str) -> tuple[str, str]:
    """Add what turns the logits of presence and side, (1, 2), into two probabilities, (1, 1) each."""
    both = graph.node("Sigmoid", logits)
    score, side = graph.nodes("Split", [both, graph.constant(np.array([1, 1]))], 2, axis=1)
    return score, side


def _latent_mean(graph: GraphBuilder, latent: str) -> str:
    return graph.reshape(graph.node("GlobalAveragePool", latent), 1, LATENT_CHANNELS)


@singledispatch
def emit_pooling(pooling: nn.Module, graph: GraphBuilder, latent: str, cells: int, pose: PoseNames) -> str:
    """Add a pose pooling on a latent map of ``cells`` squared; the name of the joint features (21, C)."""
    raise TypeError(f"no ONNX form is known for {type(pooling).__name__}")


@emit_pooling.register
def _grid_pooling(pooling: GridPooling, graph: GraphBuilder, latent: str, cells: int, pose: PoseNames) -> str:
    # Bilinear reading: cell i has weight max(0, 1 - |position - i|) along each axis.
    position = graph.node("Mul", graph.clip(pose.keypoints, 0, 1), graph.constant(float(cells - 1)))
    distance = graph.node("Abs", graph.node("Sub", graph.reshape(position, JOINT_COUNT, 2, 1), graph.constant(np.arange(cells) * 1.0)))
    hats = graph.node("Relu", graph.node("Sub", graph.constant(1.0), distance))
    x, y = graph.nodes("Split", [hats, graph.constant(np.array([1, 1]))], 2, axis=1)
    weights = graph.node("Mul", graph.reshape(y, JOINT_COUNT, cells, 1), x)
    return _weighted(graph, graph.reshape(weights, JOINT_COUNT, cells * cells), latent, cells)


@emit_pooling.register
def _heatmap_pooling(pooling: HeatmapPooling, graph: GraphBuilder, latent: str, cells: int, pose: PoseNames) -> str:
    assert pose.heatmaps is not None  # NetworkConfig lets no other head through
    factor = 4  # heatmaps at 1/8, the latent map at 1/32 of the patch
    fine = np.arange(cells * factor) // factor
    cell = (fine[:, None] * cells + fine[None, :]).ravel()
    weights = graph.node("MatMul", pose.heatmaps, graph.constant(np.eye(cells * cells)[cell]))
    return _weighted(graph, weights, latent, cells)


def _weighted(graph: GraphBuilder, weights: str, latent: str, cells: int) -> str:
    return graph.node("Gemm", weights, graph.reshape(latent, LATENT_CHANNELS, cells * cells), transB=1)


@singledispatch
def emit_operator(operator: SpiralOperator, graph: GraphBuilder, x: str, place: np.ndarray, scale: float) -> str:
    """Add a spiral operator on (V, C) features.

    ``place`` says in which row of ``x`` each vertex lies; ``scale`` multiplies the result (folded into the last weights).
    """
    raise TypeError(f"no ONNX form is known for {type(operator).__name__}")


def _along_spirals(operator: SpiralOperator, graph: GraphBuilder, x: str, place: np.ndarray) -> str:
    return graph.node("Gather", x, graph.constant(place[operator.spiral.cpu().numpy()]), axis=0)


@emit_operator.register
def _dsconv(operator: DSConv, graph: GraphBuilder, x: str, place: np.ndarray, scale: float) -> str:
    taps, mix = array(operator.taps), scale * array(operator.mix.weight)
    length, out = taps.shape[1], len(mix)
    if out <= FULL_PRODUCT:
        walk = graph.reshape(_along_spirals(operator, graph, x, place), len(operator.spiral), len(taps) * length)
        return graph.node("MatMul", walk, graph.constant(np.einsum("ck,oc->kco", taps, mix).reshape(-1, out)))
    filtered = graph.node("Mul", _along_spirals(operator, graph, x, place), graph.constant(taps.T))
    total = graph.node("ReduceSum", filtered, graph.constant(np.array([1])), keepdims=0)
    return graph.node("MatMul", total, graph.constant(mix.T))


@emit_operator.register
def _spiral_conv(operator: SpiralConv, graph: GraphBuilder, x: str, place: np.ndarray, scale: float) -> str:
    walk = graph.reshape(_along_spirals(operator, graph, x, place), len(operator.spiral), operator.linear.in_features)
    weight, bias = scale * array(operator.linear.weight), scale * array(operator.linear.bias)
    return graph.node("Gemm", walk, graph.constant(weight.T), graph.constant(bias))


@emit_operator.register
def _spiral_conv_lstm(operator: SpiralConvLSTM, graph: GraphBuilder, x: str, place: np.ndarray, scale: float) -> str:
    # Time comes first: (9, V, C). Torch orders the gates input, forget, cell, output; ONNX input, output, forget, cell.
    steps = graph.node("Gather", x, graph.constant(place[operator.spiral.cpu().numpy().T]), axis=0)
    hidden = operator.lstm.hidden_size

    def reorder(name: str) -> np.ndarray:
        blocks = array(getattr(operator.lstm, name)).reshape(4, hidden, -1)[[0, 3, 1, 2]]
        return blocks.reshape(1, 4 * hidden, -1)

    biases = np.concatenate((reorder("bias_ih_l0"), reorder("bias_hh_l0")), axis=1)[:, :, 0]
    weights = [graph.constant(reorder(name)) for name in ("weight_ih_l0", "weight_hh_l0")]
    last = graph.nodes("LSTM", [steps, *weights, graph.constant(biases)], 2, hidden_size=hidden)[1]
    rows = graph.reshape(last, len(operator.spiral), hidden)
    return rows if scale == 1 else graph.node("Mul", rows, graph.constant(scale))


def emit_upsampling(upsampling: Upsampling, graph: GraphBuilder, x: str) -> tuple[str, np.ndarray]:
    """Add an upsampling of (V, C) features.

    About half of the rows of a decimated template's matrix are copies. They are left where they are: the result is the coarse rows followed
    by the interpolated ones, and the place of every fine vertex in it, which whoever gathers from it next has to use.
    """
    columns, weights = upsampling.columns.cpu().numpy(), array(upsampling.weights)
    copy = (weights[:, 0] == 1) & (weights[:, 1:] == 0).all(axis=1)
    place = np.where(copy, columns[:, 0], upsampling.coarse_count + np.cumsum(~copy) - 1)
    total = None
    for column, weight in zip(columns[~copy].T, weights[~copy].T, strict=True):
        rows = graph.node("Gather", x, graph.constant(column), axis=0)
        term = graph.node("Mul", rows, graph.constant(weight[:, None]))
        total = term if total is None else graph.node("Add", total, term)
    return (x if total is None or copy.all() else graph.node("Concat", x, total, axis=0)), place


def emit_decoder(decoder: MeshDecoder, graph: GraphBuilder, joint_features: str, unit_m: float) -> str:
    """Add a mesh decoder; the name of the vertices (V, 3) in metres."""
    first = decoder.upsampling[0]
    assert isinstance(first, Upsampling)
    x = graph.node("MatMul", graph.constant(array(first.dense()) @ array(decoder.lifting.matrix)), joint_features)
    place = np.arange(len(first.columns))
    for number, operator in enumerate(decoder.operators):
        assert isinstance(operator, SpiralOperator)
        if number:
            upsampling = decoder.upsampling[number]
            assert isinstance(upsampling, Upsampling)
            x, place = emit_upsampling(upsampling, graph, x)
        x = graph.node("Relu", emit_operator(operator, graph, x, place, 1.0))
    return emit_operator(decoder.head, graph, x, np.arange(len(decoder.head.spiral)), unit_m)
