"""What the phantoms are made of, in Hounsfield units.

The figures are the middle of the ranges that the procedure's table gives (fat -100..-50, fibrous interface 0..100,
cancellous 50..300, cortical 250..2000, opacified PMMA 1000..2500); titanium alloy reads about 8500 HU at 80 keV by the
NIST attenuation tables, cobalt-chrome about 28000, which a scanner's water correction brings down: 20000 here. Patients
are old and frail, so that cancellous bone is osteoporotic (135 HU and below: Pickhardt 2013, doi
10.7326/0003-4819-158-8-201304160-00003). Textures have no source: they were set by looking at the pictures.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tissue:
    """A material of the phantom.

    Parameters
    ----------
    name : str
        What it is; also the seed of its texture, so that each tissue has its own.
    hu : float
        Mean Hounsfield number.
    texture_hu : float
        Standard deviation of its texture.
    texture_mm : float
        Middle wavelength of its texture.
    """

    name: str
    hu: float
    texture_hu: float = 0.0
    texture_mm: float = 4.0


AIR = Tissue("air", -1000.0)
BOWEL_GAS = Tissue("bowel gas", -980.0)
LUNG = Tissue("lung", -830.0, 40.0, 7.0)
FAT = Tissue("fat", -95.0, 8.0, 7.0)
SKIN = Tissue("skin", 20.0)
MUSCLE = Tissue("muscle", 55.0, 9.0, 6.0)
ORGAN = Tissue("organ", 50.0, 5.0, 8.0)
BLOOD = Tissue("blood", 42.0)
CSF = Tissue("canal", 18.0)
EPIDURAL = Tissue("epidural fat", -70.0)
CORD = Tissue("cord", 38.0)
DISC = Tissue("disc", 75.0, 8.0, 5.0)
CARTILAGE = Tissue("cartilage", 110.0)
MARROW = Tissue("marrow", -60.0, 10.0, 6.0)
CANCELLOUS = Tissue("cancellous", 140.0, 38.0, 3.0)
SCLEROTIC = Tissue("sclerotic", 620.0, 60.0, 3.0)
CORTICAL = Tissue("cortical", 1200.0, 60.0, 5.0)
FIBROUS = Tissue("fibrous interface", 40.0)
PMMA = Tissue("cement", 1500.0, 120.0, 4.0)
TITANIUM = Tissue("titanium", 8500.0)
COBALT_CHROME = Tissue("cobalt-chrome", 20000.0)
POLYETHYLENE = Tissue("polyethylene", -80.0)
