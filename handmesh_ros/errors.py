"""The root of every error that this project raises on purpose."""

from __future__ import annotations


class HandmeshError(Exception):
    """Something outside the code is not as it should be: an input, a file, a setting, the machine.

    The message names it and says what to do, so who reads it needs no traceback. Every error class of ``handmesh_ros`` and
    ``handmesh_training`` descends from this one and most also from ValueError or RuntimeError. Whatever else is raised is a fault of the
    code.
    """


class InputError(HandmeshError, ValueError):
    """A setting or an input that cannot be used."""
