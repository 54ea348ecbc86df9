"""What goes wrong, when, and for how long: a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

SWITCH_EVERY = 60  # pictures: three times in 6 s, and back at the end
RECOVERY_S = 4.0  # of good pictures after each fault, in which the node must be as before


@dataclass(frozen=True)
class Shot:
    """How one picture is sent. The default is a good one.

    Attributes:
        silent: not at all.
        size: width and height, pixels; None: the picture's own.
        encoding: rgb8, bgr8, mono8 or bgra8.
        kept: of its bytes, 0 to 1; of a JPEG's, too.
        stamp_shift_s: beyond the time at which it is sent; None: no stamp.
        info: its camera_info is "good", "none", "nan", of another "size", or "empty".
        noise: instead of hands.
        wild: fields of its messages get odd values.
    """

    silent: bool = False
    size: tuple[int, int] | None = None
    encoding: str = "rgb8"
    kept: float = 1.0
    stamp_shift_s: float | None = 0.0
    info: str = "good"
    noise: bool = False
    wild: bool = False

    @property
    def good(self) -> bool:
        """Whether the node has to answer it in time."""
        return self == GOOD_SHOT


GOOD_SHOT = Shot()


class FaultStage(Protocol):
    """What faults do beside sending odd pictures."""

    def reconnect_camera(self) -> None: ...
    def start_stalled(self) -> None: ...
    def end_stalled(self) -> None: ...
    def switch_model(self) -> None: ...
    def hammer(self, number: int) -> None: ...
    def end_hammering(self) -> None: ...
    def start_bystanders(self) -> None: ...
    def send_wild(self, number: int) -> None: ...
    def end_bystanders(self) -> None: ...
    def restart_node(self) -> None: ...
    def restart_compressed(self) -> None: ...


def _nothing(_: FaultStage) -> None:
    pass


def _nothing_each(_: FaultStage, __: int) -> None:
    pass


def _always(shot: Shot) -> Callable[[int, np.random.Generator], Shot]:
    return lambda _, __: shot


_GOOD = _always(GOOD_SHOT)


@dataclass(frozen=True)
class Fault:
    """One of them.

    Attributes:
        shot: how the picture of this number, from 0, is sent.
        begin, each, end: what is done before the first picture, with each, and after the last.
        keeps_node: False where the fault itself ends the hand node.
    """

    name: str
    seconds: float
    shot: Callable[[int, np.random.Generator], Shot] = _GOOD
    begin: Callable[[FaultStage], None] = _nothing
    each: Callable[[FaultStage, int], None] = _nothing_each
    end: Callable[[FaultStage], None] = _nothing
    keeps_node: bool = True


def _any_size(_: int, rng: np.random.Generator) -> Shot:
    size = [(320, 240), (640, 480), (1920, 1080), (848, 480), (64, 48), (17, 16)][rng.integers(6)]
    return Shot(size=size, encoding=str(rng.choice(["rgb8", "bgr8", "mono8", "bgra8"])))


def _clock(number: int, rng: np.random.Generator) -> Shot:
    """For a second each: an hour ahead, an hour back, none, now and an hour ahead by turns, to and fro by 0.2 s."""
    shifts = (3600.0, -3600.0, None, float(rng.choice([0.0, 3600.0])), float(rng.uniform(-0.2, 0.2)))
    return Shot(stamp_shift_s=shifts[number // 30 % len(shifts)])


def _info(number: int, _: np.random.Generator) -> Shot:
    return Shot(info=("none", "nan", "size", "empty")[number // 45 % 4])


def _cut_off(_: int, rng: np.random.Generator) -> Shot:
    return Shot(kept=float(rng.choice([0.0, 0.3, 0.999])))


def _broken_jpeg(_: int, rng: np.random.Generator) -> Shot:
    return Shot(kept=float(rng.uniform(0.01, 0.99)))


def _switch(stage: FaultStage, number: int) -> None:
    if number % SWITCH_EVERY == 0:
        stage.switch_model()


FAULTS: tuple[Fault, ...] = (
    Fault("camera gone for 4 s and back", 4.0, _always(Shot(silent=True)), end=lambda stage: stage.reconnect_camera()),
    Fault("size and encoding new with every picture", 6.0, _any_size),
    Fault("clock jumps", 6.0, _clock),
    Fault("camera_info lost or wrong", 6.0, _info),
    Fault("pictures cut off", 3.0, _cut_off),
    Fault("noise instead of pictures", 4.0, _always(Shot(noise=True))),
    Fault("a subscriber that stalls", 8.0, begin=lambda stage: stage.start_stalled(), end=lambda stage: stage.end_stalled()),
    Fault("model switched", 6.0, each=_switch, end=lambda stage: stage.switch_model()),
    Fault(
        "services and parameters hammered", 6.0,
        each=lambda stage, number: stage.hammer(number),
        end=lambda stage: stage.end_hammering(),
    ),
    Fault(
        "wild messages, parameters, requests", 15.0, _always(Shot(wild=True)),
        begin=lambda stage: stage.start_bystanders(),
        each=lambda stage, number: stage.send_wild(number),
        end=lambda stage: stage.end_bystanders(),
    ),
    Fault("node killed and started again", 0.0, begin=lambda stage: stage.restart_node(), keeps_node=False),
    Fault("node started again for JPEG", 0.0, begin=lambda stage: stage.restart_compressed(), keeps_node=False),
    Fault("broken JPEG", 5.0, _broken_jpeg),
    Fault("node started again as before", 0.0, begin=lambda stage: stage.restart_node(), keeps_node=False),
)  # fmt: skip
