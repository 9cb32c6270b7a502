"""What the later steps need to know of the patient: the CT, and masks of what was found in it, all on one grid."""

from dataclasses import dataclass

from planner.errors import GeometryError
from planner.geometry.frames import Array
from planner.geometry.grid import Grid
from planner.model.bones import Bone, Landmark, Pedicle
from planner.model.implant import Implant
from planner.model.volume import Mask, Volume


@dataclass(frozen=True, slots=True, eq=False)
class GapSpace:
    """The voxels of one gap.

    Parameters
    ----------
    id : str
        The gap's id in the plan ("gap-1").
    implant_id : str or None
        The implant that it surrounds; None for a fractured level without one.
    mask : Mask
        Where it is, on the anatomy's grid.
    """

    id: str
    implant_id: str | None
    mask: Mask


@dataclass(frozen=True, slots=True, eq=False)
class Anatomy:
    """Everything that safety and needle planning look at, on one working grid.

    Parameters
    ----------
    ct : Volume
        The original CT, HU.
    metal : Mask
        All metal.
    bone : Mask
        Bone envelopes, closed over gaps; gaps, and metal inside bone, count as bone.
    gaps : tuple of GapSpace
        The lucent spaces.
    implants : tuple of Implant
        The implants, with their axes.
    canal : Mask or None
        Spinal canal; None where none was found or none is in the picture.
    body : Mask or None
        The body within its skin; None where it is not known.
    forbidden : Mask or None
        Soft tissue and gas that no needle may cross; None where it is not known.
    disc, joint, foramen : Mask or None
        Compartments behind the bone's surface, used to name leaks.
    bones : tuple of Bone
        The bones near the implants, each apart; `bone` is all of them, and what could not be told apart.
    landmarks : tuple of Landmark
        Points that can be felt, for the way in through the skin.
    pedicles : tuple of Pedicle
        Where they stand and how wide they are, of the vertebrae among `bones`.
    hardware : Mask or None
        All implants, also what is no metal (a cage of PEEK, cement), and all metal; None where nobody told: then metal.
    fissures : tuple of ndarray, each of shape (N, 3)
        Lines in a femur's wall that may be fissures or fractures: places on its surface, LPS mm.
    muscle, fat : Mask or None
        Soft tissue that reads as either; what artefacts hide is in neither. None where nobody told them apart.

    Raises
    ------
    GeometryError
        If a mask lies on another grid, or the grid is sheared (its distances could not be measured).
    """

    ct: Volume
    metal: Mask
    bone: Mask
    gaps: tuple[GapSpace, ...]
    implants: tuple[Implant, ...]
    canal: Mask | None = None
    body: Mask | None = None
    forbidden: Mask | None = None
    disc: Mask | None = None
    joint: Mask | None = None
    foramen: Mask | None = None
    bones: tuple[Bone, ...] = ()
    landmarks: tuple[Landmark, ...] = ()
    pedicles: tuple[Pedicle, ...] = ()
    hardware: Mask | None = None
    muscle: Mask | None = None
    fat: Mask | None = None
    fissures: tuple[Array, ...] = ()

    def __post_init__(self) -> None:
        if not self.grid.is_rectangular:
            raise GeometryError("the working grid is sheared (tilted gantry); resample the CT before planning")
        optional = (
            self.canal, self.body, self.forbidden, self.disc, self.joint, self.foramen, self.hardware, self.muscle,
            self.fat,
        )  # fmt: skip
        apart = (*(g.mask for g in self.gaps), *(b.mask for b in self.bones))
        for mask in (self.metal, self.bone, *apart, *(m for m in optional if m is not None)):
            self.grid.require_same(mask.grid)

    @property
    def grid(self) -> Grid:
        """The working grid."""
        return self.ct.grid

    def implant(self, implant_id: str | None) -> Implant | None:
        """Give an implant by its id.

        Parameters
        ----------
        implant_id : str or None
            The id; None for no implant.

        Returns
        -------
        Implant or None
            None where no implant of that id is known.
        """
        return next((i for i in self.implants if i.id == implant_id), None)
