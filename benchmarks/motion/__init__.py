"""Articulated hands in motion with known truth, seen by a real network: what an estimate of a hand over time is worth."""
