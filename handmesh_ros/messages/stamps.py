"""Seconds, and the times and durations of ROS."""

from __future__ import annotations

from dataclasses import dataclass

from handmesh_ros.messages.types import Duration, Time


def nanoseconds_of(stamp: Time | Duration) -> int:
    return int(stamp.sec) * 10**9 + int(stamp.nanosec)


def seconds_of(stamp: Time | Duration) -> float:
    seconds: float = stamp.sec + 1e-9 * stamp.nanosec
    return seconds


def split_seconds(seconds: float) -> tuple[int, int]:
    """Seconds, rounded down, and nanoseconds; as far as ROS can tell time, 68 years before and after its zero."""
    return divmod(min(max(round(seconds * 1e9), -(2**31) * 10**9), 2**31 * 10**9 - 1), 10**9)


def time_of(seconds: float) -> Time:
    sec, nanosec = split_seconds(seconds)
    return Time(sec=sec, nanosec=nanosec)


def duration(seconds: float) -> Duration:
    sec, nanosec = split_seconds(seconds)
    return Duration(sec=sec, nanosec=nanosec)


@dataclass(frozen=True)
class Beginning:
    """Stamps as seconds since then. Since 1970 a float keeps only a quarter of a microsecond of them, too little for velocities in short
    steps and for stamps that shall go out as they came."""

    time_ns: int

    def seconds_until(self, stamp: Time) -> float:
        return (nanoseconds_of(stamp) - self.time_ns) * 1e-9

    def stamp_after(self, seconds: float) -> Time:
        sec, nanosec = divmod(self.time_ns + round(seconds * 1e9), 10**9)
        return Time(sec=sec, nanosec=nanosec)
