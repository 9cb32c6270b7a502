"""Paper to draw on: SVG in millimetres of paper, and how a patient's millimetres come onto it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from planner.geometry.frames import Array, PointsLps

INK, SOFT, METAL, BONE_FILL, BONE_EDGE = "#1b1f24", "#5b6570", "#8b97a3", "#f1ede4", "#c9bfa9"
NEEDLE, FULL = "#a0447c", (213, 94, 0)
"""Colours; the needle's is the pictures' darker, to be read on white. `FULL` is the fullest zone's."""
_LEAST_SHADE, _MOST_SHADE = 0.15, 0.9
_APART_MM = 4.2
"""Numbers stand so far from each other."""


@dataclass(frozen=True, slots=True, eq=False)
class Lens:
    """From where a patient is drawn: along one direction, without perspective.

    Parameters
    ----------
    right_lps, up_lps : tuple of float
        The patient's unit directions to the viewer's right, and upwards.
    scale : float
        Millimetres of paper for one of the patient.
    corner_mm : tuple of float
        What of the patient lies at the paper's left upper corner, along `right_lps` and `up_lps`.
    """

    right_lps: tuple[float, float, float]
    up_lps: tuple[float, float, float]
    scale: float = 1.0
    corner_mm: tuple[float, float] = (0.0, 0.0)

    def flat_mm(self, points_lps: npt.ArrayLike) -> Array:
        """Give points across and up in the patient's millimetres, shape (..., 2)."""
        points = np.asarray(points_lps, dtype=np.float64)
        return np.stack([points @ np.array(self.right_lps), points @ np.array(self.up_lps)], axis=-1)

    def on_paper(self, flat_mm: npt.ArrayLike) -> Array:
        """Bring what `flat_mm` gives onto the paper: mm from its left upper corner, downwards positive."""
        flat = np.asarray(flat_mm, dtype=np.float64)
        left, top = self.corner_mm
        return np.stack([(flat[..., 0] - left) * self.scale, (top - flat[..., 1]) * self.scale], axis=-1)

    def at(self, points_lps: npt.ArrayLike | PointsLps) -> Array:
        """Bring points of the patient, LPS mm, onto the paper."""
        return self.on_paper(self.flat_mm(points_lps))

    def fitted(
        self, points_lps: Sequence[npt.ArrayLike], *, room_mm: tuple[float, float], edge_mm: float, most_scale: float
    ) -> tuple["Lens", tuple[float, float]]:
        """Choose scale and corner so that points fit onto a paper.

        Parameters
        ----------
        points_lps : sequence of array_like, shape (3,)
            What must be on it, LPS mm; at least one.
        room_mm : tuple of float
            The paper's greatest width and height.
        edge_mm : float
            Free paper all round.
        most_scale : float
            No larger than this.

        Returns
        -------
        Lens and tuple of float
            With the paper's width and height, mm.
        """
        flat = self.flat_mm(np.array(points_lps, dtype=np.float64))
        low, high = flat.min(axis=0), flat.max(axis=0)
        span = np.maximum(high - low, 1.0)
        free = np.array(room_mm) - 2.0 * edge_mm
        scale = float(min(most_scale, *(free / span)))
        corner = (float(low[0] - edge_mm / scale), float(high[1] + edge_mm / scale))
        size = (float(span[0] * scale + 2.0 * edge_mm), float(span[1] * scale + 2.0 * edge_mm))
        return Lens(self.right_lps, self.up_lps, scale, corner), size


