"""Helpers of the tests: synthetic hands and worlds, small networks, where things lie."""
