"""`talker up` and `talker down`, as somebody meets them on one machine."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core import store
from local_x.scenario import Scenario
from local_x.server import LocalX, running
from local_x.stories import KEYWORDS
from tests.conftest import NOON

pytestmark = pytest.mark.cluster

TALKER = Path(sys.executable).with_name("talker")
PATIENCE = 120  # seconds


@pytest.fixture
def talker(engine, database_url, tmp_path):
    """Start a command that finds a small X, the tests' Postgres and a home of its own."""
    for name, query in KEYWORDS.items():
        store.add_keyword(engine, name, query=query)
    x = LocalX(Scenario(1, NOON), "secret", speed=0, rate=50.0)
    with running(x) as url:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("TALKER_", "RAY_"))}
        env |= {"TALKER_HOME": str(tmp_path), "TALKER_DATABASE_URL": database_url}
        env |= {"TALKER_X_BEARER_TOKEN": "secret", "TALKER_X_BASE_URL": url, "TALKER_X_DAILY_BUDGET_USD": "inf"}
        yield lambda *arguments: subprocess.Popen(
            [TALKER, *arguments], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )


def told(process):
    """What a command says: its status, its answer, and what is for people."""
    answer, words = process.communicate(timeout=PATIENCE)
    return process.returncode, answer, words


def test_up_runs_once_tells_of_itself_and_ends_with_down(talker, tmp_path):
    up = talker("up", "--no-app")
    end = time.monotonic() + PATIENCE
    while not (tmp_path / "ray.json").exists():
        assert time.monotonic() < end
        time.sleep(0.1)
    status, _, words = told(talker("up", "--no-app"))
    assert (status, words.count("\n")) == (1, 1)
    assert "already runs" in words

    listening = {}
    while listening.get("reader", {}).get("state") != "listening":
        assert time.monotonic() < end
        status, answer, _ = told(talker("status", "--json"))
        listening = json.loads(answer) if status == 0 else {}
    actors = {one["actor"]: one for one in listening["actors"]}
    assert {"reader", "supervisor", "scheduler", "spark-host"} <= actors.keys()
    assert all(one["host"] and one["restarts"] == 0 for one in actors.values())
    assert listening["spool"]["full"] is False

    status, answer, words = told(talker("down"))
    assert (status, answer) == (0, "")
    assert "It is stopped." in words
    status, _, words = told(up)
    assert status == 0, words
    assert "It was stopped." in words
    assert told(talker("down"))[0] == 1  # nothing runs any more


def test_what_should_outlive_the_command_needs_a_ray_and_a_postgres_that_do(talker, monkeypatch):
    status, _, words = told(talker("up", "--detach"))

    assert (status, words.count("\n")) == (1, 1)
    assert "--detach needs RAY_ADDRESS" in words
