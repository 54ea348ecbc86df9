"""The official MobRecon checkpoints and template, brought by the user, as models of this project."""
