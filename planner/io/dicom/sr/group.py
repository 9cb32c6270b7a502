"""One measurement group of a report: what is measured of one thing. What was not measured is not in it."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import highdicom as hd
import numpy as np
from pydicom.sr.coding import Code

from planner.io.dicom.codes import NO, YES, own
from planner.io.dicom.segments import tracking_uid
from planner.io.dicom.structure_terms import Term
from planner.model.gap import Interval
from planner.model.plan import Plan
from planner.model.record import PointLps

Group = hd.sr.MeasurementsAndQualitativeEvaluations | hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations
_LONGEST_TEXT = 4096
_SPELT = str.maketrans(
    {
        "\u2212": "-", "\u2013": "-", "\u2014": "-", "\u00b1": "+/-", "\u00d7": "x", "\u00b7": ".",
        "\u00b0": " degrees",
        "\u2264": "<=", "\u2265": ">=", "\u2192": "->", "\u00b5": "u", "\u03bc": "u", "\u00b2": "2", "\u00b3": "3",
        "\u2026": "...", "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"',
    }
)  # fmt: skip
"""Signs that change a figure's meaning where they are lost: a minus, a plus or minus."""


@dataclass(frozen=True, slots=True)
class Context:
    """What all groups of one report share.

    Parameters
    ----------
    plan : Plan
        The report's plan.
    series_uid : str
        Of the CT.
    frame_of_reference_uid : str
        Which points are told in.
    segments : mapping of str to ReferencedSegment
        By the plan's ids, those that have voxels.
    """

    plan: Plan
    series_uid: str
    frame_of_reference_uid: str
    segments: Mapping[str, hd.sr.ReferencedSegment]


