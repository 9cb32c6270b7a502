"""Texts of a header that may be shown: terms of the standard, for free text may hold the patient's name."""

import re

_RESCALE_TYPES = frozenset(("OD", "HU", "US", "MGML", "Z_EFF", "ED", "EDW", "HU_MOD", "PCT"))
"""PS3.3 C.11.1.1.2."""
_MODALITY_TERMS = (
    "ANN AR ASMT AU BDUS BI BMD CFM CR CT CTPROTOCOL DG DMS DOC DX ECG EEG EMG EOG EPS ES FID GM HC HD IO IOL IVOCT "
    "IVUS KER KO LEN LS M3D MG MR NM OAM OCT OP OPM OPT OPTBSV OPTENF OPV OSS OT PA PLAN POS PR PT PX REG RESP RF RG "
    "RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SEG SM SMR SR SRF STAIN TEXTUREMAP TG US VA "
    "XA XAPROTOCOL XC"
)
"""Defined terms of Modality (PS3.3 C.7.3.1.1.1)."""
_MODALITIES = frozenset(_MODALITY_TERMS.split())
_KERNEL = re.compile(r"[A-Za-z0-9 _.+/-]{1,16}")
"""A short string (PS3.5 table 6.2-1) as scanners name their kernels: B60f, BONEPLUS, FC30-H, Br64d/3. The caret that
parts a person's names is not in it."""
_TYPE = re.compile(r"[A-Z0-9 _]{1,16}")
"""A code string (PS3.5 table 6.2-1)."""


def shown_rescale_type(text: str) -> str:
    """Give a rescale type as it may stand in a message.

    Parameters
    ----------
    text : str
        As the header has it.

    Returns
    -------
    str
        A defined term, else "another unit".
    """
    return text.upper() if text.upper() in _RESCALE_TYPES else "another unit"


def shown_modality(text: str) -> str | None:
    """Give a modality as it may be shown.

    Parameters
    ----------
    text : str
        As the header has it.

    Returns
    -------
    str or None
        None where it is no defined term.
    """
    return text if text in _MODALITIES else None


def shown_kernel(text: str) -> str | None:
    """Give a kernel as it may be shown.

    Parameters
    ----------
    text : str
        As the header has it.

    Returns
    -------
    str or None
        None where it is not made of what kernels' names are made of.
    """
    return text if _KERNEL.fullmatch(text) else None


def shown_image_type(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Give an image type as it may be shown.

    Parameters
    ----------
    texts : tuple of str
        As the header has it.

    Returns
    -------
    tuple of str
        "OTHER" in the place of each value that is no code string.
    """
    return tuple(text if _TYPE.fullmatch(text) else "OTHER" for text in texts)
