"""The picture that the detector takes of a CT."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.config.fluoro_config import FluoroConfig, ImplantMaterial
from planner.fluoro.beam import make_beam, transmission
from planner.fluoro.coverage import scanned_share, shortened
from planner.fluoro.detector import detected
from planner.fluoro.projectable import Projectable, make_projectable
from planner.fluoro.projector import Shadows, project_volume
from planner.model.carm import CArm
from planner.model.volume import Mask, Volume
from planner.progress import SILENT, Monitor

WHOLE_SHARE = 0.95
"""Share of its way that a ray must have inside the slices to be shown. Tuned by eye on two CTs cut across."""
LEAST_SHARE = 0.25
"""What is seen on less of a ray's way says nothing of the rest of it. No source: ours."""

_DARKEST = 1e-12
"""Least share of the beam that is told from none: far below any detector's dark noise."""


@dataclass(frozen=True, slots=True, eq=False)
class Radiograph:
    """What the detector of a C-arm got.

    Parameters
    ----------
    carm : CArm
        The C-arm.
    shadows : Shadows
        How much of each material every ray passed: sharp, without scatter and noise.
    attenuation : ndarray of float32, shape (rows, columns)
        Minus the logarithm of the share of the beam that arrived; as the viewer sees it, head up, from the detector.
    scanned_share : ndarray of float32, shape (rows, columns)
        Share of each ray's way through the patient that the CT holds; 1 where it holds all.
    shortened : bool
        Whether the body goes on beyond the CT along the beam, so that every ray passes less than it would.
    """

    carm: CArm
    shadows: Shadows
    attenuation: npt.NDArray[np.float32]
    scanned_share: npt.NDArray[np.float32]
    shortened: bool

    @property
    def cut(self) -> npt.NDArray[np.bool_]:
        """Where a good part of the ray's way was not scanned, so that the grey value says nothing."""
        return self.scanned_share < WHOLE_SHARE

    @property
    def transmission(self) -> npt.NDArray[np.float32]:
        """Share of the open beam's signal that arrived, shape (rows, columns)."""
        return np.exp(-self.attenuation)


def render_view(
    volume: Volume,
    carm: CArm,
    *,
    metal: Mask | None = None,
    cement: Mask | None = None,
    body: Mask | None = None,
    alloys: Mapping[ImplantMaterial, Mask] | None = None,
    config: FluoroConfig,
    monitor: Monitor = SILENT,
) -> Radiograph:
    """Take one simulated fluoroscopy picture of a CT.

    Parameters
    ----------
    volume : Volume
        The CT, on any grid.
    carm : CArm
        The C-arm.
    metal, cement : Mask or None
        Voxels that get the true attenuation of metal and of cement; without them both look like bone, for a CT clips
        them.
    body : Mask or None
        What lies outside of it, as the CT's table, is left away; None keeps all.
    alloys : mapping of str to Mask, or None
        Voxels of metal whose alloy is known; other metal is the settings' `metal_material`.
    config : FluoroConfig
        Beam, materials, detector.
    monitor : Monitor
        Who is following the work.

    Returns
    -------
    Radiograph

    Raises
    ------
    CancelledError
        If the user stops the work.
    GeometryError
        If a mask is on another grid, or the C-arm's distances cannot be.
    """
    ready = make_projectable(volume, metal=metal, cement=cement, body=body, alloys=alloys, config=config)
    return take_picture(ready, carm, config=config, monitor=monitor)


def take_picture(
    projectable: Projectable, carm: CArm, *, config: FluoroConfig, monitor: Monitor = SILENT
) -> Radiograph:
    """Take one picture of a CT that was made ready before, as for a C-arm that is being turned.

    Parameters
    ----------
    projectable : Projectable
        The CT, made ready.
    carm : CArm
        The C-arm.
    config : FluoroConfig
        Beam, materials, detector.
    monitor : Monitor
        Who is following the work.

    Returns
    -------
    Radiograph

    Raises
    ------
    CancelledError
        If the user stops the work.
    """
    shadows = project_volume(projectable, carm, monitor=monitor)
    scanned = scanned_share(projectable, carm)
    known = np.maximum(scanned, LEAST_SHARE).astype(np.float64)
    # What was scanned of a ray stands for all of it until the detector has added its own: a body that ends there would
    # scatter and be exposed as a thin one.
    primary = transmission(shadows.by_material, make_beam(config)) ** (1.0 / known)
    signal = np.clip(detected(primary, carm, config, scanned=scanned >= LEAST_SHARE), _DARKEST, 1.0)
    attenuation = np.abs(np.log(signal) * known).astype(np.float32)
    attenuation.setflags(write=False)
    return Radiograph(carm, shadows, attenuation, scanned, shortened(projectable, carm))
