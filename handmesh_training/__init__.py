"""Offline: hand template, rendering, networks, training and export. Needs the extra ``train``."""

import handmesh_ros  # noqa: F401  # first of all: it keeps ONNX Runtime from sending word home
