"""Landmarks of bones as they lie over a view: where the beam runs along their surface, so that they make a line."""

from collections.abc import Iterable, Sequence

import numpy as np

from planner.fluoro.carm import pose, project
from planner.fluoro.overlay import Colour, Layer, Ring, Shape, Words, letters_px, words_px
from planner.geometry.frames import Array, unit
from planner.model.carm import CArm
from planner.model.view_landmark import ViewLandmark
from planner.model.view_sight import LandmarkSight

LANDMARK: Colour = (190, 205, 255)
_DOT_PX = 1.2
_BEHIND = {"hidden": ", behind metal", "partly": ", partly seen", None: ", not known whether seen"}
"""What is said of a landmark beside its name; nothing of one that is seen."""


def landmark_layer(landmarks: Iterable[tuple[ViewLandmark, LandmarkSight]], carm: CArm, *, profile_deg: float) -> Layer:
    """Draw the places of landmarks that are in profile, and say of each whether metal hides it.

    Parameters
    ----------
    landmarks : iterable of (ViewLandmark, LandmarkSight)
        The landmarks, each with what the view shows of it.
    carm : CArm
        The view.
    profile_deg : float
        A place is in profile where the beam runs along the surface within this.

    Returns
    -------
    Layer
        Without those that are not in profile or lie beside the picture: they make no line.
    """
    shapes: list[Shape] = []
    names: list[Words] = []
    for landmark, sight in landmarks:
        if sight.verdict in ("not in profile", "outside"):
            continue
        at = project(carm, landmark.points_lps)[_in_profile(landmark, carm, profile_deg)]
        at = at[np.all(np.isfinite(at), axis=-1)]
        if not len(at):
            continue
        shapes += [Ring((float(row), float(column)), _DOT_PX, LANDMARK, filled=True) for row, column in at]
        side = "" if landmark.side is None else f"{landmark.side} "
        name = f"{side}{landmark.name}{_BEHIND.get(sight.verdict, '')}"
        names.append(_name_above(name, at, names, carm.rows))
        shapes.append(names[-1])
    return Layer("landmarks", tuple(shapes))


def _in_profile(landmark: ViewLandmark, carm: CArm, profile_deg: float) -> Array:
    if landmark.normals_lps is None:
        return np.ones(len(landmark.points_lps), dtype=np.bool_)
    beam = unit(np.asarray(landmark.points_lps) - pose(carm).source_lps)
    slant = np.abs(np.einsum("ij,ij->i", beam, landmark.normals_lps))
    return np.asarray(slant <= np.sin(np.radians(profile_deg)))


def _name_above(name: str, at: Array, others: Sequence[Words], rows: int) -> Words:
    """Write a landmark's name above its highest dot, and above other names that it would lie on."""
    highest = at[int(np.argmin(at[:, 0]))]
    row, column = float(highest[0]) - 3.0, float(highest[1])
    high, half = 1.1 * letters_px(rows), words_px(name, rows) / 2.0
    # The lowest first: what is put above one may lie on the next.
    for other in sorted(others, key=lambda other: -other.pixel[0]):
        apart = abs(other.pixel[1] - column) - half - words_px(other.text, rows) / 2.0
        if apart < 0.0 and abs(other.pixel[0] - row) < high:
            row = other.pixel[0] - high
    return Words((row, column), name, LANDMARK, "mb")
