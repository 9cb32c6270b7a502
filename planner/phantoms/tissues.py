"""What the phantoms are made of: Hounsfield units for the ideal scan, materials for the beam of the simulated CT.

HU of the ideal scan are the middle of the ranges that the procedure's table gives (fat -100..-50, fibrous interface
0..100, cancellous 50..300, cortical 250..2000, opacified PMMA 1000..2500). Patients are old and frail, so that
cancellous bone is osteoporotic (135 HU and below: Pickhardt 2013, doi 10.7326/0003-4819-158-8-201304160-00003). A bone
island reads 1190 +- 239 HU (Ulano 2016, AJR Am J Roentgenol 207:362). Metal, ceramic and plastics with a material of
their own have no HU in the simulated CT but what their attenuation gives; titanium alloy reads about 8500 HU at 80 keV,
alumina 3300, polyethylene -90, PEEK 185 HU at the 67 keV that 120 kVp comes to behind 20 cm of water. Cobalt-chrome,
steel, copper and tantalum would read more than a 16-bit file holds or than a water correction leaves: the figures for
the ideal scan are set by eye. Textures have no source: they were set by looking at the pictures.
"""

from dataclasses import dataclass
from typing import Literal

MaterialName = Literal[
    "by HU",
    "titanium",
    "cobalt-chrome",
    "steel",
    "tantalum",
    "copper",
    "alumina",
    "polyethylene",
    "PEEK",
    "PMMA with barium sulphate",
    "PMMA with zirconia",
    "iodine in water",
]
"""What the beam meets. "by HU": gas, fat, water, soft tissue or bone of that number. The PMMAs and iodine hold as much
of the opacifier as gives the tissue its HU; all others are what they are, whatever their HU."""


@dataclass(frozen=True, slots=True)
class Tissue:
    """A material of the phantom.

    Parameters
    ----------
    name : str
        What it is; also the seed of its texture, so that each tissue has its own.
    hu : float
        Mean Hounsfield number in the ideal scan, and at the effective energy of the simulated CT.
    texture_hu : float
        Standard deviation of its texture.
    texture_mm : float
        Middle wavelength of its texture.
    material : MaterialName
        What the beam of the simulated CT meets.
    """

    name: str
    hu: float
    texture_hu: float = 0.0
    texture_mm: float = 4.0
    material: MaterialName = "by HU"


AIR = Tissue("air", -1000.0)
BOWEL_GAS = Tissue("bowel gas", -980.0)
VACUUM_GAS = Tissue("vacuum gas", -950.0)
LUNG = Tissue("lung", -830.0, 40.0, 7.0)
FAT = Tissue("fat", -95.0, 8.0, 7.0)
SKIN = Tissue("skin", 20.0)
MUSCLE = Tissue("muscle", 55.0, 9.0, 6.0)
ORGAN = Tissue("organ", 50.0, 5.0, 8.0)
BLOOD = Tissue("blood", 42.0)
FLUID = Tissue("fluid", 12.0)
CSF = Tissue("canal", 18.0)
EPIDURAL = Tissue("epidural fat", -70.0)
CORD = Tissue("cord", 38.0)
DISC = Tissue("disc", 75.0, 8.0, 5.0)
CARTILAGE = Tissue("cartilage", 110.0)
MARROW = Tissue("marrow", -60.0, 10.0, 6.0)
YELLOW_MARROW = Tissue("yellow marrow", -85.0, 8.0, 6.0)
CANCELLOUS = Tissue("cancellous", 140.0, 38.0, 3.0)
SCLEROTIC = Tissue("sclerotic", 620.0, 60.0, 3.0)
FUSION_BONE = Tissue("fusion bone", 450.0, 90.0, 4.0)
UNHEALED_GRAFT = Tissue("unhealed graft", 260.0, 90.0, 3.0)
BONE_ISLAND = Tissue("bone island", 1190.0, 40.0, 3.0)
CORTICAL = Tissue("cortical", 1200.0, 60.0, 5.0)
FIBROUS = Tissue("fibrous interface", 40.0)
PMMA = Tissue("cement", 1500.0, 120.0, 4.0, "PMMA with barium sulphate")
ZIRCONIA_CEMENT = Tissue("zirconia cement", 1800.0, 120.0, 4.0, "PMMA with zirconia")
CONTRAST_BLOOD = Tissue("blood with contrast", 250.0, material="iodine in water")
BOWEL_CONTRAST = Tissue("bowel contrast", 350.0, 20.0, 6.0, "iodine in water")
POLYETHYLENE = Tissue("polyethylene", -80.0, material="polyethylene")
PEEK = Tissue("PEEK", 185.0, material="PEEK")
ALUMINA = Tissue("alumina", 3300.0, material="alumina")
TITANIUM = Tissue("titanium", 8500.0, material="titanium")
COBALT_CHROME = Tissue("cobalt-chrome", 20000.0, material="cobalt-chrome")
STEEL = Tissue("steel", 18000.0, material="steel")
ECG_LEAD = Tissue("ECG lead", 18000.0, material="copper")
TANTALUM = Tissue("tantalum", 30000.0, material="tantalum")
