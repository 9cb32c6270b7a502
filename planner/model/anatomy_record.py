"""The anatomy as it was measured: what scripts read of bones, pedicles, discs, the canal, cortex and hips."""

from typing import Annotated, Literal

from pydantic import Field

from planner.model.bones import BoneKind, LandmarkName
from planner.model.implant import Side
from planner.model.record import NotNegative, PointLps, Record, Share, VectorLps


class BoneRecord(Record):
    """One bone, apart from its neighbours."""

    name: str
    """Unique in the plan; the id of its label. The other records name their bones by it."""
    kind: BoneKind
    level: str | None
    """Vertebral level ("L4"); None where nothing outside of the CT told it, and for bones without levels."""
    side: Side | None
    """None in the midline."""
    label_code: int | None
    """Its value in the label map; None where it is not painted: the other hip's bones, and plans of volumes only."""
    envelope_ml: NotNegative
    """Of its outline, closed over gaps, holes and the metal that lies in it, without what a cup holds: more than the
    label's voxels, which leave metal and gaps out."""
    is_cut: bool
    """It goes on beyond what was outlined (the scan's end, or that of the part round the implants): the volume is that
    of what is seen."""


class DiscRecord(Record):
    """One space between two vertebral bodies. A disc that is not there was not seen: fused, hidden, out of view."""

    above: str
    """Name of the bone above."""
    below: str
    volume_ml: NotNegative


class BodyRecord(Record):
    """The heights of one vertebral body, in its midline, and what it has lost of them."""

    bone: str
    level: str | None
    front_mm: NotNegative | None
    """From endplate to endplate near the front wall; None where an endplate is not seen there."""
    middle_mm: NotNegative | None
    back_mm: NotNegative | None
    front_loss_share: Share | None
    """Share of the height in front that is lost; None where it was not measured, or nothing tells what it was."""
    middle_loss_share: Share | None
    back_loss_share: Share | None
    compared_with: Literal["neighbours", "own back wall"] | None
    """What tells the height that was; None where nothing does."""
    genant_like_grade: Annotated[int, Field(ge=0, le=3)] | None
    """0: no loss that counts, to 3: severe; None where no loss was measured. By the greatest of the three shares: where
    one is None, more may be lost."""


class PedicleRecord(Record):
    """One pedicle at its narrowest place."""

    bone: str
    level: str | None
    side: Side
    centre_lps: PointLps
    """Middle of the narrowest section; where `width_mm` is None only about there, half a usual width off the canal."""
    usual_inward_lps: VectorLps
    """The direction that the section was laid square to: forwards into the body, turned in by the usual 11 degrees, and
    along the canal's run. Usual, not measured on this pedicle."""
    width_mm: NotNegative | None
    """There, across the axis, from outer cortex to outer cortex; None where a wall cannot be read: beside a screw, in
    artefact, where bone is missing. Of a bone that is cut (`BoneRecord.is_cut`) only that of what is seen."""
    height_mm: NotNegative | None


class CanalRecord(Record):
    """The spinal canal near spinal implants."""

    known: bool
    """False: looked for in vain (finding "canal-not-found"), and nothing near the implants is treated as free."""
    lower_lps: PointLps | None
    """Lower end of its centre line, as far as it can be trusted; None where it is not known."""
    upper_lps: PointLps | None
    cut_below: bool | None
    """It ran on below `lower_lps`, but could not be trusted there."""
    cut_above: bool | None
    bone_met_share: Share | None
    """Share of its wall where bone was met; the rest (foramina, between arches, a laminectomy, hidden by metal) is
    carried on from its neighbours."""


class LandmarkRecord(Record):
    """A point of a bone that can be felt or seen."""

    name: LandmarkName
    bone: str
    side: Side | None
    point_lps: PointLps


class CortexRecord(Record):
    """The cortex at places all over one part of the bones' surface."""

    places: int
    """How many were looked at."""
    told_share: Share | None
    """Share of them where it could be told; None without places."""
    median_mm: NotNegative | None
    """Median thickness where it could be told: of the thicker places only, for no wall below `thinnest_mm` is told.
    None where it was told at less than half of the places: those are no fair choice."""


class CorticesRecord(Record):
    """The cortex of all bones round the implants."""

    near_metal_mm: NotNegative
    """So near to metal a place counts as near."""
    thinnest_mm: NotNegative
    """A thinner wall is not told, nor told from none."""
    near_metal: CortexRecord
    away_from_metal: CortexRecord


