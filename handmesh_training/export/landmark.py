"""The parts that only the network with the landmark encoder has, as ONNX nodes: encoder, 2D head, refinement, pooling, skin.

Importing this module makes them known to ``emit_encoder``, ``emit_head``, ``emit_presence_side`` and ``emit_pooling``.
"""

from __future__ import annotations

import numpy as np

from handmesh_ros.hand import JOINT_COUNT
from handmesh_training.export.encoder import EncoderNames, PyramidNames, array, emit, emit_encoder, emit_enlarged, emit_up, norm_line
from handmesh_training.export.graph import GraphBuilder
from handmesh_training.export.mesh import PoseNames, emit_head, emit_pooling, emit_presence_side, linear, probabilities, raw_maps
from handmesh_training.networks.heads import LandmarkHead, LandmarkPresenceSideHead
from handmesh_training.networks.landmarkstack import (
    EIGHTH_BLOCK,
    FINE_CHANNELS,
    POOLED_CHANNELS,
    SIXTEENTH_BLOCK,
    InvertedResidual,
    LandmarkEncoder,
    LandmarkUp,
    SameConv,
)
from handmesh_training.networks.lifting import JointSkin, LandmarkPooling
from handmesh_training.networks.refinement import LEAK, Look, PoseRefinement, RefinementRound, ResidualLayer


@emit.register
def _same_conv(module: SameConv, graph: GraphBuilder, x: str) -> str:
    assert module.bias is not None
    pads = [int(module.padding[0])] * 4 if module.pads is None else [module.pads[k] for k in (0, 2, 1, 3)]
    return graph.conv(x, array(module.weight), array(module.bias), stride=module.stride[0], groups=module.groups, pad=pads)


@emit.register
def _inverted_residual(module: InvertedResidual, graph: GraphBuilder, x: str) -> str:
    y = graph.clip(emit(module.expand, graph, x), 0, 6)
    y = graph.clip(emit(module.depthwise, graph, y), 0, 6)
    if module.project is not None:
        y = emit(module.project, graph, y)
    return graph.node("Add", x, y) if module.identity else y


@emit_up.register
def _landmark_up(module: LandmarkUp, graph: GraphBuilder, pyramid: PyramidNames) -> str:
    eighth, sixteenth, top = pyramid
    x = graph.node("Add", emit_enlarged(graph, emit(module.top, graph, top)), emit(module.sixteenth, graph, sixteenth))
    x = graph.node("Relu", x)
    x = graph.node("Add", x, emit(module.mix_sixteenth, graph, x))
    x = graph.node("Add", emit_enlarged(graph, emit(module.narrow, graph, x)), emit(module.eighth, graph, eighth))
    x = graph.node("Relu", x)
    return emit(module.unit, graph, graph.node("Add", x, emit(module.mix_eighth, graph, x)))


def emit_landmark_maps(encoder: LandmarkEncoder, graph: GraphBuilder, image: str) -> list[str]:
    """Add a landmark encoder's way down; the names of what its blocks give."""
    # The weights know 0..1, which the patch already is.
    x = graph.clip(emit(encoder.stem, graph, image), 0, 6)
    x = emit(encoder.project, graph, graph.clip(emit(encoder.depthwise, graph, x), 0, 6))
    maps = []
    for block in encoder.blocks:
        x = emit(block, graph, x)
        maps.append(x)
    return maps


@emit_encoder.register
def _landmark_encoder(encoder: LandmarkEncoder, graph: GraphBuilder, image: str) -> EncoderNames:
    maps = emit_landmark_maps(encoder, graph, image)
    pooled = graph.reshape(graph.node("GlobalAveragePool", maps[-1]), 1, POOLED_CHANNELS)
    fine = emit_up(encoder.up, graph, (maps[EIGHTH_BLOCK], maps[SIXTEENTH_BLOCK], maps[-1]))
    return EncoderNames(fine, None, pooled)


@emit_head.register
def _landmark_head(head: LandmarkHead, graph: GraphBuilder, encoded: EncoderNames) -> PoseNames:
    assert encoded.pooled is not None
    marks = graph.reshape(linear(head.marks, graph, encoded.pooled), JOINT_COUNT, 3)
    world = graph.reshape(linear(head.world, graph, encoded.pooled), JOINT_COUNT, 3)
    keypoints, depth = graph.nodes("Split", [marks, graph.constant(np.array([2, 1]))], 2, axis=1)
    return PoseNames(keypoints, spatial=graph.node("Concat", depth, world, axis=1), context=encoded.pooled)


@emit_presence_side.register
def _landmark_presence_side_head(head: LandmarkPresenceSideHead, graph: GraphBuilder, encoded: EncoderNames) -> tuple[str, str]:
    assert encoded.pooled is not None
    return probabilities(graph, linear(head.fc, graph, encoded.pooled))


