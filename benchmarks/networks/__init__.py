"""Mesh networks: speed and size of every one, interleaved."""
