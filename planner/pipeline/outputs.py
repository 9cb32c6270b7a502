"""The files of a plan's folder."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from planner.config.plan_config import PlanConfig
from planner.geometry.grid import Grid
from planner.io.dicom.patient import PatientIdentity
from planner.io.dicom.seg import write_seg_on_slices
from planner.io.dicom.sr.document import write_measurements
from planner.io.nifti import write_label_nifti
from planner.io.plan_json import save_plan
from planner.io.unwrapped_csv import write_unwrapped_csv
from planner.io.volumes_csv import write_volumes_csv
from planner.io.whole_file import write_whole
from planner.model.labels import LabelMap
from planner.model.privacy import carries
from planner.pipeline.expected_cement import write_arrivals
from planner.pipeline.fluoroscopy.headers import has_headers
from planner.pipeline.labelling import codes_on_slices
from planner.pipeline.plan_surfaces import write_plan_surfaces
from planner.pipeline.planned_case import PlannedCase
from planner.pipeline.slicer_files import write_slicer_files
from planner.pipeline.trust_file import trust_percent
from planner.progress import SILENT, Follower, Monitor, Progress, check_cancelled
from planner.report.html import render_report
from planner.report.review_words import review_line
from planner.segment.trust import TrustMap


def write_plan_files(
    case: PlannedCase,
    folder: Path,
    config: PlanConfig,
    *,
    figures: bool = True,
    patient: PatientIdentity | None = None,
    monitor: Monitor = SILENT,
) -> None:
    """Write a plan's files into a folder that exists.

    Parameters
    ----------
    case : PlannedCase
        The plan with its voxels.
    folder : Path
        Where; the names are among `planner.pipeline.PLAN_FILES`.
    config : PlanConfig
        The settings.
    figures : bool
        Whether pictures are drawn: fluoroscopy, and the report's.
    patient : PatientIdentity or None
        Whose name is printed on the report, and nowhere else; None: nobody's.
    monitor : Monitor
        Follows the work, and may stop it.

    Raises
    ------
    CancelledError
        If the monitor stops the work.
    OutputError
        If a file cannot be written.
    KeyError
        If a file lies there that the policy on what outputs tell of the patient does not know
        (`planner.model.privacy.carries`).
    """
    save_plan(case.plan, folder / "plan.json")
    monitor.report(Progress("writing labels"))
    labels = own_labels(case)
    pictures: dict[str, bytes] = {}
    with ThreadPoolExecutor(4) as aside, Follower(monitor) as follower:
        # Packing and the surfaces' kernels leave Python's lock alone: they work while DICOM objects,
        # which are all Python, are put together. Each file is written by one of them, from what nobody changes.
        beside = [aside.submit(write_label_nifti, labels, folder / "labels.nii.gz")]
        if has_headers(case.plan, case.scan):
            beside.append(aside.submit(_write_dicom, case, labels, folder))
        if case.trust is not None:
            beside.append(aside.submit(_write_trust, case.trust, labels.grid, folder / "trust.nii.gz"))
        fluoro, views = folder / "fluoro", None
        if figures:
            from planner.pipeline.fluoroscopy.files import write_plan_fluoroscopy  # what only pictures need

            # Casting rays leaves the lock alone, too: fluoroscopy is taken while all else is written and drawn.
            views = aside.submit(write_plan_fluoroscopy, case, fluoro, config.fluoroscopy, monitor=follower)
        write_volumes_csv(case.plan, folder / "volumes.csv")
        write_unwrapped_csv(case.unwrapped, folder / "unwrapped.csv")
        surfaces = write_plan_surfaces(case, folder / "surfaces", config.output, monitor=monitor)
        write_slicer_files(case, labels, surfaces, folder)
        write_arrivals(case.arrivals, labels.grid, folder)
        if views is not None:
            check_cancelled(monitor)
            from planner.pipeline.plan_pictures import report_pictures, write_angle_maps  # matplotlib: slow to load

            drawn = report_pictures(case, monitor=monitor)
            monitor.report(Progress("drawing fluoroscopy"))
            pictures = views.result() | write_angle_maps(case, fluoro) | drawn
    for one in beside:
        one.result()
    fingerprint = hashlib.sha256((folder / "plan.json").read_bytes()).hexdigest()
    report = render_report(case.plan, pictures, config=config, patient=patient, plan_sha256=fingerprint)
    write_whole(report.encode("utf-8"), folder / "report.html")
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            carries(path.name)  # one that the privacy policy does not know is a fault of ours, and no plan appears


def own_labels(case: PlannedCase) -> LabelMap:
    """Give a case's labels on the CT's own grid, as scripts and viewers expect them beside it.

    Parameters
    ----------
    case : PlannedCase
        The plan with its voxels.

    Returns
    -------
    LabelMap
        On the grid that was planned on where the CT's own slices lie on none (uneven distances).
    """
    own = case.scan.own_slices
    if own.grid is None or own.grid.is_same(case.labels.grid):
        return case.labels
    return LabelMap(own.grid, codes_on_slices(case.labels, own), case.labels.structures)


def _write_trust(trust: TrustMap, grid: Grid, path: Path) -> None:
    write_label_nifti(LabelMap(grid, trust_percent(trust, grid), ()), path)


def _write_dicom(case: PlannedCase, labels: LabelMap, folder: Path) -> None:
    """Write labels on the CT's own slices, also where these lie on no one grid, and the measurements that name them."""
    own = case.scan.own_slices
    codes = codes_on_slices(case.labels, own) if own.grid is None else labels.codes
    said, path = review_line(case.plan.review), folder / "labels.seg.dcm"
    write_seg_on_slices(codes, labels.structures, own, case.scan.slice_files, path, plan=case.plan, description=said)
    write_measurements(case.plan, folder / "measurements.sr.dcm", segmentation=path, review=said)
