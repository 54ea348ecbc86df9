"""Pictures of the posed CC0 hand with exact labels: a batched rasteriser in PyTorch, for a CPU and unchanged for a GPU."""
