"""The smoothing that the articulated estimate has replaced: wrist, orientation and fingers filtered apart. Kept as a rival."""
