"""The machine: all that follows from the settings of a scan alone."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from planner.config.phantoms.scan import ScanSettings
from planner.phantoms.scanner.projection import Beam, Single
from planner.phantoms.scanner.recipes import HEAVY, LIGHT
from planner.phantoms.scanner.reconstruction import KERNELS
from planner.xray.attenuation import WATER, Array, attenuation_per_mm
from planner.xray.spectrum import Response, binned_attenuation, detector_response

_FOCUS_TO_AXIS_M = 0.57
"""Between the makers' 0.54 and 0.61 m (no source)."""
_WATER_MM = 600.0
"""The water correction is calibrated up to so much; on behind it as straight as it ends."""
_DEGREE = 6
_FEWEST_VIEWS = 90


@dataclass(frozen=True)
class Scanner:
    """All that follows from the settings alone.

    Parameters
    ----------
    settings : ScanSettings
        Tube, detector and reconstruction.
    """

    settings: ScanSettings

    @cached_property
    def response(self) -> Response:
        """The beam as the detector weighs it."""
        s = self.settings
        return detector_response(s.kvp, al_mm=s.filter_al_mm, cu_mm=s.filter_cu_mm, bins=s.energy_bins)

    @cached_property
    def beam(self) -> Beam:
        """The beam with what the basis materials take from it; of one energy where there are to be no artefacts."""
        r = self.response
        if not self.settings.artefacts:
            at = [r.effective_kev]
            light, heavy = (np.array([attenuation_per_mm(m, at) for m in some]) for some in (LIGHT, HEAVY))
            return Beam(np.ones(1), np.array([self.mean_kev]), light, heavy)
        light, heavy = (
            np.array([binned_attenuation(attenuation_per_mm(m, r.fine[0]), r) for m in some]) for some in (LIGHT, HEAVY)
        )
        return Beam(r.signal_share, r.energies_kev, light, heavy)

    @cached_property
    def water_per_mm(self) -> float:
        """Attenuation of water at the effective energy: the 0 HU of the scanner."""
        return float(attenuation_per_mm(WATER, [self.response.effective_kev])[0])

    @cached_property
    def water_correction(self) -> tuple[Array, float]:
        """Coefficients of the polynomial from raw to straightened line integrals, and where it ends."""
        length = np.linspace(0.0, _WATER_MM, 601)
        raw = -np.log(np.exp(-np.outer(length, self.beam.light_per_mm[0])) @ self.beam.signal_share)
        powers = raw[1:, None] ** np.arange(1, _DEGREE + 1)
        target = length[1:] * self.water_per_mm
        scale = powers.max(axis=0)
        # Weighted by 1 / length: relative errors count, or thin water would be off.
        weight = 1.0 / length[1:, None]
        fit, *_ = np.linalg.lstsq(powers / scale * weight, target * weight[:, 0], rcond=None)
        coefficients: Array = np.zeros(_DEGREE + 1)
        coefficients[1:] = fit / scale
        return coefficients, float(raw[-1])

    def straighten(self, raw: Single) -> Single:
        """Correct line integrals for the hardening that water does."""
        if not self.settings.artefacts:
            return raw
        coefficients, end = self.water_correction
        slope = np.polynomial.polynomial.polyval(end, np.polynomial.polynomial.polyder(coefficients))
        beyond = np.maximum(raw - np.float32(end), 0.0) * np.float32(slope)
        inside = np.minimum(raw, np.float32(end))
        out = np.zeros_like(raw)
        for c in coefficients[::-1]:
            out *= inside
            out += np.float32(c)
        out += beyond
        return out

    @cached_property
    def aperture(self) -> tuple[Array, Array]:
        """Offsets and weights of the rays across a detector element, blurred by the focal spot."""
        s = self.settings
        ray = s.detector_mm / s.rays_per_detector
        half = int(np.ceil((s.detector_mm + s.focus_mm) / 2.0 / ray))
        offsets: Array = np.arange(-half, half + 1).astype(np.float64) * ray
        fine = (np.arange(-200, 201) / 200.0)[None, :] * s.focus_mm / 2.0 + offsets[:, None]
        inside = np.abs(fine[..., None] + (np.arange(21) / 20.0 - 0.5) * ray) <= s.detector_mm / 2.0
        weights: Array = inside.astype(np.float64).mean(axis=(1, 2))
        return offsets, np.asarray(weights / weights.sum())

    @property
    def sample_mm(self) -> float:
        """Distance between readings: half an element, as with a quarter offset over a full turn."""
        return self.settings.detector_mm / 2.0

    def views_for(self, reach_mm: float) -> int:
        """Say how many views over half a turn a body needs.

        Parameters
        ----------
        reach_mm : float
            How far it reaches from the axis.

        Returns
        -------
        int
            2 pi R f for a radius R and the kernel's highest frequency f (that of 10 % modulation): views as dense at
            the rim as readings along them (Kak and Slaney 1988, section 5.1); never more than the settings say.
        """
        needed = 2.0 * np.pi * reach_mm * KERNELS[self.settings.kernel].mtf10_per_cm / 10.0
        return min(self.settings.views, max(_FEWEST_VIEWS, int(np.ceil(needed))))

    @cached_property
    def mean_kev(self) -> float:
        """What a quantum of the open beam leaves in the detector."""
        r = self.response
        return float(np.average(r.energies_kev, weights=r.quanta_per_mm2_mas))

    def open_beam_kev(self, *, row_mm: float, views: int) -> float:
        """Energy that a reading takes in without a patient, keV; 0 for a scan without noise."""
        s, r = self.settings, self.response
        if s.tube_mas is None:
            return 0.0
        # A whole turn: twice the views; those from behind read between the elements of those from the front.
        area_mm2 = s.detector_mm * row_mm / _FOCUS_TO_AXIS_M**2
        return float(r.quanta_per_mm2_mas @ r.energies_kev) * area_mm2 * s.tube_mas / (2 * views)
