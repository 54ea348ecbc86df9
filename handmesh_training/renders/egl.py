"""Draws a scene with OpenGL, without a screen: the twin of :func:`handmesh_training.renders.shading.draw`.

Mesa's software rasteriser serves where there is no graphics card. The pictures of a batch lie side by side in one frame buffer, their
shadow maps in another. Needs moderngl (extra ``train``) and the system's libEGL.
"""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from handmesh_ros.errors import HandmeshError
from handmesh_training.renders import shaders
from handmesh_training.renders.assets import Assets
from handmesh_training.renders.scene import Occluders, Scene
from handmesh_training.renders.shading import Picture, compose, lit_vertices
from handmesh_training.renders.shadow import MAP_SIZE, light_frame
from handmesh_training.renders.surface import HandSurface

MISSING = (
    "no OpenGL without a screen here ({}): install the system's libraries (apt-get install libegl1 libgl1-mesa-dri) and the extra "
    "'train' of this package (moderngl), or draw with the torch back end"
)
Spans = tuple[tuple[int, int, bool], ...]


class EglError(HandmeshError, RuntimeError):
    """OpenGL cannot be had here; the message says what to install."""


class Egl:
    """An OpenGL context with its programs and what it has uploaded. Use it only from the thread that made it.

    Raises:
        EglError: moderngl or the system's libraries are missing.
    """

    def __init__(self) -> None:
        try:
            moderngl: Any = importlib.import_module("moderngl")
            self._gl: Any = moderngl.create_context(standalone=True, backend="egl", require=330)
        except Exception as error:  # moderngl and its loader raise bare exceptions of many kinds
            raise EglError(MISSING.format(error)) from error
        self._shadow = self._gl.program(vertex_shader=shaders.SHADOW_VERTEX, fragment_shader=shaders.SHADOW_FRAGMENT)
        self._hand = self._gl.program(vertex_shader=shaders.HAND_VERTEX, fragment_shader=shaders.HAND_FRAGMENT)
        self._thing = self._gl.program(vertex_shader=shaders.THING_VERTEX, fragment_shader=shaders.THING_FRAGMENT)
        self._textures: tuple[Assets, Any, Any] | None = None
        self._canvas: _Canvas | None = None

    def draw(self, scene: Scene, surface: HandSurface, assets: Assets, samples: int = 2) -> Picture:
        """Renders a batch with ``samples`` x ``samples`` samples a pixel; colour is worked out once a pixel and surface.

        Raises:
            EglError: the driver has not so many samples, or the batch is too large for it.
        """
        count, height, width = scene.background.shape[:3]
        side = math.ceil(math.sqrt(count))
        canvas = self._canvas_for(side, height, width, samples**2 if samples > 1 else 0)
        meshes = _Meshes(self._gl, scene, surface)
        try:
            uniforms = _uniforms(scene, *light_frame(scene.light.direction, meshes.vertices, surface), side)
            self._bind(assets, canvas)
            self._gl.enable_only(self._gl.DEPTH_TEST | self._gl.CULL_FACE)
            # Rows run downwards as in all pictures of this project, so what faces the camera runs clockwise for OpenGL.
            self._gl.front_face = "cw"
            canvas.shadow.use()
            canvas.shadow.clear(depth=1.0)
            self._paint(self._shadow, meshes.shadow_hand(self._shadow), meshes.hand_ranges, uniforms, canvas.shadow, side, MAP_SIZE)
            self._paint(self._shadow, meshes.shadow_thing(self._shadow), meshes.thing_ranges, uniforms, canvas.shadow, side, MAP_SIZE)
            canvas.drawn.use()
            canvas.drawn.clear()
            self._paint(self._hand, meshes.hand(self._hand), meshes.hand_ranges, uniforms, canvas.drawn, side, width, height)
            self._paint(self._thing, meshes.thing(self._thing), meshes.thing_ranges, uniforms, canvas.drawn, side, width, height)
            sums = canvas.read(self._gl, count, side, height, width)
        finally:
            meshes.release()
        return compose(scene, sums.to(scene.background.device))

    def _paint(
        self,
        program: Any,
        array: Any,
        ranges: list[Spans],
        uniforms: dict[str, np.ndarray],
        target: Any,
        side: int,
        width: int,
        height: int | None = None,
    ) -> None:
        """Draws each picture's ranges of triangles into its tile."""
        if array is None:
            return
        height = height or width
        used = [(program[name], values) for name, values in uniforms.items() if name in program]
        for picture, parts in enumerate(ranges):
            if not parts:
                continue
            target.viewport = (picture % side * width, picture // side * height, width, height)
            for uniform, values in used:
                uniform.write(values[picture].tobytes())
            for first, corners, two_sided in parts:
                self._gl.cull_face = "back"
                (self._gl.disable if two_sided else self._gl.enable)(self._gl.CULL_FACE)
                array.render(vertices=corners, first=first)

    def _bind(self, assets: Assets, canvas: _Canvas) -> None:
        if self._textures is None or self._textures[0] is not assets:
            layers, rows, columns, _ = assets.albedo.shape
            albedo = self._gl.texture_array((columns, rows, layers), 3, _half(assets.albedo), alignment=1, dtype="f2")
            relief = self._gl.texture((columns, rows), 2, _half(assets.normal_map), alignment=1, dtype="f2")
            for texture in (albedo, relief):
                texture.filter = (self._gl.LINEAR, self._gl.LINEAR)
                texture.repeat_x = texture.repeat_y = False
            self._textures = assets, albedo, relief
        canvas.depth.use(0)
        for slot, texture in enumerate(self._textures[1:], 1):
            texture.use(slot)
        self._hand["shadows"].value = self._thing["shadows"].value = 0
        self._hand["albedo"].value, self._hand["relief"].value = 1, 2

    def _canvas_for(self, side: int, height: int, width: int, samples: int) -> _Canvas:
        wanted = (side, height, width, samples)
        if self._canvas is None or self._canvas.made_for != wanted:
            if samples > self._gl.max_samples:
                raise EglError(f"this OpenGL driver takes at most {self._gl.max_samples} samples a pixel, not {samples}")
            largest = self._gl.info["GL_MAX_TEXTURE_SIZE"]
            if side * max(height, width, MAP_SIZE) > largest:
                raise EglError(f"{side} x {side} pictures of {width} x {height} pass this driver's {largest} pixels: draw fewer at a time")
            if self._canvas is not None:
                self._canvas.release()
            self._canvas = _Canvas.create(self._gl, *wanted)
        return self._canvas


@dataclass
class _Canvas:
    """Frame buffers: pictures with several samples a pixel, the same resolved, shadow maps."""

    made_for: tuple[int, int, int, int]
    drawn: Any
    resolved: Any
    shadow: Any
    depth: Any

    @classmethod
    def create(cls, gl: Any, side: int, height: int, width: int, samples: int) -> _Canvas:
        size = (side * width, side * height)

        def buffers(count: int) -> Any:
            colours = [gl.renderbuffer(size, 4, samples=count, dtype="f2"), gl.renderbuffer(size, 2, samples=count)]
            return gl.framebuffer(colours, gl.depth_renderbuffer(size, samples=count))

        depth = gl.depth_texture((side * MAP_SIZE, side * MAP_SIZE))
        depth.compare_func, depth.filter = "<=", (gl.LINEAR, gl.LINEAR)
        depth.repeat_x = depth.repeat_y = False
        drawn = buffers(samples)
        return cls((side, height, width, samples), drawn, buffers(0) if samples else drawn, gl.framebuffer([], depth), depth)

    def read(self, gl: Any, count: int, side: int, height: int, width: int) -> Tensor:
        """(count, height, width, 5): radiance, share of the pixel that is hand, and other things."""
        if self.resolved is not self.drawn:
            gl.copy_framebuffer(self.resolved, self.drawn)
        parts = []
        for attachment, (components, dtype, kind) in enumerate(((4, "f2", np.float16), (2, "f1", np.uint8))):
            raw = self.resolved.read(components=components, attachment=attachment, alignment=1, dtype=dtype)
            picture = np.frombuffer(raw, kind).reshape(side, height, side, width, components)
            tiles = picture.transpose(0, 2, 1, 3, 4).reshape(-1, height, width, components)[:count]
            parts.append(torch.from_numpy(tiles.astype(np.float32)))
        colour, kinds = parts
        return torch.cat((colour[..., :3], kinds / 255), 3)

    def release(self) -> None:
        for buffer in {id(each): each for each in (self.drawn, self.resolved, self.shadow)}.values():
            for attachment in (*buffer.color_attachments, buffer.depth_attachment):
                attachment.release()
            buffer.release()


class _Meshes:
    """A batch's triangles on the graphics side, and which of them are whose: ranges (first corner, corners, two-sided) by picture."""

    def __init__(self, gl: Any, scene: Scene, surface: HandSurface) -> None:
        count, vertex_count = scene.vertices.shape[:2]
        self.vertices, normals, ambient = lit_vertices(scene, surface)
        self._gl, self._made = gl, list[Any]()
        posed = torch.cat((self.vertices, normals, ambient), 2)
        fixed = torch.cat((surface.uv, surface.forearm[:, None]), 1).repeat(count, 1)
        faces = torch.cat((surface.faces[~surface.loose], surface.faces[surface.loose]))
        rows = (faces[None] + (torch.arange(count, device=faces.device) * vertex_count)[:, None, None]).to(torch.int32)
        self._hand = self._upload(posed), self._upload(fixed), self._upload(rows)
        corners, tight = 3 * len(faces), 3 * int((~surface.loose).sum())
        self.hand_ranges: list[Spans] = [((k * corners, tight, False), (k * corners + tight, corners - tight, True)) for k in range(count)]
        self.thing_ranges: list[Spans] = [()] * count
        self._things = None
        if scene.occluders is not None:
            self._things, self.thing_ranges = self._upload_things(scene.occluders, count)

    def _upload(self, values: Tensor) -> Any:
        buffer = self._gl.buffer(values.contiguous().cpu().numpy().tobytes())
        self._made.append(buffer)
        return buffer

    def _upload_things(self, things: Occluders, count: int) -> tuple[Any, list[Spans]]:
        kind = 2 * things.image + things.two_sided
        order = torch.argsort(kind, stable=True)
        buffer = self._upload(torch.cat((things.vertices, things.normals, things.colour), 2)[order])
        ends = np.concatenate([[0], np.cumsum(torch.bincount(kind, minlength=2 * count).cpu().numpy())]) * 3
        spans = [(int(ends[k]), int(ends[k + 1] - ends[k]), bool(k % 2)) for k in range(2 * count)]
        return buffer, [tuple(span for span in spans[2 * k : 2 * k + 2] if span[1]) for k in range(count)]

    def _array(self, program: Any, content: list[tuple[Any, ...]], rows: Any = None) -> Any:
        array = self._gl.vertex_array(program, content, rows, index_element_size=4)
        self._made.append(array)
        return array

    def hand(self, program: Any) -> Any:
        posed, fixed, rows = self._hand
        return self._array(program, [(posed, "3f 3f 3f", "position", "normal", "ambient"), (fixed, "3f", "fixed_place")], rows)

    def shadow_hand(self, program: Any) -> Any:
        return self._array(program, [(self._hand[0], "3f 24x", "position")], self._hand[2])

    def thing(self, program: Any) -> Any:
        return self._things and self._array(program, [(self._things, "3f 3f 3f", "position", "normal", "pigment")])

    def shadow_thing(self, program: Any) -> Any:
        return self._things and self._array(program, [(self._things, "3f 24x", "position")])

    def release(self) -> None:
        for each in reversed(self._made):
            each.release()


def _uniforms(scene: Scene, frame: Tensor, centre: Tensor, side: int) -> dict[str, np.ndarray]:
    """What the programs must know of each picture: (N, ...) float32 by name, matrices column by column as OpenGL reads them."""
    light, skin = scene.light, scene.skin
    count, height, width = scene.background.shape[:3]
    picture = torch.arange(count)
    tile = torch.stack((picture % side, picture // side, torch.ones(count), torch.ones(count)), 1) / side
    each = {
        "projection": scene.projection.transpose(1, 2), "size": torch.tensor([[width, height]]).expand(count, 2),
        "towards": light.direction, "radiance": light.colour, "light_frame": frame.transpose(1, 2), "light_centre": centre,
        "shadow_tile": tile, "shadow_margin": torch.full((count, 1), 0.5 / MAP_SIZE),
        "red": light.irradiance[:, 0], "green": light.irradiance[:, 1], "blue": light.irradiance[:, 2],
        "textures": skin.textures, "blend": skin.blend, "tint": skin.tint, "saturation": skin.saturation, "gloss": skin.gloss,
        "sleeve_from": skin.sleeve_from.clamp(max=1e6), "sleeve_colour": skin.sleeve_colour,
    }  # fmt: skip
    return {name: values.cpu().numpy().astype(np.float32, order="C") for name, values in each.items()}


def _half(values: Tensor) -> bytes:
    return values.cpu().numpy().astype(np.float16).tobytes()
