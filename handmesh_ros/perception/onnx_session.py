"""Networks in ONNX files, as perception runs them, and the one check that every file has to pass: the common ground of the palm detector
and the mesh networks.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime as ort

from handmesh_ros.errors import HandmeshError, InputError
from handmesh_ros.hand import FloatArray
from handmesh_ros.perception.onnx_files import is_beside, other_files, what_it_is_instead

SMALLEST_INPUT, LARGEST_INPUT = 16, 1024  # pixels; a crop of a hand has 128 to 256
LARGEST_MODEL = 512 << 20  # bytes; those that ship have 4 to 15 MB
# For one picture, the first: those that ship take 0.02 s. A network may hold a loop that never ends.
LONGEST_TRIAL_S = 20.0
MOST_THREADS = 16  # more gain nothing in networks this small; ONNX Runtime starts as many as it is told


class ModelContractError(HandmeshError, ValueError):
    """The file is no ONNX model, or breaks the contract of its kind of network; the message says where."""


class OnnxNetwork:
    """A network with one input, ``image``, float32 (1, 3, S, S).

    Attributes:
        path: of its file.
        sha256: of the file as it was loaded, hexadecimal.
        input_size: S.
        outputs: their names and shapes as the file states them.
        metadata: the file's own.

    Args:
        path: of the file.
        threads: that it runs on; none of them spins between frames.
        kind: what it should be, for messages.

    Raises:
        ModelContractError: the file is missing, no ONNX model, reads other folders' files, or has another input.
        InputError: too few or too many threads.
    """

    def __init__(self, path: str | Path, threads: int, kind: str) -> None:
        if not 1 <= threads <= MOST_THREADS:
            raise InputError(f"{threads} threads for a network; expected 1 to {MOST_THREADS}")
        self.path, self._kind = Path(path), kind
        content = self._read()
        self.sha256 = hashlib.sha256(content).hexdigest()
        self._session = self._load(content, threads)
        try:
            self.outputs = {output.name: output.shape for output in self._session.get_outputs()}
            self.metadata: dict[str, str] = self._session.get_modelmeta().custom_metadata_map
        except UnicodeDecodeError as error:
            raise self.broken("its names or metadata are no text in UTF-8") from error
        self.input_size = self._checked_input()

    def run(self, outputs: Sequence[str], image: FloatArray) -> list[FloatArray]:
        """These outputs of a (1, 3, S, S) float32 picture, RGB 0..1."""
        answers: list[FloatArray] = self._session.run(outputs, {"image": image})
        return answers

    def try_out(self, outputs: Sequence[str]) -> list[list[FloatArray]]:
        """The answers to a grey, a black, a white and a noisy picture: networks with broken weights show it in any.

        Raises:
            ModelContractError: one does not come, not in time, or is not finite.
        """
        shape = (1, 3, self.input_size, self.input_size)
        noise = np.random.default_rng(0).random(shape, np.float32)
        return [self._trial(outputs, picture) for picture in (*(np.full(shape, grey, np.float32) for grey in (0.5, 0.0, 1.0)), noise)]

    def broken(self, what: str) -> ModelContractError:
        """The error that says so of this file."""
        return ModelContractError(f"{self.path}: not a {self._kind}: {what}")

    def _trial(self, outputs: Sequence[str], picture: FloatArray) -> list[FloatArray]:
        options = ort.RunOptions()
        options.log_severity_level = 4  # what goes wrong is said below
        watch = threading.Timer(LONGEST_TRIAL_S, setattr, (options, "terminate", True))
        watch.start()
        try:
            answers: list[FloatArray] = self._session.run(outputs, {"image": picture}, options)
        except Exception as error:
            if options.terminate:
                raise self.broken(f"it takes more than {LONGEST_TRIAL_S:g} s for one picture") from error
            raise self.broken(f"it does not run: {_first_line(error)}") from error
        finally:
            watch.cancel()
        for name, answer in zip(outputs, answers, strict=True):
            if not (np.issubdtype(answer.dtype, np.floating) and np.isfinite(answer).all()):
                raise self.broken(f"its output {name!r} holds NaN, infinity or no floating point numbers: are its weights damaged?")
        return answers

    def _read(self) -> bytes:
        if not self.path.is_file():
            raise ModelContractError(f"{self.path}: there is no such model file; 'handmesh models' lists the models there are")
        try:
            if self.path.stat().st_size > LARGEST_MODEL:
                raise self.broken(f"it has {self.path.stat().st_size >> 20} MB, more than {LARGEST_MODEL >> 20}")
            return self.path.read_bytes()
        except OSError as error:
            raise ModelContractError(f"{self.path}: cannot be read ({error.strerror})") from error

    def _load(self, content: bytes, threads: int) -> ort.InferenceSession:
        instead = what_it_is_instead(content[:1024])
        if instead is not None:
            raise ModelContractError(f"{self.path}: {instead}")
        try:
            others = other_files(content)
            outside = [name for name in others if not is_beside(self.path, name)]
        except ValueError as error:
            raise ModelContractError(f"{self.path}: is no ONNX model, or damaged ({error}): get or export it anew") from error
        if outside:
            raise ModelContractError(f"{self.path}: its tensors are to come from {outside[0]!r}, which is not beside it: refused")
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        # Spinning threads would burn most of a core between the frames of a 30 Hz camera.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            # From the bytes that were checked, whatever becomes of the file meanwhile; other files are found by the path only.
            return ort.InferenceSession(str(self.path) if others else content, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            reason = _first_line(error)
            advice = "get or export it anew"
            if "opset" in reason.lower() or "IR version" in reason:
                advice = f"update onnxruntime (this is {ort.__version__}), or export it for an older opset"
            raise ModelContractError(f"{self.path}: cannot be loaded as an ONNX model ({reason}): {advice}") from error

    def _checked_input(self) -> int:
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or inputs[0].name != "image":
            raise self.broken(f"it must have one input 'image', it has {[i.name for i in inputs]}")
        shape = inputs[0].shape
        if len(shape) != 4 or shape[1] != 3 or shape[2] != shape[3] or not isinstance(shape[2], int):
            raise self.broken(f"input 'image' must be (1, 3, S, S), it is {shape}")
        if not SMALLEST_INPUT <= shape[2] <= LARGEST_INPUT:
            raise self.broken(f"input 'image' has {shape[2]} pixels a side, expected {SMALLEST_INPUT} to {LARGEST_INPUT}")
        if inputs[0].type != "tensor(float)":
            raise self.broken(f"input 'image' is a {inputs[0].type}, expected a tensor(float)")
        return shape[2]


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
