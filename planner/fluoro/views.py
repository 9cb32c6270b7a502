"""Views of the patient: which way the C-arm looks, the picture it takes, and how a fluoroscope shows it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from planner.config.fluoro_config import FluoroConfig
from planner.errors import GeometryError
from planner.fluoro.attenuation import transmission
from planner.fluoro.coverage import cut_rays
from planner.fluoro.projector import Projectable, Shadows, make_projectable, project_volume
from planner.geometry.frames import Array, point_tuple, positioner_angles_deg, unit
from planner.model.breach import Breach
from planner.model.carm import CArm
from planner.model.needle import Trajectory
from planner.model.volume import Mask, Volume
from planner.progress import SILENT, Monitor

_DARKEST = 1e-12
"""Least share of the beam that is told from none: far below any detector's dark noise."""

_WHOLE_SHARE = 0.05
"""Share of the picture with whole beams from which the window is set on them alone. No source: ours."""

_DIMMED = 0.6
"""Brightness of beams that part of the body is missing from. No source: ours."""

_FIELD_SHARE = 0.7
"""Radius of the field that sets the window, as a share of half the image; about half of its area. No source: ours."""


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
    cut : ndarray of bool, shape (rows, columns)
        True where the CT does not hold all that the beam goes through, so that the picture says nothing.
    """

    carm: CArm
    shadows: Shadows
    attenuation: npt.NDArray[np.float32]
    cut: npt.NDArray[np.bool_]

    @property
    def transmission(self) -> npt.NDArray[np.float32]:
        """Share of the open beam's signal that arrived, shape (rows, columns)."""
        return np.exp(-self.attenuation)


def view_at(isocentre_lps: npt.ArrayLike, *, primary_deg: float, secondary_deg: float, config: FluoroConfig) -> CArm:
    """Set up a C-arm by its angles.

    Parameters
    ----------
    isocentre_lps : array_like, shape (3,)
        What stays in the middle of the image.
    primary_deg, secondary_deg : float
        DICOM positioner angles, in the patient's axes.
    config : FluoroConfig
        Distances and detector.

    Returns
    -------
    CArm
    """
    return CArm(
        isocentre_lps=point_tuple(isocentre_lps),
        primary_deg=primary_deg,
        secondary_deg=secondary_deg,
        source_detector_mm=config.source_detector_mm,
        source_isocentre_mm=config.source_isocentre_mm,
        pixel_mm=config.pixel_mm,
        rows=config.rows,
        columns=config.columns,
    )


def ap_view(
    isocentre_lps: npt.ArrayLike,
    *,
    config: FluoroConfig,
    detector_side: Literal["anterior", "posterior"] = "anterior",
) -> CArm:
    """Set up the frontal view.

    Parameters
    ----------
    isocentre_lps : array_like, shape (3,)
        What stays in the middle of the image.
    config : FluoroConfig
        Distances and detector.
    detector_side : {"anterior", "posterior"}
        Where the detector is; posterior for a patient treated prone with the detector above.

    Returns
    -------
    CArm
    """
    primary = 0.0 if detector_side == "anterior" else 180.0
    return view_at(isocentre_lps, primary_deg=primary, secondary_deg=0.0, config=config)


def lateral_view(
    isocentre_lps: npt.ArrayLike, *, config: FluoroConfig, detector_side: Literal["left", "right"] = "left"
) -> CArm:
    """Set up the lateral view.

    Parameters
    ----------
    isocentre_lps : array_like, shape (3,)
        What stays in the middle of the image.
    config : FluoroConfig
        Distances and detector.
    detector_side : {"left", "right"}
        The patient's side at which the detector is.

    Returns
    -------
    CArm
    """
    primary = 90.0 if detector_side == "left" else -90.0
    return view_at(isocentre_lps, primary_deg=primary, secondary_deg=0.0, config=config)


def axis_view(hub_lps: npt.ArrayLike, tip_lps: npt.ArrayLike, *, config: FluoroConfig) -> CArm:
    """Set up the bull's-eye view of an axis: the beam runs along it, hub and tip fall on one point.

    Parameters
    ----------
    hub_lps, tip_lps : array_like, shape (3,)
        The end on the detector's side (the needle's hub, the screw's head) and the other one, LPS mm.
    config : FluoroConfig
        Distances and detector.

    Returns
    -------
    CArm
        Its isocentre is the middle of the axis.

    Raises
    ------
    GeometryError
        If hub and tip are one point.
    """
    hub, tip = np.asarray(hub_lps, dtype=np.float64), np.asarray(tip_lps, dtype=np.float64)
    if not np.linalg.norm(hub - tip) > 0.0:
        raise GeometryError("an axis whose two ends are one point has no bull's-eye view; give two points")
    primary, secondary = positioner_angles_deg(unit(hub - tip))
    return view_at((hub + tip) / 2.0, primary_deg=primary, secondary_deg=secondary, config=config)


def trajectory_view(trajectory: Trajectory, *, config: FluoroConfig) -> CArm:
    """Set up a needle's bull's-eye view, along its straight part.

    Parameters
    ----------
    trajectory : Trajectory
        The needle's way; where it slides along a screw, only the part before that is looked along.
    config : FluoroConfig
        Distances and detector.

    Returns
    -------
    CArm
    """
    return axis_view(trajectory.path_lps[0], trajectory.aim_lps, config=config)


