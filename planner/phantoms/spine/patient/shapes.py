"""From a vertebra's figures to its form: the arch is built round the canal, so that nothing but surgery opens it.

Local coordinates as in `vertebrae`: x to the left, y to the back, z up, from the middle of the body, mm. Widths,
heights and angles come from the figures; how the processes bend and how thick they are was set by eye, on pictures.
"""

from dataclasses import dataclass

import numpy as np

from planner.config.phantoms.spine.morphometry import VertebraFigures
from planner.geometry.frames import PointTuple
from planner.phantoms.spine.patient.body import Heights
from planner.phantoms.spine.patient.vertebrae import BodyForm, PedicleForm, Plate, Strut, VertebraShape

_CANAL_CLEAR_MM = 0.35
"""Between the canal and the back wall of the body, and the pedicles."""
_FLAVUM_MM = 1.2
"""Between the canal and the laminae."""
_LAMINA_YAW_DEG = 33.0
_ISTHMUS_DEPTH = 0.4
"""How far back the isthmus lies, in shares of the canal's depth."""
_LUMBAR_FROM_HEIGHT_MM = 36.5
_THORACIC_FROM_HEIGHT_MM = 24.5
_SPINOUS_DROP_DEG = {"T3": 40, "T4": 46, "T5": 52, "T6": 55, "T7": 55, "T8": 52, "T9": 44, "T10": 34, "T11": 22}


@dataclass(frozen=True)
class Collapse:
    """What a fracture has done to a body: shares of height lost in front, in the middle, behind; the bulge, mm."""

    front: float = 0.0
    middle: float = 0.0
    back: float = 0.0
    bulge_mm: float = 0.0


@dataclass(frozen=True)
class _Frame:
    """What both kinds of arch are built round."""

    figures: VertebraFigures
    back: float
    canal_half: float
    canal_y: float
    canal_radius: float
    canal_offset: float
    pedicle_z: float

    @property
    def canal_back(self) -> float:
        return self.canal_y + self.canal_radius

    def pedicle_x(self, width: float) -> float:
        return self.canal_half + width / 2.0 / float(np.cos(np.radians(self.figures.pedicle_inward_deg)))


def scaled_figures(figures: VertebraFigures, size: float) -> VertebraFigures:
    """Give figures with all lengths times `size`."""
    update = {k: v * size for k, v in figures.model_dump().items() if k.endswith("_mm")}
    return figures.model_copy(update=update)


def shape_of(
    figures: VertebraFigures,
    *,
    cortex_mm: float,
    endplate_mm: float,
    collapse: Collapse | None = None,
    laminectomy: bool = False,
) -> VertebraShape:
    """Give the form of a vertebra.

    Parameters
    ----------
    figures : VertebraFigures
        Its size, that of the patient already applied.
    cortex_mm, endplate_mm : float
        Thickness of the shell.
    collapse : Collapse or None
        What a fracture has done to the body.
    laminectomy : bool
        Whether laminae and spinous process are gone.

    Returns
    -------
    VertebraShape
    """
    frame = _frame(figures, collapse or Collapse())
    lumbar = figures.level.startswith("L") or figures.level == "T12"
    arch = _lumbar_arch if lumbar else _thoracic_arch
    left_struts, left_plates = arch(frame, figures.pedicle_left_mm)
    right = arch(frame, figures.pedicle_right_mm)
    lamina = _lamina(frame, lumbar=lumbar)
    spinous, midline = _spinous(frame, lamina, lumbar=lumbar)
    if laminectomy:
        spinous, midline = (), ()
    else:
        left_plates, right = (*left_plates, lamina), (right[0], (*right[1], lamina))
    form = _body_form(figures, collapse or Collapse(), cortex_mm)
    half_height = (sum(form.upper_mm) + sum(form.lower_mm)) / 6.0
    return VertebraShape(
        body_mm=(figures.body_width_mm / 2.0, figures.body_depth_mm / 2.0, half_height),
        waist=form.waist,
        struts=left_struts,
        plates=left_plates,
        spinous=spinous,
        canal_mm=(frame.canal_y, frame.canal_radius, frame.canal_offset),
        cortex_mm=cortex_mm,
        endplate_mm=endplate_mm,
        midline=midline,
        form=form,
        pedicles=(_pedicle_form(frame, figures.pedicle_left_mm), _pedicle_form(frame, figures.pedicle_right_mm)),
        right=right,
    )


