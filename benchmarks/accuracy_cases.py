"""The cases of the accuracy table: read from ``accuracy_cases.toml``, each a recipe and a scan."""

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from planner.config.phantoms.scan import ScanSettings
from planner.config.settings import Settings
from planner.phantoms import Recipe, design, draw
from planner.phantoms.design import Design

TABLE = Path(__file__).with_name("accuracy_cases.toml")
FROZEN = Path(__file__).with_name("accuracy_cases.sha256")
"""A line for each case: the fingerprint of the patient that was drawn and of his scan, and the case's name."""
Group = Literal["tuning", "held-out"]
GROUPS: tuple[Group, ...] = ("tuning", "held-out")


class AccuracyCase(Settings):
    """One case: what is in the patient, and how it was scanned."""

    name: str = Field(description="Unique in the table.")
    group: Group = Field(description="To tune on, or only to report.")
    site: Literal["hip", "lumbar", "thoracic"]
    seed: int = Field(ge=0, description="Of the patient, the defects and the noise.")
    draw: dict[str, Any] = Field(default_factory=dict, description="What `draw` is told beside the seed and the scan.")
    field: dict[str, float] = Field(default_factory=dict, description="What differs from the recipe's field of view.")
    artefacts: str = Field(description="Name of the scan, by how strong its metal artefacts are.")
    scan: ScanSettings = Field(description="How it was scanned.")

    @property
    def clipped(self) -> bool:
        """Whether the scanner's HU end at 12 bits."""
        return self.scan.hu_clipped_at is not None

    @property
    def defects(self) -> tuple[str, ...]:
        """What has gone wrong, each named once; none in a control."""
        return tuple(dict.fromkeys(self.draw.get("defects", ())))

    @property
    def metal(self) -> str:
        """Of the implants, where it was chosen."""
        return str(self.draw.get("metal", "as drawn" if self.site == "hip" else "titanium"))

    def recipe_json(self) -> str:
        """Give all that the phantom rests on, as JSON."""
        return self.model_dump_json(exclude={"name", "group", "artefacts"})

    def recipe(self) -> Recipe:
        """Draw the patient."""
        drawn = draw(self.site, seed=self.seed, **self.draw)
        # Through the model, so that what is changed is checked.
        return type(drawn).model_validate({**dict(drawn), "field": {**dict(drawn.field), **self.field}})

    def design(self) -> Design:
        """Build the patient, without scanning him."""
        return design(self.recipe())

    def fingerprint(self) -> str:
        """Give the fingerprint of the patient as he is drawn, and of his scan; 64 hexadecimal digits."""
        return hashlib.sha256(f"{self.recipe().sha256()} {self.scan.sha256()}".encode()).hexdigest()


class CaseTable(Settings):
    """The whole table."""

    cases: tuple[AccuracyCase, ...]

    @model_validator(mode="after")
    def _names_and_seeds_differ(self) -> Self:
        names = [case.name for case in self.cases]
        if len(set(names)) != len(names):
            raise ValueError("two cases have one name")
        seeds = {group: {(c.site, c.seed) for c in self.cases if c.group == group} for group in GROUPS}
        if both := seeds["tuning"] & seeds["held-out"]:
            raise ValueError(f"{sorted(both)[0]} is tuned on and held out")
        return self


def load_cases(path: Path = TABLE) -> tuple[AccuracyCase, ...]:
    """Read the table.

    Parameters
    ----------
    path : Path
        A TOML file: ``[scans.NAME]`` with scan settings, ``[fields.spine]`` and ``[fields.hip]`` with what is stored,
        and a list of cases for each set, which name a scan.

    Returns
    -------
    tuple of AccuracyCase
        In the file's order, the tuning set first.
    """
    told = tomllib.loads(path.read_text(encoding="utf-8"))
    return CaseTable(cases=tuple(_case(g, entry, told) for g in GROUPS for entry in told.get(g, ()))).cases


def _case(group: Group, entry: Mapping[str, Any], told: Mapping[str, Any]) -> AccuracyCase:
    rest = {name: value for name, value in entry.items() if name not in ("clipped", "slice_mm", "field")}
    ceiling = 3071.0 if entry["clipped"] else None
    scan = ScanSettings(**told["scans"][entry["artefacts"]], hu_clipped_at=ceiling, seed=entry["seed"])
    shared = told.get("fields", {}).get("hip" if entry["site"] == "hip" else "spine", {})
    field = {**shared, "slice_mm": entry["slice_mm"], **entry.get("field", {})}
    return AccuracyCase(**rest, group=group, scan=scan, field=field)


def read_frozen(path: Path = FROZEN) -> dict[str, str]:
    """Read the fingerprints that the cases had when they were frozen.

    Parameters
    ----------
    path : Path
        As `freeze` wrote it.

    Returns
    -------
    dict of str
        By the case's name; empty where nothing is frozen yet.
    """
    if not path.exists():
        return {}
    lines = (line.split() for line in path.read_text(encoding="utf-8").splitlines())
    return {name: fingerprint for fingerprint, name in lines}


def freeze(cases: Sequence[AccuracyCase], path: Path = FROZEN) -> None:
    """Write the fingerprints of cases; those of others stay.

    Parameters
    ----------
    cases : sequence of AccuracyCase
        What is drawn anew.
    path : Path
        Where to.
    """
    now = {case.name: case.fingerprint() for case in cases}
    lines = [f"{fingerprint}  {name}\n" for name, fingerprint in {**read_frozen(path), **now}.items()]
    path.write_text("".join(lines), encoding="utf-8")


def changed_since_frozen(cases: Sequence[AccuracyCase], frozen: Mapping[str, str]) -> tuple[str, ...]:
    """Name the cases that are no longer drawn as they were frozen, or never were frozen.

    Parameters
    ----------
    cases : sequence of AccuracyCase
        The cases.
    frozen : mapping of str
        Fingerprints by name.

    Returns
    -------
    tuple of str
    """
    return tuple(case.name for case in cases if frozen.get(case.name) != case.fingerprint())
