"""Benchmarks that measure this project against its alternatives: ratios from one run. ``python -m benchmarks``."""