def _frame(figures: VertebraFigures, collapse: Collapse) -> _Frame:
    back = figures.body_depth_mm / 2.0
    slope = float(np.tan(np.radians(figures.pedicle_inward_deg)))
    # A collapsed body's back wall stands out into the canal.
    radius = (figures.canal_depth_mm - _CANAL_CLEAR_MM) / 2.0
    clear = _CANAL_CLEAR_MM + radius * slope**2 / 2.0
    bulged = radius - collapse.bulge_mm / 2.0
    upper = figures.back_height_mm / 2.0 * (1.0 - 2.0 * collapse.back)
    return _Frame(
        figures=figures,
        back=back,
        canal_half=figures.canal_width_mm / 2.0,
        canal_y=back + figures.canal_depth_mm - bulged,
        canal_radius=bulged,
        canal_offset=max(figures.canal_width_mm / 2.0 - clear - radius, 0.2),
        pedicle_z=upper - figures.pedicle_height_mm / 2.0 - 0.8,
    )


def _body_form(figures: VertebraFigures, collapse: Collapse, cortex_mm: float) -> BodyForm:
    front, back = figures.front_height_mm, figures.back_height_mm
    middle = (front + back) / 2.0
    # Fractures give way beneath the upper endplate.
    lost = (front * collapse.front, middle * collapse.middle, back * collapse.back)
    upper: Heights = (front / 2.0 - lost[0], middle / 2.0 - lost[1], back / 2.0 - lost[2])
    lower: Heights = (front / 2.0, middle / 2.0, back / 2.0)
    # No endplates may meet: what is left of the body holds the shells and some bone between them.
    least = 4.0 * cortex_mm - middle / 2.0
    upper = (max(upper[0], least), max(upper[1], least), max(upper[2], least))
    waist = 0.11 - collapse.bulge_mm / (figures.body_depth_mm / 2.0)
    dish = min(0.075 * middle, 2.0) if not collapse.middle else 0.6
    return BodyForm(upper, lower, waist, dish, 0.035 * figures.body_depth_mm)


def _pedicle_form(frame: _Frame, width: float) -> PedicleForm:
    y = frame.back + _ISTHMUS_DEPTH * frame.figures.canal_depth_mm
    centre = (frame.pedicle_x(width), y, frame.pedicle_z)
    return PedicleForm(centre, width, frame.figures.pedicle_height_mm, frame.figures.pedicle_inward_deg)


def _pedicle(frame: _Frame, width: float) -> tuple[tuple[Strut, ...], tuple[Plate, ...]]:
    """Give a pedicle: a bar of its isthmus's section, and two struts that widen it into the body."""
    form = _pedicle_form(frame, width)
    x, y, z = form.centre_mm
    slope = float(np.tan(np.radians(form.inward_deg)))
    height, least = form.height_mm, min(form.height_mm, width)
    half: PointTuple = (width / 2.0, 0.45 * frame.figures.canal_depth_mm + 2.0, height / 2.0)
    bar: Plate = (form.centre_mm, half, least / 2.0 - 0.01, -form.inward_deg)
    struts = []
    for way in (-1.0, 1.0):
        aside, up = way * (width - least) / 2.0, way * (height - least) / 2.0
        ahead = frame.back - y
        start = (x + aside + ahead * slope, frame.back + 0.5, z + up)
        # Widened to the side only: the canal keeps its width.
        stop = (x + aside + (ahead - 7.0) * slope + 1.0, frame.back - 7.0, z + up - way * 1.2)
        struts.append((start, stop, least / 2.0 - 0.05, least / 2.0 + 0.9))
    return tuple(struts), (bar,)


def _lumbar_arch(frame: _Frame, width: float) -> tuple[tuple[Strut, ...], tuple[Plate, ...]]:
    figures, back, z = frame.figures, frame.canal_back, frame.pedicle_z
    s = float(np.clip(figures.body_width_mm / 49.0, 0.75, 1.08))
    k = (figures.back_height_mm + figures.disc_mm) / _LUMBAR_FROM_HEIGHT_MM
    x, tip = frame.pedicle_x(width) + 0.8, figures.span_mm / 2.0 - 2.8
    art = max(x + 2.2, frame.canal_half + 5.4 * s + 0.6)
    bend = x + 0.45 * (tip - x)
    struts, plates = _pedicle(frame, width)
    own: tuple[Strut, ...] = (
        ((x + 0.5, back - 2.6, z - 1.0), (bend, back + 0.2, z + 0.5), 4.4 * s, 3.4 * s),  # transverse process
        ((bend, back + 0.2, z + 0.5), (tip, back + 1.2, z + 3.0), 3.4 * s, 2.6 * s),
        ((art, back + 1.3, z), (art + 0.5, back + 0.3, z + 12.0 * k), 5.2 * s, 3.9 * s),  # superior articular process
        ((x - 0.4, back + 2.3, z - 6.0 * k), (x - 3.8, back + 6.3, z - 14.0 * k), 4.7 * s, 4.3 * s),  # isthmus
        ((x - 3.8, back + 6.3, z - 14.0 * k), (x - 4.4, back + 6.8, z - 25.0 * k), 4.3 * s, 3.9 * s),  # inferior one
    )
    return (*struts, *own), plates


