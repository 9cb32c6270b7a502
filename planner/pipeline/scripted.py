"""What scripts call with a volume of their own, without a file."""

from functools import partial

from planner.config.plan_config import PlanConfig
from planner.errors import GeometryError, SeriesError
from planner.fluoro.console import console_angles_deg
from planner.io.hu_scale import clipping_level
from planner.io.rectify import plane_spacing_mm, rectify_volume
from planner.model.breach import Breach
from planner.model.gap import Gap
from planner.model.plan import Plan, Series
from planner.model.scan import Scan
from planner.model.volume import Volume
from planner.pipeline.found_breaches import breaches_of
from planner.pipeline.given_gaps import Gaps
from planner.pipeline.labelled import Labels, plan_labelled, volume_plan_labelled
from planner.pipeline.measured_gaps import anatomy_of
from planner.pipeline.run import treatment_position
from planner.pipeline.stages import Stages
from planner.pipeline.steps import measure_gaps
from planner.progress import SILENT, Monitor


def plan(
    volume: Volume,
    config: PlanConfig | None = None,
    *,
    labels: Labels | None = None,
    gaps: Gaps | None = None,
    monitor: Monitor = SILENT,
) -> Plan:
    """Plan on a CT.

    Parameters
    ----------
    volume : Volume
        The CT.
    config : PlanConfig or None
        The settings; None for the defaults.
    labels : AnatomyLabels, Path, str or None
        Anatomy labels made elsewhere on this CT, or where they are.
    gaps : LabelMap, Mask, Path, str or None
        Gaps as a person corrected them, or where they are: volumes, breaches and needles follow from them.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    Plan

    Raises
    ------
    LabelError
        If the labels or the gaps cannot be read or do not fit the CT.
    NoImplantError
        If the CT shows no orthopaedic implant.
    GeometryError
        If the CT's grid is sheared.
    CancelledError
        If the monitor stops the work.
    """
    settings = config or PlanConfig()
    return plan_labelled(scan_of(volume), settings, labels=labels, gaps=gaps, keep=False, monitor=monitor).plan


def estimate_volumes(
    volume: Volume,
    config: PlanConfig | None = None,
    *,
    labels: Labels | None = None,
    gaps: Gaps | None = None,
    monitor: Monitor = SILENT,
) -> tuple[Gap, ...]:
    """Measure the gaps of a CT, and nothing else.

    Parameters
    ----------
    volume : Volume
        The CT.
    config : PlanConfig or None
        The settings; None for the defaults.
    labels : AnatomyLabels, Path, str or None
        Anatomy labels made elsewhere on this CT, or where they are.
    gaps : LabelMap, Mask, Path, str or None
        Gaps as a person corrected them, or where they are: volumes, breaches and needles follow from them.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    tuple of Gap
        Volumes in mL with their 90 % intervals; empty where no implant has a gap.

    Raises
    ------
    LabelError
        If the labels or the gaps cannot be read or do not fit the CT.
    NoImplantError
        If the CT shows no orthopaedic implant.
    CancelledError
        If the monitor stops the work.
    """
    config = config or PlanConfig()
    return volume_plan_labelled(scan_of(volume), config, labels=labels, gaps=gaps, monitor=monitor).gaps


def find_breaches(volume: Volume, config: PlanConfig | None = None, *, monitor: Monitor = SILENT) -> tuple[Breach, ...]:
    """Find the places of a CT where cement would leave the gaps.

    Parameters
    ----------
    volume : Volume
        The CT.
    config : PlanConfig or None
        The settings; None for the defaults.
    monitor : Monitor
        Follows the work, and may stop it.

    Returns
    -------
    tuple of Breach
        Gap by gap, the largest first.

    Raises
    ------
    NoImplantError
        If the CT shows no orthopaedic implant.
    CancelledError
        If the monitor stops the work.
    """
    config = config or PlanConfig()
    measured = measure_gaps(scan_of(volume), config, Stages(monitor))
    console = partial(console_angles_deg, position=treatment_position(measured.implants, config))
    patches = breaches_of(measured, anatomy_of(measured), config, console=console, monitor=monitor)
    return tuple(patch.breach for patch in patches)


def scan_of(volume: Volume) -> Scan:
    """Take a volume from a script as a scan without a file.

    Parameters
    ----------
    volume : Volume
        The CT.

    Returns
    -------
    Scan
        Resampled onto a rectangular grid where the volume's is sheared.

    Raises
    ------
    GeometryError
        If it is sheared by more than can be put right.
    """
    series = Series(
        series_instance_uid=None,
        frame_of_reference_uid=volume.grid.frame_of_reference_uid,
        shape_zyx=volume.grid.shape,
        spacing_mm=plane_spacing_mm(volume.grid),
        patient_position=None,
        hu_min=float(volume.hu.min()),
        hu_max=float(volume.hu.max()),
        hu_clipped_at=clipping_level(volume.hu),
    )
    try:
        made = rectify_volume(volume)
    except SeriesError as error:
        raise GeometryError(str(error)) from error
    return Scan(made.volume, series, made.findings, stored=made.stored)
