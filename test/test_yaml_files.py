"""YAML files: what is read, and what would hold the program up or is none is refused by name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from handmesh_ros.yaml_files import LARGEST_YAML, YamlFileError, read_yaml


def test_plain_values_are_read(tmp_path: Path) -> None:
    path = tmp_path / "file.yaml"
    path.write_bytes("\ufeffname: Kühlschrank\nnumbers: [1, 2.5, -0.3]\nnothing:\n".encode())
    assert read_yaml(path) == {"name": "Kühlschrank", "numbers": [1, 2.5, -0.3], "nothing": None}
    path.write_bytes(b"")
    assert read_yaml(path) is None
    path.write_bytes(b"%YAML:1.0\n---\nmatrix: !!opencv-matrix\n   rows: 1\n   data: [ 1., 2. ]\n")
    assert read_yaml(path) == {"matrix": {"rows": 1, "data": [1.0, 2.0]}}
    path.write_bytes(b"header: {frame_id: camera}\n---\n")
    assert read_yaml(path) == {"header": {"frame_id": "camera"}}


LAUGHS = b"a: &a [x, x]\n" + b"".join(b"%c: &%c [*%c, *%c]\n" % (n, n, n - 1, n - 1) for n in range(ord("b"), ord("z")))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (LAUGHS, r"the alias \*a: write its value out in line 2"),
        (b"a: &a [*a]", "the alias"),
        (b"[" * 5000, "nested too deeply"),
        (b"[" * 60 + b"]" * 60, "nested too deeply"),  # thousands would take seconds, however they end
        (b"a: [", "is no YAML file .* in line 1"),
        (b"a: 1\n\tb: 2", "is no YAML file"),
        (b"\xff\xfe\x00", "no text in UTF-8"),
        (b"a: \x01", "is no YAML file"),
        (b"width: 640\nheight: 480\nwidth: 1280\n", "a second value of width in line 3"),
        (b"a: {b: 1, b: 2}", "a second value of b"),
        (b"a: 1\n---\nb: 2\n", "holds 2 documents"),
        (b"a: !!opencv-matrix [1]", "expected a mapping node"),
        (b"date: 2026-99-99", "is no YAML file"),
        (b"!!python/object/apply:os.system ['true']", "could not determine a constructor"),
        (b"# comment\n" * LARGEST_YAML, "larger than 64 kB"),
    ],
)
def test_what_is_no_settings_is_refused_by_name(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "file.yaml"
    path.write_bytes(content)
    with pytest.raises(YamlFileError, match=rf"file\.yaml: .*{reason}"):
        read_yaml(path)


def test_what_is_no_file_is_refused_by_name(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # would never end
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(YamlFileError, match=rf"{path}: is no ordinary file"):
            read_yaml(path)
    with pytest.raises(YamlFileError, match=r"missing\.yaml: cannot be read \(No such file"):
        read_yaml(tmp_path / "missing.yaml")
    with pytest.raises(YamlFileError, match="cannot be read"):
        read_yaml(tmp_path / (300 * "a"))
