"""The clutch between one side's hand and a robot, and the gesture that may work it."""

from __future__ import annotations

from handmesh_ros.errors import HandmeshError
from handmesh_ros.hand import Hand, Side, TrackState
from handmesh_ros.perception.grasp import pinch_distance

# Chosen by hand: fingertips that touch are a finger's thickness apart, and the gap between the two keeps the gesture from flickering.
PINCH_CLOSED_M, PINCH_OPENED_M = 0.025, 0.045
PINCH_HOLD_S = 0.5  # chosen by hand: longer than hands pinch while they talk


class ClutchError(HandmeshError, RuntimeError):
    """The clutch cannot be engaged; the message says why and what to do."""


class Clutch:
    """Engaged on one track and released with it, so that no other hand takes a robot over.

    Attributes:
        track_id: it is engaged on; None while it is released.
        reason: why it was released last.
    """

    def __init__(self, side: Side) -> None:
        self._side = side
        self.track_id: int | None = None
        self.reason = "not engaged yet"

    @property
    def engaged(self) -> bool:
        return self.track_id is not None

    def engage(self, hand: Hand | None) -> None:
        """Bind the clutch to the hand that owns the side.

        Raises:
            ClutchError: there is none, it is not seen at this moment, or its distance is a guess.
        """
        if hand is None or hand.state is not TrackState.TRACKING:
            raise ClutchError(f"no {self._side.value} hand is seen: show it to the camera and engage again")
        if not hand.metric:
            raise ClutchError("the camera is not calibrated, so the hand's distance is a guess that no robot should follow: calibrate it")
        self.track_id = hand.track_id

    def release(self, reason: str) -> None:
        self.track_id, self.reason = None, reason

    def fault(self, hand: Hand | None) -> str | None:
        """Why an engaged clutch cannot stay so with the side's owner of this image; None: it can."""
        if not self.engaged:
            return None
        if hand is None or hand.track_id != self.track_id:
            return f"its hand (track {self.track_id}) is lost"
        return None if hand.metric else "the camera's calibration is gone"

    def __str__(self) -> str:
        return f"engaged on track {self.track_id}" if self.engaged else f"released: {self.reason}"


class PinchSwitch:
    """Whether one hand holds a pinch: on after half a second, off when it opens or goes. A hand that came pinching must open first."""

    def __init__(self) -> None:
        self._track_id: int | None = None
        self._was_open = False
        self._since_s: float | None = None

    def update(self, hand: Hand | None) -> bool:
        """Whether it is on, with the hand of the next image."""
        track_id = None if hand is None else hand.track_id
        if track_id != self._track_id:
            self._track_id, self._was_open, self._since_s = track_id, False, None
        if hand is None:
            return False
        distance = pinch_distance(hand.joints)
        if distance > PINCH_OPENED_M:
            self._was_open, self._since_s = True, None
        elif self._was_open and self._since_s is None and distance < PINCH_CLOSED_M:
            self._since_s = hand.stamp_s
        return self._since_s is not None and hand.stamp_s - self._since_s >= PINCH_HOLD_S
