"""Pictures of every kind are read, or named and left out; the rest of a folder goes on."""

from __future__ import annotations

import base64
import builtins
import io
import os
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from support.paths import REPO

from handmesh_ros.sources import SourceError, open_source

SIZE = (64, 48)
# 64x48 red with green at the top left, written by pillow-heif: pi-heif only reads.
HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAX1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAAAAAERAAAEAAQAAAAABoQABAAAA"
    "AAAAADMAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/WlwcnAAAADdaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNg"
    "AAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5jbHgAAQANAAaA"
    "AAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xhcAAAAEAAAAABAAAAMAAAAAEAAAAAAAAAAv////AAAAACAAAAEHBpeGkAAAAAAwgICAAAABhpcG1hAAAAAAAAAAEAAQWBAgMFhAAAADtt"
    "ZGF0AAAALygBr1j5Et3T/+6b/5Y/LxzDU/zL4n616NWtqZTsfX/8/740ErfwT9oRMgWLKEVT"
)


def picture(gray: int = 100) -> Image.Image:
    return Image.new("RGB", SIZE, (gray, 30, 40))


def encoded(kind: str, gray: int = 100, **options: Any) -> bytes:
    data = io.BytesIO()
    picture(gray).save(data, kind, **options)
    return data.getvalue()


def huge_jpeg() -> bytes:
    """A JPEG of some 600 bytes whose header says 65500x9000."""
    data = bytearray(cv2.imencode(".jpg", np.full((16, 16, 3), 128, np.uint8))[1].tobytes())
    header = data.find(b"\xff\xc0")
    data[header + 5 : header + 9] = (9000).to_bytes(2, "big") + (65500).to_bytes(2, "big")
    return bytes(data)


def huge_png() -> bytes:
    """A PNG whose header says 40000x40000."""
    data = bytearray(encoded("PNG"))
    data[16:24] = (40000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


def float_tiff() -> bytes:
    """Brightness from 0 to 1, as computer vision keeps it."""
    data = io.BytesIO()
    Image.fromarray(np.full((48, 64), 0.5, np.float32)).save(data, "TIFF")
    return data.getvalue()


ODD_FILES = {
    "._1.jpg": (b"\0\5\x16\7\0\2\0\0Mac OS X        ", "macOS"),
    "empty.png": (b"", "empty"),
    "text.jpg": (b"not a picture", "may be damaged"),
    "noise.webp": (bytes(range(256)) * 8, "may be damaged"),
    "cut.jpg": (encoded("JPEG")[:-100], "truncated"),
    "cut.png": (encoded("PNG")[:-40], "truncated"),
    "float.tif": (float_tiff(), "32 bits"),
    "cut.heic": (HEIC[:-60], "may be damaged"),
    "dot.png": (cv2.imencode(".png", np.zeros((1, 1, 3), np.uint8))[1].tobytes(), "1x1 pixels are too few"),
    "line.bmp": (cv2.imencode(".bmp", np.zeros((2, 900, 3), np.uint8))[1].tobytes(), "900x2 pixels are too few"),
    "huge.jpg": (huge_jpeg(), "pixels that are read"),
    "huge.png": (huge_png(), "pixels that are read"),
    "moving.webp": (encoded("WEBP", save_all=True, append_images=[picture(200)]), "holds several pictures"),
    "pages.tif": (encoded("TIFF", save_all=True, append_images=[picture(200)]), "holds several pictures"),
}


def test_odd_files_of_a_folder_are_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    for name, (content, _) in ODD_FILES.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "nowhere.png").symlink_to(tmp_path / "missing")
    for number, gray in ((1, 50), (2, 100), (10, 150)):
        (tmp_path / f"{number}.png").write_bytes(encoded("PNG", gray))
    source = open_source(str(tmp_path))
    for _ in range(2):
        assert [frame.rgb[0, 0, 0] for frame in source] == [50, 100, 150]
        told = {Path(what).name: why for what, why in source.left_out}
        assert set(told) == {*ODD_FILES, "folder.png", "pipe.png", "nowhere.png"}
        assert {name for name, (_, why) in ODD_FILES.items() if why not in told[name]} == set(), told
        assert told["folder.png"] == "a folder" and told["pipe.png"] == "no ordinary file"


