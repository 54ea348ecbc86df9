"""From how open a hand is to a gripper that is open or closed."""

from __future__ import annotations

from dataclasses import dataclass

from handmesh_ros.teleop.errors import TeleopError


@dataclass(frozen=True)
class GripSettings:
    """Hysteresis: a hand closes below one aperture and opens above a larger one (0: fist, 1: flat hand).

    Raises:
        TeleopError: not 0 <= close_below < open_above <= 1.
    """

    close_below: float = 0.35
    open_above: float = 0.65

    def __post_init__(self) -> None:
        if not 0 <= self.close_below < self.open_above <= 1:
            raise TeleopError(
                f"a gripper needs 0 <= close_below < open_above <= 1, not {self.close_below} and {self.open_above}: "
                "between the two nothing changes"
            )


def is_closed(aperture: float, before: bool | None, settings: GripSettings) -> bool | None:
    """Whether a hand is closed; what it was ``before`` where it is neither clearly open nor closed (None: not known yet), or NaN."""
    if aperture < settings.close_below:
        return True
    return False if aperture > settings.open_above else before
