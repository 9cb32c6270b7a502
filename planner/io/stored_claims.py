"""What a volume file claims to hold, compared with the bytes that are there and with the memory."""

import os
import stat
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from planner.errors import SeriesError
from planner.model.finding import Finding

Packing = Literal["raw", "deflated", "text"]

_MOST_BYTES = 8 << 30
"""Eight GiB of voxels: four thousand slices of 1024 x 1024 in 16 bits. Ours."""
_DEFLATE_TIMES = 1032
"""Deflate never shrinks by more (zlib's technical notes)."""
_BLOCK = 1 << 18


@dataclass(frozen=True, slots=True)
class Claim:
    """What the header of a volume file says of its voxels.

    Parameters
    ----------
    name : str
        What messages call the file.
    data : Path
        Where the voxels lie: the file itself, or one beside it.
    offset : int
        Where they start in it; where it is packed, in what it unpacks to.
    start : int
        Where the packed bytes start in the file.
    packing : {"raw", "deflated", "text"}
        How they are stored.
    shape : tuple of int
        Voxels along each axis.
    item_bytes : int
        Bytes of one voxel.
    findings : tuple of Finding
        What the header leaves open.
    """

    name: str
    data: Path
    offset: int
    start: int
    packing: Packing
    shape: tuple[int, ...]
    item_bytes: int
    findings: tuple[Finding, ...] = ()

    @property
    def need(self) -> int:
        """Bytes of all voxels."""
        total = self.item_bytes
        for count in self.shape:
            total *= count
        return total

    @property
    def plane_bytes(self) -> int:
        """Bytes of the smallest plane: what is left over at least, where a size is too small by one."""
        return self.need // max(self.shape)


def require_whole(claim: Claim) -> None:
    """Unpack compressed voxels once, keeping none, to see that they are whole and no more than claimed.

    The libraries stop where they have what they want, before the checksum at the end.

    Parameters
    ----------
    claim : Claim
        What the header says.

    Raises
    ------
    SeriesError
        If they are cut off, damaged, or more than claimed.
    """
    if claim.packing != "deflated":
        return
    try:
        with claim.data.open("rb") as file:
            file.seek(claim.start)
            held = _unpacked_length(file, claim.offset + claim.need + claim.plane_bytes)
    except (OSError, zlib.error, EOFError) as error:
        raise SeriesError(f"{claim.name} is cut off or damaged; copy it again from its source") from error
    _require_match(claim, held - claim.offset)


def _unpacked_length(file: BinaryIO, most: int) -> int:
    """Count what a gzip or zlib stream unpacks to; stop beyond a limit."""
    total, inflater = 0, zlib.decompressobj(47)
    while block := file.read(_BLOCK):
        while block and total < most:
            total += len(inflater.decompress(block, _BLOCK))
            block = inflater.unconsumed_tail
            if inflater.eof:
                block = inflater.unused_data
                if block[:2] != b"\x1f\x8b":
                    return total
                inflater = zlib.decompressobj(47)
        if total >= most:
            return total
    if not inflater.eof:
        raise EOFError
    return total


def require_room(claim: Claim) -> None:
    """Refuse a claim that the file or the machine's memory cannot hold.

    Parameters
    ----------
    claim : Claim
        What the header says.

    Raises
    ------
    SeriesError
        If it is empty, too large, or not what the file's length bears.
    """
    if min(claim.shape, default=0) < 1 or claim.offset < 0:
        raise SeriesError(f"{claim.name} has shape {claim.shape}; give one CT volume")
    if claim.need > min(_MOST_BYTES, _memory_bytes()):
        raise SeriesError(
            f"{claim.name} claims {claim.need / (1 << 30):.1f} GiB of voxels, more than a CT or this machine's memory "
            "holds; convert the CT again"
        )
    size = claim.data.stat().st_size - claim.start
    if claim.packing == "raw":
        _require_match(claim, size - claim.offset)
    elif size * (_DEFLATE_TIMES if claim.packing == "deflated" else claim.item_bytes) < claim.need:
        raise SeriesError(f"{claim.name} is cut off or damaged: its header claims more than it can hold; copy it again")


def _require_match(claim: Claim, held: int) -> None:
    if held < claim.need:
        raise SeriesError(
            f"{claim.name} is cut off: {max(held, 0)} of {claim.need} bytes of voxels; copy it again from its source"
        )
    if held - claim.need >= claim.plane_bytes:
        raise SeriesError(
            f"{claim.name} is damaged: it holds more voxels than the {claim.need} bytes that its header claims; "
            "copy it again from its source"
        )


def _memory_bytes() -> int:
    """Give the machine's memory; the general limit where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return _MOST_BYTES


def require_plain(path: Path, name: str) -> None:
    """Refuse links, pipes and devices where a header leads to a file; the header itself may be a link.

    Parameters
    ----------
    path : Path
        Where the header leads.
    name : str
        What messages call the header's file.

    Raises
    ------
    SeriesError
        If there is nothing, or no plain file.
    """
    if not path.exists():
        raise SeriesError(f"{name} belongs with a file of voxels that does not lie beside it; give both")
    mode = path.stat().st_mode if path.name == name else path.lstat().st_mode
    if not stat.S_ISREG(mode):
        raise SeriesError(f"{name} leads to something that is no plain file beside it; convert the CT into one file")
