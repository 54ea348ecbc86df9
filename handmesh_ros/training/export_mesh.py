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
from handmesh_ros.training.export_encoder import EncoderNames, array, norm_line
from handmesh_ros.training.networks.decoder import DSConv, MeshDecoder, SpiralConv, SpiralConvLSTM, SpiralOperator, Upsampling
from handmesh_ros.training.networks.heads import (
    DirectHead,
    HeatmapHead,
    LandmarkHead,
    LandmarkPresenceSideHead,
    MapRegHead,
    PresenceSideHead,
    SoftArgmaxHead,
)
from handmesh_ros.training.networks.landmarkstack import FINE_CHANNELS
from handmesh_ros.training.networks.lifting import GridPooling, HeatmapPooling, JointSkin, LandmarkPooling
from handmesh_ros.training.networks.refinement import PoseRefinement, ResidualLayer
from handmesh_ros.training.networks.stack import LATENT_CHANNELS
from handmesh_ros.training.onnx_graph import GraphBuilder

# A DSConv to at most so many channels is one full product along the spiral: more multiply-adds, but fewer passes over memory.
FULL_PRODUCT = 8


class PoseNames(NamedTuple):
    """Names of the keypoints (21, 2), of the heatmap weights (21, h * w), and of the landmark head's guess in space (21, 4) and
    refinement's context (1, C), if there are any."""

    keypoints: str
    heatmaps: str | None = None
    spatial: str | None = None
    context: str | None = None


@singledispatch
def emit_head(head: nn.Module, graph: GraphBuilder, encoded: EncoderNames) -> PoseNames:
    """Add a 2D head."""
    raise TypeError(f"no ONNX form is known for {type(head).__name__}")


def _maps(conv: nn.Conv2d, graph: GraphBuilder, encoded: EncoderNames) -> str:
    assert encoded.pose_map is not None  # NetworkConfig lets no such head through
    maps = graph.conv(encoded.pose_map, array(conv.weight), None if conv.bias is None else array(conv.bias))
    return graph.reshape(maps, JOINT_COUNT, -1)


def _linear(layer: nn.Linear, graph: GraphBuilder, x: str) -> str:
    y = graph.node("MatMul", x, graph.constant(array(layer.weight).T))
    return y if layer.bias is None else graph.node("Add", y, graph.constant(array(layer.bias)))


@emit_head.register
def _(head: MapRegHead, graph: GraphBuilder, encoded: EncoderNames) -> PoseNames:
    x = graph.clip(_linear(head.fc1, graph, _maps(head.maps, graph, encoded)), 0, 4)
    return PoseNames(_linear(head.fc3, graph, graph.clip(_linear(head.fc2, graph, x), 0, 4)))


@emit_head.register
def _(head: HeatmapHead, graph: GraphBuilder, encoded: EncoderNames) -> PoseNames:
    raw = _maps(head.maps, graph, encoded)
    keypoints = graph.node("Gather", graph.constant(array(head.cells)), graph.node("ArgMax", raw, axis=1, keepdims=0))
    positive = graph.node("Relu", raw)
    total = graph.node("Add", graph.node("ReduceSum", positive, graph.constant(np.array([1]))), graph.constant(1e-6))
    return PoseNames(keypoints, graph.node("Div", positive, total))


@emit_head.register
def _(head: SoftArgmaxHead, graph: GraphBuilder, encoded: EncoderNames) -> PoseNames:
    probability = graph.node("Softmax", _maps(head.maps, graph, encoded), axis=1)
    return PoseNames(graph.node("MatMul", probability, graph.constant(array(head.cells))), probability)


@emit_head.register
def _(head: DirectHead, graph: GraphBuilder, encoded: EncoderNames) -> PoseNames:
    hidden = graph.node("Relu", _linear(head.fc1, graph, _latent_mean(graph, encoded.latent)))
    return PoseNames(graph.reshape(_linear(head.fc2, graph, hidden), JOINT_COUNT, 2))


