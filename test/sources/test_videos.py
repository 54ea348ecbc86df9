"""Recordings are read to their end with their own times, by PyAV and by OpenCV alone; what is broken is left out and told."""

from __future__ import annotations

import functools
import http.server
import itertools
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import av
import numpy as np
import pytest
from support.recordings import HEIGHT, VARIABLE_MS, WIDTH, damage, gray, packet_places, turn, write_film

from handmesh_ros.sources import Frame, FrameSource, SourceError, open_source
from handmesh_ros.sources import opencv_video as opencv_module
from handmesh_ros.sources.av_video import AvVideo
from handmesh_ros.sources.opencv_video import OpenCvVideo

Reader = type[AvVideo] | type[OpenCvVideo]
readers = pytest.mark.parametrize("reader", [AvVideo, OpenCvVideo])


def brightness(frame: Frame) -> float:
    return float(np.median(frame.rgb))


def lost(source: FrameSource) -> int:
    """How many frames the source says that it has left out."""
    return sum(1 if what.startswith("frame ") else int(what.split()[0]) for what, _ in source.left_out)


@readers
@pytest.mark.parametrize(
    ("suffix", "codec"), [("mp4", "libx264"), ("mkv", "libx264"), ("webm", "libvpx"), ("gif", "gif"), ("avi", "mjpeg")]
)
def test_stamps_are_the_films_own(reader: Reader, suffix: str, codec: str, tmp_path: Path) -> None:
    given = [33 * number for number in range(20)] if suffix == "avi" else VARIABLE_MS  # AVI has one rate
    given = [10 * round(stamp / 10) for stamp in given] if suffix == "gif" else given  # GIF counts in hundredths
    source = reader(write_film(tmp_path / f"film.{suffix}", given, codec))
    for _ in range(2):
        frames = list(source)
        assert [frame.stamp_s for frame in frames] == pytest.approx(np.array(given) / 1000, abs=0.012 if suffix == "avi" else 0.0011)
        assert [brightness(frame) for frame in frames] == pytest.approx([gray(number) for number in range(20)], abs=6)
        assert [frame.number for frame in frames] == list(range(20)) and source.left_out == []


@readers
@pytest.mark.parametrize(
    ("suffix", "codec", "packets"),
    [
        ("avi", "mjpeg", [7]),
        ("avi", "mjpeg", [0]),
        ("avi", "mjpeg", [19]),
        ("mp4", "libx264", [5]),
        ("mp4", "mpeg4", [9, 10]),
    ],
)
def test_broken_frames_are_left_out_and_the_rest_goes_on(
    reader: Reader, suffix: str, codec: str, packets: list[int], tmp_path: Path
) -> None:
    source = reader(damage(write_film(tmp_path / f"film.{suffix}", [33 * number for number in range(20)], codec), packets))
    frames = list(source)
    assert len(frames) == 20 - len(packets) and lost(source) == len(packets), source.left_out
    assert all("damaged" in why for _, why in source.left_out)
    whole = [number for number in range(20) if number not in packets]
    if codec == "mjpeg":
        assert [frame.number for frame in frames] == whole
        assert [brightness(frame) for frame in frames] == pytest.approx([gray(number) for number in whole], abs=6)
    assert all(late.stamp_s > early.stamp_s for early, late in itertools.pairwise(frames))
    assert len(list(source)) == 20 - len(packets) and lost(source) == len(packets), "counted anew when read again"


