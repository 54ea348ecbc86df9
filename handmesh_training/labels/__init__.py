"""Pictures of real hands for training: a teacher network's opinions as labels, and meshes fitted to them (docs/pseudo-labels.md)."""
