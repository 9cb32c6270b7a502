"""What all studies of a cohort are planned with: one set of settings, so that their figures can be compared."""

import hashlib
from dataclasses import dataclass

from planner import __version__
from planner.config.plan_config import PlanConfig
from planner.io.dicom.pseudonyms import Pseudonyms
from planner.model.record import Record


class ProtocolRecord(Record):
    """What a cohort's folder keeps of its protocol. The key of pseudonyms cannot be told from it, but known again."""

    version: str
    settings_sha256: str
    output_sha256: str
    figures: bool
    pseudonym_check: str | None


@dataclass(frozen=True, slots=True)
class CohortProtocol:
    """How every study is planned.

    Parameters
    ----------
    config : PlanConfig
        The settings.
    figures : bool
        Whether pictures are drawn.
    pseudonyms : Pseudonyms or None
        Under which the patients go; None leaves all as the CTs' files have it.
    """

    config: PlanConfig
    figures: bool = True
    pseudonyms: Pseudonyms | None = None

    @property
    def record(self) -> ProtocolRecord:
        """What is kept of it."""
        return ProtocolRecord(
            version=__version__,
            settings_sha256=self.config.sha256(),
            output_sha256=hashlib.sha256(self.config.output.model_dump_json().encode()).hexdigest(),
            figures=self.figures,
            pseudonym_check=None if self.pseudonyms is None else self.pseudonyms.study(""),
        )

    @property
    def sha256(self) -> str:
        """64 hexadecimal digits: plans of another protocol are no part of the cohort."""
        return hashlib.sha256(self.record.model_dump_json().encode()).hexdigest()


def difference(earlier: ProtocolRecord, now: ProtocolRecord) -> str | None:
    """Say in which way two protocols differ.

    Parameters
    ----------
    earlier, now : ProtocolRecord
        Of the cohort that is there, and of the one that is asked for.

    Returns
    -------
    str or None
        In words ("other settings"); None where they are the same.
    """
    if earlier.version != now.version:
        return f"version {earlier.version[:20]} of the program, this is {now.version}"
    if earlier.settings_sha256 != now.settings_sha256:
        return "other settings"
    if earlier.output_sha256 != now.output_sha256:
        return "other surfaces or other settings of the outputs"
    if earlier.pseudonym_check != now.pseudonym_check:
        return "other pseudonyms, or none"
    if earlier.figures != now.figures:
        return "pictures" if earlier.figures else "no pictures"
    return None