@readers
def test_a_whole_group_of_pictures_may_be_broken(reader: Reader, tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", [33 * number for number in range(60)])
    keys = [number for number, (_, _, key) in enumerate(packet_places(film)) if key]
    source = reader(damage(film, range(keys[2], keys[4]), byte=0xFF))
    frames = list(source)
    assert len(frames) + lost(source) == 60 and lost(source) == keys[4] - keys[2]
    assert frames[-1].stamp_s == pytest.approx(59 * 0.033, abs=0.002)


@readers
def test_a_film_that_is_cut_off_says_what_is_missing(reader: Reader, tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mp4", range(0, 1980, 33), movflags="faststart")
    path.write_bytes(path.read_bytes()[: packet_places(path)[40][0]])
    source = reader(path)
    frames = list(source)
    assert 35 <= len(frames) <= 40 and len(frames) + lost(source) == 60
    assert "the file ends before them" in source.left_out[-1].why


def test_a_matroska_that_breaks_off_in_the_middle_says_so(tmp_path: Path) -> None:
    path = write_film(tmp_path / "film.mkv", [100 * number for number in range(40)])
    data = bytearray(path.read_bytes())
    begin = packet_places(path)[10][0]
    data[begin : begin + 500] = bytes(500)
    path.write_bytes(data)
    source = AvVideo(path)
    frames = list(source)
    assert 8 <= len(frames) < 20 and "though the film is longer" in source.left_out[-1].why


@readers
@pytest.mark.parametrize(("degrees", "corner"), [(90, (1, -1)), (180, (-1, -1)), (270, (-1, 1))])
def test_a_phones_film_stands_upright(reader: Reader, degrees: int, corner: tuple[int, int], tmp_path: Path) -> None:
    frame, *_ = reader(turn(write_film(tmp_path / "film.mp4", [0, 33, 66], corner=True), degrees))
    assert frame.rgb.shape == ((HEIGHT, WIDTH, 3) if degrees == 180 else (WIDTH, HEIGHT, 3))
    dark = {(y, x): frame.rgb[4 * y, 4 * x, 1] < 10 for y in (1, -1) for x in (1, -1)}
    assert [place for place, is_dark in dark.items() if is_dark] == [corner]


def test_opencv_that_turns_the_wrong_way_is_turned_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = turn(write_film(tmp_path / "film.mp4", [0, 33], corner=True), 90)
    right = next(iter(OpenCvVideo(path))).rgb
    monkeypatch.setattr(opencv_module, "TURNS_THE_WRONG_WAY", True)
    np.testing.assert_array_equal(next(iter(OpenCvVideo(path))).rgb, right[::-1, ::-1])


@readers
@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux only")
def test_a_name_that_is_not_utf_8_is_read(reader: Reader, tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"f\xe9")
    folder.mkdir()
    path = folder / os.fsdecode(b"vid\xe9o.avi")
    write_film(tmp_path / "film.avi", [0, 33, 66], "mjpeg").rename(path)
    assert len(list(reader(path))) == 3


@readers
@pytest.mark.parametrize("content", [b"", b"this is text" * 100, b"\0" * 5000, bytes(range(256)) * 20])
def test_what_is_no_video_is_named(reader: Reader, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"clip\.mp4: neither a video nor a picture"):
        list(reader(path))


@readers
def test_a_film_without_one_whole_frame_is_refused(reader: Reader, tmp_path: Path) -> None:
    path = damage(write_film(tmp_path / "film.avi", [0, 33, 66], "mjpeg"), [0, 1, 2])
    with pytest.raises(SourceError, match=r"film\.avi: no frame of this video can be decoded"):
        list(reader(path))


def test_a_film_of_sound_alone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame(format="s16", layout="mono", samples=100)
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
    with pytest.raises(SourceError, match="no video"):
        open_source(str(path))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The address of a folder of films."""
    write_film(tmp_path / "film.mkv", VARIABLE_MS)
    QuietHandler.asked.clear()
    handler = functools.partial(QuietHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    asked: ClassVar[list[object]] = []

    def log_message(self, format: str, *arguments: object) -> None:
        self.asked.append(arguments)


def test_a_recording_at_an_address_is_a_recording(served: str) -> None:
    source = open_source(f"{served}/film.mkv")
    assert not source.is_live
    assert [frame.stamp_s for frame in source] == pytest.approx(np.array(VARIABLE_MS) / 1000, abs=0.0011)


def test_an_address_where_nothing_is_is_named(served: str) -> None:
    with pytest.raises(SourceError, match=r"http://127.*missing\.mp4: .*(404|Not Found)"):
        open_source(f"{served}/missing.mp4")


def test_a_film_may_begin_late(tmp_path: Path) -> None:
    source = open_source(str(write_film(tmp_path / "film.mkv", [100_000, 100_033, 100_066])))
    assert [frame.stamp_s for frame in source] == pytest.approx([0, 0.033, 0.066], abs=0.0011)
    assert source.left_out == []


STREAM = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n"


@pytest.mark.parametrize("name", ["list.m3u8", "stream.sdp", "stream.mp4"])
def test_a_file_opens_no_address(name: str, tmp_path: Path, served: str) -> None:
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.5,\n{served}/film.mkv\n#EXT-X-ENDLIST\n"
    path = tmp_path / name
    path.write_text(playlist if name.endswith("m3u8") else STREAM)
    with pytest.raises(SourceError, match=r"neither a video nor a picture"):
        open_source(str(path))
    assert QuietHandler.asked == []


@pytest.mark.parametrize("address", ["rtsp://user:secret@127.0.0.1:1/stream", "tcp://127.0.0.1:1"])
def test_a_stream_that_does_not_answer_says_what_to_check_and_no_password(address: str) -> None:
    with pytest.raises(SourceError, match=r"127\.0\.0\.1:1.*does the address answer") as caught:
        open_source(address)
    assert "secret" not in str(caught.value) and "/dev/video" not in str(caught.value)


def test_a_file_by_its_address_is_that_file(tmp_path: Path) -> None:
    path = write_film(tmp_path / "my film.mp4", VARIABLE_MS)
    source = open_source(path.as_uri())
    assert not source.is_live and len(list(source)) == len(VARIABLE_MS)


@pytest.mark.parametrize(
    ("was", "becomes", "reason"), [(b"MJPG", b"ZZZZ", "no video of a known codec"), (b"Lavf", b"\xff\xfe\xfa\xff", "is no text")]
)
def test_a_film_whose_header_is_damaged_is_refused(was: bytes, becomes: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "film.avi"
    content = write_film(path, [0, 33, 66], "mjpeg").read_bytes()
    assert was in content
    path.write_bytes(content.replace(was, becomes))
    with pytest.raises(SourceError, match=rf"film\.avi: .*{reason}"):
        list(AvVideo(path))
