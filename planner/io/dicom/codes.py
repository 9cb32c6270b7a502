"""The coded words of our DICOM objects: standard ones first, our own only where the standard has none.

The standard's are of its context groups (PS3.16 Annex B); SNOMED CT codes beyond these are named one by one below.
"""

from typing import Final

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from pydicom.sr.coding import Code

OWN_SCHEME: Final = "99CEMENT"
"""Coding schemes that begin with 99 are private (PS3.16 8)."""


def _snomed(value: str, meaning: str) -> Code:
    return Code(value, "SCT", meaning)


def _dicom(value: str, meaning: str) -> Code:
    return Code(value, "DCM", meaning)


# Categories of segments and findings: CID 7150.
ANATOMY: Final = _snomed("91723000", "Anatomical Structure")
OBJECT: Final = _snomed("260787004", "Physical object")
SUBSTANCE: Final = _snomed("105590001", "Substance")
ALTERED: Final = _snomed("49755003", "Morphologically Abnormal Structure")
TISSUE_CATEGORY: Final = _snomed("85756007", "Tissue")

# Things that are implanted: CID 7193, 7307.
IMPLANT: Final = _snomed("40388003", "Implant")
PROSTHESIS: Final = _snomed("53350007", "Prosthesis")
BONE_SCREW: Final = _snomed("68183006", "Bone Screw")
BONE_NAIL: Final = _snomed("63289001", "Bone Nail")
BONE_PLATE: Final = _snomed("271003", "Bone Plate")
FEMORAL_HEAD_PROSTHESIS: Final = _snomed("304121006", "Femoral Head Prosthesis")
FEMORAL_STEM: Final = _dicom("112310", "Femoral Stem")
NEEDLE: Final = _snomed("79068005", "Needle")

# Anatomy: CID 7151, 7155, 7304, 7603, 8134, 4031.
BONE: Final = _snomed("3138006", "Bone")
VERTEBRA: Final = _snomed("51282000", "Vertebra")
SPINE: Final = _snomed("421060004", "Spine")
SACRUM: Final = _snomed("54735007", "Sacrum")
ILIUM: Final = _snomed("22356005", "Ilium")
PELVIS: Final = _snomed("118645006", "Pelvis")
ACETABULUM: Final = _snomed("37783008", "Acetabulum")
FEMUR: Final = _snomed("71341001", "Femur")
RIB: Final = _snomed("113197003", "Rib")
VERTEBRAL_CANAL: Final = _snomed("61853006", "Vertebral canal")
LESION: Final = _snomed("52988006", "Lesion")
LEFT: Final = _snomed("7771000", "Left")
RIGHT: Final = _snomed("24028007", "Right")

LEVELS: Final[dict[str, Code]] = {
    level: _snomed(value, f"{level} vertebra")
    for level, value in {
        "C1": "14806007", "C2": "39976000", "C3": "113205007", "C4": "5329002", "C5": "36978003", "C6": "36054005",
        "C7": "87391001",
        "T1": "64864005", "T2": "53733008", "T3": "1626008", "T4": "73071006", "T5": "56401006", "T6": "45296009",
        "T7": "62487009", "T8": "11068009", "T9": "82687006", "T10": "7610001", "T11": "12989004", "T12": "23215003",
        "L1": "66794005", "L2": "14293000", "L3": "36470004", "L4": "11994002", "L5": "49668003",
    }.items()
}  # fmt: skip
"""CID 7603. Levels without a code of their own (T13, L6, S1) are a vertebra, and the sacrum."""

# SNOMED CT beyond the standard's groups: said by SNOMED International's own documents and by published value sets.
BONE_CEMENT: Final = _snomed("6043006", "Bone cement")
OSTEOLYSIS: Final = _snomed("30425001", "Osteolysis")
FRACTURE: Final = _snomed("72704001", "Fracture")
DEFECT: Final = _snomed("6920004", "Defect")
DISC: Final = _snomed("360499006", "Intervertebral disc")

