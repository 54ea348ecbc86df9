"""Write a trained network as an ONNX model that keeps the mesh network contract."""

from handmesh_ros.training.export import add_arguments, main

__all__ = ["add_arguments", "main"]
