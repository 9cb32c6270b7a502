"""The settings of a whole plan."""

import difflib
import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import Field, ValidationError, model_validator

from planner.config.anatomy_config import AnatomyConfig
from planner.config.breach_config import BreachConfig
from planner.config.candidacy_config import HipCandidacyConfig
from planner.config.fault_config import FaultConfig
from planner.config.flow_config import FlowConfig
from planner.config.fluoro_config import FluoroConfig
from planner.config.fracture_config import SpineTargetConfig
from planner.config.gap_config import HaloConfig
from planner.config.hardware_config import HardwareConfig
from planner.config.hip_config import HipGapConfig, HipImplantConfig
from planner.config.implant_config import ImplantConfig, ShaftSearchConfig
from planner.config.needle_config import NeedleConfig
from planner.config.needle_hole_config import NeedleHoleConfig
from planner.config.one_gantry import share_gantry
from planner.config.output_config import OutputConfig
from planner.config.prophylaxis_config import ProphylaxisConfig
from planner.config.settings import Settings
from planner.config.spine_pocket_config import SpinePocketConfig
from planner.config.trust_config import TrustConfig
from planner.config.visibility_config import VisibilityConfig
from planner.config.watch_config import WatchConfig
from planner.errors import ConfigError
from planner.model.plan import PatientPosition


class PlanConfig(Settings):
    """Settings of the main job."""

    series_instance_uid: str | None = Field(
        default=None,
        description="DICOM series to plan on where an input holds several (UID#2: the second stack in one, as inspect "
        "lists them); None takes the best CT.",
    )
    assume_hu: bool = Field(
        default=False,
        description="Take the values as Hounsfield units although the input does not say so, or they do not look it.",
    )
    treatment_position: PatientPosition | None = Field(
        default=None, description="How the patient will lie; None: prone for the spine, supine for the hip, head first."
    )
    implants: ImplantConfig = Field(default_factory=ImplantConfig, description="Metal, screws and rods.")
    shafts: ShaftSearchConfig = Field(default_factory=ShaftSearchConfig, description="How straight shafts are sought.")
    hips: HipImplantConfig = Field(default_factory=HipImplantConfig, description="Hip prostheses and nails.")
    hardware: HardwareConfig = Field(default_factory=HardwareConfig, description="Cages, plates, cables and cement.")
    faults: FaultConfig = Field(default_factory=FaultConfig, description="Broken, parted or displaced hardware.")
    trust: TrustConfig = Field(default_factory=TrustConfig, description="What metal artefacts leave readable.")
    hip_gaps: HipGapConfig = Field(default_factory=HipGapConfig, description="Gaps round stems and cups.")
    anatomy: AnatomyConfig = Field(default_factory=AnatomyConfig, description="Bone, canal, skin, forbidden zones.")
    hip_candidacy: HipCandidacyConfig = Field(
        default_factory=HipCandidacyConfig, description="What speaks against cement at the hip."
    )
    spine_targets: SpineTargetConfig = Field(
        default_factory=SpineTargetConfig, description="Fractured levels, their clefts, sunken cages."
    )
    prophylaxis: ProphylaxisConfig = Field(
        default_factory=ProphylaxisConfig, description="Intact levels as targets, where `spine_targets` asks for them."
    )
    spine_pockets: SpinePocketConfig = Field(
        default_factory=SpinePocketConfig, description="Gas and fluid round spinal implants."
    )
    halos: HaloConfig = Field(default_factory=HaloConfig, description="Halos round screws.")
    breaches: BreachConfig = Field(default_factory=BreachConfig, description="Holes in the gaps' walls.")
    watch: WatchConfig = Field(default_factory=WatchConfig, description="From where leaks are watched.")
    needles: NeedleConfig = Field(default_factory=NeedleConfig, description="Needle search.")
    flow: FlowConfig = Field(default_factory=FlowConfig, description="How cement runs from the needles' tips.")
    needle_holes: NeedleHoleConfig = Field(
        default_factory=NeedleHoleConfig, description="Holes of needles as ways out of a gap."
    )
    fluoroscopy: FluoroConfig = Field(default_factory=FluoroConfig, description="The C-arm, and simulated fluoroscopy.")
    visibility: VisibilityConfig = Field(
        default_factory=VisibilityConfig, description="What fluoroscopy views show of gaps and landmarks."
    )
    output: OutputConfig = Field(default_factory=OutputConfig, description="Files that the plan is written to.")

    @model_validator(mode="before")
    @classmethod
    def _one_gantry(cls, settings: Any) -> Any:
        return share_gantry(settings)

    def sha256(self) -> str:
        """Give the fingerprint of what a plan depends on, 64 hexadecimal digits.

        Returns
        -------
        str
            Of all settings but `output`, and but `series_instance_uid`: the plan itself says which series it is of, and
            where it has a pseudonym, nobody shall be able to try UIDs on the fingerprint.
        """
        told = self.model_copy(update={"series_instance_uid": None})  # as None, so that older fingerprints stay
        return hashlib.sha256(told.model_dump_json(exclude={"output"}).encode()).hexdigest()


def load_settings(path: Path) -> PlanConfig:
    """Read settings from a TOML file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    PlanConfig

    Raises
    ------
    ConfigError
        If the file cannot be read, is not TOML, or names a setting that does not exist or a value out of range.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"settings {path.name} cannot be read: {reason}") from error
    try:
        return PlanConfig.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"settings {path.name} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"settings {path.name}: {where or 'file'}: {_in_words(first)}") from error


def _in_words(fault: Mapping[str, Any]) -> str:
    """Say what is wrong with a setting, and what would help."""
    name = str(fault["loc"][-1]) if fault["loc"] else ""
    if fault["type"] == "extra_forbidden":
        known = _settings_at(tuple(fault["loc"][:-1]))
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        told = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(sorted(known))}" if known else ""
        return f"there is no such setting{told}"
    if fault["type"] in ("union_tag_not_found", "union_tag_invalid"):
        return f"needs kind = {_tags(fault)}"
    if fault["type"] in ("model_type", "model_attributes_type"):
        return "needs a table of settings, [...] or { name = value }"
    return str(fault["msg"])


def _tags(fault: Mapping[str, Any]) -> str:
    told = str((fault.get("ctx") or {}).get("expected_tags", ""))
    return told.replace("'", '"').replace(", ", " or ") or '"ball" or "box"'


def _settings_at(way: tuple[Any, ...]) -> list[str]:
    """Name the settings of the table that a fault lies in; empty where that cannot be told."""
    model: Any = PlanConfig
    for step in way:
        if isinstance(step, int):
            continue
        field = getattr(model, "model_fields", {}).get(step)
        if field is None:
            return []
        model = next((t for t in (field.annotation, *get_args(field.annotation)) if hasattr(t, "model_fields")), None)
    return list(getattr(model, "model_fields", {}))