def _thoracic_arch(frame: _Frame, width: float) -> tuple[tuple[Strut, ...], tuple[Plate, ...]]:
    figures, back, z = frame.figures, frame.canal_back, frame.pedicle_z
    k = (figures.back_height_mm + figures.disc_mm) / _THORACIC_FROM_HEIGHT_MM
    x, tip = frame.pedicle_x(width) + 0.6, figures.span_mm / 2.0 - 4.2
    inner = frame.canal_half
    rise = min(8.0, 0.6 * (tip - x))
    struts, plates = _pedicle(frame, width)
    own: tuple[Strut, ...] = (
        ((x + 0.4, back - 2.4, z - 0.6), (tip, back + rise, z + 1.6), 4.2, 4.1),  # transverse process
        ((inner + 3.6, back - 1.9, z + 0.6), (inner + 3.0, back - 1.1, z + 8.2 * k), 3.3, 2.4),  # superior articular
        ((x, back - 1.2, z - 1.5), (inner + 1.6, back + 2.6, z - 9.4 * k), 3.2, 3.0),  # isthmus
        ((inner + 1.6, back + 2.6, z - 9.4 * k), (inner + 1.3, back + 4.9, z - 18.4 * k), 3.0, 2.3),  # inferior one
    )
    return (*struts, *own), plates


def _lamina(frame: _Frame, *, lumbar: bool) -> Plate:
    """Give the left lamina: a plate that clears the canal's round by the yellow ligament."""
    figures = frame.figures
    yaw = np.radians(_LAMINA_YAW_DEG)
    thick = 3.0 if lumbar else 2.6
    along = (0.40 if lumbar else 0.44) * figures.canal_width_mm
    reach = frame.canal_radius + _FLAVUM_MM + thick
    x0, y0 = frame.canal_offset + reach * np.sin(yaw), frame.canal_y + reach * np.cos(yaw)
    x = (0.38 if lumbar else 0.40) * figures.canal_width_mm
    y = y0 - (x - x0) * np.tan(yaw)
    k = figures.back_height_mm + figures.disc_mm
    z, half_height = (frame.pedicle_z - 9.2, 0.26 * k) if lumbar else (frame.pedicle_z - 5.6, 0.36 * k)
    return (float(x), float(y), z), (along, thick, half_height), thick - 0.4, -_LAMINA_YAW_DEG


def _spinous(frame: _Frame, lamina: Plate, *, lumbar: bool) -> tuple[tuple[Plate, ...], tuple[Strut, ...]]:
    figures = frame.figures
    (x, y, z), _, _, _ = lamina
    root = y + x * float(np.tan(np.radians(_LAMINA_YAW_DEG)))
    length = figures.spinous_mm - (root - frame.canal_back)
    k = figures.back_height_mm + figures.disc_mm
    if lumbar:
        half = length / 2.0 + 1.5
        plate: Plate = ((0.0, root + half - 3.0, z - 2.5), (3.2, half, 0.235 * k), 2.8, 0.0)
        # The free edge is thicker.
        end = root + 2.0 * half - 5.5
        edge: Strut = ((0.0, end, z - 2.5 + 0.14 * k), (0.0, end - 0.5, z - 2.5 - 0.15 * k), 3.4, 4.0)
        return (plate,), (edge,)
    drop = np.radians(_SPINOUS_DROP_DEG.get(figures.level, 40))
    base: Plate = ((0.0, root + 2.4, z - 2.0), (2.8, 5.0, 0.28 * k), 2.4, 0.0)
    tip = (0.0, root + 3.0 + length * float(np.cos(drop)), z - 4.0 - length * float(np.sin(drop)))
    return (base,), (((0.0, root + 3.0, z - 4.0), tip, 3.3, 2.7),)
