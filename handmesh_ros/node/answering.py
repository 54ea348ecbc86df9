"""Requests that always get an answer: whatever goes wrong, it says what it was."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any, TypeVar

from rcl_interfaces.msg import SetParametersResult
from rclpy.node import Node
from rclpy.parameter import Parameter

from handmesh_ros.errors import HandmeshError

Request = TypeVar("Request")
Response = TypeVar("Response", bound=Any)  # with ``success`` and ``message``


def answering(node: Node, work: Callable[[Request, Response], Response]) -> Callable[[Request, Response], Response]:
    """The callback of a service that is unsuccessful, with the reason as its message, where ``work`` raises."""

    def answer(request: Request, response: Response) -> Response:
        try:
            return work(request, response)
        except Exception as error:
            response.success, response.message = False, reason_of(error, node)
            return response

    return answer


def changing(node: Node, work: Callable[[list[Parameter[Any]]], None]) -> Callable[[list[Parameter[Any]]], SetParametersResult]:
    """The callback of a change of parameters that is refused, with the reason, where ``work`` raises."""

    def change(changes: list[Parameter[Any]]) -> SetParametersResult:
        try:
            work(changes)
        except Exception as error:
            return SetParametersResult(successful=False, reason=reason_of(error, node))
        return SetParametersResult(successful=True)

    return change


def reason_of(error: Exception, node: Node) -> str:
    """In words, for whoever asked; the traceback of a fault of the code goes to the node's log."""
    if isinstance(error, HandmeshError):
        return str(error)
    node.get_logger().error("".join(traceback.format_exception(error)))
    return f"{type(error).__name__}: {error}"
