"""The `lifted` model's own part: from what the landmark network says of a crop to a hand mesh. See docs/lifted.md."""
