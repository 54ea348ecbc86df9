"""Model files as people bring them: what is none, or reads files that it has no business with, is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from support.tiny_mesh_network import write_tiny_mesh_network

from handmesh_ros.perception import onnx_session
from handmesh_ros.perception.onnx_session import ModelContractError, OnnxNetwork


def load(path: Path) -> OnnxNetwork:
    return OnnxNetwork(path, 1, "network")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cannot be loaded as an ONNX model"),
        (b"hello, I am no model", "damaged"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"\n <!DOCTYPE html><html>404</html>", "a web page"),
        (b"<html>404</html>", "a web page"),
        (b"PK\x03\x04 archive/data.pkl", "PyTorch checkpoint"),
        (b"\x1c\0\0\0TFL3 more", "TensorFlow Lite"),
        (bytes(5000), "zeros only"),
        (np.random.default_rng(0).bytes(5000), "damaged"),
    ],
)
def test_what_is_no_model_is_called_what_it_is(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "mine.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelContractError, match=rf"mine\.onnx: .*{reason}"):
        load(path)


def changed(path: Path, change: Callable[[onnx.ModelProto], None]) -> Path:
    model = onnx.load(str(write_tiny_mesh_network(path)))
    change(model)
    path.write_bytes(model.SerializeToString())
    return path


def rename_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].name = "picture"
    model.graph.node[0].input[0] = "picture"


def input_shape(*shape: int | str) -> Callable[[onnx.ModelProto], None]:
    return lambda model: model.graph.input[0].CopyFrom(helper.make_tensor_value_info("image", TensorProto.FLOAT, shape))


CHANGES: dict[str, tuple[Callable[[onnx.ModelProto], None], str]] = {
    "newer opset": (lambda model: setattr(model.opset_import[0], "version", 99), "update onnxruntime"),
    "newer format": (lambda model: setattr(model, "ir_version", 99), "update onnxruntime"),
    "another input": (rename_input, "one input 'image'"),
    "grey pictures": (input_shape(1, 1, 32, 32), r"must be \(1, 3, S, S\)"),
    "colours last": (input_shape(1, 32, 32, 3), r"must be \(1, 3, S, S\)"),
    "any size": (input_shape(1, 3, "height", "width"), r"must be \(1, 3, S, S\)"),
    "bytes": (lambda model: setattr(model.graph.input[0].type.tensor_type, "elem_type", TensorProto.UINT8), r"tensor\(uint8\)"),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_models_that_do_not_fit_are_refused(tmp_path: Path, kind: str) -> None:
    change, reason = CHANGES[kind]
    with pytest.raises(ModelContractError, match=rf"mine\.onnx: .*{reason}"):
        load(changed(tmp_path / "mine.onnx", change))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_model_is_damaged(tmp_path: Path, share: float) -> None:
    path = write_tiny_mesh_network(tmp_path / "mine.onnx")
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ModelContractError, match=r"mine\.onnx: .*anew"):
        load(path)


def test_any_batch_size_is_one(tmp_path: Path) -> None:
    network = load(changed(tmp_path / "tiny.onnx", input_shape("batch", 3, 32, 32)))
    assert network.input_size == 32
    assert [answer.shape for answer in network.try_out(["joints"])[0]] == [(1, 21, 3)]


def test_the_loaded_network_stays_what_it_was_when_its_file_is_replaced(tmp_path: Path) -> None:
    path = write_tiny_mesh_network(tmp_path / "tiny.onnx", score=0.9)
    network = load(path)
    path.write_bytes(b"something else")
    (score,) = network.run(["score"], np.zeros((1, 3, 32, 32), np.float32))
    assert score.item() == pytest.approx(0.9)


def write_loop(path: Path) -> Path:
    """A network that never answers: a loop whose condition stays true."""
    picture = ["image", TensorProto.FLOAT, (1, 3, 16, 16)]
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Identity", ["x"], ["same"])],
        "body",
        [helper.make_tensor_value_info(*i) for i in (["i", TensorProto.INT64, ()], ["go", TensorProto.BOOL, ()], ["x", *picture[1:]])],
        [helper.make_tensor_value_info(*o) for o in (["go_on", TensorProto.BOOL, ()], ["same", *picture[1:]])],
    )
    graph = helper.make_graph(
        [helper.make_node("Loop", ["", "true", "image"], ["answer"], body=body)],
        "forever",
        [helper.make_tensor_value_info(*picture)],
        [helper.make_tensor_value_info("answer", *picture[1:])],
        [numpy_helper.from_array(np.array(True), "true")],
    )
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString())
    return path


def test_a_network_that_never_answers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_session, "LONGEST_TRIAL_S", 0.3)
    with pytest.raises(ModelContractError, match=r"mine\.onnx.*more than 0\.3 s for one picture"):
        load(write_loop(tmp_path / "mine.onnx")).try_out(["answer"])


def write_with_other_file(path: Path, name: str) -> Path:
    """A network whose one tensor lies in the file of this name."""
    tensor = TensorProto(name="shift", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", name), ("offset", "0"), ("length", "4")):
        tensor.external_data.add(key=key, value=value)
    picture = ("image", TensorProto.FLOAT, (1, 3, 16, 16))
    branch = helper.make_graph(
        [helper.make_node("Add", ["image", "shift"], ["a"])], "b", [], [helper.make_empty_tensor_value_info("a")], [tensor]
    )
    graph = helper.make_graph(  # within a branch: tensors may hide in graphs within graphs
        [helper.make_node("If", ["true"], ["answer"], then_branch=branch, else_branch=branch)],
        "g",
        [helper.make_tensor_value_info(*picture)],
        [helper.make_tensor_value_info("answer", *picture[1:])],
        [numpy_helper.from_array(np.array(True), "true")],
    )
    path.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString())
    return path


def test_tensors_may_lie_beside_the_model_and_nowhere_else(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    for place in (folder, tmp_path):
        (place / "tensors.bin").write_bytes(np.float32(0.5).tobytes())
    (folder / "link.bin").symlink_to(tmp_path / "tensors.bin")
    network = load(write_with_other_file(folder / "mine.onnx", "tensors.bin"))
    assert network.try_out(["answer"])[1][0].mean() == pytest.approx(0.5)
    for name in ("../tensors.bin", str(tmp_path / "tensors.bin"), "link.bin", "x/../../tensors.bin", "", "a\0b"):
        with pytest.raises(ModelContractError, match=r"mine\.onnx: "):
            load(write_with_other_file(folder / "mine.onnx", name))
