"""The tree keeps its shape: our four packages win their names, every test is found, imports run down."""

import ast
import importlib
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("rider_hub", "connectors", "geo", "jobs")


@pytest.mark.parametrize("name", PACKAGES)
def test_our_packages_win_their_names(name: str) -> None:
    """Names like geo and jobs are anyone's: here they are ours, and no distribution claims them."""
    module = importlib.import_module(name)
    assert module.__file__ is not None
    assert Path(module.__file__).is_relative_to(ROOT / name)
    assert packages_distributions().get(name) in (None, ["rider-hub"])


@pytest.mark.parametrize("name", PACKAGES)
def test_no_module_shadows_the_standard_library(name: str) -> None:
    """A module called calendar or queue would hide the standard library from whoever starts in its folder."""
    taken = [path for path in (ROOT / name).rglob("*.py") if path.stem in sys.stdlib_module_names]
    assert [path for path in taken if path.parent == ROOT / name] == []


@pytest.mark.parametrize("name", PACKAGES)
def test_every_folder_of_code_is_a_package(name: str) -> None:
    """A folder without __init__.py loses to a package of its name elsewhere on the path."""
    folders = {path.parent for path in (ROOT / name).rglob("*.py")} | {ROOT / name}
    assert {folder for folder in folders if not (folder / "__init__.py").is_file()} - _migrations() == set()


def _migrations() -> set[Path]:
    """Folders that alembic runs by path."""
    return {path.parent for path in (ROOT / "rider_hub" / "storage" / "migrations").rglob("*.py")}


def test_every_file_with_tests_is_collected() -> None:
    """Tests stand in test_*.py, below folders that are packages all the way: no file is passed over."""
    for path in (ROOT / "tests").rglob("*.py"):
        above = [folder for folder in path.parents if folder.is_relative_to(ROOT / "tests")]
        assert all((folder / "__init__.py").is_file() for folder in above), path
        has_tests = any(name.startswith(("test_", "Test")) for name in _defined(path))
        assert has_tests == path.name.startswith("test_"), path


def _defined(path: Path) -> list[str]:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return [
        node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]


def test_every_part_of_the_hub_has_its_layer() -> None:
    """What stands in rider_hub is named in the import contract: a new folder is given its place there."""
    contract = (ROOT / ".importlinter").read_text(encoding="utf-8")
    parts = {path.stem for path in (ROOT / "rider_hub").iterdir() if path.suffix == ".py"}
    parts |= {path.parent.name for path in (ROOT / "rider_hub").glob("*/__init__.py")}
    assert {part for part in parts - {"__init__"} if f"(rider_hub.{part})" not in contract} == set()


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("geo/planted.py", "rider_hub.clock"),
        ("geo/planted.py", "connectors"),
        ("connectors/planted.py", "geo"),
        ("rider_hub/riders/planted.py", "rider_hub.views"),
        ("rider_hub/views/planted.py", "jobs"),
        ("rider_hub/requests/planted.py", "rider_hub.membership"),
        ("rider_hub/intake/planted.py", "rider_hub.detour"),
        ("rider_hub/coverage/planted.py", "rider_hub.membership.store"),
    ],
)
def test_the_import_contract_catches(tmp_path: Path, module: str, imported: str) -> None:
    """One wrong import, straight or by a detour, breaks the contract in a tree that else keeps it."""
    _plant_tree(tmp_path)
    kept = _lint_imports(tmp_path)
    assert kept.returncode == 0, kept.stdout
    (tmp_path / module).write_text(f"import {imported}\n", encoding="utf-8")
    broken = _lint_imports(tmp_path)
    assert broken.returncode != 0
    assert "BROKEN" in broken.stdout


def test_reports_may_read_the_totals(tmp_path: Path) -> None:
    """Reports have one door to membership, and it is open."""
    _plant_tree(tmp_path)
    (tmp_path / "rider_hub/coverage/planted.py").write_text(
        "import rider_hub.membership.totals\n", encoding="utf-8"
    )
    assert _lint_imports(tmp_path).returncode == 0


def _plant_tree(root: Path) -> None:
    """Lay the names of our packages, empty, with our contract; detour reads membership and is in no layer."""
    for folder in ("connectors", "geo", "jobs", "rider_hub"):
        (root / folder).mkdir()
        (root / folder / "__init__.py").touch()
    for part in (
        "views",
        "membership",
        "coverage",
        "intake",
        "requests",
        "assignments",
        "lovestations",
        "riders",
    ):
        (root / "rider_hub" / part).mkdir()
        (root / "rider_hub" / part / "__init__.py").touch()
    (root / "rider_hub" / "clock.py").touch()
    (root / "rider_hub" / "membership" / "store.py").touch()
    (root / "rider_hub" / "membership" / "totals.py").write_text(
        "import rider_hub.membership.store\n", encoding="utf-8"
    )
    (root / "rider_hub" / "detour.py").write_text("import rider_hub.membership.store\n", encoding="utf-8")
    contract = (ROOT / ".importlinter").read_text(encoding="utf-8")
    (root / ".importlinter").write_text(contract, encoding="utf-8")


def _lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    """Run the contract in a process of its own, from the planted root."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
