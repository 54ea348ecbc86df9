"""The page: a picture and buttons on the left, the hands in space in the middle, curves on the right.

Laid out and brought up to date through viser, which sends to every browser what has changed and to a new one all there is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from handmesh_ros.hand import FloatArray, Hand, Side
from handmesh_ros.overlay import MESH_COLOUR
from handmesh_ros.view.buttons import Buttons
from handmesh_ros.view.curves import LATENCY, OF_HAND, WINDOW_S, HandCurves
from handmesh_ros.view.drawn_hands import DrawnHand, centre_of, drawn_hands
from handmesh_ros.view.words import plain_words

if TYPE_CHECKING:
    import viser

PICTURE_WIDTH_PX = 640  # most that is sent: the panel shows no more
JPEG_QUALITY_OF_PAGE = 75
PANEL_PX, CURVE_PX = 380, 104
CURVE_PERIOD_S = 0.2  # chosen by eye: curves that move in steps of a fifth of a second are still read as moving
FASTEST_HZ = 35.0  # of pictures: all of a camera at 30 Hz, every second one of a camera at 60
VIEW_FROM = np.array([0.22, -0.10, -0.34])  # of the hand, metres: its camera's way of looking, a bit from the right and from above
WAITING = "waiting for the first frame"
FIRST_LOOK_AT = np.array([0.0, 0.0, 0.5])


@dataclass(frozen=True, eq=False)
class ShownFrame:
    """What is known of one frame.

    Attributes:
        picture: draws (H, W, 3) uint8 RGB, the frame with the overlay; called only when somebody looks. None: it has not come.
        hands: of this frame.
        faces: (F, 3) vertex indices of a right hand.
        stamp_s: of the frame.
        latency_s: from the frame to its hands; NaN where it is not known.
        trouble: what is wrong although hands come, in words.
    """

    picture: Callable[[], NDArray[np.uint8]] | None
    hands: Sequence[Hand]
    faces: NDArray[np.integer]
    stamp_s: float
    latency_s: float
    trouble: str = ""


class Page:
    """One page for all browsers that look at it. ``show`` is one thread's; it costs nothing while nobody looks.

    Args:
        server: an empty one; the page closes it.
        buttons: makes those that this page has.
    """

    def __init__(self, server: viser.ViserServer, buttons: Buttons) -> None:
        self._server = server
        self._curves = HandCurves()
        self._centre: FloatArray | None = None
        self._slots: list[_Slot] = []
        self._shown_s = self._plotted_s = -np.inf
        self._frames_since_plot = 0
        server.gui.configure_theme(show_logo=False, show_share_button=False, dark_mode=True)
        server.scene.set_up_direction("-y")  # of the optical frame that everything is in
        axes = server.scene.world_axes  # the camera
        axes.visible, axes.axes_length, axes.axes_radius, axes.origin_radius = True, 0.05, 0.001, 0.002
        server.initial_camera.position = tuple(FIRST_LOOK_AT + VIEW_FROM)
        server.initial_camera.look_at = tuple(FIRST_LOOK_AT)
        panel = server.gui.add_panel()
        with panel.add_tab("camera"):
            self._picture = server.gui.add_image(np.zeros((480, 640, 3), np.uint8), format="jpeg", jpeg_quality=JPEG_QUALITY_OF_PAGE)
            self._status = server.gui.add_markdown(WAITING)
            buttons.add_to(server.gui)
            server.gui.add_button("look at the hand").on_click(lambda event: self._look_at_hand(event.client))
            self._trouble = server.gui.add_markdown("")  # last: buttons must not move when it comes
        panel.dock_left()
        panel.set_width(PANEL_PX)
        self._plots = {title: _add_plot(server.gui, title, self._curves) for title in (*OF_HAND, LATENCY)}
        self._tops = {title: self._curves.top_of(title) for title in self._plots}
        server.gui.main_panel.dock_right()
        server.gui.main_panel.set_width(PANEL_PX)
        server.on_client_connect(self._look_at_hand)

    @property
    def is_watched(self) -> bool:
        """Whether any browser shows the page."""
        return bool(self._server.get_clients())

    def show(self, frame: ShownFrame) -> None:
        """Bring the page up to date with the next frame."""
        self._curves.add(frame.hands, frame.stamp_s, frame.latency_s)
        self._frames_since_plot += 1
        centre = centre_of(frame.hands)
        self._centre = self._centre if centre is None else centre
        now = time.perf_counter()
        if not self.is_watched or now - self._shown_s < 1 / FASTEST_HZ:
            return
        self._shown_s = now
        with self._server.atomic():
            if frame.picture is not None:
                self._picture.image = no_wider(frame.picture())
            drawn = drawn_hands(frame.hands, frame.faces)
            while len(self._slots) < len(drawn):
                self._slots.append(_Slot(self._server.scene, f"/hand_{len(self._slots)}", drawn[len(self._slots)]))
            for index, slot in enumerate(self._slots):
                slot.show(drawn[index] if index < len(drawn) else None)
            if now - self._plotted_s >= CURVE_PERIOD_S:
                self._plot(frame, now)

    def silence(self, status: str, trouble: str = "") -> None:
        """No frame comes, and why: what was is not shown as if it still were."""
        with self._server.atomic():
            for slot in self._slots:
                slot.show(None)
            self._status.content, self._trouble.content = plain_words(status), plain_words(trouble)

    def close(self) -> None:
        """Stop serving; open pages wait for the next server at this address."""
        self._server.stop()

    def _plot(self, frame: ShownFrame, now: float) -> None:
        for title, plot in self._plots.items():
            plot.data = self._curves.of(title)
            top = self._curves.top_of(title)
            if top != self._tops[title]:  # browsers draw the whole plot anew for another scale
                plot.scales, self._tops[title] = _scales(top), top
        rate_hz = self._frames_since_plot / (now - self._plotted_s)
        sides = " and ".join(sorted(hand.side.value for hand in frame.hands)) or "no hand"
        took = "" if np.isnan(frame.latency_s) else f", {1000 * frame.latency_s:.0f} ms a frame"
        self._status.content = f"{sides}; {rate_hz:.0f} frames/s{took}"
        guessed = "" if all(hand.metric for hand in frame.hands) else "the camera is not calibrated: distances are a guess"
        self._trouble.content = plain_words("; ".join(filter(None, (guessed, frame.trouble))))
        self._plotted_s, self._frames_since_plot = now, 0

    def _look_at_hand(self, client: viser.ClientHandle | None) -> None:
        if client is not None and self._centre is not None:
            client.camera.position = self._centre + VIEW_FROM
            client.camera.look_at = self._centre


class _Slot:
    """A place in the scene for one hand after another: nodes that come and go would pile up in what viser keeps for new browsers."""

    def __init__(self, scene: viser.SceneApi, name: str, hand: DrawnHand) -> None:
        self._mesh = scene.add_mesh_simple(f"{name}/mesh", hand.vertices, hand.faces, color=hand.colour)
        self._frames = scene.add_batched_axes(
            f"{name}/joint_frames", _quaternions_wxyz(hand.rotations), hand.joints, axes_length=0.018, axes_radius=0.0006
        )

    def show(self, hand: DrawnHand | None) -> None:
        """The next frame's hand, or nothing."""
        self._mesh.visible = self._frames.visible = hand is not None
        if hand is not None:
            self._mesh.faces, self._mesh.color = hand.faces, hand.colour
            self._mesh.vertices = hand.vertices
            self._frames.batched_positions, self._frames.batched_wxyzs = hand.joints, _quaternions_wxyz(hand.rotations)


