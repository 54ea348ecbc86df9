"""Broken inputs by the thousand for every reader of files, messages and models, each of which can be made again."""
