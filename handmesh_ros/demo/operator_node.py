"""Plays the operator of the robot demo: engages the clutch of the right hand once it has been seen for a while.

``python -m handmesh_ros.demo.operator_node``
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from rclpy.node import Node
from std_srvs.srv import SetBool

from handmesh_ros.msg import Grasp
from handmesh_ros.msg import Hand as HandMessage
from handmesh_ros.node.process import spin

SEEN_FOR_FRAMES = 10
TOPIC, SERVICE = "right/grasp", "hand_node/right/clutch"


class OperatorNode(Node):
    """Asks once; an operator who saw his hand lost would look before he engages again."""

    def __init__(self) -> None:
        super().__init__("operator")
        self._seen = 0
        self._clutch: Any = self.create_client(SetBool, SERVICE)
        self.create_subscription(Grasp, TOPIC, self._on_grasp, 5)
        self.get_logger().info("ready")

    def _on_grasp(self, message: Grasp) -> None:
        self._seen = self._seen + 1 if message.state == HandMessage.STATE_TRACKING else 0
        if self._seen == SEEN_FOR_FRAMES:
            self._clutch.call_async(SetBool.Request(data=True))


def main(argv: Sequence[str] | None = None) -> int:
    return spin(OperatorNode, argv)


if __name__ == "__main__":
    sys.exit(main())
