"""What a frame costs on this machine, and what the node endures."""