def watch_view(breach: Breach, *, config: FluoroConfig) -> CArm | None:
    """Set up the view in which a leak through a breach shows in profile.

    Parameters
    ----------
    breach : Breach
        The breach.
    config : FluoroConfig
        Distances and detector.

    Returns
    -------
    CArm or None
        None where no such view was found for the breach.
    """
    if breach.watch_view is None:
        return None
    angles = breach.watch_view
    return view_at(
        breach.centroid_lps, primary_deg=angles.primary_deg, secondary_deg=angles.secondary_deg, config=config
    )


def render_view(
    volume: Volume,
    carm: CArm,
    *,
    metal: Mask | None = None,
    cement: Mask | None = None,
    body: Mask | None = None,
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
    ready = make_projectable(volume, metal=metal, cement=cement, body=body, config=config)
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
    signal = transmission(shadows.by_material(config.metal_material), config.spectrum)
    signal = _detect(signal, config, blur_px=config.detector_blur_mm / carm.pixel_mm)
    attenuation = -np.log(np.maximum(signal, _DARKEST)).astype(np.float32)
    attenuation.setflags(write=False)
    return Radiograph(carm, shadows, attenuation, cut_rays(projectable, carm))


def _detect(signal: Array, config: FluoroConfig, *, blur_px: float) -> Array:
    """Add scatter, blur and noise, each of which may be off."""
    if config.scatter_to_primary > 0.0:
        signal = signal + config.scatter_to_primary * float(signal.mean())
    if blur_px > 0.0:
        signal = ndimage.gaussian_filter(signal, blur_px, mode="nearest")
    if config.photons_per_pixel is not None:
        photons = np.random.default_rng(config.noise_seed).poisson(signal * config.photons_per_pixel)
        # Half a photon where none came: the logarithm of none is not a grey value.
        signal = np.maximum(photons, 0.5) / config.photons_per_pixel
    return signal


def display_image(radiograph: Radiograph, *, config: FluoroConfig) -> npt.NDArray[np.uint8]:
    """Turn a picture into grey values as a fluoroscope's screen shows them.

    Parameters
    ----------
    radiograph : Radiograph
        The picture.
    config : FluoroConfig
        Polarity, local contrast, window.

    Returns
    -------
    ndarray of uint8, shape (rows, columns)
        Logarithmic: slow changes of the body's thickness are partly taken out, metal is darkest. Dimmed where the beam
        runs past a cut end of the CT, for part of the body is missing there; black where nothing was scanned at all.
    """
    depth = radiograph.attenuation.astype(np.float64)
    whole = (depth > config.open_beam) & ~radiograph.cut
    # An oblique view of a short CT may hold no whole beam: then the window is set on what there is.
    enough = np.count_nonzero(whole) > _WHOLE_SHARE * whole.size
    body = whole if enough else depth > config.open_beam
    if not np.any(body):
        return _to_bytes(np.ones_like(depth), radiograph, config)
    # Neither metal nor open air nor the CT's cut ends may shade their surroundings or set the window.
    anatomy = body & (radiograph.shadows.metal_mm <= 0.0)
    seen = anatomy if np.any(anatomy) else body
    slow = _background(depth, seen, sigma_px=config.local_scale_mm / radiograph.carm.pixel_mm)
    flat = depth - config.local_contrast * (slow - float(np.median(depth[seen])))
    white, black = np.percentile(flat[seen & _measuring_field(seen)], config.window_percent)
    grey = 1.0 - _shoulder((flat - white) / max(float(black - white), 1e-3))
    grey[depth <= config.open_beam] = 1.0
    return _to_bytes(grey, radiograph, config)


def _measuring_field(seen: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Give the middle of the image, where a fluoroscope measures; all of it where little is seen in the middle."""
    rows, columns = (np.linspace(-1.0, 1.0, n) for n in seen.shape)
    middle = rows[:, None] ** 2 + columns[None, :] ** 2 <= _FIELD_SHARE**2
    return middle if np.count_nonzero(middle & seen) > 0.1 * np.count_nonzero(middle) else np.ones_like(seen)


def _background(depth: Array, seen: npt.NDArray[np.bool_], *, sigma_px: float) -> Array:
    """Smooth the pixels that are seen, without looking at the others (normalised convolution)."""
    weight = ndimage.gaussian_filter(seen.astype(np.float64), sigma_px, mode="nearest", truncate=3.0)
    total = ndimage.gaussian_filter(np.where(seen, depth, 0.0), sigma_px, mode="nearest", truncate=3.0)
    level = float(np.median(depth[seen]))
    # Far from everything seen the level stands in, and fades in without an edge.
    return np.asarray((total + 1e-3 * level) / (weight + 1e-3))


def _shoulder(dark: Array) -> Array:
    """Bend the curve's two ends, so that what lies beyond the window still differs a little: 0 white, 1 black."""
    low, high = 0.1, 0.86
    out = low + (high - low) * dark
    over, under = out > high, out < low
    out[over] = 1.0 - (1.0 - high) * np.exp(-(out[over] - high) / (1.0 - high))
    out[under] = low * np.exp((out[under] - low) / low)
    return out


def _to_bytes(grey: Array, radiograph: Radiograph, config: FluoroConfig) -> npt.NDArray[np.uint8]:
    shown = grey if config.polarity == "dark_metal" else 1.0 - grey
    dimmed = np.where(radiograph.cut, _DIMMED * shown, shown)
    nothing = radiograph.cut & (radiograph.attenuation <= config.open_beam)
    return np.where(nothing, 0, np.rint(np.clip(dimmed, 0.0, 1.0) * 255.0)).astype(np.uint8)
