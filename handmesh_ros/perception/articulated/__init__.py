"""One articulated hand over time: a skeleton of constant bones fitted to every frame, and its motion."""
