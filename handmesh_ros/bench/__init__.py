"""What a frame costs on this machine."""
