"""What a user gets by installing: names, entry points, licences, and an import that costs nothing."""

import ast
import importlib.util
import json
import re
import subprocess
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import planner

NAME = "periprosthetic-cement-planner"
PROJECT = Path(__file__).parents[2]
MANIFEST = PROJECT / "plugins" / "napari_cement" / "napari.yaml"

HEAVY = {
    *("numpy", "scipy", "skimage", "SimpleITK", "vtk", "vtkmodules", "numba", "edt", "cc3d", "pydantic"),
    *("pydicom", "highdicom", "nibabel", "gdcm", "jpeg_ls", "jinja2", "matplotlib", "PIL"),
    *("napari", "qtpy", "magicgui", "vispy", "superqt", "PySide6", "PyQt6", "dask", "distributed", "pyarrow"),
}
BARE_EXTRAS = frozenset({""})
ALL_USER_EXTRAS = frozenset({"", "napari", "napari-all", "pacs", "cohort"})


def modules_after(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter holds after the code."""
    code += "\nimport json, sys\nsys.stderr.write(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr))


def requirements_of(found: Distribution, extras: frozenset[str]) -> list[Requirement]:
    """What a distribution asks for on this machine, with these of its extras."""
    asked = [Requirement(text) for text in found.requires or ()]
    return [r for r in asked if r.marker is None or any(r.marker.evaluate({"extra": extra}) for extra in extras)]


def installed_closure(extras: frozenset[str]) -> dict[str, Distribution]:
    """Everything that installing the project with these extras brings along, as far as it is installed here."""
    closure: dict[str, Distribution] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = requirements_of(distribution(NAME), extras)
    while waiting:
        requirement = waiting.pop()
        name, wanted = canonicalize_name(requirement.name), frozenset({"", *requirement.extras})
        if (name, wanted) in seen:
            continue
        seen.add((name, wanted))
        try:
            closure[name] = distribution(name)
        except PackageNotFoundError:  # an extra that is not installed here
            continue
        waiting += requirements_of(closure[name], wanted)
    closure.pop(NAME, None)
    return closure


def licence_of(found: Distribution) -> str:
    """Return the licence a distribution states: its SPDX expression, else its classifiers, else a short free text."""
    expression = found.metadata.get("License-Expression")
    classifiers = [c for c in found.metadata.get_all("Classifier") or () if c.startswith("License :: ")]
    free_text = (found.metadata.get("License") or "").strip()
    return expression or " OR ".join(classifiers) or free_text.splitlines()[0][:100]


def is_gpl_only(licence: str) -> bool:
    """Say whether every choice that a licence leaves is GPL or AGPL (LGPL is neither)."""
    choices = re.split(r"\bOR\b", licence)
    return all(re.search(r"\bA?GPL|(?<!Lesser )(?<!Library )General Public License", choice) for choice in choices)


def third_party_imports(source: Path) -> set[str]:
    """Top-level modules from outside that a source file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found - sys.stdlib_module_names - {"planner", "napari_cement"}


@pytest.mark.parametrize(
    ("sources", "extras"),
    [
        ("planner/**/*.py", {""}),
        ("planner/pacs/*.py", {"", "pacs"}),
        ("planner/cohort/*.py", {"", "cohort"}),
        ("plugins/napari_cement/**/*.py", {"", "napari"}),
    ],
)
def test_every_import_is_a_declared_dependency(sources: str, extras: set[str]) -> None:
    with_extras = {*PROJECT.glob("planner/pacs/*.py"), *PROJECT.glob("planner/cohort/*.py")}
    files = [path for path in PROJECT.glob(sources) if path not in with_extras or "**" not in sources]
    declared = {canonicalize_name(r.name) for r in requirements_of(distribution(NAME), frozenset(extras))}
    providers = packages_distributions()
    undeclared = {
        (path.relative_to(PROJECT).as_posix(), module)
        for path in files
        for module in third_party_imports(path)
        if declared.isdisjoint(canonicalize_name(name) for name in providers.get(module, ()))
    }
    assert undeclared == set()


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("GPL-3.0-only", True),
        ("MIT AND GPL-2.0-or-later", True),
        ("License :: OSI Approved :: GNU General Public License v3 (GPLv3)", True),
        ("AGPL-3.0", True),
        ("LGPL-3.0-or-later", False),
        ("LGPL-3.0-only OR GPL-2.0-only OR GPL-3.0-only", False),
        ("License :: OSI Approved :: GNU Lesser General Public License v3 (LGPLv3)", False),
        ("BSD-3-Clause", False),
    ],
)
def test_gpl_is_told_from_lgpl(licence: str, expected: bool) -> None:
    assert is_gpl_only(licence) is expected


