"""Every error that the planner raises on purpose.

A message says what was found, where, and what to do about it. The command line prints it as one line and ends with the
error's ``exit_code``; any other exception is a fault of the program and keeps its traceback.
"""

from collections.abc import Mapping


class PlannerError(Exception):
    """Base of all errors that a caller may expect and handle.

    Attributes
    ----------
    exit_code : int
        What the command line ends with when this error reaches it.
    """

    exit_code = 3


class InputError(PlannerError):
    """The input cannot be used: not there, not readable, or not what it claims to be."""


class SeriesError(InputError):
    """A DICOM series cannot be turned into one volume rightly."""


class LabelError(InputError):
    """A label file does not fit the CT that it came with."""


class PacsError(InputError):
    """A picture archive cannot be reached, refuses a request, or answers what cannot be trusted."""


class ClusterError(InputError):
    """A Dask cluster cannot be reached, or its workers cannot do the work."""


class PairError(InputError):
    """Two CTs that do not belong together: of two patients, two sides, or two parts of the body."""


class ForeignPlanError(InputError):
    """A document that is no plan of this program, of whatever schema number."""


class GeometryError(PlannerError):
    """Two things in different places were about to be combined, or a geometry is degenerate."""


class UsageError(PlannerError):
    """The call itself is wrong: an unknown choice, a missing option, an output that exists."""

    exit_code = 2


class ConfigError(UsageError):
    """A setting is unknown, misspelt or out of its range."""


class SegmentationError(PlannerError):
    """A structure that the next step needs could not be found."""


class NoImplantError(SegmentationError):
    """The CT shows no orthopaedic implant."""

    exit_code = 4


class NoTrajectoryError(PlannerError):
    """No needle passed the hard limits.

    Parameters
    ----------
    message : str
        What was searched, in one line.
    refused : Mapping[str, int]
        How many candidates were refused, by reason.
    """

    exit_code = 0

    def __init__(self, message: str, refused: Mapping[str, int]) -> None:
        super().__init__(message)
        self.refused = dict(refused)


class CancelledError(PlannerError):
    """The user stopped the run."""

    exit_code = 5


class OutputError(PlannerError):
    """The result cannot be written where it was asked for."""

    exit_code = 6
