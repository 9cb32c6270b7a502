"""Edits that were not saved yet, kept for each CT and taken up again when it is opened, whatever happened meanwhile."""

import hashlib
import io
import itertools
import json
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, ValidationError

from planner.config.wishes_config import WishesConfig
from planner.errors import GeometryError, OutputError
from planner.io.labels.gap_labels import GapLabels
from planner.io.whole_file import write_whole
from planner.model.labels import LabelMap
from planner.model.plan import Review
from planner.model.record import Record
from planner.model.scan import Scan
from planner.station.keeping.claims import Claims
from planner.station.keeping.packed_gaps import GapsPlace, packed_gaps, unpacked_gaps
from planner.station.keeping.scene_file import DrawnNeedle
from planner.station.keeping.state_folder import made, state_folder

SCHEMA: Final = "cement-planner/edits/1"
MOST_BYTES: Final = 8 << 20
"""Of one CT's edits; ours: labels of whole spines with all gaps take a tenth of it."""
MOST_CASES: Final = 24
"""Of so many CTs edits are kept, the latest; ours: twice the recent cases."""
MOST_OF_ONE: Final = 24
"""So many edits are kept of one CT, the latest; ours."""
_EDITS, _GAPS = "edits.json", "gaps.npy"
_UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, GeometryError, ValidationError)


