"""The segments of a DICOM Segmentation: what each is, who made it, and its colour."""

from collections.abc import Sequence

import highdicom as hd
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from planner.io.dicom.structure_terms import Place, structure_term
from planner.io.dicom.write import MANUFACTURER, SOFTWARE_VERSION, derived_uid
from planner.model.labels import Structure
from planner.model.plan import Plan
from planner.model.record import Made
from planner.model.structure_colours import STRUCTURE_COLOURS

_ALGORITHM_FAMILY = Code("123104", "DCM", "Morphological Operations")
_ALGORITHM_TYPES: dict[Made, hd.seg.SegmentAlgorithmTypeValues] = {
    "automatic": hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
    # The plan does not tell a gap that a person drew anew from one that was changed: the program placed what it holds.
    "edited": hd.seg.SegmentAlgorithmTypeValues.SEMIAUTOMATIC,
}
_LONGEST_LABEL = 64


def segment_descriptions(
    structures: Sequence[Structure], plan: Plan | None, series_uid: str
) -> list[hd.seg.SegmentDescription]:
    """Describe structures as segments, numbered from 1 in their order.

    Parameters
    ----------
    structures : sequence of Structure
        What has voxels.
    plan : Plan or None
        The plan that they belong to; without it they are told by their kind alone.
    series_uid : str
        Of the CT, for the tracking UIDs.

    Returns
    -------
    list of SegmentDescription
        Labelled by the plan's ids; the description is the value in the label map.
    """
    return [_description(number, s, plan, series_uid) for number, s in enumerate(structures, start=1)]


def tracking_uid(series_uid: str, plan: Plan | None, name: str) -> str:
    """Give the UID by which a thing of a plan is followed from one object to another.

    It stays when a person edits or approves the plan. Plans of other settings or another version count anew: gap-1 of
    one may be at another screw than gap-1 of the other.

    Parameters
    ----------
    series_uid : str
        Of the CT.
    plan : Plan or None
        The plan; None for labels of none.
    name : str
        The plan's id of it.

    Returns
    -------
    str
    """
    made_with = () if plan is None else (plan.software.version, plan.settings_sha256)
    return derived_uid("tracking", series_uid, *made_with, name)


def _description(number: int, structure: Structure, plan: Plan | None, series_uid: str) -> hd.seg.SegmentDescription:
    term = structure_term(structure, plan)
    colour = STRUCTURE_COLOURS.get(structure.kind)
    described = hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=structure.id[:_LONGEST_LABEL],
        segmented_property_category=term.category,
        segmented_property_type=term.type,
        algorithm_type=_ALGORITHM_TYPES[term.made],
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name=MANUFACTURER, version=SOFTWARE_VERSION, family=_ALGORITHM_FAMILY
        ),
        tracking_id=structure.id,
        tracking_uid=tracking_uid(series_uid, plan, structure.id),
        anatomic_regions=None if term.place is None else [term.place.region],
        display_color=None if colour is None else hd.color.CIELabColor.from_string(colour),
    )
    described.SegmentDescription = str(structure.code)
    if term.modifier is not None:
        kind = described.SegmentedPropertyTypeCodeSequence[0]
        kind.SegmentedPropertyTypeModifierCodeSequence = [_coded(term.modifier)]
    if term.place is not None:
        _tell_side(described, term.place)
    return described


def _tell_side(described: Dataset, place: Place) -> None:
    if place.side is not None:
        described.AnatomicRegionSequence[0].AnatomicRegionModifierSequence = [_coded(place.side)]


def _coded(code: Code) -> Dataset:
    return hd.sr.CodedConcept.from_code(code)
