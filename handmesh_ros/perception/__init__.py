"""The runtime without ROS: numpy, OpenCV and ONNX Runtime."""
