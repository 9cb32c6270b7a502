"""A CT under a pseudonym: the same one each time for the holder of the key, and no way back without it."""

import hmac
import re
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.uid import UID

from planner.errors import InputError, UsageError
from planner.io.dicom.datasets import DATASET_DAMAGE, open_dataset
from planner.io.dicom.elements import DamagedFileError
from planner.io.dicom.headers import CT_IMAGE
from planner.io.dicom.write import derived_uid, file_meta
from planner.io.quiet import quiet
from planner.model.privacy import KEPT

LEAST_KEY_BYTES = 32
"""As long as what HMAC-SHA256 gives: a shorter key weakens it (RFC 2104 section 3)."""
_STANDARD = "1.2.840.10008."
WRITTEN_UID = re.compile(r"(?<![\w.])(?:2\.25\.\d{5,}|\d+(?:\.\d+){5,})(?!\.?\w)")
"""What reads as a UID within a sentence; no figure has five dots."""
_DIGITS = 12
_METHOD = "Basic profile, HMAC-SHA256 pseudonyms"


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """What stands in the place of what.

    Parameters
    ----------
    key : bytes
        The secret; in no representation.

    Raises
    ------
    UsageError
        If it is shorter than `LEAST_KEY_BYTES`.
    """

    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.key) < LEAST_KEY_BYTES:
            raise UsageError(
                f"the key for pseudonyms has {len(self.key)} bytes, and needs {LEAST_KEY_BYTES}; make one with "
                "'openssl rand -hex 32' and keep it: the same key gives the same pseudonyms"
            )

    def uid(self, uid: str) -> str:
        """Give the UID that stands for another.

        Parameters
        ----------
        uid : str
            "" and what the standard itself registers stay as they are.

        Returns
        -------
        str
            Under 2.25, from a UUID of version 8 (PS3.5 B.2, RFC 9562 5.8) made of the keyed hash.
        """
        if not uid or uid.startswith(_STANDARD):
            return uid
        number = int.from_bytes(self._hash("uid", uid)[:16], "big")
        number &= ~(0xF << 76) & ~(0x3 << 62)
        number |= (0x8 << 76) | (0x2 << 62)
        return f"2.25.{uuid.UUID(int=number).int}"

    def patient(self, dataset: Dataset) -> str:
        """Give the name and number of a patient.

        Parameters
        ----------
        dataset : Dataset
            An image of his: what counts is the patient's number with who issued it, for two hospitals may give the
            same one; where it has none, name and birth date; else the study.

        Returns
        -------
        str
            "P-" and twelve letters and digits.
        """
        number, issuer, name, born, study = (
            " ".join(str(dataset.get(word, "") or "").split())
            for word in ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "StudyInstanceUID")
        )
        # Without an issuer the pseudonym is what it was before issuers counted.
        numbered = ("number", number, issuer) if issuer else ("number", number)
        who = numbered if number else ("name", name, born) if name else ("study", study)
        return f"P-{self._hash('patient', *who).hex()[:_DIGITS].upper()}"

    def study(self, name: str) -> str:
        """Give what a study of a cohort goes by.

        Parameters
        ----------
        name : str
            Its name in the cohort's folder or list, which may be a patient's.

        Returns
        -------
        str
            "S-" and twelve letters and digits.
        """
        return f"S-{self._hash('cohort study', name).hex()[:_DIGITS].upper()}"

    def text(self, text: str, known: Collection[str] = ()) -> str:
        """Give a sentence with other UIDs in it.

        Parameters
        ----------
        text : str
            A message of ours.
        known : collection of str
            UIDs that are replaced also where they do not read as such: "1.2.3" may be a figure or a version.

        Returns
        -------
        str
        """
        literal = [re.escape(uid) for uid in sorted(set(known) - {""}, key=len, reverse=True)]
        pattern = "|".join((*(rf"(?<![\w.]){uid}(?!\.?\w)" for uid in literal), WRITTEN_UID.pattern))
        return re.sub(pattern, lambda found: self.uid(found.group()), text)

    def _hash(self, *parts: str) -> bytes:
        return hmac.new(self.key, "\0".join(parts).encode("utf-8"), sha256).digest()


def write_pseudonymised(files: Sequence[Path], folder: Path, pseudonyms: Pseudonyms) -> tuple[Path, ...]:
    """Write a CT's files under a pseudonym.

    Parameters
    ----------
    files : sequence of Path
        The CT's files.
    folder : Path
        An empty one.
    pseudonyms : Pseudonyms
        What stands for what.

    Returns
    -------
    tuple of Path
        The copies, in the same order; they hold what `planner.model.privacy.KEPT` names, and dates are empty.

    Raises
    ------
    InputError
        If a file cannot be read any more.
    """
    copies: dict[Path, Path] = {}
    for file in files:
        if file in copies:
            continue
        copy = folder / f"{len(copies):06d}.dcm"
        try:
            dataset = open_dataset(file)
            with quiet():
                _pseudonymised(dataset, pseudonyms).save_as(copy, enforce_file_format=True)
        except (*DATASET_DAMAGE, DamagedFileError) as error:
            raise InputError(
                "a file of the CT cannot be pseudonymised: it is damaged; give its folder again"
            ) from error
        copies[file] = copy
    return tuple(copies[file] for file in files)


def _pseudonymised(dataset: Dataset, pseudonyms: Pseudonyms) -> Dataset:
    made = _kept(dataset, pseudonyms)
    made.PatientName = made.PatientID = pseudonyms.patient(dataset)
    for name in ("PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID", "AccessionNumber"):
        setattr(made, name, "")  # action Z of the profile: there, and empty
    made.ReferringPhysicianName = ""
    made.PositionReferenceIndicator = ""
    made.PatientIdentityRemoved, made.DeidentificationMethod = "YES", _METHOD
    made.DeidentificationMethodCodeSequence = [_profile()]
    made.LongitudinalTemporalInformationModified = "REMOVED"
    if not made.get("SOPClassUID"):
        made.SOPClassUID = UID(CT_IMAGE)
    if not made.get("SOPInstanceUID"):
        place = str(made.get("ImagePositionPatient", ""))
        made.SOPInstanceUID = UID(derived_uid("SOPInstanceUID", str(made.get("SeriesInstanceUID", "")), place))
    syntax = dataset.file_meta.get("TransferSyntaxUID") if hasattr(dataset, "file_meta") else None
    made.file_meta = file_meta(str(made.SOPClassUID), str(made.SOPInstanceUID))
    if syntax:
        made.file_meta.TransferSyntaxUID = syntax
    return made


def _kept(dataset: Dataset, pseudonyms: Pseudonyms) -> Dataset:
    """Take over what the policy keeps, in sequences too, under other UIDs."""
    made = Dataset()
    # What goes is not decoded: it may be damaged.
    kept = [tag for tag in dataset.keys() if keyword_for_tag(tag) in KEPT]  # noqa: SIM118  # else elements
    for element in (dataset[tag] for tag in kept):
        if element.VR == "SQ":
            setattr(made, element.keyword, [_kept(item, pseudonyms) for item in element.value])
        elif element.VR == "UI":
            setattr(made, element.keyword, UID(pseudonyms.uid(str(element.value or ""))))
        else:
            made.add(element)
    return made


def _profile() -> Dataset:
    """Name the profile (PS3.16 CID 7050)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = "113100", "DCM"
    item.CodeMeaning = "Basic Application Confidentiality Profile"
    return item
