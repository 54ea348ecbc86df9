"""Which hand is which from frame to frame."""