@dataclass(slots=True)
class Told:
    """What is told of one thing, gathered piece by piece.

    Parameters
    ----------
    name : str
        The plan's id.
    context : Context
        The report's.
    term : Term
        What the thing is, and where.
    """

    name: str
    context: Context
    term: Term
    measurements: list[hd.sr.Measurement] = field(default_factory=list)
    evaluations: list[hd.sr.QualitativeEvaluation] = field(default_factory=list)
    texts: list[tuple[Code, str]] = field(default_factory=list)

    def number(
        self,
        name: Code,
        value: float | None,
        unit: Code,
        *,
        derivation: Code | None = None,
        of: str | None = None,
        around: Interval | None = None,
        points: Sequence[hd.sr.CoordinatesForMeasurement3D] = (),
    ) -> None:
        """Add a measurement; nothing where it was not measured.

        Parameters
        ----------
        name : Code
            What is measured.
        value : float or None
            The plan's figure, told exactly (as a double beside the decimals).
        unit : Code
            Of UCUM.
        derivation : Code or None
            How it comes of several: their median, say.
        of : str or None
            What tells it from other measurements of the same name: a zone, a structure.
        around : Interval or None
            The interval that it is the estimate of.
        points : sequence of CoordinatesForMeasurement3D
            Where it was measured.
        """
        if value is None:
            return
        uid = tracking_uid(self.context.series_uid, self.context.plan, f"{self.name}/{name.value}/{of}")
        self.measurements.append(
            hd.sr.Measurement(
                name=name,
                value=float(value),
                unit=unit,
                derivation=derivation,
                tracking_identifier=None if of is None else hd.sr.TrackingIdentifier(uid, ascii_text(of)),
                properties=None if around is None else _uncertainty(around, unit),
                referenced_coordinates=list(points) or None,
            )
        )

    def choice(self, name: str, value: str | None) -> None:
        """Add one of our own words out of several; nothing where none is told.

        Parameters
        ----------
        name : str
            The question's name in our table.
        value : str or None
            The answer's: ``name-value`` in our table.
        """
        if value is not None:
            self.evaluations.append(hd.sr.QualitativeEvaluation(name=own(name), value=own(f"{name}-{value}")))

    def truth(self, name: str, *, value: bool | None) -> None:
        """Add a yes or a no; nothing where neither is known.

        Parameters
        ----------
        name : str
            The question's name in our table.
        value : bool or None
            The answer.
        """
        if value is not None:
            self.evaluations.append(hd.sr.QualitativeEvaluation(name=own(name), value=YES if value else NO))

    def text(self, name: str, value: str | None) -> None:
        """Add words; nothing where there are none.

        Parameters
        ----------
        name : str
            The question's name in our table.
        value : str or None
            The words.
        """
        if value:
            self.texts.append((own(name), value))

    def group(self) -> Group:
        """Give all that was told: of a segment where the thing has one and nothing is told by points.

        Returns
        -------
        MeasurementsAndQualitativeEvaluations or VolumetricROIMeasurementsAndQualitativeEvaluations
            TID 1501, or TID 1411 with the segment.
        """
        place = self.term.place
        shared: dict[str, Any] = {
            "tracking_identifier": hd.sr.TrackingIdentifier(
                tracking_uid(self.context.series_uid, self.context.plan, self.name), ascii_text(self.name)
            ),
            "finding_category": self.term.category,
            "finding_type": self.term.type,
            "finding_sites": None if place is None else [hd.sr.FindingSite(place.region, laterality=place.side)],
            "measurements": self.measurements or None,
            "qualitative_evaluations": self.evaluations or None,
        }
        segment = self.context.segments.get(self.name)
        made: Group
        if segment is None or any(m.referenced_coordinates for m in self.measurements):
            made = hd.sr.MeasurementsAndQualitativeEvaluations(**shared)
        else:
            made = hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(referenced_segment=segment, **shared)
        made[0].ContentSequence.extend(text_item(name, value) for name, value in self.texts)
        return made

    def point(self, name: str, at_lps: PointLps) -> hd.sr.CoordinatesForMeasurement3D:
        """Give a place as a measurement refers to it.

        Parameters
        ----------
        name : str
            What is there, in our table.
        at_lps : tuple of float
            LPS, mm; DICOM keeps it as floats of 32 bits, some 0.00003 mm off.

        Returns
        -------
        CoordinatesForMeasurement3D
        """
        return self._coordinates(hd.sr.GraphicTypeValues3D.POINT, [at_lps], own(name))

    def line(self, name: Code, along_lps: Sequence[PointLps]) -> hd.sr.CoordinatesForMeasurement3D:
        """Give a way as a measurement refers to it.

        Parameters
        ----------
        name : Code
            What it is.
        along_lps : sequence of tuple of float
            Its points, LPS, mm.

        Returns
        -------
        CoordinatesForMeasurement3D
        """
        return self._coordinates(hd.sr.GraphicTypeValues3D.POLYLINE, along_lps, name)

    def _coordinates(
        self, kind: hd.sr.GraphicTypeValues3D, points_lps: Sequence[PointLps], name: Code
    ) -> hd.sr.CoordinatesForMeasurement3D:
        return hd.sr.CoordinatesForMeasurement3D(
            kind, np.array(points_lps, dtype=np.float64), self.context.frame_of_reference_uid, purpose=name
        )


def text_item(name: Code, value: str) -> hd.sr.TextContentItem:
    """Give words as an item of a report.

    Parameters
    ----------
    name : Code
        What they are about.
    value : str
        The words.

    Returns
    -------
    TextContentItem
    """
    contains = hd.sr.RelationshipTypeValues.CONTAINS
    return hd.sr.TextContentItem(name=name, value=ascii_text(value), relationship_type=contains)


def ascii_text(text: str) -> str:
    """Put words into the letters that are the same in all of DICOM's character sets, signs of a figure spelt out.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        ASCII on one line, "(no text)" where nothing is left of it.
    """
    parted = unicodedata.normalize("NFKD", text.translate(_SPELT))
    letters = "".join(c for c in parted if not unicodedata.combining(c)).encode("ascii", "replace").decode("ascii")
    return " ".join("".join(c if c.isprintable() else " " for c in letters).split())[:_LONGEST_TEXT] or "(no text)"


def _uncertainty(around: Interval, unit: Code) -> hd.sr.MeasurementProperties:
    properties = hd.sr.MeasurementProperties(
        upper_measurement_uncertainty=float(around.high - around.estimate),
        lower_measurement_uncertainty=float(around.estimate - around.low),
    )
    for item in properties:  # highdicom calls them without a unit; TID 310 wants the measurement's
        item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence = [hd.sr.CodedConcept.from_code(unit)]
    return properties
