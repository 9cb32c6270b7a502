"""Whose CT it is, read from its files at the moment when somebody confirms it: to be shown, and never to be kept."""

from dataclasses import dataclass, field
from datetime import datetime

from planner.errors import InputError
from planner.io.dicom.datasets import open_dataset
from planner.io.dicom.elements import DamagedFileError
from planner.io.quiet import quiet
from planner.model.scan import Scan


@dataclass(frozen=True, slots=True)
class PatientIdentity:
    """What a CT's files say of its patient; it does not show in logs, for its fields are in no representation.

    Parameters
    ----------
    name : str or None
        As it reads ("Doe, Jane"); None where the files do not say it, as in what follows.
    patient_id : str or None
        The hospital's number.
    birth_date : str or None
        ISO 8601; as it is written where it is no date.
    """

    name: str | None = field(repr=False)
    patient_id: str | None = field(repr=False)
    birth_date: str | None = field(repr=False)

    @property
    def is_told(self) -> bool:
        """Whether the files say anything of the patient."""
        return any((self.name, self.patient_id, self.birth_date))


def patient_of(scan: Scan) -> PatientIdentity | None:
    """Read whose CT it is from its first and its last file.

    Parameters
    ----------
    scan : Scan
        The CT as it was loaded.

    Returns
    -------
    PatientIdentity or None
        None where the CT did not come as DICOM: its files do not know the patient.

    Raises
    ------
    InputError
        If the files are no longer there, cannot be read, or name two patients. The message names nobody.
    """
    if not scan.slice_files:
        return None
    told = []
    for path in dict.fromkeys((scan.slice_files[0], scan.slice_files[-1])):
        try:
            dataset = open_dataset(path, with_pixels=False)
        except (OSError, DamagedFileError) as error:
            raise InputError(
                "the CT's files can no longer be read, and cannot say whose it is; load it again"
            ) from error
        with quiet():
            told.append(
                PatientIdentity(
                    _words(dataset.get("PatientName")),
                    _words(dataset.get("PatientID")),
                    _date(_words(dataset.get("PatientBirthDate"))),
                )
            )
    if any(one != told[0] for one in told):
        raise InputError("the CT's files name two patients; load the files of one patient only")
    return told[0]


def _words(value: object) -> str | None:
    """Give an element's text on one line: a name's parts with commas between; None where it is empty."""
    first = str("" if value is None else value).split("=")[0]
    text = ", ".join(part.strip() for part in first.split("^") if part.strip())
    return " ".join(text.split()) or None


def _date(text: str | None) -> str | None:
    try:
        return None if text is None else datetime.strptime(text, "%Y%m%d").date().isoformat()
    except ValueError:
        return text
