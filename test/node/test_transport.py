"""The Fast DDS profile that a process takes, by the shared memory that there is."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from support.paths import REPO

pytest.importorskip("rclpy", reason="needs ROS 2")

from handmesh_ros.node import transport
from handmesh_ros.node.transport import PROFILES, free_bytes, segment_for, use_large_shared_memory

MB = 1 << 20
VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")


@pytest.mark.parametrize(
    ("free", "segment"),
    [
        (None, 32 * MB),
        (24_000 * MB, 32 * MB),
        (128 * MB, 32 * MB),
        (64 * MB, 8 * MB),
        (40 * MB, 8 * MB),
        (16 * MB, 2 * MB),
        (MB, 0),
        (0, 0),
    ],
)
def test_four_segments_find_room(free: int | None, segment: int) -> None:
    assert segment_for(free) == segment


def test_the_profiles_are_what_they_say() -> None:
    large = (REPO / PROFILES[32 * MB]).read_text()
    begin = large.index("<dds")
    for size, file in PROFILES.items():
        text = (REPO / file).read_text()
        assert re.findall(r"<segment_size>(\d+)", text) == ([str(size)] if size else [])
        if size:
            assert text[text.index("<dds") :] == large[begin:].replace(str(32 * MB), str(size))
        assert "<useBuiltinTransports>false" in text and "UDPv4" in text


def test_little_room_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    monkeypatch.setenv("ROS_DISTRO", "kilted")
    monkeypatch.setattr(transport, "free_bytes", lambda folder: 64 * MB)
    use_large_shared_memory()
    assert os.environ[VARIABLES[0]] == str(REPO / "config/fastdds_8mb.xml")
    assert "64 MB of /dev/shm are free: 8 MB" in (told := capsys.readouterr().err) and "--shm-size" in told
    monkeypatch.setattr(transport, "free_bytes", lambda folder: 10_000 * MB)
    use_large_shared_memory()
    assert os.environ[VARIABLES[0]].endswith("fastdds_8mb.xml"), "a profile that is chosen stays"
    monkeypatch.delenv(VARIABLES[0])
    monkeypatch.setenv("ROS_DISTRO", "humble")
    use_large_shared_memory()
    assert os.environ[VARIABLES[1]] == str(REPO / "config/fastdds.xml") and capsys.readouterr().err == ""


def test_where_nothing_is_known_of_the_room(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "nowhere") is None
    assert (free_bytes(tmp_path) or 0) > 0
