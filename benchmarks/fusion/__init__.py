"""Hands of several calibrated cameras as one: what the fusion of two views is worth."""