@emit_head.register
def _(head: LandmarkHead, graph: GraphBuilder, encoded: EncoderNames) -> PoseNames:
    assert encoded.pooled is not None
    marks = graph.reshape(_linear(head.marks, graph, encoded.pooled), JOINT_COUNT, 3)
    world = graph.reshape(_linear(head.world, graph, encoded.pooled), JOINT_COUNT, 3)
    first, depth = graph.nodes("Split", [marks, graph.constant(np.array([2, 1]))], 2, axis=1)
    # The squared distance of cell c from guess g is c.c - 2 c.g + g.g, and g.g, the same for all cells, means nothing to the soft max.
    cells, sharpness = array(head.cells), head.map_size**2 * array(head.sharpness)[:, None]
    pull = graph.node("MatMul", graph.node("Mul", first, graph.constant(2 * sharpness)), graph.constant(cells.T))
    bump = graph.node("Add", pull, graph.constant(-sharpness * (cells**2).sum(axis=1)))
    probability = graph.node("Softmax", graph.node("Add", _maps(head.maps, graph, encoded), bump), axis=1)
    keypoints = graph.node("MatMul", probability, graph.constant(cells))
    return PoseNames(keypoints, probability, graph.node("Concat", depth, world, axis=1))


def emit_refinement(refinement: PoseRefinement, graph: GraphBuilder, encoded: EncoderNames, pose: PoseNames) -> PoseNames:
    """Add the refinement of a landmark head's pose."""
    assert encoded.pooled is not None
    assert pose.spatial is not None
    depth, points = graph.nodes("Split", [pose.spatial, graph.constant(np.array([1, 3]))], 2, axis=1)
    evidence = _linear(refinement.squeeze, graph, _at_joints(graph, encoded.latent, pose))
    centred = graph.node("Sub", pose.keypoints, graph.constant(0.5))
    known = [encoded.pooled, *(graph.reshape(part, 1, -1) for part in (evidence, centred, points, depth))]
    scale, shift = norm_line(refinement.norm)
    weight, bias = array(refinement.enter.weight), array(refinement.enter.bias)
    x = graph.node("Concat", *known, axis=1)
    x = graph.node("Add", graph.node("MatMul", x, graph.constant((weight * scale).T)), graph.constant(bias + weight @ shift))
    for layer in refinement.layers:
        assert isinstance(layer, ResidualLayer)
        hidden = graph.node("Relu", _linear(layer.first, graph, graph.node("Relu", x)))
        x = graph.node("Add", x, _linear(layer.second, graph, hidden))
    context = graph.node("Relu", x)
    moved = graph.node("Add", points, graph.reshape(_linear(refinement.leave, graph, context), JOINT_COUNT, 3))
    return pose._replace(spatial=graph.node("Concat", depth, moved, axis=1), context=context)


def _at_joints(graph: GraphBuilder, fine: str, pose: PoseNames) -> str:
    assert pose.heatmaps is not None
    return graph.node("Gemm", pose.heatmaps, graph.reshape(fine, FINE_CHANNELS, -1), transB=1)


@singledispatch
def emit_presence_side(head: nn.Module, graph: GraphBuilder, encoded: EncoderNames) -> tuple[str, str]:
    """Add the extra head; names of the two probabilities, (1, 1) each."""
    raise TypeError(f"no ONNX form is known for {type(head).__name__}")


@emit_presence_side.register
def _(head: PresenceSideHead, graph: GraphBuilder, encoded: EncoderNames) -> tuple[str, str]:
    hidden = graph.node("Relu", _linear(head.fc1, graph, _latent_mean(graph, encoded.latent)))
    return _probabilities(graph, _linear(head.fc2, graph, hidden))


@emit_presence_side.register
def _(head: LandmarkPresenceSideHead, graph: GraphBuilder, encoded: EncoderNames) -> tuple[str, str]:
    assert encoded.pooled is not None
    return _probabilities(graph, _linear(head.fc, graph, encoded.pooled))


