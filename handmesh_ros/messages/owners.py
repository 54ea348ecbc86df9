"""Which hand of each side the outputs show that can show only one: TF frames, palm poses, grasps, targets and markers."""

from __future__ import annotations

from collections.abc import Sequence

from handmesh_ros.hand import Hand, Side, TrackState


class Owners:
    """A side's outputs belong to one track until it is lost: whoever follows them must not jump from person to person."""

    def __init__(self) -> None:
        self._tracks: dict[Side, int] = {}

    def choose(self, hands: Sequence[Hand]) -> dict[Side, Hand]:
        """The owner of each side that is seen: the one it had, else the one most surely seen."""
        owners: dict[Side, Hand] = {}
        for hand in sorted(hands, key=self._rank):
            owners[hand.side] = hand  # the last one, of the highest rank, stays
        self._tracks = {side: hand.track_id for side, hand in owners.items()}
        return owners

    def _rank(self, hand: Hand) -> tuple[bool, bool, float]:
        return self._tracks.get(hand.side) == hand.track_id, hand.state is TrackState.TRACKING, hand.score
