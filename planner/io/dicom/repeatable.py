"""Objects that are the same, byte for byte, whenever they are written from the same plan."""

import re
from datetime import datetime
from typing import Final

from pydicom.dataset import Dataset
from pydicom.uid import UID

from planner.io.dicom.write import derived_uid

NO_DATE: Final = "19000101"
"""Where the standard wants a date and the CT has none (made anonymous, say): one that nobody takes for a date."""
_DATES = (("ContentDate", "ContentTime"), ("AcquisitionDate", "AcquisitionTime"), ("SeriesDate", "SeriesTime"),
          ("StudyDate", "StudyTime"))  # fmt: skip
_TIME = re.compile(r"\d{6}(\.\d{1,6})?")


def make_repeatable(dataset: Dataset, source: Dataset, *, at: tuple[str, str] | None = None) -> None:
    """Take out of an object what tells only when, and by which version of a library, its file was written.

    Parameters
    ----------
    dataset : Dataset
        The object, changed in place. Its content's date and time, which the standard wants, become those of what it
        is made from: the plan of one CT is one, whenever it is computed.
    source : Dataset
        The first of the CT's files.
    at : (str, str) or None
        Date and time of the content where that is told: of an approval.
    """
    for name in ("InstanceCreationDate", "InstanceCreationTime"):
        if name in dataset:
            del dataset[name]
    dataset.ContentDate, dataset.ContentTime = at or _moment(source)
    meta = dataset.file_meta
    meta.ImplementationClassUID = UID(derived_uid("implementation"))
    meta.ImplementationVersionName = "CEMENT_PLANNER"
    if "DimensionOrganizationSequence" in dataset:
        _derive_organization(dataset)
    # Names the scanner's institution and serial number, and the library's version: nobody needs them here.
    if "ContributingEquipmentSequence" in dataset:
        del dataset.ContributingEquipmentSequence


def _derive_organization(dataset: Dataset) -> None:
    """Give the frames' dimensions a derived UID in the place of a random one."""
    uid = UID(derived_uid("dimensions", str(dataset.SOPInstanceUID)))
    for item in (*dataset.DimensionOrganizationSequence, *dataset.get("DimensionIndexSequence", ())):
        item.DimensionOrganizationUID = uid


def _moment(source: Dataset) -> tuple[str, str]:
    for date, time in _DATES:
        day, hour = str(source.get(date, "") or "").strip(), str(source.get(time, "") or "").strip()
        if _reads_as(day, "%Y%m%d"):
            return day, hour if _reads_as(hour.partition(".")[0], "%H%M%S") and _TIME.fullmatch(hour) else "000000"
    return NO_DATE, "000000"


def _reads_as(text: str, form: str) -> bool:
    try:
        return datetime.strptime(text, form).strftime(form) == text
    except ValueError:
        return False