# What is measured: CID 218, 7470, 6095 and TID 300.
VOLUME: Final = _snomed("118565006", "Volume")
AREA: Final = _snomed("42798000", "Area")
WIDTH: Final = _snomed("103355008", "Width")
LENGTH: Final = _snomed("410668003", "Length")
DIAMETER: Final = _snomed("81827009", "Diameter")
PATH: Final = _dicom("121055", "Path")
NEEDLE_GAUGE: Final = _dicom("111465", "Needle Gauge")
PRIMARY_ANGLE: Final = _dicom("112011", "Positioner Primary Angle")
SECONDARY_ANGLE: Final = _dicom("112012", "Positioner Secondary Angle")
MEDIAN: Final = _snomed("373099004", "Median")
PERCENTILE_95: Final = _snomed("371889001", "95th Percentile Value of population")
MAXIMUM: Final = _snomed("56851009", "Maximum")
MINIMUM: Final = _snomed("255605001", "Minimum")
YES: Final = _snomed("373066001", "Yes")
NO: Final = _snomed("373067005", "No")
FINDING: Final = _dicom("121071", "Finding")
DEVICE: Final = _dicom("121007", "Device")
PERSON: Final = _dicom("121006", "Person")
CT_PROCEDURE: Final = Code("25045-6", "LN", "CT unspecified body region")

# Units: UCUM.
MM: Final = Code("mm", "UCUM", "mm")
MM2: Final = Code("mm2", "UCUM", "square millimeter")
ML: Final = Code("ml", "UCUM", "milliliter")
DEGREES: Final = Code("deg", "UCUM", "degree")
HU: Final = Code("[hnsf'U]", "UCUM", "Hounsfield unit")
ONE: Final = Code("1", "UCUM", "no units")