def _quaternions_wxyz(rotations: FloatArray) -> NDArray[np.float32]:
    from viser.transforms import SO3

    return np.asarray(SO3.from_matrix(rotations).wxyz, np.float32)


def _add_plot(gui: viser.GuiApi, title: str, curves: HandCurves) -> viser.GuiUplotHandle:
    lines = [("ms", (200, 200, 200))] if title == LATENCY else [(side.value, MESH_COLOUR[side]) for side in Side]
    series: list[Any] = [{"label": name, "stroke": f"rgb{colour}", "width": 2, "points": {"show": False}} for name, colour in lines]
    axes: list[Any] = [{"stroke": "#bbb", "grid": {"stroke": "#444", "width": 1}, "size": size} for size in (30, 44)]
    return gui.add_uplot(
        curves.of(title),
        ({"label": "s"}, *series),
        title=title,
        scales=_scales(curves.top_of(title)),
        axes=tuple(axes),
        legend={"show": False},
        height=CURVE_PX,
        padding=(4, 12, 0, 0),
    )


def _scales(top: float) -> dict[str, Any]:
    # Given, because uPlot finds none for a curve with gaps (NaN).
    return {"x": {"time": False, "range": (-WINDOW_S, 0.0)}, "y": {"range": (0.0, top)}}


def no_wider(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 of at most the width that is sent, in the same shape."""
    height, width = picture.shape[:2]
    if width <= PICTURE_WIDTH_PX:
        return picture
    return np.asarray(cv2.resize(picture, (PICTURE_WIDTH_PX, height * PICTURE_WIDTH_PX // width), interpolation=cv2.INTER_AREA), np.uint8)
