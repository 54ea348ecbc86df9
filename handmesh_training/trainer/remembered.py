"""What a frozen encoder sees in the patches of a batch: looked at once, shown several times.

On a CPU cutting and encoding a patch takes about three times as long as the heads and their backward pass, so one that is shown again
costs a quarter of a new one.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import onnxruntime as ort
import torch
from torch import Tensor

from handmesh_training.export.graph import GraphBuilder
from handmesh_training.export.landmark import emit_landmark_maps
from handmesh_training.networks.landmarkstack import BLOCKS, EIGHTH_BLOCK, POOLED_CHANNELS, SIXTEENTH_BLOCK, LandmarkEncoder
from handmesh_training.networks.stack import Pyramid
from handmesh_training.trainer.batches import Batches, Labelled

MAPS = ("eighth", "sixteenth", "top")
REMEMBERED_BATCHES = 240  # shown in another order each time; of 48 patches of 224 pixels: 2.5 GB


class FrozenEncoder:
    """A landmark encoder's way down in ONNX Runtime, which takes a quarter of torch's time on a CPU.

    Args:
        encoder: as it will stay; size: S, side of the patches; threads: patches looked at at once.
    """

    def __init__(self, encoder: LandmarkEncoder, size: int, threads: int) -> None:
        graph = GraphBuilder()
        graph.set_side("image", size)
        maps = emit_landmark_maps(encoder, graph, "image")
        for name, block in zip(MAPS, (EIGHTH_BLOCK, SIXTEENTH_BLOCK, len(maps) - 1), strict=True):
            side = graph.side(maps[block])
            graph.output(name, maps[block], (1, BLOCKS[block][-1] or POOLED_CHANNELS, side, side))  # 0: no projection
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        model = graph.model("encoder", "image", (1, 3, size, size), {}).SerializeToString()
        self.session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self.pool = ThreadPoolExecutor(threads)

    def __call__(self, patches: Tensor) -> Pyramid:
        """Maps of (B, 3, S, S) RGB 0..1, half precision."""
        images = patches.numpy()
        seen = self.pool.map(lambda row: self.session.run(list(MAPS), {"image": images[row : row + 1]}), range(len(images)))
        half = [[values.astype(np.float16) for values in one] for one in seen]
        return Pyramid(*(torch.from_numpy(np.concatenate(parts)) for parts in zip(*half, strict=True)))


class RememberedBatches:
    """Batches that are each shown ``looks`` times, a few hundred at a time and those in another order each time, with what the encoder
    sees instead of the patches. A step's batch follows from seed and step alone, as with Batches."""

    def __init__(self, batches: Batches, encoder: FrozenEncoder, looks: int) -> None:
        self.batches, self.encoder, self.looks = batches, encoder, looks
        self.memory: dict[int, Labelled] = {}

    def of_step(self, step: int) -> Labelled:
        """The batch of a step (from 0)."""
        chapter, place = divmod(step, REMEMBERED_BATCHES * self.looks)
        turn, index = divmod(place, REMEMBERED_BATCHES)
        order = np.random.default_rng([self.batches.seed, chapter, turn]).permutation(REMEMBERED_BATCHES)
        number = chapter * REMEMBERED_BATCHES + int(order[index])
        if turn == 0 and index == 0:
            self.memory.clear()
        if number not in self.memory:
            labels = self.batches.of_step(number)
            assert isinstance(labels.patches, Tensor)
            self.memory[number] = replace(labels, patches=self.encoder(labels.patches))
        return self.memory[number]