class Edits(Record):
    """What a person did in the station and did not save; without the gaps."""

    schema_: Literal["cement-planner/edits/1"] = Field(default=SCHEMA, alias="schema")
    case: str
    """As `case_key` names the CT."""
    at: datetime
    """With its time zone."""
    wishes: WishesConfig = Field(default_factory=WishesConfig)
    own_needle: DrawnNeedle | None = None
    hidden: tuple[str, ...] = ()
    review: Review = Field(default_factory=Review)
    """State of the plan that was there, kept without who approved it and when. It is told, never taken up: what is
    planned again is to be looked at again."""
    settings: dict[str, Any] | None = None
    """All settings of the sitting; None where they are the defaults."""
    gaps_place: GapsPlace | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing that would be lost: what is hidden, alone, is not worth a question."""
        drawn = self.own_needle is not None and bool(self.own_needle.points_lps)
        reviewed = self.review.state == "approved"
        return self.wishes == WishesConfig() and not drawn and not reviewed and self.gaps_place is None


@dataclass(frozen=True, slots=True, eq=False)
class KeptEdits:
    """Edits as they were kept.

    Parameters
    ----------
    edits : Edits
        All but the gaps.
    gaps : LabelMap or None
        The gaps as they were painted, on the grid that they were painted on; None where none were.
    slot : int
        Which of the CT's edits they are.
    """

    edits: Edits
    gaps: LabelMap | None
    slot: int = 0

    def given_gaps(self) -> GapLabels | None:
        """Give the gaps as planning takes them.

        Returns
        -------
        GapLabels or None
            Also where all gaps were erased; None where nobody touched them.
        """
        if self.gaps is None:
            return None
        ids = [structure.id for structure in self.gaps.structures]
        return GapLabels(self.gaps, "the unsaved gaps", ", ".join(ids) or "none: all gaps are erased")

    def words(self) -> str:
        """Say what is there, for the question whether to take it up.

        Returns
        -------
        str
            "2 targets, 1 locked needle, painted gaps", say.
        """
        wishes, needle = self.edits.wishes, self.edits.own_needle
        parts = [
            _count(len(wishes.targets), "target"),
            _count(len(wishes.keep_out) + len(wishes.enter_through), "region"),
            _count(len(wishes.locked), "locked needle"),
            "a needle of one's own" if needle is not None and needle.points_lps else "",
            "painted gaps" if self.gaps is not None else "",
            "an approval, which is to be given again" if self.edits.review.state == "approved" else "",
        ]
        return ", ".join(part for part in parts if part) or "nothing but what was hidden"


def case_key(scan: Scan) -> str:
    """Name a CT for what is kept of it; reads all voxels of a CT that has no UID.

    Parameters
    ----------
    scan : Scan
        The CT.

    Returns
    -------
    str
        Its series, else a fingerprint of its voxels: the same whichever way round they are stored.
    """
    if scan.series.name is not None:
        return f"series {scan.series.name}"
    volume = scan.in_patient_axes().volume
    digest = hashlib.sha256(repr((volume.grid.shape, volume.grid.lps_from_index.round(3).tolist())).encode())
    for plane in volume.hu:
        digest.update(np.ascontiguousarray(plane).tobytes())
    return f"voxels {digest.hexdigest()}"


class Autosave:
    """Unsaved edits on disk, each in a file that is written whole or not at all.

    Several edits of one CT lie in slots, 0 the first: newer ones never take the place of older ones that nobody has
    answered for yet, and each window works in slots that it has claimed.

    Parameters
    ----------
    folder : Path or None
        Where; None for the user's own state folder.
    now : callable
        Gives the time, with its time zone.
    """

    def __init__(
        self, folder: Path | None = None, *, now: Callable[[], datetime] = lambda: datetime.now().astimezone()
    ) -> None:
        self._folder = folder
        self._now = now
        self._claims = Claims()

    @property
    def folder(self) -> Path:
        """Where the edits lie; it need not be there."""
        return (self._folder or state_folder()) / "unsaved"

    def now(self) -> datetime:
        """Give the time that edits are kept under."""
        return self._now()

    def keep(self, edits: Edits, gaps: LabelMap | None = None, *, slot: int = 0) -> None:
        """Keep edits in the place of those kept in the same slot of the CT before; empty ones are taken away.

        Parameters
        ----------
        edits : Edits
            What was done.
        gaps : LabelMap or None
            The gaps as painted; only structures of the kind "gap" are kept. None where nobody touched them.
        slot : int
            Which of the CT's edits they are.

        Raises
        ------
        OutputError
            If they cannot be written, or the gaps take more than `MOST_BYTES`: all but the gaps is kept then.
        """
        if edits.is_empty and gaps is None:
            self.discard(edits.case, slot=slot)
            return
        edits = edits.model_copy(update={"review": Review(state=edits.review.state)})
        place, packed = (None, None) if gaps is None else packed_gaps(gaps)
        content = _zipped(edits.model_copy(update={"gaps_place": place}), packed)
        file = self._file(edits.case, slot)
        made(file.parent)
        if len(content) > MOST_BYTES:
            write_whole(_zipped(edits.model_copy(update={"gaps_place": None}), None), file)
            raise OutputError("the painted gaps are too large to be kept by themselves; save the plan")
        write_whole(content, file)
        self._sweep()

    def kept(self, case: str, *, slot: int = 0) -> KeptEdits | None:
        """Give what is kept in one slot of a CT.

        Parameters
        ----------
        case : str
            As `case_key` names it.
        slot : int
            Which of its edits.

        Returns
        -------
        KeptEdits or None
            None where nothing is, or it cannot be read.
        """
        try:
            with zipfile.ZipFile(self._file(case, slot)) as packed:
                edits = Edits.model_validate_json(packed.read(_EDITS))
                gaps = None if edits.gaps_place is None else unpacked_gaps(edits.gaps_place, packed.read(_GAPS))
        except _UNREADABLE:
            return None
        return KeptEdits(edits, gaps, slot) if edits.case == case else None

    def all_kept(self, case: str) -> tuple[KeptEdits, ...]:
        """Give all that is kept of a CT and can be read, the oldest first.

        Parameters
        ----------
        case : str
            As `case_key` names it.

        Returns
        -------
        tuple of KeptEdits
        """
        found = (self.kept(case, slot=slot) for slot in self._slots(case))
        return tuple(sorted((one for one in found if one is not None), key=lambda one: one.edits.at))

    def take_all(self, case: str) -> tuple[KeptEdits, ...]:
        """Give all that is kept of a CT and that no other window works on, and claim it: no other takes it meanwhile.

        Parameters
        ----------
        case : str
            As `case_key` names it.

        Returns
        -------
        tuple of KeptEdits
            The oldest first.
        """
        mine = {slot for slot in self._slots(case) if self._claims.take(self._file(case, slot))}
        return tuple(one for one in self.all_kept(case) if one.slot in mine)

    def claim(self, case: str) -> int:
        """Claim a slot of a CT in which nothing lies, until it is let go.

        Parameters
        ----------
        case : str
            As `case_key` names it.

        Returns
        -------
        int
            The first; another one each time, whichever window asks.

        Raises
        ------
        OutputError
            If the folder cannot be made.
        """
        made(self.folder)
        for slot in itertools.count():
            file = self._file(case, slot)
            if file.exists() or self._claims.holds(file) or not self._claims.take(file):
                continue
            if not file.exists():
                return slot
            self._claims.let_go(file)  # another window was quicker, and has gone
        raise AssertionError("there is always one more")

    def let_go(self) -> None:
        """Let other windows work on all that was claimed."""
        self._claims.let_all_go()

    def discard(self, case: str, *, slot: int = 0) -> None:
        """Throw away what is kept in one slot of a CT; where nothing is, there is nothing to throw away.

        Parameters
        ----------
        case : str
            As `case_key` names it.
        slot : int
            Which of its edits.

        Raises
        ------
        OutputError
            If it cannot be taken away.
        """
        try:
            self._file(case, slot).unlink(missing_ok=True)
        except OSError as error:
            reason = (error.strerror or "the system refused").lower()
            raise OutputError(f"unsaved work cannot be thrown away: {reason}") from error

    def _file(self, case: str, slot: int = 0) -> Path:
        # A UID may be as long as it likes, and no file name shall tell it.
        name = hashlib.sha256(case.encode()).hexdigest()[:32]
        return self.folder / (f"{name}-{slot}.zip" if slot else f"{name}.zip")

    def _slots(self, case: str) -> tuple[int, ...]:
        """Give the slots of a CT in which something lies."""
        first = self._file(case)
        others = (file.stem.rpartition("-")[2] for file in self.folder.glob(f"{first.stem}-*.zip"))
        return tuple(sorted([0] * first.exists() + [int(slot) for slot in others if slot.isdecimal()]))

    def _sweep(self) -> None:
        """Let the CTs go that were not edited for longest, and the oldest edits of one; none that is worked on."""
        try:
            files = sorted(self.folder.glob("*.zip"), key=lambda file: file.stat().st_mtime, reverse=True)
            by_case: dict[str, list[Path]] = {}
            for file in files:
                by_case.setdefault(file.stem.partition("-")[0], []).append(file)
            for number, of_case in enumerate(by_case.values()):
                for file in of_case[MOST_OF_ONE if number < MOST_CASES else 0 :]:
                    self._let_one_go(file)
        except OSError:
            return  # another window was quicker

    def _let_one_go(self, file: Path) -> None:
        if self._claims.holds(file) or not self._claims.take(file):
            return
        file.unlink(missing_ok=True)
        self._claims.let_go(file)


def _zipped(edits: Edits, gaps: npt.NDArray[np.uint16] | None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as packed:
        packed.writestr(_EDITS, json.dumps(edits.model_dump(mode="json", by_alias=True)))
        if gaps is not None:
            raw = io.BytesIO()
            np.save(raw, gaps, allow_pickle=False)
            packed.writestr(_GAPS, raw.getvalue())
    return buffer.getvalue()


def _count(number: int, one: str) -> str:
    return "" if not number else f"{number} {one}{'' if number == 1 else 's'}"
