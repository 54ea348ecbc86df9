"""ONNX Runtime sessions as perception runs them: the common ground of the palm detector and the mesh networks."""

from __future__ import annotations

from pathlib import Path

import onnxruntime as ort

from handmesh_ros.errors import HandmeshError


class ModelContractError(HandmeshError, ValueError):
    """The file is no ONNX model, or breaks the contract of its kind of network; the message says where."""


def create_session(path: Path, threads: int) -> ort.InferenceSession:
    """An ONNX Runtime session for per-frame work: full optimisation, few threads, and none of them spinning between frames.

    Raises:
        ModelContractError: the file is missing or no ONNX model.
    """
    if not path.is_file():
        raise ModelContractError(f"{path}: there is no such model file; 'handmesh models' lists the models there are")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Spinning threads would burn most of a core between the frames of a 30 Hz camera.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise ModelContractError(
            f"{path}: cannot be loaded as an ONNX model ({reason}); 'handmesh models --provision' mends damaged files"
        ) from error
