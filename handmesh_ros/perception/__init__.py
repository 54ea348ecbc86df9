"""The runtime without ROS: numpy, OpenCV and ONNX Runtime."""

from handmesh_ros.perception.camera import Camera
from handmesh_ros.perception.parameters import PipelineParameters
from handmesh_ros.perception.pipeline import HandPipeline

__all__ = ["Camera", "HandPipeline", "PipelineParameters"]
