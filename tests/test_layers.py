"""Who may import whom."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "core": set(),
    "actors": {"core"},
    "jobs": {"core"},
    "panel_app": {"core"},
    "local_x": set(),
    "machine": {"core"},
    "bench": {"core", "actors", "jobs", "panel_app", "local_x", "machine"},
    "doctor": {"core", "machine", "jobs"},
    "cluster": {"core"},
    "backup": {"core"},
}
OURS = {*MAY_IMPORT, "talker"}
HEAVY = ("ray", "pyspark", "raydp", "panel", "holoviews", "pandas", "sklearn", "tweepy")


def imports(path):
    """Return the first names of all modules a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def files(room):
    return list((ROOT / room).rglob("*.py")) or [ROOT / f"{room}.py"]


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_lies_below_it(room):
    for path in files(room):
        assert OURS & set(imports(path)) <= MAY_IMPORT[room] | {room}, path.relative_to(ROOT)


def test_core_imports_the_standard_library_sqlalchemy_alembic_and_orjson_only():
    allowed = {*sys.stdlib_module_names, "core", "sqlalchemy", "alembic", "orjson"}
    for path in files("core"):
        assert set(imports(path)) <= allowed, path.relative_to(ROOT)


def test_raydp_is_named_in_two_modules_only():
    naming = {
        path.relative_to(ROOT).as_posix() for room in MAY_IMPORT for path in files(room) if "raydp" in imports(path)
    }

    assert naming == {"jobs/session.py", "jobs/lending.py"}


def loaded_by(module):
    told = f"import sys, {module}; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    return set(subprocess.run([sys.executable, "-c", told], check=True, capture_output=True, text=True).stdout.split())


@pytest.mark.parametrize(
    ("module", "light"),
    [
        ("core.store, core.queries, core.db", set(HEAVY)),
        ("talker", set(HEAVY)),
        ("panel_app.app", {"ray", "pyspark", "raydp", "tweepy", "sklearn"}),
        ("actors.tracker", {"ray", "pyspark", "raydp", "panel"}),
        ("local_x.server", set(HEAVY)),
    ],
)
def test_importing_loads_nothing_heavier_than_it_needs(module, light):
    assert not loaded_by(module) & light
