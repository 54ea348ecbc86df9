"""Turn an official MobRecon checkpoint and its template files into an ONNX model that keeps the mesh network contract."""

from handmesh_ros.training.import_official import add_arguments, main

__all__ = ["add_arguments", "main"]
