"""What the README says, holds."""

import dataclasses
import re
from pathlib import Path

import pytest
import typer

from core.config import Settings, variable
from talker import app

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def commands(group, path=("talker",)):
    """Yield each command with its whole name."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def usage(name, command):
    """Write a command as the README's table does."""
    parts = []
    for param in command.params:
        if param.name == "help":
            continue
        value = param.metavar or param.name.upper()
        word = value + ("..." if param.nargs == -1 else "")
        if param.param_type_name == "option":
            word = param.opts[0] + ("" if param.is_flag else f" {value}")
        parts.append(word if param.required else f"[{word}]")
    return " ".join((name, *parts))


def table_rows(heading):
    """Return the cells of the table under a heading."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_commands_table_equals_the_code():
    code = [[f"`{usage(name, command)}`", command.help] for name, command in commands(typer.main.get_command(app))]

    assert table_rows("Commands") == code


def test_the_settings_table_equals_the_code():
    code = [
        [f"`{variable(one)}`", shown(one.metadata["shown"]), one.metadata["about"]]
        for one in dataclasses.fields(Settings)
    ]

    assert table_rows("Settings") == code


def shown(default):
    return default if " " in default or default == "none" else f"`{default}`"


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_every_file_it_points_to_is_there(target):
    assert (ROOT / target).exists()


def test_every_module_of_the_way_is_named():
    named = set(re.findall(r"\]\(((?:actors|jobs)/\w+\.py)\)", README))
    started_by = {"actors/collector.py", "actors/replay.py", "jobs/weights.py"}  # not on a live tweet's way
    there = {path.relative_to(ROOT).as_posix() for room in ("actors", "jobs") for path in (ROOT / room).glob("*.py")}

    assert named == {path for path in there if not path.endswith("__init__.py")} - started_by


def test_the_changelog_knows_this_version():
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]

    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()