def test_no_dependency_is_gpl() -> None:
    closure = installed_closure(ALL_USER_EXTRAS)
    assert {"numpy", "highdicom", "vtk"} <= set(closure)
    licences = {name: licence_of(found) for name, found in closure.items()}
    assert {name: licence for name, licence in licences.items() if is_gpl_only(licence)} == {}


def test_no_dependency_without_a_licence() -> None:
    unstated = [name for name, found in installed_closure(ALL_USER_EXTRAS).items() if not licence_of(found)]
    assert unstated == []


def test_gpl_names_are_not_asked_for() -> None:
    asked = {canonicalize_name(Requirement(text).name) for text in distribution(NAME).requires or ()}
    assert asked.isdisjoint({"pylibjpeg-libjpeg", "astra-toolbox", "pyqt5", "pyqt6", "pymeshlab"})


def test_bare_install_asks_for_no_gui() -> None:
    bare = installed_closure(BARE_EXTRAS)
    assert set(bare).isdisjoint({"napari", "qtpy", "magicgui", "vispy", "superqt", "pyside6", "pyside6-essentials"})


def test_napari_extra_leaves_the_qt_binding_to_the_user() -> None:
    asked = {r.name.lower() for r in requirements_of(distribution(NAME), frozenset({"napari"}))}
    assert "napari" in asked
    assert not {name for name in asked if name.startswith(("pyside", "pyqt"))}


def test_import_loads_nothing_heavy() -> None:
    loaded = modules_after("import planner")
    assert "planner" in loaded
    assert loaded & HEAVY == set()


def test_help_loads_nothing_heavy() -> None:
    code = """
import sys
sys.argv = ["cement-planner", "--help"]
from planner.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""
    loaded = modules_after(code)
    assert "argparse" in loaded
    assert loaded & HEAVY == set()


def test_public_names_load_no_gui() -> None:
    loaded = modules_after("import planner\nfor name in planner.__all__: getattr(planner, name)")
    assert "numpy" in loaded
    assert loaded.isdisjoint({"napari", "qtpy", "magicgui", "vispy", "superqt", "PySide6", "PyQt6"})


def test_unknown_public_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        planner.no_such_name  # noqa: B018  # the access itself is what is tested


def test_installed_version_is_the_source_s() -> None:
    assert distribution(NAME).version == planner.__version__


def test_entry_points() -> None:
    points = {(point.group, point.name, point.value) for point in distribution(NAME).entry_points}
    assert points == {
        ("console_scripts", "cement-planner", "planner.cli:main"),
        ("napari.manifest", NAME, "napari_cement:napari.yaml"),
    }


def test_types_are_shipped() -> None:
    assert (Path(planner.__file__).parent / "py.typed").is_file()


def test_manifest_bears_the_distribution_s_name() -> None:
    assert re.findall(r"^name: (.+)$", MANIFEST.read_text(), re.MULTILINE) == [NAME]


def test_npe2_finds_and_accepts_the_manifest() -> None:
    if importlib.util.find_spec("npe2") is None:
        pytest.skip("npe2 comes with the extra `napari`, which is not installed")
    command = [sys.executable, "-m", "npe2", "validate", NAME]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "valid!" in done.stdout