@pytest.mark.parametrize("name", [name for name in ODD_FILES if "moving" not in name and "pages" not in name and not name.startswith("._")])
def test_an_odd_picture_by_itself_is_refused_with_its_name(name: str, tmp_path: Path) -> None:
    content, why = ODD_FILES[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=rf"{name}: .*{why}"):
        list(open_source(str(tmp_path / name)))


def test_a_picture_that_claims_to_be_huge_takes_no_memory(tmp_path: Path) -> None:
    """In a process of its own, as OpenCV reads its limit when it is imported; 1 GB is a third of what one took without it.

    ``VmHWM`` is of the program alone; ``ru_maxrss`` begins with the size of the process that started it.
    """
    for name in ("huge.jpg", "huge.png"):
        (tmp_path / name).write_bytes(ODD_FILES[name][0])
    program = f"""
from handmesh_ros.sources import open_source
from handmesh_ros.errors import HandmeshError
for name in ("huge.jpg", "huge.png"):
    try:
        list(open_source({str(tmp_path)!r} + "/" + name))
    except HandmeshError as error:
        print(error)
print(next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
    environment = {name: value for name, value in os.environ.items() if name != "OPENCV_IO_MAX_IMAGE_PIXELS"}
    result = subprocess.run([sys.executable, "-c", program], cwd=REPO, env=environment, capture_output=True, text=True, timeout=60)
    *errors, megabytes = result.stdout.splitlines()
    assert len(errors) == 2 and int(megabytes) < 1000, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("kind", "suffix", "error", "turned"),
    [
        ("JPEG", ".jpg", 4, False), ("PNG", ".png", 0, False), ("WEBP", ".webp", 4, False), ("TIFF", ".tif", 0, False),
        ("BMP", ".bmp", 0, False), ("AVIF", ".avif", 4, False), ("JPEG", ".JPG", 4, True), ("PNG", ".png", 0, True),
    ],
)  # fmt: skip
def test_stills_of_every_kind_are_read_upright(kind: str, suffix: str, error: int, turned: bool, tmp_path: Path) -> None:
    orientation = Image.Exif()
    orientation[0x112] = 6
    (tmp_path / f"hand{suffix}").write_bytes(encoded(kind, exif=orientation) if turned else encoded(kind))
    source = open_source(str(tmp_path / f"hand{suffix}"))
    (frame,) = source
    assert source.is_single and frame.rgb.shape == ((64, 48, 3) if turned else (48, 64, 3))
    np.testing.assert_allclose(frame.rgb[24, 24], (100, 30, 40), atol=error)


@pytest.mark.parametrize("name", ["phone.heic", "phone.HEIF", "renamed.jpg", "without_suffix"])
def test_a_phones_heic_is_read_whole(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(HEIC)
    source = open_source(str(tmp_path / name))
    (frame,) = source
    assert source.is_single and frame.rgb.shape == (48, 64, 3)
    np.testing.assert_allclose(frame.rgb[[4, -4], [4, -4]], [(20, 200, 20), (200, 40, 40)], atol=4)


@pytest.mark.parametrize(("kind", "suffix"), [("WEBP", ".webp"), ("PNG", ".png"), ("GIF", ".gif")])
def test_an_animated_picture_is_a_recording_with_its_own_times(kind: str, suffix: str, tmp_path: Path) -> None:
    durations = [30, 40, 200, 100]
    (tmp_path / f"hand{suffix}").write_bytes(
        encoded(kind, 50, save_all=True, append_images=[picture(gray) for gray in (100, 150, 200)], duration=durations)
    )
    source = open_source(str(tmp_path / f"hand{suffix}"))
    assert not source.is_single and not source.is_live and source.frame_count == 4
    for _ in range(2):
        frames = list(source)
        assert [frame.stamp_s for frame in frames] == pytest.approx([0, 0.03, 0.07, 0.27])
        assert [float(frame.rgb[..., 0].mean()) for frame in frames] == pytest.approx([50, 100, 150, 200], abs=4)


def test_pages_of_a_tiff_are_frames(tmp_path: Path) -> None:
    (tmp_path / "hand.tif").write_bytes(encoded("TIFF", 50, save_all=True, append_images=[picture(gray) for gray in (100, 150)]))
    frames = list(open_source(str(tmp_path / "hand.tif")))
    assert [frame.rgb[0, 0, 0] for frame in frames] == [50, 100, 150]
    assert [frame.stamp_s for frame in frames] == pytest.approx([0, 1 / 30, 2 / 30])


def test_pages_of_16_bits_keep_their_brightness(tmp_path: Path) -> None:
    first, second = (Image.fromarray(np.full((48, 64), 256 * gray, np.uint16)) for gray in (50, 100))
    first.save(tmp_path / "pages.tif", save_all=True, append_images=[second])
    assert [frame.rgb.max() for frame in open_source(str(tmp_path / "pages.tif"))] == [50, 100]


def test_pages_are_seen_in_a_large_tiff_too(tmp_path: Path) -> None:
    noise = [Image.fromarray(np.random.default_rng(number).integers(0, 255, (600, 800, 3), np.uint8)) for number in range(2)]
    noise[0].save(tmp_path / "hand.tif", save_all=True, append_images=noise[1:])
    assert len(list(open_source(str(tmp_path / "hand.tif")))) == 2


def test_a_huge_file_of_a_pictures_name_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "hand.png"
    path.write_bytes(encoded("PNG")[:20])
    os.truncate(path, 1 << 40)
    with pytest.raises(SourceError, match=r"hand\.png: 1099511627776 bytes"):
        list(open_source(str(path)))


def test_a_damaged_page_is_left_out(tmp_path: Path) -> None:
    data = bytearray(encoded("PNG", 50, save_all=True, append_images=[picture(gray) for gray in (100, 150)]))
    place = data.find(b"fdAT")
    data[place + 8 : place + 20] = bytes(12)
    (tmp_path / "hand.png").write_bytes(data)
    source = open_source(str(tmp_path / "hand.png"))
    frames = list(source)
    assert 1 <= len(frames) < 3 and len(frames) + len(source.left_out) == 3
    assert frames[0].rgb[0, 0, 0] == 50


@pytest.mark.parametrize(("name", "advice"), [("phone.heic", "pi-heif"), ("moving.webp", "several pictures, which needs Pillow")])
def test_without_pillow_its_name_is_told(name: str, advice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / name).write_bytes(HEIC if name == "phone.heic" else ODD_FILES[name][0])
    real_import = builtins.__import__

    def without_pillow(module: str, *arguments: Any, **options: Any) -> Any:
        if module == "PIL":
            raise ImportError(module)
        return real_import(module, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_pillow)
    with pytest.raises(SourceError, match=rf"{name}: .*{advice}.*pip install"):
        list(open_source(str(tmp_path / name)))


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux only")
def test_a_name_that_is_not_utf_8_is_read(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"h\xe4nd.png")
    path.write_bytes(encoded("PNG"))
    assert len(list(open_source(str(path)))) == len(list(open_source(str(tmp_path)))) == 1


def test_a_picture_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(encoded("PNG"))
    real_read = Path.read_bytes

    def refused(path: Path) -> bytes:
        if path.name == "a.png":
            raise PermissionError(13, "Permission denied", str(path))
        return real_read(path)

    monkeypatch.setattr(Path, "read_bytes", refused)
    source = open_source(str(tmp_path))
    assert len(list(source)) == 1
    assert source.left_out[0].what.endswith("a.png") and "Permission denied" in source.left_out[0].why
