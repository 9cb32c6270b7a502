"""Lucent gaps between an implant and its bone."""

from typing import Literal, Self

from pydantic import model_validator

from planner.model.record import Made, NotNegative, PointLps, Record, Share

GapKind = Literal["screw_halo", "periprosthetic_gap", "osteolysis", "cage_interface", "fracture_level"]


class Interval(Record):
    """An estimate with its 90 % interval."""

    estimate: NotNegative
    low: NotNegative
    high: NotNegative

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.low <= self.estimate <= self.high:
            raise ValueError("an interval needs low <= estimate <= high")
        return self


class ZoneVolume(Record):
    """How much of a gap lies in one zone."""

    zone: str
    """gruen-1 to gruen-14, charnley-1 to charnley-3, screw-proximal, screw-middle, screw-distal, screw-tip."""
    volume_ml: NotNegative | None


class GapWidth(Record):
    """Width of a gap over its surface, from the thread's crest, mm."""

    median: NotNegative
    p95: NotNegative
    max: NotNegative


class Gap(Record):
    """One connected lucent space."""

    id: str
    implant_id: str | None
    """None for a fractured level without an implant."""
    level: str | None
    kind: GapKind
    zones: tuple[ZoneVolume, ...]
    volume_ml: Interval | None
    """Thread valleys are part of the gap."""
    expected_fill_ml: Interval | None
    """What is in the gap when the expected injection ends, or is stopped for a leak; None where none was simulated: for
    want of a needle or of a volume, and where gaps alone are measured. Older plans may have a share as in cadavers."""
    width_mm: GapWidth | None
    interface_fraction: Share | None
    """Share of the bone interface that is lucent."""
    centroid_lps: PointLps
    trust: Share | None
    """How far metal artefacts leave the measurement usable."""
    made: Made = "automatic"
    """"edited" where a person drew the gap or changed its voxels. Older plans do not have it."""