def emit_refinement(refinement: PoseRefinement, graph: GraphBuilder, fine: str, pose: PoseNames) -> PoseNames:
    """Add the refinement of a landmark head's pose."""
    for one in refinement.rounds:
        assert isinstance(one, RefinementRound)
        pose = _round(one, graph, fine, pose)
    return pose


def _round(one: RefinementRound, graph: GraphBuilder, fine: str, pose: PoseNames) -> PoseNames:
    assert pose.spatial is not None
    heatmaps = _look(one.look, graph, fine, pose.keypoints)
    looked = graph.node("MatMul", heatmaps, graph.constant(array(one.look.cells)))
    seen = graph.node("Gemm", heatmaps, graph.reshape(fine, FINE_CHANNELS, -1), transB=1)
    centred, away = graph.node("Sub", looked, graph.constant(0.5)), graph.node("Sub", looked, pose.keypoints)
    evidence = graph.node("Concat", linear(one.squeeze, graph, seen), centred, away, pose.spatial, axis=1)
    if one.leave.in_features and pose.context is not None:
        thought = _context(one, graph, evidence, pose.context)
        context: str | None = thought
        move = graph.reshape(linear(one.leave, graph, thought), JOINT_COUNT, 5)
    else:  # it only looks: what it adds is the same for every picture
        context, move = None, graph.constant(array(one.leave.bias).reshape(JOINT_COUNT, 5))
    in_patch, in_space = graph.nodes("Split", [move, graph.constant(np.array([2, 3]))], 2, axis=1)
    depth, points = graph.nodes("Split", [pose.spatial, graph.constant(np.array([1, 3]))], 2, axis=1)
    spatial = graph.node("Concat", depth, graph.node("Add", points, in_space), axis=1)
    return PoseNames(graph.node("Add", looked, in_patch), heatmaps, spatial, seen, context)


def _context(one: RefinementRound, graph: GraphBuilder, evidence: str, known: str) -> str:
    scale, shift = norm_line(one.norm)
    weight, bias = array(one.enter.weight), array(one.enter.bias)
    x = graph.node("Concat", known, graph.reshape(evidence, 1, -1), axis=1)
    x = graph.node("Add", graph.node("MatMul", x, graph.constant((weight * scale).T)), graph.constant(bias + weight @ shift))
    for layer in one.layers:
        assert isinstance(layer, ResidualLayer)
        hidden = _leak(graph, linear(layer.first, graph, _leak(graph, x)))
        x = graph.node("Add", x, linear(layer.second, graph, hidden))
    return _leak(graph, x)


def _leak(graph: GraphBuilder, x: str) -> str:
    return graph.node("LeakyRelu", x, alpha=LEAK)


def _look(look: Look, graph: GraphBuilder, fine: str, guess: str) -> str:
    # The squared distance of cell c from guess g is c.c - 2 c.g + g.g, and g.g, the same for all cells, means nothing to the soft max.
    cells, sharpness = array(look.cells), look.map_size**2 * array(look.sharpness)[:, None]
    pull = graph.node("MatMul", graph.node("Mul", guess, graph.constant(2 * sharpness)), graph.constant(cells.T))
    bump = graph.node("Add", pull, graph.constant(-sharpness * (cells**2).sum(axis=1)))
    return graph.node("Softmax", graph.node("Add", raw_maps(look.maps, graph, fine), bump), axis=1)


@emit_pooling.register
def _landmark_pooling(pooling: LandmarkPooling, graph: GraphBuilder, _latent: str, _cells: int, pose: PoseNames) -> str:
    assert pose.spatial is not None
    assert pose.seen is not None
    centred = graph.node("Sub", pose.keypoints, graph.constant(0.5))
    place = linear(pooling.place, graph, graph.node("Concat", centred, pose.spatial, axis=1))
    seen = linear(pooling.seen, graph, pose.seen)
    context = graph.constant(array(pooling.context.bias)) if pose.context is None else linear(pooling.context, graph, pose.context)
    return graph.node("Add", graph.node("Add", seen, place), context)


def emit_skin(skin: JointSkin, graph: GraphBuilder, pose: PoseNames) -> str:
    """Add the landmark head's own mesh; the name of the vertices (V, 3) in metres."""
    assert pose.spatial is not None
    # Columns: depth, then x, y, z. The wrist's row is taken off all: as weights, minus the sum of the others.
    weights = array(skin.weights)
    weights[:, 0] -= weights.sum(axis=1)
    points = graph.nodes("Split", [pose.spatial, graph.constant(np.array([1, 3]))], 2, axis=1)[1]
    return graph.node("MatMul", graph.constant(LandmarkHead.WORLD_UNIT_M * weights), points)
