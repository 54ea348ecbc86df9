"""Benchmarks that measure this project against its alternatives: ratios from one run. ``python -m benchmarks``."""

import handmesh_ros  # noqa: F401  # first of all: it keeps ONNX Runtime from sending word home
