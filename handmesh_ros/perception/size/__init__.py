"""How large a person's hands are: given, measured with a ruler's help or read from a depth image."""