class Paper:
    """An SVG that is being drawn.

    Parameters
    ----------
    wide_mm, tall_mm : float
        Its size.
    title : str
        What it shows, for who cannot see it.
    """

    def __init__(self, wide_mm: float, tall_mm: float, title: str) -> None:
        self.wide_mm, self.tall_mm = wide_mm, tall_mm
        self._taken: list[Array] = []
        self._root = ElementTree.Element(
            "svg",
            {
                "class": "drawing",
                "viewBox": f"0 0 {wide_mm:.2f} {tall_mm:.2f}",
                "width": f"{wide_mm:.2f}mm",
                "height": f"{tall_mm:.2f}mm",
                "role": "img",
                "aria-label": title,
            },
        )

    def line(self, points: npt.ArrayLike, colour: str, wide_mm: float, *, dash: str = "", end: str = "round") -> None:
        """Draw a line through points on the paper, shape (N, 2)."""
        more = {"stroke-dasharray": dash} if dash else {}
        self._put(
            "polyline",
            {
                "points": _points(points), "fill": "none", "stroke": colour, "stroke-width": f"{wide_mm:.2f}",
                "stroke-linecap": end, "stroke-linejoin": "round", **more,
            },
        )  # fmt: skip

    def shape(self, points: npt.ArrayLike, fill: str, edge: str, *, wide_mm: float = 0.2, dash: str = "") -> None:
        """Draw a closed shape, shape (N, 2)."""
        more = {"stroke-dasharray": dash} if dash else {}
        self._put(
            "polygon",
            {
                "points": _points(points), "fill": fill, "stroke": edge, "stroke-width": f"{wide_mm:.2f}",
                "stroke-linejoin": "round", **more,
            },
        )  # fmt: skip

    def disc(self, at: npt.ArrayLike, radius_mm: float, fill: str, edge: str, *, wide_mm: float = 0.25) -> None:
        """Draw a disc, or with fill "none" a ring."""
        x, y = np.asarray(at, dtype=np.float64)
        self._put(
            "circle",
            {
                "cx": f"{x:.2f}", "cy": f"{y:.2f}", "r": f"{radius_mm:.2f}", "fill": fill, "stroke": edge,
                "stroke-width": f"{wide_mm:.2f}",
            },
        )  # fmt: skip

    def words(
        self, at: npt.ArrayLike, text: str, *, size_mm: float = 2.3, anchor: str = "middle", colour: str = INK,
        bold: bool = False, halo: bool = True, below_mm: float = 0.0,
    ) -> None:  # fmt: skip
        """Write words, their middle line at a point or so far below; a white rim keeps them readable on a drawing."""
        x, y = np.asarray(at, dtype=np.float64)
        y += below_mm
        rim = {"stroke": "#ffffff", "stroke-width": "0.7", "paint-order": "stroke", "stroke-linejoin": "round"}
        element = self._put(
            "text",
            {
                "x": f"{x:.2f}", "y": f"{y + 0.36 * size_mm:.2f}", "font-size": f"{size_mm:.2f}",
                "text-anchor": anchor, "fill": colour, "font-weight": "700" if bold else "400",
                **(rim if halo else {}),
            },
        )  # fmt: skip
        element.text = text

    def keep_clear(self, at: npt.ArrayLike) -> None:
        """Let no needle's number be written over a place."""
        self._taken.append(np.asarray(at, dtype=np.float64))

    def number(self, at: npt.ArrayLike, text: str, away: npt.ArrayLike) -> None:
        """Write a needle's number on a disc, moved on along `away` until it stands clear of the others."""
        place, step = np.asarray(at, dtype=np.float64), np.asarray(away, dtype=np.float64)
        for _ in range(12):
            if all(np.linalg.norm(place - other) >= _APART_MM for other in self._taken):
                break
            place = place + step
        place = np.clip(place, 2.2, np.array([self.wide_mm, self.tall_mm]) - 2.2)
        self._taken.append(place)
        self.disc(place, 2.0, NEEDLE, "#ffffff")
        self.words(place, text, size_mm=2.6, colour="#ffffff", bold=True, halo=False)

    def markup(self) -> Markup:
        """Give the SVG to be put into a page; names in it are escaped."""
        return Markup(ElementTree.tostring(self._root, encoding="unicode"))

    def _put(self, tag: str, attributes: dict[str, str]) -> ElementTree.Element:
        return ElementTree.SubElement(self._root, tag, attributes)


def shade(volume_ml: float | None, most_ml: float) -> tuple[str, str]:
    """Give a zone's fill, and how its edge is dashed.

    Parameters
    ----------
    volume_ml : float or None
        What is lucent in it; None: not measured.
    most_ml : float
        Of the fullest zone.

    Returns
    -------
    tuple of str
        The darker, the more; white without any; white and dashed where it was not measured.
    """
    if volume_ml is None:
        return "#ffffff", "0.8 0.6"
    if volume_ml <= 0.0 or most_ml <= 0.0:
        return "#ffffff", ""
    share = _LEAST_SHADE + (_MOST_SHADE - _LEAST_SHADE) * min(volume_ml / most_ml, 1.0)
    return "#" + "".join(f"{round(255 - share * (255 - channel)):02x}" for channel in FULL), ""


def zone_words(volume_ml: float | None) -> str:
    """Write a zone's mL for the drawing: "0.60", "?" where it was not measured, nothing where none is lucent."""
    if volume_ml is None:
        return "?"
    return f"{volume_ml:.2f}" if volume_ml >= 0.005 else ""


def _points(points: npt.ArrayLike | Iterable[float]) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in np.asarray(points, dtype=np.float64).reshape(-1, 2))
