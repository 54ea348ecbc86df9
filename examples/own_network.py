"""A network of one's own behind the mesh network contract: any ONNX file with these inputs, outputs and metadata drops in.

    python examples/own_network.py my_video.mp4 own.onnx

Expect own.onnx, which ``handmesh run --model own.onnx`` and the node's parameter ``model:=own.onnx`` take as well, and a line for each
frame in which MediaPipe's detector finds a palm. This network sees the same flat hand in whatever it looks at, so only place and size
follow the picture; put your own layers between ``image`` and the outputs. docs/models.md has the contract in full.
"""

import base64
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from handmesh_ros.perception import Camera, HandPipeline
from handmesh_ros.sources import open_source

SIZE = 64  # side of the patch, pixels
FACES = np.array([[0, 1, 2], [0, 2, 3]], np.uint16)  # of the right hand, counter-clockwise seen from outside
# Of each finger: where its first joint is, right of and above the wrist, and how long its bones are; metres, thumb first.
FINGERS = ((-0.05, 0.03, 0.02), (-0.025, 0.091, 0.025), (0.0, 0.095, 0.028), (0.022, 0.092, 0.025), (0.042, 0.085, 0.02))


def flat_hand() -> np.ndarray:
    """(21, 3) metres from the wrist in the patch's axes (x right, y down, z away): a right hand's back, fingers up."""
    joints = np.zeros((21, 3), np.float32)
    for finger, (x, y, bone) in enumerate(FINGERS):
        joints[1 + 4 * finger : 5 + 4 * finger] = [(x, -y - k * bone, 0) for k in range(4)]
    return joints


def network() -> onnx.ModelProto:
    """Outputs that do not depend on the picture but by a sum with 0 times its mean."""
    joints = flat_hand()
    outputs = {
        "vertices": joints[[0, 5, 9, 17]],  # (V, 3), like the joints
        "joints": joints,
        "keypoints": 0.5 + (joints[:, :2] - joints[:, :2].mean(axis=0)) / 0.4,  # (21, 2) fractions of the patch
        "score": np.array([0.99], np.float32),  # optional: that a hand is there
        "side": np.array([0.99], np.float32),  # optional: that it is a right one
    }
    nodes = [helper.make_node("ReduceMean", ["image"], ["mean"], keepdims=0), helper.make_node("Mul", ["mean", "zero"], ["nothing"])]
    nodes += [helper.make_node("Add", [f"{name}_value", "nothing"], [name]) for name in outputs]
    constants = [numpy_helper.from_array(np.array(0, np.float32), "zero")]
    constants += [numpy_helper.from_array(value[None], f"{name}_value") for name, value in outputs.items()]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, SIZE, SIZE))  # RGB, 0..1
    shapes = [helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, *value.shape)) for name, value in outputs.items()]
    graph = helper.make_graph(nodes, "own", [image], shapes, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    faces = base64.b64encode(FACES.tobytes()).decode()
    about = {"name": "own", "licence": "Apache-2.0", "training": "none"}
    helper.set_model_props(model, {"handmesh_contract": "1", "faces": faces, "reference_size_m": "0.095", "crop_scale": "2.0", **about})
    return model


def main(video: str, out: str) -> None:
    onnx.save(network(), out)
    pipeline = HandPipeline.load(model=Path(out))
    for frame in open_source(video):
        camera = Camera.from_hfov(frame.rgb.shape[1], frame.rgb.shape[0], 60)
        for hand in pipeline.process(frame.rgb, camera, frame.stamp_s):
            print(f"frame {frame.number}: {hand.side.value} hand, {len(hand.vertices)} vertices, {hand.joints[0, 2]:.2f} m away")


if __name__ == "__main__":
    main(*sys.argv[1:])