def _probabilities(graph: GraphBuilder, logits: str) -> tuple[str, str]:
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
def _(pooling: GridPooling, graph: GraphBuilder, latent: str, cells: int, pose: PoseNames) -> str:
    # Bilinear reading: cell i has weight max(0, 1 - |position - i|) along each axis.
    position = graph.node("Mul", graph.clip(pose.keypoints, 0, 1), graph.constant(float(cells - 1)))
    distance = graph.node("Abs", graph.node("Sub", graph.reshape(position, JOINT_COUNT, 2, 1), graph.constant(np.arange(cells) * 1.0)))
    hats = graph.node("Relu", graph.node("Sub", graph.constant(1.0), distance))
    x, y = graph.nodes("Split", [hats, graph.constant(np.array([1, 1]))], 2, axis=1)
    weights = graph.node("Mul", graph.reshape(y, JOINT_COUNT, cells, 1), x)
    return _weighted(graph, graph.reshape(weights, JOINT_COUNT, cells * cells), latent, cells)


@emit_pooling.register
def _(pooling: LandmarkPooling, graph: GraphBuilder, latent: str, cells: int, pose: PoseNames) -> str:
    assert pose.spatial is not None
    assert pose.context is not None
    centred = graph.node("Sub", pose.keypoints, graph.constant(0.5))
    place = _linear(pooling.place, graph, graph.node("Concat", centred, pose.spatial, axis=1))
    seen = _linear(pooling.seen, graph, _at_joints(graph, latent, pose))
    return graph.node("Add", graph.node("Add", seen, place), _linear(pooling.context, graph, pose.context))


@emit_pooling.register
def _(pooling: HeatmapPooling, graph: GraphBuilder, latent: str, cells: int, pose: PoseNames) -> str:
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
def _(operator: DSConv, graph: GraphBuilder, x: str, place: np.ndarray, scale: float) -> str:
    taps, mix = array(operator.taps), scale * array(operator.mix.weight)
    length, out = taps.shape[1], len(mix)
    if out <= FULL_PRODUCT:
        walk = graph.reshape(_along_spirals(operator, graph, x, place), len(operator.spiral), len(taps) * length)
        return graph.node("MatMul", walk, graph.constant(np.einsum("ck,oc->kco", taps, mix).reshape(-1, out)))
    filtered = graph.node("Mul", _along_spirals(operator, graph, x, place), graph.constant(taps.T))
    total = graph.node("ReduceSum", filtered, graph.constant(np.array([1])), keepdims=0)
    return graph.node("MatMul", total, graph.constant(mix.T))


@emit_operator.register
def _(operator: SpiralConv, graph: GraphBuilder, x: str, place: np.ndarray, scale: float) -> str:
    walk = graph.reshape(_along_spirals(operator, graph, x, place), len(operator.spiral), operator.linear.in_features)
    weight, bias = scale * array(operator.linear.weight), scale * array(operator.linear.bias)
    return graph.node("Gemm", walk, graph.constant(weight.T), graph.constant(bias))


@emit_operator.register
def _(operator: SpiralConvLSTM, graph: GraphBuilder, x: str, place: np.ndarray, scale: float) -> str:
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


def emit_skin(skin: JointSkin, graph: GraphBuilder, pose: PoseNames) -> str:
    """Add the landmark head's own mesh; the name of the vertices (V, 3) in metres."""
    assert pose.spatial is not None
    # Columns: depth, then x, y, z. The wrist's row is taken off all: as weights, minus the sum of the others.
    weights = array(skin.weights)
    weights[:, 0] -= weights.sum(axis=1)
    points = graph.nodes("Split", [pose.spatial, graph.constant(np.array([1, 3]))], 2, axis=1)[1]
    return graph.node("MatMul", graph.constant(LandmarkHead.WORLD_UNIT_M * weights), points)
