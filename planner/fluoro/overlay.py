"""What is drawn over a view: layers of lines and words in pixels, kept apart from the picture itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from planner.fluoro.carm import edge_letters, magnification, project
from planner.fluoro.shadow_outline import shadow_outlines
from planner.geometry.frames import Array, unit
from planner.model.carm import CArm
from planner.model.needle import NeedleWay
from planner.model.volume import Mask

Colour = tuple[int, int, int]
Anchor = Literal["la", "lt", "rt", "mt", "mb", "lm", "rm", "lb", "rb"]

NEEDLE: Colour = (64, 220, 255)
TARGET: Colour = (255, 230, 60)
GAP: Colour = (120, 255, 120)
BREACH: Colour = (255, 80, 70)
CEMENT: Colour = (235, 140, 255)
LETTERING: Colour = (255, 200, 90)

_HALF_TURN_DEG = 180
_FINE = 2
"""Drawn so many times larger and then reduced, for smooth lines."""
_NEEDLE_OPACITY = 0.55
_MARK_MM = 10.0
_LONG_MARK_EVERY = 5
_LINES = 24
"""So many lines of words fill a picture: to be read in the report, where it is 75 mm high on paper."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A line through pixels, shape (N, 2) as (row, column), `width_px` wide; the picture shows through it."""

    pixels: Array
    colour: Colour
    width_px: float = 1.5
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Ring:
    """A circle about a pixel; `filled` makes it a dot."""

    pixel: tuple[float, float]
    radius_px: float
    colour: Colour
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """Text at a pixel; `anchor` says which part of it stands there (Pillow's anchors), `about` what it names."""

    pixel: tuple[float, float]
    text: str
    colour: Colour
    anchor: Anchor = "lt"
    about: tuple[float, float] | None = None


Shape = Line | Ring | Words


@dataclass(frozen=True, slots=True)
class Layer:
    """Shapes that are shown or hidden together."""

    name: str
    shapes: tuple[Shape, ...]


def needle_layer(trajectory: NeedleWay, carm: CArm) -> Layer:
    """Draw a needle: its way from skin or bone to the target, as wide as it is, with a mark every 10 mm of depth.

    Parameters
    ----------
    trajectory : NeedleWay
        The needle.
    carm : CArm
        The view.

    Returns
    -------
    Layer
        Marks count from the first point of the path; every fifth is long and carries its depth in mm. Where the beam
        runs along the needle, marks would lie on each other and are left out.
    """
    path = np.asarray(trajectory.path_lps, dtype=np.float64)
    at = project(carm, path)
    middle = path.mean(axis=0)
    width_px = float(magnification(carm, middle)) * trajectory.needle.outer_diameter_mm / carm.pixel_mm
    shapes: list[Shape] = [Line(at, NEEDLE, max(width_px, 1.0), _NEEDLE_OPACITY), *_depth_marks(path, carm)]
    bone = _pixel(project(carm, trajectory.entry_bone_lps))
    aim, target = _pixel(project(carm, trajectory.aim_lps)), _pixel(project(carm, trajectory.target_lps))
    shapes.append(Ring(bone, max(width_px, 4.0), NEEDLE))
    if trajectory.slides_along_implant:
        shapes.append(Ring(aim, max(width_px, 4.0), TARGET))
    shapes.append(Ring(target, max(width_px * 0.6, 3.0), TARGET, filled=True))
    return Layer(f"needle {trajectory.id}", tuple(shapes))


def _depth_marks(path: Array, carm: CArm) -> list[Shape]:
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    depths = np.arange(_MARK_MM, along[-1], _MARK_MM)
    if not depths.size:
        return []
    points = np.stack([np.interp(depths, along, path[:, axis]) for axis in range(3)], axis=-1)
    at = project(carm, points)
    ends = project(carm, path[[0, -1]])
    if np.linalg.norm(ends[1] - ends[0]) < 4.0 * len(depths):
        return []
    across = unit(ends[1] - ends[0])[::-1] * np.array([1.0, -1.0])
    shapes: list[Shape] = []
    for number, pixel in enumerate(at, start=1):
        is_long = number % _LONG_MARK_EVERY == 0
        half = 9.0 if is_long else 5.0
        shapes.append(Line(np.stack([pixel - half * across, pixel + half * across]), NEEDLE, 1.2))
        if is_long:
            shapes.append(Words(_pixel(pixel + 18.0 * across), f"{number * _MARK_MM:.0f}", NEEDLE, "lm"))
    return shapes


