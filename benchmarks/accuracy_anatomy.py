"""What the anatomy step got wrong over many cases: bones, discs, canal, pedicles, landmarks, cortex, fractures."""

from collections.abc import Sequence

from accuracy_figures import NOTHING, quantiles, share, share_with_interval, sizes, spread
from accuracy_run import CaseResult

from planner.phantoms.score.anatomy import AnatomyScore
from planner.phantoms.score.outlines import OutlineScore
from planner.phantoms.score.readings import CortexScore

Rows = list[tuple[str, str]]
TITLE = "Anatomy"
NOTE = (
    "Within 35 mm of metal, of what the CT shows. Dice: median / 10th percentile / worst; errors: median / 90th "
    "percentile / worst. A bone without its own outline counts as not found, and has no Dice; where bones are those of "
    "the label map, what implants, gaps and breaches hide is not judged."
)
_GOOD_DICE = 0.95
_CUT_MM = 1.2
"""A canal that misses nothing farther than this from itself is cut by no more than a voxel of 0.8 mm, set askew."""


def anatomy_rows(results: Sequence[CaseResult]) -> Rows:
    """Give what the anatomy step got wrong.

    Parameters
    ----------
    results : sequence of CaseResult
        What came of the cases.

    Returns
    -------
    list of (str, str)
        Figure and value; nothing where no truth tells bones apart.
    """
    scores = [r.score.anatomy for r in results if r.score is not None and r.score.anatomy is not None]
    if not scores:
        return []
    return [
        *_bones(scores),
        *_canal(scores),
        *_pedicles(scores),
        *_landmarks(scores),
        *_cortex(scores),
        *_broken(scores),
    ]


def _bones(scores: Sequence[AnatomyScore]) -> Rows:
    bones = [b for s in scores for b in s.bones]
    rows: Rows = []
    for kind in dict.fromkeys(b.kind for b in bones):
        rows += _outlined(str(kind), [b for b in bones if b.kind == kind])
    discs = [d for s in scores for d in s.discs]
    return rows + (_outlined("disc", discs) if discs else [])


def _outlined(name: str, outlines: Sequence[OutlineScore]) -> Rows:
    found = [o for o in outlines if o.dice is not None]
    good = sum(o.dice is not None and o.dice >= _GOOD_DICE for o in outlines)
    return [
        (f"{name}: found apart from others", share(len(found), len(outlines))),
        (f"{name}: Dice", quantiles((o.dice for o in found), digits=3)),
        (f"{name}: Dice 0.95 or more, of all", share(good, len(outlines))),
    ]


def _canal(scores: Sequence[AnatomyScore]) -> Rows:
    canals = [s.canal for s in scores if s.canal is not None]
    if not canals:
        return []
    told = [c for c in canals if c.missed_mm is not None]
    whole = sum(c.missed_mm is not None and c.missed_mm <= _CUT_MM for c in canals)
    return [
        ("canal: cases with one", share(len(told), len(canals))),
        ("canal: missed, %", sizes((c.missed for c in canals), digits=1, scale=100.0)),
        ("canal: missed, greatest depth, mm", sizes(c.missed_mm for c in told)),
        ("canal: cut by no more than a voxel, cases", share_with_interval(whole, len(canals))),
        ("canal: taken from bone, mL", sizes(c.excess_ml for c in told)),
    ]


def _pedicles(scores: Sequence[AnatomyScore]) -> Rows:
    own = [p for s in scores for p in s.pedicles or ()]
    if not own:
        return [("pedicles", NOTHING)]
    widths = [p for p in own if p.width_error_mm is not None]
    return [
        ("pedicles: found", share(sum(p.is_found for p in own), len(own))),
        ("pedicles: width measured", share(len(widths), len(own))),
        ("pedicles: width, mm (signed)", spread(p.width_error_mm for p in own)),
        ("pedicles: width, mm", sizes(p.width_error_mm for p in own)),
        ("pedicles: height, mm (signed)", spread(p.height_error_mm for p in own)),
        ("pedicles: height, mm", sizes(p.height_error_mm for p in own)),
        ("pedicles: middle off the axis, mm", sizes(p.off_axis_mm for p in own)),
        ("pedicles: axis, degrees", sizes((p.axis_error_deg for p in own), digits=1)),
    ]


def _landmarks(scores: Sequence[AnatomyScore]) -> Rows:
    marks = [m for s in scores for m in s.landmarks or ()]
    rows: Rows = []
    for name in dict.fromkeys(m.name for m in marks):
        own = [m for m in marks if m.name == name]
        told = f"found {share(sum(m.error_mm is not None for m in own), len(own))}"
        rows.append((f"{name}, mm", f"{sizes(m.error_mm for m in own)}, {told}"))
    asked = [s.landmarks_false for s in scores if s.landmarks_false is not None]
    return [*rows, ("landmarks where none is", str(sum(asked)) if asked else NOTHING)]


def _cortex(scores: Sequence[AnatomyScore]) -> Rows:
    away = [s.cortex_away for s in scores if s.cortex_away is not None]
    near = [s.cortex_near for s in scores if s.cortex_near is not None]
    return [*_thickness("away from metal", away), *_thickness("within 5 mm of metal", near)]


def _thickness(where: str, found: Sequence[CortexScore]) -> Rows:
    name = f"cortex {where}"
    places, measured = sum(c.places for c in found), sum(c.measured for c in found)
    return [
        (f"{name}: places measured", share(measured, places)),
        (f"{name}: a case's median error, mm", sizes(c.error_mm for c in found)),
        (f"{name}: a case's 90th percentile, mm", sizes(c.error_p90_mm for c in found)),
        (f"{name}: a case's bias, mm (signed)", spread(c.bias_mm for c in found)),
    ]


def _broken(scores: Sequence[AnatomyScore]) -> Rows:
    asked = [s.fractures for s in scores if s.fractures is not None]
    own = [f for one in asked for f in one.fractures]
    collapsed = [f for f in own if f.grade > 0]
    graded = [f for f in collapsed if f.found_grade is not None]
    errors = [f.found_loss - f.loss for f in own if f.found_loss is not None]
    return [
        ("fractured levels: found, with height loss", share(sum(f.is_found for f in collapsed), len(collapsed))),
        (
            "fractured levels: found, without",
            share(sum(f.is_found for f in own if not f.grade), len(own) - len(collapsed)),
        ),
        ("fractured levels: grade right", share(sum(f.found_grade == f.grade for f in graded), len(graded))),
        ("fractured levels: height loss, % (signed)", spread(errors, digits=0, scale=100.0)),
        ("levels called fractured that are not", str(sum(one.false for one in asked)) if asked else NOTHING),
    ]
