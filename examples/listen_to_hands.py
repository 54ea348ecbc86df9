"""A node of one's own that listens to the hand node: typed messages on ``hands``, and the wrists on TF.

    ros2 launch handmesh_ros hand.launch.py      # in one terminal
    python examples/listen_to_hands.py           # in another

Expect a line for each hand and image, such as ``right 1 tracking: wrist 0.48 m away, 83 % open, message 21 ms old``, and
``no hand`` for images without one: an empty message means that nothing is seen, silence means that the node is dead. Each new TF
frame of a wrist is named once.
"""

import rclpy
from handmesh_ros.msg import Hand, HandArray
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.time import Time
from tf2_msgs.msg import TFMessage

SIDES = {Hand.SIDE_LEFT: "left", Hand.SIDE_RIGHT: "right"}
STATES = {Hand.STATE_TRACKING: "tracking", Hand.STATE_PREDICTED: "predicted"}


class HandListener(Node):
    """Prints what the hand node says."""

    def __init__(self) -> None:
        super().__init__("hand_listener")
        self._wrists: set[str] = set()
        self.create_subscription(HandArray, "hands", self._on_hands, 10)
        self.create_subscription(TFMessage, "/tf", self._on_transforms, 10)

    def _on_hands(self, message: HandArray) -> None:
        age_ms = (self.get_clock().now() - Time.from_msg(message.header.stamp)).nanoseconds * 1e-6
        if not message.hands:
            print("no hand", flush=True)
        for hand in message.hands:
            distance = f"{hand.joints[0].position.z:.2f} m away" if hand.metric else "at an unknown distance (no calibration)"
            name = f"{SIDES[hand.side]} {hand.track_id} {STATES[hand.state]}"
            print(f"{name}: wrist {distance}, {100 * hand.aperture:.0f} % open, message {age_ms:.0f} ms old", flush=True)

    def _on_transforms(self, message: TFMessage) -> None:
        for transform in message.transforms:
            if transform.child_frame_id.endswith("hand_wrist") and transform.child_frame_id not in self._wrists:
                self._wrists.add(transform.child_frame_id)
                print(f"TF: {transform.child_frame_id} moves in {transform.header.frame_id}", flush=True)


def main() -> None:
    rclpy.init()
    try:
        rclpy.spin(HandListener())
    except (KeyboardInterrupt, ExternalShutdownException):
        pass  # Ctrl-C
    finally:
        rclpy.try_shutdown()


if __name__ == "__main__":
    main()