def gap_layer(gap: Mask, carm: CArm, *, name: str = "gap") -> Layer:
    """Draw the outline of a gap's shadow.

    Parameters
    ----------
    gap : Mask
        The gap.
    carm : CArm
        The view.
    name : str
        The layer's name.

    Returns
    -------
    Layer
        Empty where the gap lies beside the picture.
    """
    return Layer(name, tuple(Line(outline, GAP, 1.5) for outline in shadow_outlines(gap, carm)))


def cement_layer(cement: Mask, carm: CArm, *, injected_ml: float) -> Layer:
    """Draw the outline of the cement that is expected at a moment of the injection, and how much that is.

    Parameters
    ----------
    cement : Mask
        Where the cement is expected.
    carm : CArm
        The view.
    injected_ml : float
        Volume injected at that moment, mL.

    Returns
    -------
    Layer
        Empty where the cement lies beside the picture.
    """
    outlines = shadow_outlines(cement, carm)
    shapes: list[Shape] = [Line(outline, CEMENT, 2.0) for outline in outlines]
    if outlines:
        largest = max(outlines, key=len)
        lowest = largest[int(np.argmax(largest[:, 0]))]
        shapes.append(Words(_pixel(np.add(lowest, [4.0, 0.0])), f"{injected_ml:.1f} mL", CEMENT, "mt"))
    return Layer(f"cement at {injected_ml:.1f} mL", tuple(shapes))


def frame_layer(carm: CArm, *, console_deg: tuple[float, float] | None = None) -> Layer:
    """Write what a console writes round the picture: angles, orientation letters, a scale.

    Parameters
    ----------
    carm : CArm
        The view.
    console_deg : tuple of float or None
        Primary and secondary angle at the console in the treatment position; None leaves them out.

    Returns
    -------
    Layer
        The scale is true in the plane of the isocentre.
    """
    bottom, right = carm.rows - 1.0, carm.columns - 1.0
    places: dict[str, tuple[tuple[float, float], Anchor]] = {
        "left": ((bottom / 2, 6.0), "lm"),
        "right": ((bottom / 2, right - 6.0), "rm"),
        "top": ((6.0, right / 2), "mt"),
        "bottom": ((bottom - 6.0, right / 2), "mb"),
    }
    shapes: list[Shape] = [
        Words(places[edge][0], letter, LETTERING, places[edge][1]) for edge, letter in edge_letters(carm).items()
    ]
    shapes.append(Words((6.0, 6.0), angles_text(carm.primary_deg, carm.secondary_deg), LETTERING, "lt"))
    if console_deg is not None:
        text = f"console {round(console_deg[0]):+d} / {round(console_deg[1]):+d}"
        shapes.append(Words((6.0, right - 6.0), text, LETTERING, "rt"))
    length_mm = scale_mm(carm.columns * carm.pixel_mm * carm.source_isocentre_mm / carm.source_detector_mm)
    length_px = length_mm * carm.source_detector_mm / carm.source_isocentre_mm / carm.pixel_mm
    bar = np.array([[bottom - 12.0, 8.0], [bottom - 12.0, 8.0 + length_px]])
    shapes.append(Line(bar, LETTERING, 2.0))
    shapes.append(Words((bottom - 16.0, 8.0), f"{length_mm:g} mm at the isocentre", LETTERING, "lb"))
    return Layer("frame", tuple(shapes))


def scale_mm(width_mm: float) -> float:
    """Choose the longest round length that takes up to a third of a picture so wide at the isocentre."""
    fitting = [length for length in (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0) if length <= width_mm / 3.0]
    return fitting[-1] if fitting else 1.0


def angles_text(primary_deg: float, secondary_deg: float) -> str:
    """Write positioner angles as they are spoken.

    Parameters
    ----------
    primary_deg, secondary_deg : float
        DICOM positioner angles.

    Returns
    -------
    str
        "LAO 20 CRAN 10", say; whole degrees.
    """
    primary, secondary = round(primary_deg), round(secondary_deg)
    side = "LAO" if primary >= 0 or primary == -_HALF_TURN_DEG else "RAO"
    tilt = "CRAN" if secondary >= 0 else "CAUD"
    return f"{side} {abs(primary)} {tilt} {abs(secondary)}"


