"""Vertebral bodies that have lost height: how much, against what, and the grade that this makes."""

from dataclasses import dataclass, replace

import numpy as np

from planner.config.fracture_config import FractureConfig
from planner.geometry.frames import PointsLps, point_tuple
from planner.geometry.grid import Grid
from planner.model.finding import Finding
from planner.model.plan import RiskFactor
from planner.segment.anatomy.endplates import Endplate, VertebralBody
from planner.segment.anatomy.vertebrae import SpineBones
from planner.segment.candidacy.body_columns import Heights, column_heights

DEFAULT = FractureConfig()
_PLACES = ("in front", "in the middle", "behind")
_GRADES = {1: "mild", 2: "moderate", 3: "severe"}
_SOURCE = "Genant's grades, doi 10.1002/jbmr.5650080915, as given in doi 10.21037/qims.2019.02.04"
_LEAKS = (
    "fracture severity as a risk factor for leakage: Chen 2025, doi 10.12307/2025.427; a meta-analysis found the cleft "
    "(odds ratio 1.40) and the broken cortex (5.56): doi 10.1016/j.wneu.2017.01.124"
)


@dataclass(frozen=True, slots=True, eq=False)
class LevelHeights:
    """A vertebral body's heights, and what it has lost of them.

    Parameters
    ----------
    bone : str
        The vertebra's name.
    level : str or None
        Its level, where it is known.
    middle_lps : PointsLps, shape (3,)
        The middle of the body.
    heights_mm : tuple of (float or None)
        In front, in the middle, behind; None where an endplate is not seen.
    expected_mm : tuple of (float or None)
        What its neighbours let expect there; None where none tells it.
    is_against_itself : bool
        No neighbour told what was: the body's own back wall did, which may have lost height too.
    """

    bone: str
    level: str | None
    middle_lps: PointsLps
    heights_mm: Heights
    expected_mm: Heights
    is_against_itself: bool = False

    @property
    def losses(self) -> Heights:
        """Share of the height that is lost in front, in the middle and behind; None where it is not measured."""
        front, middle, back = (
            None if height is None or was is None or was <= 0.0 else max(0.0, 1.0 - height / was)
            for height, was in zip(self.heights_mm, self.expected_mm, strict=True)
        )
        return front, middle, back

    @property
    def loss(self) -> float | None:
        """The greatest of them."""
        seen = [loss for loss in self.losses if loss is not None]
        return max(seen) if seen else None

    def grade(self, config: FractureConfig = DEFAULT) -> int | None:
        """Give the grade after Genant, 0 to 3; None where no loss is measured."""
        if self.loss is None:
            return None
        limits = (config.mild_loss, config.moderate_loss, config.severe_loss)
        return sum(self.loss >= limit for limit in limits[:2]) + int(self.loss > limits[2])


def measure_heights(spine: SpineBones, grid: Grid, *, config: FractureConfig = DEFAULT) -> tuple[LevelHeights, ...]:
    """Measure what each vertebral body has lost of its height.

    Parameters
    ----------
    spine : SpineBones
        Vertebrae, told apart.
    grid : Grid
        The grid of its labels.
    config : FractureConfig
        Limits.

    Returns
    -------
    tuple of LevelHeights
        From the top down, without the sacrum. Heights and losses are None where they cannot be told; all of them where
        the bodies are so flat that they were told apart wrongly.

    Notes
    -----
    Genant's semiquantitative grades, with what the eye judges measured: each height against the mean of the nearest
    whole neighbours above and below, scaled by what bodies grow from level to level. Bodies that themselves have lost
    height, or stand at a cage, tell nothing of their neighbours. Where no neighbour is left, the front and the middle
    are held against the body's own back: too small a loss, if that one broke too.
    """
    places = {bone.name: n for n, bone in enumerate(spine.bones, start=1)}
    bodies = [body for body in spine.bodies if body.bone != "sacrum"]
    heights = [_heights(body, places[body.bone], spine, grid, config) for body in bodies]
    heights = [(None, None, None) if _is_cut_off(body, own, spine, config) else own
               for body, own in zip(bodies, heights, strict=True)]  # fmt: skip
    if _is_flat(bodies, heights, config):
        heights = [(None, None, None)] * len(bodies)
    sound = [_is_sound(body, own, config) for body, own in zip(bodies, heights, strict=True)]
    found = _judged(spine, bodies, heights, sound, config)
    # what has lost height itself tells nothing of others; once is enough: few spines have three in a row
    sound = [ok and (one.loss is None or one.loss < config.mild_loss) for ok, one in zip(sound, found, strict=True)]
    again = _judged(spine, bodies, heights, sound, config)
    return tuple(b if b.loss is not None else a for a, b in zip(found, again, strict=True))


def fracture_findings(levels: tuple[LevelHeights, ...], *, config: FractureConfig = DEFAULT) -> tuple[Finding, ...]:
    """Say which levels have lost height, and where that could not be told.

    Parameters
    ----------
    levels : tuple of LevelHeights
        As measured.
    config : FractureConfig
        Limits.

    Returns
    -------
    tuple of Finding
    """
    said = [_lost(one, config) for one in levels if one.loss is not None and one.loss >= config.mild_loss]
    blind = [one for one in levels if _is_unsure(one, config)]
    if blind:
        names = ", ".join(_name(one) for one in blind)
        said.append(
            Finding(
                code="body-height-not-measured",
                severity="info",
                message=f"The heights of {names} could not be measured in whole (an endplate is outside the scan, at a "
                "cage or hidden by artefacts): a fracture there is not excluded.",
                where_lps=point_tuple(np.round(blind[0].middle_lps, 1)),
            )
        )
    return tuple(said)


