"""Gross migration and tilt of a cup, and a head that stands half out of it, as far as one CT can say."""

from dataclasses import dataclass

import numpy as np

from planner.config.candidacy_config import CupMigrationConfig
from planner.geometry.frames import point_tuple
from planner.model.finding import Finding
from planner.model.implant import Side
from planner.segment.anatomy.joint_space import HipJoint
from planner.segment.candidacy.cup_place import CupTurn, MirroredSide, cup_turn

DEFAULT = CupMigrationConfig()
_ONE_CT = "One CT cannot show that it moved: it may have been set there; compare earlier pictures."
_TILT_SOURCE = (
    "30-50 and 5-25 degrees: Lewinnek 1978, doi 10.2106/00004623-197860020-00014; far off: this program's rule"
)
_MIGRATION_SOURCE = "no gross migration: de Smidt 2026, doi 10.1177/11207000251415370; the limit: this program's rule"


@dataclass(frozen=True, slots=True, eq=False)
class CupMigration:
    """Where a cup and its head stand.

    Parameters
    ----------
    joint : HipJoint
        The hip.
    out_mm : float or None
        How far the head stands out of the cup's middle, towards the mouth; negative: worn in. None without both.
    room_mm : float or None
        How far apart both centres can be while the head is within the cup.
    turn : CupTurn or None
        None where the cup's mouth is not known.
    up_mm, medial_mm, behind_mm : float or None
        How far the cup's centre lies from where the other side says it was; negative: down, lateral, in front. None
        where the other side cannot say.
    """

    joint: HipJoint
    out_mm: float | None = None
    room_mm: float | None = None
    turn: CupTurn | None = None
    up_mm: float | None = None
    medial_mm: float | None = None
    behind_mm: float | None = None

    @property
    def side(self) -> Side:
        """The patient's side."""
        return self.joint.side

    @property
    def away_mm(self) -> float | None:
        """How far the cup's centre lies off, whichever way; None where the other side cannot say."""
        if self.up_mm is None or self.medial_mm is None or self.behind_mm is None:
            return None
        return float(np.linalg.norm([self.up_mm, self.medial_mm, self.behind_mm]))


def cup_migration(
    joint: HipJoint, *, has_head: bool = True, has_cup: bool = True, mirrored: MirroredSide | None = None
) -> CupMigration | None:
    """Measure where a cup and its head stand.

    Parameters
    ----------
    joint : HipJoint
        A replaced hip.
    has_head, has_cup : bool
        Whether each was found as metal; of what was not, nothing is measured.
    mirrored : MirroredSide or None
        The other side, laid onto this one.

    Returns
    -------
    CupMigration or None
        None for a natural hip, and one without a cup.
    """
    if joint.is_natural or not has_cup:
        return None
    out = room = up = medial = behind = None
    if has_head:
        out = float((np.asarray(joint.head_lps) - np.asarray(joint.socket_lps)) @ np.asarray(joint.opening_lps))
        room = joint.socket_radius_mm - joint.head_radius_mm
    if mirrored is not None:
        x, y, z = np.asarray(joint.socket_lps) - np.asarray(mirrored.native_lps)
        up, medial, behind = float(z), float(-x * joint.outwards), float(y)
    return CupMigration(joint, out, room, cup_turn(joint), up, medial, behind)


def migration_findings(found: CupMigration | None, *, config: CupMigrationConfig = DEFAULT) -> tuple[Finding, ...]:
    """Say what a cup's place means for cement.

    Parameters
    ----------
    found : CupMigration or None
        As measured.
    config : CupMigrationConfig
        Limits.

    Returns
    -------
    tuple of Finding
        Of a head that is right out of its cup, the search for faults of the hardware tells.
    """
    if found is None:
        return ()
    return (*_subluxed(found, config), *_migrated(found, config), *_tilted(found, config))


def _subluxed(found: CupMigration, config: CupMigrationConfig) -> tuple[Finding, ...]:
    if found.out_mm is None or found.room_mm is None or not config.subluxed_mm <= found.out_mm <= found.room_mm:
        return ()
    return (
        Finding(
            code="head-subluxed",
            severity="caution",
            message=f"{found.side} hip: the head stands {found.out_mm:.1f} mm out of the cup's middle, to its mouth: "
            "half out of the liner, or a liner that is offset by design.",
            where_lps=point_tuple(found.joint.head_lps),
            measured=round(found.out_mm, 1),
            limit=config.subluxed_mm,
            unit="mm",
            source="this program's rule",
        ),
    )


def _migrated(found: CupMigration, config: CupMigrationConfig) -> tuple[Finding, ...]:
    away = found.away_mm
    if away is None or away < config.off_mm:
        return ()
    gross = away >= config.gross_mm
    ways = (
        _way(found.up_mm, "upwards", "downwards"),
        _way(found.medial_mm, "medially", "laterally"),
        _way(found.behind_mm, "behind", "in front"),
    )
    words = f"{away:.0f} mm off the mirrored other hip's: {', '.join(way for way in ways if way)}"
    act = "If it moved there, this is no candidate for cement. " if gross else ""
    return (
        Finding(
            code="cup-grossly-migrated" if gross else "cup-off-native-centre",
            severity="warning" if gross else "caution",
            message=f"{found.side} hip: the cup's centre lies {words}. {act}{_ONE_CT}",
            where_lps=point_tuple(found.joint.socket_lps),
            measured=round(away, 1),
            limit=config.gross_mm if gross else config.off_mm,
            unit="mm",
            source=_MIGRATION_SOURCE,
        ),
    )


def _way(mm: float | None, ahead: str, back: str) -> str:
    """Name a way and its length; nothing for less than half a millimetre."""
    return "" if mm is None or abs(mm) < 0.5 else f"{abs(mm):.0f} mm {ahead if mm > 0 else back}"


def _tilted(found: CupMigration, config: CupMigrationConfig) -> tuple[Finding, ...]:
    if found.turn is None:
        return ()
    out = []
    for word, angle, low, high in (
        ("inclination", found.turn.inclination_deg, config.least_inclination_deg, config.most_inclination_deg),
        ("anteversion", found.turn.anteversion_deg, config.least_anteversion_deg, config.most_anteversion_deg),
    ):
        if low <= angle <= high:
            continue
        out.append(
            Finding(
                code="cup-tilted",
                severity="caution",
                message=f"{found.side} hip: the cup's {word} is {angle:.0f} degrees by the table's axes, far from the "
                f"usual: it may have tipped over. {_ONE_CT}",
                where_lps=point_tuple(found.joint.socket_lps),
                measured=round(angle, 1),
                limit=high if angle > high else low,
                unit="degrees",
                source=_TILT_SOURCE,
            )
        )
    return tuple(out)
