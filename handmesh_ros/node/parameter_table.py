"""Tables of ROS parameters: a dataclass with a row for each, from which declaration and check come (and documents: see there)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
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
    read_only: bool = False,
) -> Any:
    """One row of a table: a dataclass field whose metadata holds what ROS wants to know.

    Args:
        low, high: range of a number.
        choices, pattern: possible texts, one by one or as a regular expression.
        expected: in words, what a text may be.
        required: a text that cannot be empty.
        read_only: a value that counts at start only.
    """
    metadata = {
        "description": description,
        "range": None if low is None else (low, high),
        "choices": tuple(choices),
        "pattern": pattern,
        "expected": expected,
        "required": required,
        "read_only": read_only,
    }
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class ParameterTable:
    """The values in force; a change makes a new one. A node's own table derives from this and adds the rows.

    Values are taken as people write them: 60 for 60.0, 2.0 for 2, 0 for the text "0".

    Raises:
        ParameterError: a value of another kind, or outside its range or choices.
    """

    def __post_init__(self) -> None:
        for row in fields(self):
            value = _in_kind(type(row.default), getattr(self, row.name))
            _check(row, value)
            object.__setattr__(self, row.name, value)

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
        """Declare every parameter on the node and return the values it was started with. From then on the node refuses impossible ones.

        Raises:
            ParameterError: a value from the command line or a file is of a wrong type or not possible.
        """
        values = {}
        for row in fields(cls):
            try:
                values[row.name] = node.declare_parameter(row.name, row.default, descriptor_of(row)).value
            except Exception as error:  # rclpy has one exception class for each way a value can be wrong
                raise ParameterError(f"parameter '{row.name}': {error}; expected {possible_values(row)}") from error
        unknown = unknown_parameters(node)
        if unknown:
            node.get_logger().warning(f"there is no parameter {', '.join(unknown)}: mistyped? Parameters are {', '.join(cls.names())}")
        given = cls(**values)
        node.add_on_set_parameters_callback(cls.judged)
        return given

    @classmethod
    def judged(cls, parameters: Sequence[Parameter[Any]]) -> SetParametersResult:
        """Whether each of these values is possible; the result says why not."""
        try:
            cls(**cls.changes_of(parameters))
        except ParameterError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    @classmethod
    def present_on(cls: type[Table], node: Node) -> Table:
        """The values that the node's declared parameters have now.

        Raises:
            ParameterError: one is not possible.
        """
        return cls(**{name: node.get_parameter(name).value for name in cls.names()})

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
    """What `ros2 param describe` shows. Typing is left to the table: ROS itself would refuse 60 where 60.0 is meant."""
    metadata = row.metadata
    descriptor = ParameterDescriptor(
        name=row.name, description=metadata["description"], read_only=metadata["read_only"], dynamic_typing=True
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


def _in_kind(kind: type, value: Any) -> Any:
    """A value of the kind that it was written in another notation of; any other as it is."""
    if kind is float and type(value) is int:
        return float(value)
    if kind is int and type(value) is float and value.is_integer():
        return int(value)
    return str(value) if kind is str and type(value) in (int, float) else value


def _check(row: Field[Any], value: Any) -> None:
    metadata = row.metadata
    kind: Any = type(row.default)
    refused = (
        type(value) is not kind  # true is no number, though Python says so
        or (metadata["choices"] and value not in metadata["choices"])
        or (metadata["range"] is not None and not metadata["range"][0] <= value <= metadata["range"][1])
        or (kind is float and not math.isfinite(value))
        or (metadata["pattern"] is not None and not re.fullmatch(metadata["pattern"], value))
        or (metadata["required"] and not value)
    )
    if refused:
        whole = "a whole number, " if kind is int and type(value) is float else ""
        raise ParameterError(f"parameter '{row.name}' cannot be {value!r}: expected {whole}{possible_values(row)}")