def draw(grey: npt.NDArray[np.uint8], layers: Sequence[Layer]) -> npt.NDArray[np.uint8]:
    """Lay shapes over a picture.

    Parameters
    ----------
    grey : ndarray of uint8, shape (rows, columns)
        The picture; it is not changed.
    layers : sequence of Layer
        What to draw, the last on top.

    Returns
    -------
    ndarray of uint8, shape (rows, columns, 3)
        RGB.
    """
    picture = Image.fromarray(grey).convert("RGBA")
    return np.asarray(Image.alpha_composite(picture, _sheet(layers, grey.shape)).convert("RGB"))


def draw_apart(layers: Sequence[Layer], shape: tuple[int, int], *, rimmed: bool = True) -> npt.NDArray[np.uint8]:
    """Draw shapes alone, to be laid over a picture elsewhere.

    Parameters
    ----------
    layers : sequence of Layer
        What to draw, the last on top.
    shape : tuple of int
        Rows and columns of the picture.
    rimmed : bool
        Whether letters have a dark rim, to be read on any ground; in one colour alone it would fill them up.

    Returns
    -------
    ndarray of uint8, shape (rows, columns, 4)
        RGBA, clear where nothing is drawn.
    """
    return np.asarray(_sheet(layers, shape, rimmed=rimmed))


def _sheet(layers: Sequence[Layer], shape: tuple[int, ...], *, rimmed: bool = True) -> Image.Image:
    rows, columns = shape
    sheet = Image.new("RGBA", (columns * _FINE, rows * _FINE), (0, 0, 0, 0))
    pen = ImageDraw.Draw(sheet)
    font = _font(letters_px(rows) * _FINE)
    for layer in layers:
        for drawn in layer.shapes:
            _put(pen, drawn, font, rim_px=_FINE if rimmed else 0)
    # Reduced with its transparency multiplied in, or the lines would get dark rims.
    return sheet.convert("RGBa").resize((columns, rows), Image.Resampling.BOX).convert("RGBA")


def letters_px(rows: int) -> int:
    """Give the height of letters in a picture of so many rows, pixels."""
    return max(11, rows // _LINES)


def words_px(words: str, rows: int) -> float:
    """Give how wide words are in a picture of so many rows, pixels."""
    return _font(letters_px(rows) * _FINE).getlength(words) / _FINE


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)


def _put(
    pen: ImageDraw.ImageDraw, shape: Shape, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, *, rim_px: int
) -> None:
    match shape:
        case Line():
            _put_line(pen, shape)
        case Ring():
            if np.all(np.isfinite(shape.pixel)):
                x, y = _xy(shape.pixel)
                radius = shape.radius_px * _FINE
                fill = shape.colour if shape.filled else None
                pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill, shape.colour, round(1.5 * _FINE))
        case Words():
            place, rim = _xy(shape.pixel), (0, 0, 0)
            if np.all(np.isfinite(place)):
                pen.text(place, shape.text, shape.colour, font, shape.anchor, stroke_width=rim_px, stroke_fill=rim)


def _put_line(pen: ImageDraw.ImageDraw, line: Line) -> None:
    seen = line.pixels[np.all(np.isfinite(line.pixels), axis=-1)]
    if len(seen) < 2:
        return
    places = [_xy(_pixel(pixel)) for pixel in seen]
    ink = (*line.colour, round(255 * line.opacity))
    pen.line(places, ink, max(round(line.width_px * _FINE), 1), joint="curve")


def _xy(pixel: tuple[float, float]) -> tuple[float, float]:
    """Turn (row, column) with centres on the integers into Pillow's (x, y) on the finer sheet."""
    row, column = pixel
    return (column + 0.5) * _FINE, (row + 0.5) * _FINE


def _pixel(pixel: npt.ArrayLike) -> tuple[float, float]:
    row, column = (float(v) for v in np.asarray(pixel, dtype=np.float64))
    return row, column
