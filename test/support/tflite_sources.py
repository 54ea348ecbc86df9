"""The TFLite files that the tests convert: the two of the manifest and two smaller relatives from the same wheel."""

from __future__ import annotations

import dataclasses
import functools

from handmesh_ros.provision.fetch import fetch_member
from handmesh_ros.provision.manifest import WheelSource
from handmesh_ros.provision.store import default_store

PALM_OUTPUTS = ("boxes", "scores")
LANDMARK_OUTPUTS = ("landmarks", "presence", "handedness", "world_landmarks")

# The lite networks are no models of the project; they have operators and shapes of their own to convert.
LITE = {
    "palm_detection": "e9a4aaddf90dda56a87235303cf00e4c2d3fb28725f68fd88772997dac905c18",
    "hand_landmark": "048edd3645c9bf7397d19a9f6e3a42957d6e414c9bea6598030a2e9b624156e6",
}


@functools.cache
def tflite_bytes(name: str, lite: bool = False) -> bytes:
    """The TFLite file that a model of the manifest is made of, or its lite relative."""
    store = default_store()
    source = store.models[name].source
    assert isinstance(source, WheelSource)
    if lite:
        source = dataclasses.replace(source, member=source.member.replace("_full", "_lite"), sha256=LITE[name])
    return fetch_member(source, store.cache, print)


def outputs(name: str) -> tuple[str, ...]:
    return PALM_OUTPUTS if name == "palm_detection" else LANDMARK_OUTPUTS
