"""The hand node's table of parameters."""

from __future__ import annotations

from dataclasses import dataclass, replace

from handmesh_ros.hand import Side
from handmesh_ros.messages.frame_messages import MessageSettings
from handmesh_ros.node.parameter_table import ParameterTable, parameter
from handmesh_ros.perception.articulated.estimator import EstimatorParameters
from handmesh_ros.perception.onnx_session import MOST_THREADS
from handmesh_ros.perception.parameters import PipelineParameters
from handmesh_ros.perception.tracking.records import TrackingParameters
from handmesh_ros.provision import DEFAULT_MODEL

# Defaults have one home each: those of perception are perception's.
PIPELINE, ESTIMATOR, MESSAGES = PipelineParameters(), EstimatorParameters(), MessageSettings()


@dataclass(frozen=True)
class NodeParameters(ParameterTable):
    """The hand node's."""

    model: str = parameter(
        DEFAULT_MODEL,
        "mesh network; a change loads it",
        expected="lifted, mobrecon, mobrecon_lite or the path of an .onnx file",
        required=True,
    )
    max_hands: int = parameter(2, "hands followed at the same time", low=1, high=4)
    threads: int = parameter(1, "threads of each network", low=1, high=MOST_THREADS, read_only=True)
    image_transport: str = parameter("raw", "subscribe to `image` or to `image/compressed`", choices=("raw", "compressed"), read_only=True)
    handedness: str = parameter(
        "auto", "which hands are there: let the network tell, or take every hand for a left or right one", choices=("auto", "left", "right")
    )
    rectified: bool = parameter(False, "the image is already rectified (`image_rect`): take P of camera_info, not K and D")
    hand_size_m: float = parameter(
        0.0,
        "wrist to middle finger's mcp, metres: the distance scales with it; 0: hand_size_file's, else an average adult's",
        low=0.0,
        high=0.15,
    )
    hand_size_file: str = parameter(
        "",
        "YAML file of hand sizes: read at start where it is there and hand_size_m is 0, written by ~/calibrate_hand_size; empty: none",
        read_only=True,
    )
    depth_topic: str = parameter(
        "", "depth image aligned to `image`, for ~/calibrate_hand_size (16UC1 mm or 32FC1 m); empty: none", read_only=True
    )
    depth_correction: bool = parameter(
        False, "whether the depth image corrects hand sizes, and distances with them, all the while; not while a side's clutch is engaged"
    )
    fallback_hfov_deg: float = parameter(
        0.0,
        "horizontal field of view assumed without calibration, degrees; hands are then marked `metric: false`. "
        "0: without calibration no hand is published",
        low=0.0,
        high=175.0,
    )
    frame_prefix: str = parameter(
        MESSAGES.frame_prefix,
        "put before every TF frame name of a hand",
        pattern=r"([A-Za-z0-9_][A-Za-z0-9_/]*)?",
        expected="letters, digits, _ and /, no slash at its beginning",
    )
    publish_tf: str = parameter(
        MESSAGES.publish_tf, "TF frames of a hand: all 21, the wrist only, or none", choices=("all", "wrist", "none")
    )
    marker_rate_hz: float = parameter(
        MESSAGES.marker_rate_hz, "most marker updates a second (a viewer pays ten times what this node pays)", low=1.0, high=120.0
    )
    detection_threshold: float = parameter(
        PIPELINE.detection_threshold, "least score of the palm detector: lower finds more hands and more that are none", low=0.1, high=0.95
    )
    smoothing: bool = parameter(ESTIMATOR.enabled, "whether `hands` are estimated over time; `hands_raw` never are")
    acceleration_mps2: float = parameter(
        ESTIMATOR.place.acceleration,
        "how the wrist changes its speed on its way, m/s^2: lower is calmer, higher quicker",
        low=0.1,
        high=50.0,
    )
    finger_acceleration_radps2: float = parameter(
        ESTIMATOR.fingers.acceleration, "how fingers change their speed, rad/s^2: lower is calmer, higher quicker", low=1.0, high=500.0
    )
    clutch_by_pinch: bool = parameter(
        False, "whether a pinch of one hand, held for half a second, engages the other hand's clutch until it opens"
    )
    max_prediction_s: float = parameter(
        ESTIMATOR.prediction_limit_s, "how far `target_pose` is predicted beyond the image's stamp at most, seconds", low=0.0, high=0.2
    )

    def for_pipeline(self) -> PipelineParameters:
        """Those that perception wants to know."""
        estimator = replace(
            ESTIMATOR,
            enabled=self.smoothing,
            place=replace(ESTIMATOR.place, acceleration=self.acceleration_mps2),
            fingers=replace(ESTIMATOR.fingers, acceleration=self.finger_acceleration_radps2),
            prediction_limit_s=self.max_prediction_s,
        )
        return PipelineParameters(
            side=None if self.handedness == "auto" else Side(self.handedness),
            detection_threshold=self.detection_threshold,
            tracking=TrackingParameters(max_hands=self.max_hands),
            estimator=estimator,
        )

    def for_messages(self) -> MessageSettings:
        """Those that the messages depend on."""
        return MessageSettings(self.publish_tf, self.frame_prefix, self.marker_rate_hz)
