"""The needles that can be had."""

from pydantic import Field

from planner.config.settings import Settings


class CatalogueEntry(Settings):
    """A needle of the catalogue: one gauge in one length."""

    name: str = Field(min_length=1, description="Unique in the catalogue ('13G x 100').")
    gauge: str = Field(
        default="", description="What needles of one bore share, in all lengths ('13G'); empty: the name."
    )
    outer_diameter_mm: float = Field(gt=0, le=8, description="Outer diameter of the shaft, without hub or depth stop.")
    length_mm: float = Field(gt=0, le=400, description="Of the shaft that can go in, without the hub.")


_DIAMETER_MM = {"8G": 4.19, "10G": 3.40, "11G": 3.05, "13G": 2.41, "14G": 2.11, "15G": 1.83, "16G": 1.65}
"""Regular-wall gauge table; vendors differ."""
_LENGTHS_MM = {
    "8G": (100.0,), "10G": (100.0,), "11G": (100.0, 150.0), "13G": (100.0, 150.0), "14G": (150.0,), "15G": (150.0,),
    "16G": (150.0,),
}  # fmt: skip
"""15G: Cianfoni 2018; 11-13G come in 100 to 150 mm; the others by common practice."""

COMMON_NEEDLES: tuple[CatalogueEntry, ...] = (
    *(
        CatalogueEntry(name=f"{gauge} x {length:g}", gauge=gauge, outer_diameter_mm=mm, length_mm=length)
        for gauge, mm in _DIAMETER_MM.items()
        for length in _LENGTHS_MM[gauge]
    ),
    CatalogueEntry(name="hip 3.2", outer_diameter_mm=3.2, length_mm=100.0),
)
"""By default; "hip 3.2" is the 3.2 x 100 mm needle of de Smidt 2026."""
