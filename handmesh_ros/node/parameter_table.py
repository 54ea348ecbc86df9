"""Tables of ROS parameters: a dataclass with a row for each, from which declaration and check come (and documents: see there)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node
from rclpy.parameter import Parameter

from handmesh_ros.errors import HandmeshError

Table = TypeVar("Table", bound="ParameterTable")


class ParameterError(HandmeshError, ValueError):
    """A value that the node refuses; the message says which values are possible."""


def parameter(
    default: Any,
    description: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Sequence[str] = (),
    pattern: str | None = None,
    expected: str = "",
    required: bool = False,
    or_number: bool = False,
    read_only: bool = False,
) -> Any:
    """One row of a table: a dataclass field whose metadata holds what ROS wants to know.

    Args:
        low, high: range of a number.
        choices, pattern: possible texts, one by one or as a regular expression.
        expected: in words, what a text may be.
        required: a text that cannot be empty.
        or_number: a text that may be given as a whole number (``input:=0`` is one on the command line).
        read_only: a value that counts at start only.
    """
    metadata = {
        "description": description,
        "range": None if low is None else (low, high),
        "choices": tuple(choices),
        "pattern": pattern,
        "expected": expected,
        "required": required,
        "or_number": or_number,
        "read_only": read_only,
    }
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class ParameterTable:
    """The values in force; a change makes a new one. A node's own table derives from this and adds the rows.

    Raises:
        ParameterError: a value outside its range or choices.
    """

    def __post_init__(self) -> None:
        for row in fields(self):
            _check(row, getattr(self, row.name))

    def changed(self: Table, changes: Mapping[str, Any]) -> Table:
        """A copy with other values.

        Raises:
            ParameterError: a value that is not possible.
        """
        return replace(self, **changes)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Of the parameters, in the table's order."""
        return tuple(row.name for row in fields(cls))

    @classmethod
    def declared_on(cls: type[Table], node: Node) -> Table:
        """Declare every parameter on the node and return the values it was started with.

        Raises:
            ParameterError: a value from the command line or a file is of a wrong type or not possible.
        """
        values = {}
        for row in fields(cls):
            try:
                value = node.declare_parameter(row.name, row.default, descriptor_of(row)).value
            except Exception as error:  # rclpy has one exception class for each way a value can be wrong
                raise ParameterError(f"parameter '{row.name}': {error}; expected {possible_values(row)}") from error
            values[row.name] = str(value) if row.metadata["or_number"] and type(value) is int else value
        unknown = unknown_parameters(node)
        if unknown:
            node.get_logger().warning(f"there is no parameter {', '.join(unknown)}: mistyped? Parameters are {', '.join(cls.names())}")
        return cls(**values)

    @classmethod
    def present_on(cls: type[Table], node: Node) -> Table:
        """The values that the node's declared parameters have now.

        Raises:
            ParameterError: one is not possible.
        """
        values = {row.name: node.get_parameter(row.name).value for row in fields(cls)}
        texts = {row.name for row in fields(cls) if row.metadata["or_number"]}
        return cls(**{name: str(value) if name in texts else value for name, value in values.items()})

    @classmethod
    def changes_of(cls, parameters: Sequence[Parameter[Any]]) -> dict[str, Any]:
        """Those of the given ROS parameters that belong to the table, by name; others (QoS overrides, use_sim_time) are left out."""
        return {parameter.name: parameter.value for parameter in parameters if parameter.name in cls.names()}


def unknown_parameters(node: Node) -> list[str]:
    """Those that the command line or a file gives to the node and it has not declared.

    rclpy has no public call that tells; ``_parameter_overrides`` holds what was given, in every version from Humble to Kilted.
    """
    given: Mapping[str, Any] = getattr(node, "_parameter_overrides", {})
    return sorted(name for name in given if not node.has_parameter(name) and not name.startswith("qos_overrides."))


def descriptor_of(row: Field[Any]) -> ParameterDescriptor:
    """What `ros2 param describe` shows."""
    metadata = row.metadata
    descriptor = ParameterDescriptor(
        name=row.name, description=metadata["description"], read_only=metadata["read_only"], dynamic_typing=metadata["or_number"]
    )
    if metadata["choices"]:
        descriptor.additional_constraints = "one of: " + ", ".join(metadata["choices"])
    elif metadata["expected"]:
        descriptor.additional_constraints = metadata["expected"]
    if metadata["range"] is not None:
        low, high = metadata["range"]
        if isinstance(row.default, int):
            descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high), step=1)]
        else:
            descriptor.floating_point_range = [FloatingPointRange(from_value=float(low), to_value=float(high), step=0.0)]
    return descriptor


def possible_values(row: Field[Any]) -> str:
    """In words, for messages and documents."""
    metadata = row.metadata
    if metadata["choices"]:
        return ", ".join(metadata["choices"])
    if metadata["expected"]:
        return str(metadata["expected"])
    if metadata["range"] is not None:
        return "{:g} to {:g}".format(*metadata["range"])
    return "true, false" if isinstance(row.default, bool) else "text, not empty" if metadata["required"] else "text"


def _check(row: Field[Any], value: Any) -> None:
    metadata = row.metadata
    kind: Any = type(row.default)
    refused = (
        not isinstance(value, kind)
        or (metadata["choices"] and value not in metadata["choices"])
        or (metadata["range"] is not None and not metadata["range"][0] <= value <= metadata["range"][1])
        or (isinstance(value, float) and not math.isfinite(value))
        or (metadata["pattern"] is not None and not re.fullmatch(metadata["pattern"], value))
        or (metadata["required"] and not value)
    )
    if refused:
        raise ParameterError(f"parameter '{row.name}' cannot be {value!r}: expected {possible_values(row)}")
