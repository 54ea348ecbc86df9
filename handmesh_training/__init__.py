"""Offline: hand template, rendering, networks, training and export. Needs the extra ``train``."""