def fracture_risk_factors(
    levels: tuple[LevelHeights, ...], *, config: FractureConfig = DEFAULT
) -> tuple[RiskFactor, ...]:
    """Give the lost heights as risk factors for leakage.

    Parameters
    ----------
    levels : tuple of LevelHeights
        As measured.
    config : FractureConfig
        Limits.

    Returns
    -------
    tuple of RiskFactor
        One a fractured level, in per cent.
    """
    return tuple(
        RiskFactor(
            name="fracture height loss",
            measured=round(100.0 * one.loss, 1),
            unit="%",
            level=one.level,
            source=_LEAKS,
            bone=one.bone,
        )
        for one in levels
        if one.loss is not None and one.loss >= config.mild_loss
    )


def _is_unsure(one: LevelHeights, config: FractureConfig) -> bool:
    """Say whether a fracture is neither seen nor excluded: where it breaks, in front or in the middle, is hidden."""
    return one.loss is None or (one.loss < config.mild_loss and None in one.losses[:2])


def _name(one: LevelHeights) -> str:
    return one.level if one.level is not None else one.bone


def _lost(one: LevelHeights, config: FractureConfig) -> Finding:
    grade, loss = one.grade(config), one.loss
    assert grade is not None and loss is not None
    where = _PLACES[[v if v is not None else -1.0 for v in one.losses].index(loss)]
    against = "its own back wall, so that it may be more" if one.is_against_itself else "its neighbours"
    return Finding(
        code="fractured-level",
        severity="caution" if grade < 3 else "warning",
        message=f"{_name(one)} has lost {loss:.0%} of its height {where}, against {against}: a {_GRADES[grade]} "
        f"fracture (grade {grade}) or a body that always was so; one CT does not tell when.",
        where_lps=point_tuple(np.round(one.middle_lps, 1)),
        measured=round(loss, 3),
        limit=config.mild_loss,
        unit="1",
        source=_SOURCE,
    )


def _heights(body: VertebralBody, label: int, spine: SpineBones, grid: Grid, config: FractureConfig) -> Heights:
    own: Heights = (body.front_mm, body.middle_mm, body.back_mm)
    # where both endplates are fitted, a height that is missing is hidden
    if body.upper is None or body.lower is None:
        columns = column_heights(body, label, spine.labels, grid, hidden=spine.hidden)
        own = (own[0] or columns[0], own[1] or columns[1], own[2] or columns[2])
    front, middle, back = (None if v is None or v < config.shortest_mm else v for v in own)
    return front, middle, back


def _is_cut_off(body: VertebralBody, own: Heights, spine: SpineBones, config: FractureConfig) -> bool:
    """Say whether the scan's end may pass for an endplate: of a bone that goes on, rough or partly unseen."""
    is_cut = any(bone.is_cut for bone in spine.bones if bone.name == body.bone)
    rough = any(p is not None and p.bump_mm > config.roughest_mm for p in (body.upper, body.lower))
    return is_cut and (rough or None in own)


def _is_flat(bodies: list[VertebralBody], heights: list[Heights], config: FractureConfig) -> bool:
    shares = [h[1] / b.depth_mm for b, h in zip(bodies, heights, strict=True) if h[1] is not None and b.depth_mm > 0]
    return bool(shares) and float(np.median(shares)) < config.flattest


def _is_sound(body: VertebralBody, own: Heights, config: FractureConfig) -> bool:
    plates: tuple[Endplate | None, ...] = (body.upper, body.lower)
    return all(v is not None for v in own) and all(p is not None and p.bump_mm <= config.roughest_mm for p in plates)


def _judged(
    spine: SpineBones,
    bodies: list[VertebralBody],
    heights: list[Heights],
    sound: list[bool],
    config: FractureConfig,
) -> list[LevelHeights]:
    levels = {bone.name: bone.level for bone in spine.bones}
    found = []
    for number, (body, own) in enumerate(zip(bodies, heights, strict=True)):
        one = LevelHeights(
            body.bone, levels[body.bone], body.centre_lps, own, _expected(number, heights, sound, config)
        )
        if one.loss is None and own[2] is not None:
            one = replace(one, expected_mm=(own[2], own[2], None), is_against_itself=True)
        found.append(one)
    return found


def _expected(number: int, heights: list[Heights], sound: list[bool], config: FractureConfig) -> Heights:
    """Give what the nearest whole neighbours above and below let expect."""
    above = [n for n in range(number - 1, number - 1 - config.levels_away, -1) if n >= 0 and sound[n]]
    below = [n for n in range(number + 1, number + 1 + config.levels_away) if n < len(heights) and sound[n]]
    near = [*above[:1], *below[:1]]
    if not near:
        return None, None, None
    told = [[(h or np.nan) * (1.0 + config.growth_per_level) ** (number - n) for h in heights[n]] for n in near]
    front, middle, back = (float(v) for v in np.mean(told, axis=0))
    return front, middle, back
