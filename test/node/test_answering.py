"""A request that goes wrong is answered, and what went wrong is said."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2")

from handmesh_ros.errors import InputError
from handmesh_ros.node.answering import answering, changing


class Log:
    """Keeps what a node would log."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def get_logger(self) -> Any:
        return SimpleNamespace(error=self.errors.append)


def failing(error: Exception) -> Any:
    def work(*_: Any) -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "reason", "traceback"),
    [
        (InputError("no such thing"), "no such thing", False),
        (OSError(36, "File name too long"), "OSError: [Errno 36] File name too long", True),
    ],
)
def test_the_reason_is_given_and_a_fault_of_the_code_is_in_the_log(error: Exception, reason: str, traceback: bool) -> None:
    node: Any = Log()
    response = answering(node, failing(error))(None, SimpleNamespace(success=True, message=""))
    assert (response.success, response.message) == (False, reason)
    result = changing(node, failing(error))([])
    assert (result.successful, result.reason) == (False, reason)
    assert all("Traceback" in text for text in node.errors) and len(node.errors) == 2 * traceback


def test_what_goes_well_is_left_alone() -> None:
    node: Any = Log()
    given = SimpleNamespace(success=True, message="done")
    assert answering(node, lambda _, response: response)(None, given) is given
    assert changing(node, lambda _: None)([]).successful
