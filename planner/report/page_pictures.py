"""The report's pictures with their captions, sorted by whose page they stand on."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from planner.model.gap import Gap
from planner.model.needle import Trajectory
from planner.model.plan import Plan
from planner.report import words

_CAPTIONS = {
    "axial": "Axial, seen from the feet",
    "coronal": "Coronal, seen from the front",
    "sagittal": "Sagittal, seen from the patient's left",
    "across-implant": "Across the implant",
    "along-implant": "Along the implant",
    "along-needle": "Along the first needle",
    "needles-eye": "Needle's eye: across it at its target, seen from its hub",
    "front": "Overview from the front",
    "side": "Overview from the patient's left",
    "bulls-eye": "Fluoroscopy, bull's-eye",
    "ap": "Fluoroscopy, frontal, seen from in front: the patient's right is on the viewer's left",
    "pa": "Fluoroscopy, frontal, seen from behind (prone): the patient's LEFT is on the viewer's left",
    "lateral": "Fluoroscopy, lateral",
    "watch": "Fluoroscopy, watch view",
    "gaps": "The C-arm turning about the gaps from one lateral view to the other (moves on a screen)",
}
_ALSO_LATERAL = f"{_CAPTIONS['bulls-eye']}; the lateral view is the same"
_ON_PAGE = ("axial", "sagittal")
_SHOTS = ("bulls-eye", "ap", "pa", "lateral")


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A picture that stands in the page itself.

    Parameters
    ----------
    caption : str
        What it shows.
    source : str
        Base64.
    kind : str
        "png" or "webp".
    """

    caption: str
    source: str
    kind: str = "png"


@dataclass(frozen=True, slots=True)
class TargetPictures:
    """The pictures of one gap.

    Parameters
    ----------
    first : tuple of PagePicture
        Axial and sagittal, and the eye of its first needle.
    fluoroscopy : tuple of (Trajectory, tuple of PagePicture)
        Of each needle that is shown, the proposed ones first: bull's-eye, frontal and lateral; of all but the first its
        eye before them.
    map : PagePicture or None
        The unwrapped map of its implant.
    more : tuple of PagePicture
        The other cuts.
    watched : tuple of (Trajectory, tuple of PagePicture)
        The needles' other views.
    angles : PagePicture or None
        From where it is seen.
    """

    first: tuple[PagePicture, ...]
    fluoroscopy: tuple[tuple[Trajectory, tuple[PagePicture, ...]], ...]
    map: PagePicture | None
    more: tuple[PagePicture, ...]
    watched: tuple[tuple[Trajectory, tuple[PagePicture, ...]], ...]
    angles: PagePicture | None


def page_picture(name: str, data: bytes) -> PagePicture:
    """Pack a picture.

    Parameters
    ----------
    name : str
        Whose it is and which view, ``gap-1/axial``; known views get a caption of their own, others their name.
    data : bytes
        PNG or WebP.

    Returns
    -------
    PagePicture
    """
    view = name.rsplit("/", 1)[-1]
    kind = "webp" if data[8:12] == b"WEBP" else "png"
    return PagePicture(_CAPTIONS.get(view, view.replace("-", " ")), base64.b64encode(data).decode("ascii"), kind)


def pictures_of(owner: str, pictures: Mapping[str, PagePicture]) -> tuple[PagePicture, ...]:
    """Give the pictures of one owner, in their order."""
    return tuple(picture for name, picture in pictures.items() if name.rsplit("/", 1)[0] == owner)


def unwrapped_pictures(plan: Plan, pictures: Mapping[str, PagePicture]) -> tuple[PagePicture, ...]:
    """Give the unwrapped maps, each with its implant's name, level and side."""
    shown = [(implant, pictures.get(f"unwrapped/{implant.id}")) for implant in plan.implants]
    return tuple(
        PagePicture(" · ".join(word for word in (i.id, words.plain(i.kind), i.level, i.side) if word), picture.source)
        for i, picture in shown
        if picture is not None
    )


def target_pictures(
    gap: Gap, needles: Iterable[Trajectory], proposed: Iterable[str], pictures: Mapping[str, PagePicture]
) -> TargetPictures:
    """Sort the pictures of one gap.

    Parameters
    ----------
    gap : Gap
        It.
    needles : iterable of Trajectory
        Its needles, the best first.
    proposed : iterable of str
        The ids of those that are proposed, in the order of injection.
    pictures : Mapping of str to PagePicture
        All, by name.

    Returns
    -------
    TargetPictures
    """
    order = {name: k for k, name in enumerate(proposed)}
    known = sorted(needles, key=lambda way: order.get(way.id, len(order) + way.rank))
    mine = [way for way in known if pictures_of(way.id, pictures)]
    asked = [way for way in mine if way.id in order] or mine[:1]
    others = [way for way in mine if way not in asked]
    on_page = {f"{gap.id}/{view}" for view in _ON_PAGE}
    eyes = {way.id: _eye_of(way.id, pictures) for way in asked}
    first = [pictures.get(f"{gap.id}/{view}") for view in _ON_PAGE]
    if asked:
        first.append(eyes[asked[0].id])
    shots = []
    for k, way in enumerate(asked):
        eye = eyes[way.id] if k else None
        shots.append((way, (*(() if eye is None else (eye,)), *_views(way.id, _SHOTS, pictures))))
    rest = [(way, _views(way.id, ("watch",), pictures)) for way in asked]
    rest += [(way, _views(way.id, ("needles-eye", *_SHOTS, "watch"), pictures)) for way in others]
    return TargetPictures(
        first=tuple(picture for picture in first if picture is not None),
        fluoroscopy=tuple((way, views) for way, views in shots if views),
        map=None if gap.implant_id is None else pictures.get(f"unwrapped/{gap.implant_id}"),
        more=tuple(p for name, p in pictures.items() if name.rsplit("/", 1)[0] == gap.id and name not in on_page),
        watched=tuple((way, views) for way, views in rest if views),
        angles=pictures.get(f"angles/{gap.id}"),
    )


def _eye_of(name: str, pictures: Mapping[str, PagePicture]) -> PagePicture | None:
    """Give a needle's eye with its needle's name, for it stands among the pictures of the gap."""
    eye = pictures.get(f"{name}/needles-eye")
    return None if eye is None else replace(eye, caption=eye.caption.replace("eye:", f"eye of {name}:", 1))


def _views(owner: str, wanted: Iterable[str], pictures: Mapping[str, PagePicture]) -> tuple[PagePicture, ...]:
    """Give a needle's views; a bull's-eye without a lateral view beside it is that one, too."""
    shown = {view: pictures[f"{owner}/{view}"] for view in wanted if f"{owner}/{view}" in pictures}
    if "bulls-eye" in shown and "lateral" not in shown:
        shown["bulls-eye"] = PagePicture(_ALSO_LATERAL, shown["bulls-eye"].source)
    return tuple(shown.values())
