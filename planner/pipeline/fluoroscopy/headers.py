"""Whether a CT's headers can carry DICOM objects: they need the patient's and the study's."""

from collections.abc import Iterator

from planner.errors import InputError, UsageError
from planner.io.dicom.source_study import read_source_ct
from planner.model.finding import Finding
from planner.model.plan import Plan
from planner.model.scan import Scan

_CODE = "fluoroscopy-not-dicom"


def no_headers(scan: Scan) -> Iterator[Finding]:
    """Name what keeps a plan's labels, measurements and fluoroscopy pictures from being written as DICOM.

    Parameters
    ----------
    scan : Scan
        The CT as it was loaded.

    Yields
    ------
    Finding
        Where the CT is DICOM, and its headers cannot be taken over; nothing for a CT of another format.
    """
    if scan.slice_files:
        try:
            read_source_ct(scan.slice_files)
        except (InputError, UsageError) as error:
            said = f"labels, measurements and fluoroscopy pictures are not written as DICOM: {error}"
            yield Finding(code=_CODE, severity="info", message=said)


def has_headers(plan: Plan, scan: Scan) -> bool:
    """Say whether a plan's labels, measurements and pictures can be written as DICOM.

    Parameters
    ----------
    plan : Plan
        With the findings of `no_headers`.
    scan : Scan
        Its CT.

    Returns
    -------
    bool
    """
    return bool(scan.slice_files) and all(finding.code != _CODE for finding in plan.findings)