class HipRecord(Record):
    """One hip joint."""

    side: Side
    is_natural: bool
    """Its head is bone."""
    offset_mm: NotNegative | None
    """From the head's centre (the cup's, where no head was found) to the axis of the stem, nail or shaft, at right
    angles to it; None where no axis is known."""
    below_ischia_mm: float | None
    """How far the femur's landmark (`LegsRecord.landmark`) lies below the line between both ischial tuberosities, in
    the coronal plane, negative above; None where not both hips, tuberosities and landmarks are in view."""


class LegsRecord(Record):
    """Both hips against each other. A hip that lies turned or bent shifts the figures."""

    landmark: LandmarkName
    """Of the femora, which leg length was measured by."""
    left_longer_mm: float
    """How much longer the left leg is at the hip; negative where the right one is."""
    left_offset_more_mm: float | None
    """How much more offset the left hip has; None where one hip's is not known."""


class CupRecord(Record):
    """Where a cup stands, and what bone holds it. What was not measured, and why: finding "hip-candidacy-not-told"."""

    side: Side
    implant_id: str | None
    inclination_deg: float | None
    """Radiographic, by the planes of the scan as the patient lay; None where the cup's mouth was not told."""
    anteversion_deg: float | None
    head_out_mm: float | None
    """How far the head's centre stands out of the cup's, towards its mouth; negative: worn in. None without both."""
    head_room_mm: float | None
    """How far apart both centres can be while the head is within the cup."""
    up_mm: float | None
    """How far the cup's centre lies above where the mirrored other hip has its own; negative: below. None where the
    other side cannot say. One CT cannot show that it moved there."""
    medial_mm: float | None
    """The same to the middle; negative: lateral."""
    behind_mm: float | None
    """The same to the back; negative: in front."""
    away_mm: NotNegative | None
    """The same whichever way."""
    rim_lost_share: Share | None
    """Share of the socket's upper rim without bone; None where too little can be read, as for the next two."""
    floor_lost_share: Share | None
    """Share of the medial wall without bone."""
    held_share: Share | None
    """Share of the cup's outside that bone holds."""
    paprosky_like: Literal["I", "II", "IIC", "IIIA", "IIIB"] | None


class FemurWallRecord(Record):
    """What is missing of a femur's wall. What was not measured, and why: finding "hip-candidacy-not-told"."""

    side: Side
    metaphysis_lost_share: Share | None
    """Share of the circumference that the metaphysis has lost."""
    lost_mm: NotNegative | None
    """Longest stretch along the shaft with a segmental loss; 0: looked for, none."""
    intact_mm: NotNegative | None
    """Longest stretch below the metaphysis that is surely whole; None where what cannot be read may change the
    class."""
    view_mm: NotNegative
    """How much of the shaft below the metaphysis is in view."""
    paprosky_like: Literal["I", "II", "IIIA", "IIIB", "IV"] | None


class MissingBoneRecord(Record):
    """Bone that is missing, or lucent. A comparison that is not there found less than counts, or could not be made."""

    bone: str
    side: Side
    against: Literal["mirrored side", "envelope"]
    """Against the other side; or what of the bone's own outline was measured as lucent."""
    volume_ml: NotNegative
    unread_ml: NotNegative
    """What is missing beside it, as far as it goes, where artefacts leave nothing readable."""
    fit_error_mm: NotNegative | None
    """How well the mirrored side fits; None for the envelope."""


class AnatomyRecord(Record):
    """What was measured of the anatomy round the implants. Empty: none was told there, or there is none."""

    bones: tuple[BoneRecord, ...] = ()
    discs: tuple[DiscRecord, ...] = ()
    """From the top down."""
    vertebral_bodies: tuple[BodyRecord, ...] = ()
    """From the top down, without the sacrum."""
    pedicles: tuple[PedicleRecord, ...] = ()
    """From the top down; one that is not there was not found."""
    canal: CanalRecord | None = None
    """None where there are no spinal implants: it was not looked for."""
    landmarks: tuple[LandmarkRecord, ...] = ()
    cortex: CorticesRecord | None = None
    """None where it was not looked at."""
    hips: tuple[HipRecord, ...] = ()
    """Hips in view, the natural one beside a replaced one too."""
    legs: LegsRecord | None = None
    """None without hip implants, and where not all that it needs is in view: finding "anatomy-not-measured"."""
    cups: tuple[CupRecord, ...] = ()
    femora: tuple[FemurWallRecord, ...] = ()
    """Femora whose wall was looked at."""
    missing_bone: tuple[MissingBoneRecord, ...] = ()
