"""Where to look for hands in a frame, and how often: one look at a hand that is followed, two at a new one, more in doubt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from handmesh_ros.hand import FloatArray, Side
from handmesh_ros.perception.crop import CropError, CropRegion
from handmesh_ros.perception.crop_rules import steadied
from handmesh_ros.perception.detect import PalmDetection, PalmDetector, region_from_palm
from handmesh_ros.perception.measure import Glance, HandMeter
from handmesh_ros.perception.mesh_net import MeshNetwork
from handmesh_ros.perception.parameters import PipelineParameters
from handmesh_ros.perception.searching import PalmSearch
from handmesh_ros.perception.size.hand_size import HandSizes
from handmesh_ros.perception.stopwatch import Stopwatch
from handmesh_ros.perception.tracking.records import Measurement, SearchRegion

# Where a hand is looked for in a picture that it fills: squares larger than the picture by this, turned to each of these angles. Chosen by
# hand, a little less than the crop of mobrecon_lite, 1.35 times a hand's box; the second look is exact.
FILLING_SCALE = 1.25
FILLING_ANGLES = (0.0, np.pi / 2, np.pi, -np.pi / 2)
# No palm speaks for such a hand, so the network must be surer of it than of others, in both looks. Of 413 pictures without a hand none is
# taken for one so (mobrecon_lite, lifted: 4 and 14 with the score that begins a track, 2 and 0 with 0.95 in the second look alone); of 166
# and 139 tightly cut real hands without a palm 90 and 88 are found (106 and 108; 93 and 89).
FILLING_SCORE = 0.95
# A hand that the network takes for one of the other side is looked at again, closer and turned: with both networks that ship, such
# answers have twice the error of others, and one such look puts half of them right (docs/architecture.md). How close and how far
# turned: chosen by hand, near the errors of crops that mobrecon_lite was trained with (12 degrees, one sigma).
CLOSER = 0.85
CLOSER_ANGLES = (np.radians(15), np.radians(-15))


class Looker:
    """Looks for hands with the palm detector and the mesh network.

    Attributes:
        parameters: may be changed between frames.
        sizes: the hand sizes assumed, per side.
    """

    def __init__(self, network: MeshNetwork, detector: PalmDetector, parameters: PipelineParameters, stopwatch: Stopwatch) -> None:
        self.parameters = parameters
        self.sizes = HandSizes()
        self._network = network
        self._detector = detector
        self._search = PalmSearch(detector)
        self._meter = HandMeter(network, stopwatch)
        self._stopwatch = stopwatch

    @property
    def detector_calls(self) -> int:
        """How often the palm detector searched a frame."""
        return self._detector.calls

    def follow(self, glance: Glance, search: SearchRegion) -> Measurement | None:
        """A track's hand, where the tracker expects it."""
        region = self._region_around(search.keypoints, search.side, search.previous)
        measured = None if region is None else self._measure(glance, steadied(region, search.previous))
        return None if measured is None else replace(measured, track_id=search.track_id)

    def detect(self, glance: Glance, is_followed: Callable[[FloatArray], bool]) -> list[Measurement]:
        """The hands at the palms of a camera's next frame; palms of which ``is_followed`` says so, by keypoints (7, 2), are left out."""
        with self._stopwatch.stage("detect"):
            palms = self._search.find(glance.frame_rgb, self.parameters.tracking.max_hands, self.parameters.detection_threshold)
        return self._at_palms(glance, [palm for palm in palms if not is_followed(palm.keypoints)])

    def as_other_side(self, glance: Glance, measured: Measurement) -> Measurement | None:
        """A new hand, measured again as one of the other side."""
        return self._look(glance, replace(measured.region, mirror=not measured.region.mirror))

    def detect_single(self, glance: Glance) -> list[Measurement]:
        """The hands of one unrelated picture; without a palm, the one that fills it."""
        with self._stopwatch.stage("detect"):
            palms = self._detector.detect(glance.frame_rgb, self.parameters.tracking.max_hands, self.parameters.detection_threshold)
        return self._at_palms(glance, palms) or self.fill(glance)

    def fill(self, glance: Glance) -> list[Measurement]:
        """The hand that fills a whole picture, whichever way up: the detector misses palms that take most of it.

        Only for networks that can tell a hand from none; others would see one in every picture.
        """
        if not self._network.gives_score:
            return []
        height, width = glance.frame_rgb.shape[:2]
        center, size = np.array([width - 1, height - 1]) / 2, FILLING_SCALE * max(width, height)
        tries = (self._measure_new(glance, CropRegion(center, size, angle), FILLING_SCORE) for angle in FILLING_ANGLES)
        sure = (measured for measured in tries if measured is not None and measured.hand.score >= FILLING_SCORE)
        return sorted(sure, key=lambda measured: -measured.hand.score)[:1]

    def _at_palms(self, glance: Glance, palms: list[PalmDetection]) -> list[Measurement]:
        measured = (self._at_palm(glance, palm) for palm in palms)
        return [measurement for measurement in measured if measurement is not None]

    def _at_palm(self, glance: Glance, palm: PalmDetection) -> Measurement | None:
        try:
            region = region_from_palm(palm)
        except CropError:
            return None
        return self._measure_new(glance, region, self.parameters.tracking.keep_score)

    def _measure_new(self, glance: Glance, region: CropRegion, least_score: float) -> Measurement | None:
        """The first crop tells where the hand is exactly and which it is, the second is the tracker's own kind; None below the least
        score in the first."""
        assumed = self.parameters.side or Side.RIGHT
        first = self._look(glance, replace(region, mirror=assumed is Side.LEFT))
        if first is None or first.hand.score < least_score:
            return None
        side = assumed
        if self.parameters.side is None and first.right_probability is not None:
            side = Side.RIGHT if first.right_probability >= 0.5 else Side.LEFT
        around = self._region_around(first.hand.keypoints, side, region)
        return None if around is None else self._measure(glance, around)

    def _measure(self, glance: Glance, region: CropRegion) -> Measurement | None:
        """A hand whose side is known, in a region mirrored for that side."""
        measured = self._look(glance, region)
        if measured is None:
            return None
        if self.parameters.side is not None:
            # The user knows better than the network.
            return replace(measured, right_probability=None, hand=replace(measured.hand, side_score=1.0))
        return self._look_again(glance, region) or measured if _is_misread(measured) else measured

    def _look_again(self, glance: Glance, region: CropRegion) -> Measurement | None:
        """A misread hand from nearer and turned, until the network reads it right; None where it never does."""
        for angle in CLOSER_ANGLES:
            again = self._look(glance, replace(region, size=CLOSER * region.size, angle=region.angle + angle))
            if again is not None and self._is_sure(again) and not _is_misread(again):
                return replace(again, region=region)
        return None

    def _look(self, glance: Glance, region: CropRegion) -> Measurement | None:
        return self._meter.measure(glance, region, self.sizes.of(Side.LEFT if region.mirror else Side.RIGHT))

    def _region_around(self, keypoints: FloatArray, side: Side, previous: CropRegion) -> CropRegion | None:
        try:
            return self._network.region_around(keypoints, side is Side.LEFT, previous)
        except CropError:
            return None

    def _is_sure(self, measured: Measurement) -> bool:
        return measured.hand.score >= self.parameters.tracking.keep_score


def _is_misread(measured: Measurement) -> bool:
    """Whether the network takes the hand for one of the other side."""
    return measured.right_probability is not None and measured.hand.side_score < 0.5
