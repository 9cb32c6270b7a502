"""A patient's trunk: skin, fat, muscles with fat in them, organs and vessels, all along the bent spine.

Nothing here, nor in `abdomen` and `chest`, has a source but common anatomy; sizes and places were set by eye, on
pictures. The patient lies on her back: the back is flat, organs have sunk to it. What is on one side only (liver,
aorta, heart) tells left from right.
"""

from collections.abc import Sequence

import numpy as np

from planner.config.phantoms.spine.altered import EcgLead, SegmentalVessels
from planner.config.phantoms.spine.patient import SpinePatient
from planner.phantoms.scene import Part
from planner.phantoms.solids.basic import Grown, Intersection, Solid
from planner.phantoms.spine.defects import decoys
from planner.phantoms.spine.patient import abdomen, chest
from planner.phantoms.spine.patient.bundles import Bundle
from planner.phantoms.spine.patient.course import Course, canal_back
from planner.phantoms.spine.patient.flesh import SKIN_MM, Flesh
from planner.phantoms.spine.patient.soft_tissue import SoftTissue
from planner.phantoms.spine.patient.vertebrae import Vertebra
from planner.phantoms.truth.facts import Structure

_FRONT_MM = 1.5
_FAR_MM = (400.0, 150.0)


def soft_tissue_of(patient: SpinePatient, vertebrae: Sequence[Vertebra], *, chest_mm: chest.Chest) -> SoftTissue:
    """Give all that lies round a patient's bones.

    Parameters
    ----------
    patient : SpinePatient
        Whose.
    vertebrae : sequence of Vertebra
        From the top down, S1 as a bare body where it is shown.
    chest_mm : tuple of float
        From `chest_oval`.

    Returns
    -------
    SoftTissue
        Its parts are to be painted before the bones.
    """
    lumbar = patient.region == "lumbar"
    course = Course(tuple(vertebrae), patient.size, 35.0 if lumbar else 24.0)
    back_y = _back_y(patient, vertebrae)
    flesh = abdomen.abdomen(patient, course, back_y) if lumbar else chest.chest(patient, course, back_y, chest_mm)
    structures = (_front(course, flesh.body), *flesh.structures)
    return SoftTissue(flesh.body, (*flesh.parts, *_decoys(patient, vertebrae, flesh)), structures)


def _back_y(patient: SpinePatient, vertebrae: Sequence[Vertebra]) -> float:
    """Give the y of the skin on the table: behind most of the spinous processes by the fat beneath the skin."""
    tips = [v.place((0.0, canal_back(v) + 26.0 * patient.size, 0.0))[1] for v in vertebrae]
    return float(np.percentile(tips, 70)) + 6.0 + patient.fat_mm


def _front(course: Course, body: Solid) -> Structure:
    """Give what lies in front of the bodies' middle, however the spine is bent."""
    line = course.line(lambda _: (0.0, -_FRONT_MM))
    middles = tuple((x, y - _FAR_MM[1], z) for x, y, z in reversed(line))
    # So square an oval is flat wherever the trunk is.
    ahead = Bundle(middles, (_FAR_MM,) * len(middles), 8.0)
    return Structure("front of the spine", Intersection((ahead, Grown(body, -SKIN_MM))))


def _decoys(patient: SpinePatient, vertebrae: Sequence[Vertebra], flesh: Flesh) -> list[Part]:
    by_level = {v.level: v for v in vertebrae}
    parts = []
    for decoy in patient.decoys:
        if isinstance(decoy, SegmentalVessels):
            parts.append(decoys.segmental_vessels(decoy, by_level[decoy.level]))
        elif isinstance(decoy, EcgLead):
            low, high = flesh.body.bounds_lps
            parts.append(decoys.ecg_lead(decoy, flesh.body, around_lps=(0.0, float(low[1] + high[1]) / 2.0)))
    return parts