_OWN: Final[dict[str, tuple[str, str]]] = {
    # What narrows the type of a segment.
    "pedicle-screw": ("S01", "Pedicle screw"),
    "cup-screw": ("S02", "Screw of an acetabular cup"),
    "spinal-rod": ("S03", "Spinal rod"),
    "acetabular-cup": ("S04", "Acetabular cup"),
    "cage": ("S05", "Interbody cage"),
    "breach": ("S06", "Breach of a gap's wall"),
    # Gaps.
    "gap-kind": ("G01", "Kind of gap"),
    "gap-kind-screw_halo": ("G11", "Lucent halo round a screw"),
    "gap-kind-periprosthetic_gap": ("G12", "Lucent gap round a prosthesis"),
    "gap-kind-osteolysis": ("G13", "Osteolysis beside an implant"),
    "gap-kind-cage_interface": ("G14", "Lucent gap at a cage"),
    "gap-kind-fracture_level": ("G15", "Lucent space in a fractured vertebra"),
    "volume-low": ("G21", "Volume, lower end of its 90 % interval"),
    "volume-high": ("G22", "Volume, upper end of its 90 % interval"),
    "fill": ("G23", "Cement expected in the gap"),
    "fill-low": ("G24", "Cement expected, least of all simulated courses"),
    "fill-high": ("G25", "Cement expected, most of all simulated courses"),
    "interface-share": ("G26", "Share of the bone interface that is lucent"),
    "trust": ("G27", "How far metal artefacts leave it readable, 0 to 1"),
    "zone-volume": ("G28", "Volume within a zone"),
    "made": ("G31", "Made by"),
    "made-automatic": ("G32", "The program"),
    "made-edited": ("G33", "A person, who drew, placed or changed it"),
    "reliance": ("G36", "How far its figures are to be relied on"),
    "reliance-none": ("G37", "Not to be relied on"),
    # Implants.
    "loosening": ("I01", "Loosening"),
    "loosening-none": ("I02", "None by these criteria"),
    "loosening-possible": ("I03", "Possible"),
    "loosening-probable": ("I04", "Probable"),
    "loosening-definite": ("I05", "Definite"),
    "criterion": ("I06", "Criterion of loosening, as measured"),
    "criterion-limit": ("I07", "Criterion of loosening, its limit"),
    "material": ("I11", "Material"),
    "material-titanium": ("I12", "Titanium"),
    "material-cobalt_chrome_or_steel": ("I13", "Cobalt-chrome or steel"),
    "material-pmma": ("I14", "Bone cement (PMMA)"),
    "core-diameter": ("I21", "Core diameter under the thread"),
    "metal-length": ("I22", "Length of the metal along its bends"),
    "cut": ("I23", "Runs out of the scan"),
    # Breaches.
    "leak": ("B01", "Where cement would leak"),
    "leak-cortical": ("B02", "Through the cortex"),
    "leak-canal": ("B03", "Spinal canal"),
    "leak-foramen": ("B04", "Intervertebral foramen"),
    "leak-disc": ("B05", "Disc"),
    "leak-joint": ("B06", "Joint"),
    "leak-screw_tract": ("B07", "The screw's own tract"),
    "leak-fracture": ("B08", "Fracture"),
    "leak-venous": ("B09", "Vein"),
    "wall": ("B11", "State of the wall"),
    "wall-open": ("B12", "Open"),
    "wall-thin": ("B13", "Thin"),
    "barrier-hu": ("B14", "CT value of the barrier where it is thinnest"),
    "barrier": ("B16", "Thickness of the barrier"),
    "neck": ("B15", "Diameter of the widest ball that leaves through it"),
    "reached": ("B21", "Reached in the simulated injection"),
    "leak-after": ("B22", "Injected when cement first reaches the breach"),
    "stop": ("B23", "Injected at the earliest arrival of all courses; stop before it"),
    "literature": ("B31", "Type of leak as in PMC8449924"),
    "literature-B": ("B32", "B, basivertebral vein"),
    "literature-S": ("B33", "S, segmental vein"),
    "literature-C": ("B34", "C, cortical defect"),
    "literature-D": ("B35", "D, disc"),
    # Views.
    "console-primary": ("V01", "Positioner primary angle at the console"),
    "console-secondary": ("V02", "Positioner secondary angle at the console"),
    "in-reach": ("V03", "Within the gantry's reach"),
    "slant": ("V04", "Angle between beam and wall"),
    "contrast": ("V05", "Share of the beam that a leaked drop takes away"),
    # Needles.
    "approach": ("N01", "Approach"),
    "approach-transpedicular": ("N02", "Transpedicular"),
    "approach-extrapedicular": ("N03", "Extrapedicular"),
    "approach-femoral": ("N04", "Femoral"),
    "rank": ("N11", "Rank among the ways to its goal"),
    "proposed": ("N12", "Proposed for the procedure"),
    "order": ("N13", "Place in the order of injection of its set"),
    "locked": ("N14", "Held as a person chose it"),
    "entry-skin": ("N21", "Entry into the skin"),
    "entry-bone": ("N22", "Entry into the bone"),
    "aim": ("N23", "End of the straight part"),
    "target": ("N24", "Target"),
    "depth-skin": ("N25", "Depth from the skin, along the path"),
    "depth-bone": ("N27", "Depth in bone, from its entry to the target"),
    "slides": ("N26", "Tip slides along the implant"),
    "entry-angle": ("N31", "Angle to the normal of the bone's surface"),
    "crossings": ("N32", "Entries into bone on the way in"),
    "entry-cortex": ("N33", "Cortex where the bone is entered"),
    "crossed": ("N34", "Length of way through a structure"),
    "to-metal": ("N41", "Clearance from metal"),
    "to-canal": ("N42", "Clearance from the spinal canal"),
    "to-breach": ("N43", "Clearance from the nearest breach"),
    "to-forbidden": ("N44", "Clearance from tissue that no needle may cross"),
    "to-bone": ("N45", "Clearance from bones that it does not enter"),
    "reachable": ("N51", "Volume within reach of the tip"),
    "needle-leak-after": ("N52", "Injected through it alone at the first leak"),
    "score": ("N53", "Score of the way, 0 to 1"),
    "cement": ("N61", "Cement that all proposed needles inject"),
    "cement-in-needles": ("N62", "Cement that stays in the proposed needles"),
    "needles": ("N63", "Proposed needles"),
    # Texts.
    "review": ("T01", "State of review"),
    "belongs-to": ("T02", "Belongs to"),
    "behind": ("T03", "What lies behind"),
    "needle": ("T04", "Needle"),
    "caution": ("T05", "Caution"),
    "violation": ("T06", "Hard limit that is broken"),
    "leak-breach": ("T07", "Breach that cement reaches first"),
    "settings": ("T08", "SHA-256 of the settings"),
    "position": ("T09", "Position for the treatment"),
    "zones": ("T10", "Zones within reach, the tip's own first"),
    "unreliable": ("T12", "Why its figures are not to be relied on"),
    "landmark": ("T11", "Skin entry from a landmark that can be felt"),
}
"""Our own words: code value and meaning. They do not change their meaning; new ones are added."""


def own_scheme() -> CodingSchemeIdentificationItem:
    """Say whose the scheme of our own codes is, as an object that uses them must.

    Returns
    -------
    CodingSchemeIdentificationItem
    """
    return CodingSchemeIdentificationItem(
        designator=OWN_SCHEME, name="Words of a cement plan", responsible_organization="periprosthetic-cement-planner"
    )


def own(name: str) -> Code:
    """Give one of our own codes.

    Parameters
    ----------
    name : str
        Its name in the table.

    Returns
    -------
    Code
        Of the scheme `OWN_SCHEME`.

    Raises
    ------
    KeyError
        If the table does not have it: no code is made up on the way.
    """
    value, meaning = _OWN[name]
    return Code(value, OWN_SCHEME, meaning)
