"""What a user may set of perception."""

from __future__ import annotations

from dataclasses import dataclass, field

from handmesh_ros.hand import Side
from handmesh_ros.perception.articulated.estimator import EstimatorParameters
from handmesh_ros.perception.tracking.records import TrackingParameters


@dataclass(frozen=True)
class PipelineParameters:
    """Parameters of all stages.

    Attributes:
        side: the side of every hand where it is known, None to tell by the picture.
        detection_threshold: least score of the palm detector.
        tracking, estimator: of those stages.
    """

    side: Side | None = None
    detection_threshold: float = 0.5
    tracking: TrackingParameters = field(default_factory=TrackingParameters)
    estimator: EstimatorParameters = field(default_factory=EstimatorParameters)

    @classmethod
    def with_max_hands(cls, max_hands: int) -> PipelineParameters:
        """The defaults, for at most so many hands."""
        return cls(tracking=TrackingParameters(max_hands=max_hands))
