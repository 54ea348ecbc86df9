"""Metrics and readers for evaluations: numpy only."""
