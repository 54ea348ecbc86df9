"""Hands of several calibrated cameras as one hand: the estimates are fused, not the pictures."""
