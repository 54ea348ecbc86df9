"""Trained networks to ONNX files that keep the contract of the runtime."""
