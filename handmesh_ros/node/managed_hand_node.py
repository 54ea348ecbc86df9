"""The hand node as a lifecycle node, for robots whose nodes are brought up together.

``ros2 run handmesh_ros managed_hand_node``, then ``ros2 lifecycle set /hand_node configure`` and ``activate``
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rclpy.lifecycle import LifecycleNodeMixin, LifecycleState, TransitionCallbackReturn

from handmesh_ros.errors import HandmeshError
from handmesh_ros.node.hand_node import HandNode
from handmesh_ros.node.process import spin


class ManagedHandNode(LifecycleNodeMixin, HandNode):
    """Configure loads the model and begins to listen; activate looks at images; deactivate stops that and releases the clutches; cleanup
    gives the model's memory back. Parameters may be changed before configure.
    """

    def __init__(self) -> None:
        HandNode.__init__(self, managed=True)
        LifecycleNodeMixin.__init__(self, enable_communication_interface=True)

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            self.load()
        except (HandmeshError, OSError) as error:
            self.get_logger().error(str(error))
            return TransitionCallbackReturn.FAILURE
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.active = True
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.active = False
        self.forget_hands("the node was deactivated")
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        self.unload()
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        if self.active:
            self.active = False
            self.forget_hands("the node was shut down")
        return super().on_shutdown(state)


def main(argv: Sequence[str] | None = None) -> int:
    return spin(ManagedHandNode, argv)


if __name__ == "__main__":
    sys.exit(main())
