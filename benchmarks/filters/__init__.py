"""Filters: how steady and how late ours and the rivals' are, on synthetic and on recorded hands."""
