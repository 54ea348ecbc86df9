"""Hands added to recordings by the thousand: clip by clip, on any number of processes or machines."""
