"""The command line as a person or a script meets it."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from core import accounts, batches, store
from core.models import Author, Tweet
from local_x.scenario import Scenario
from local_x.server import LocalX, running
from panel_app import passwords
from tests.conftest import NOON

TALKER = Path(sys.executable).with_name("talker")


@pytest.fixture
def talker(tmp_path_factory, database_url):
    """Run a command in a home of its own, on the tests' Postgres unless told otherwise."""
    home = tmp_path_factory.mktemp("home")

    def run(*arguments, typed="", **env):
        given = {name: value for name, value in os.environ.items() if not name.startswith(("TALKER_", "RAY_"))}
        given |= {"TALKER_HOME": str(home), "TALKER_DATABASE_URL": database_url, **env}
        return subprocess.run([TALKER, *arguments], env=given, input=typed, capture_output=True, text=True, check=False)

    return run


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["replay", "nowhere.jsonl"], "'nowhere.jsonl' does not exist"),
        (["replay", __file__, "--keyword", "dogs"], "'dogs' is not NAME=REGEX"),
        (["replay", __file__, "--keyword", "dogs=("], "'(' is not a regular expression"),
        (["influence", "run", "--window-end", "yesterday"], "'yesterday' is not a time"),
        (["weights", "evaluate"], "Missing argument"),
        (["sing"], "No such command 'sing'"),
        (["track", "list", "--loud"], "No such option"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(talker, arguments, told):
    done = talker(*arguments)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert told in done.stderr


@pytest.mark.parametrize(
    ("arguments", "env", "told"),
    [
        (["up"], {}, "TALKER_X_BEARER_TOKEN is not set"),
        (["track", "list"], {"TALKER_APP_PORT": "many"}, "TALKER_APP_PORT='many'"),
        (["track", "list"], {"TALKER_DATABASE_URL": "", "TALKER_HOME": "/tmp/" + "x" * 100}, "is too long"),
        (["track", "remove", "never tracked"], {}, "'never tracked' is not tracked"),
        (["track", "add", "nike", "--query", "nike (puma"], {}, "Column 6 of the query: nike ▶(puma"),
    ],
)
def test_a_failure_is_one_line_that_says_what_to_do_and_status_1(talker, arguments, env, told):
    done = talker(*arguments, **env)

    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert told in done.stderr


def test_verbose_shows_the_trace(talker):
    assert "Traceback" in talker("--verbose", "up").stderr


def test_keywords_are_added_listed_and_removed(talker, engine):
    talker("track", "add", "Father's Day", "--query", "#fathersday", "--lang", "en", "--sensitive")
    talker("track", "add", "nike")
    talker("track", "remove", "nike")
    done = talker("track", "list", "--json")

    asked = {"name": "Father's Day", "query": "#fathersday", "language": "en", "sensitive": True}
    assert [{key: one[key] for key in asked} for one in json.loads(done.stdout)] == [asked]


def test_the_budget_is_told(talker, engine):
    now = datetime.now(UTC)
    store.spend(engine, now, posts=[1, 2, 3], users=[1], requests=2)
    store.save_usage(engine, {now.date(): 4})
    store.sample(engine, now, 25)
    done = talker("budget", "--json", TALKER_X_DAILY_BUDGET_USD="5", TALKER_X_POST_USD="0.01")

    bill = {"posts": 4, "users": 1, "requests": 2, "usd": 0.06}
    told = {"read": "a sample of 25 %", "daily_budget_usd": 5.0, "x_says": 4, "today": bill, "month": bill}
    assert json.loads(done.stdout) == told
    store.open_gap(engine, now, "budget: the day's budget")
    assert "not listening (budget: the day's budget)" in talker("budget").stdout


def test_accounts_are_added_listed_and_reset_with_passwords_from_standard_input(talker, engine):
    added = talker("account", "add", "Ann@Example.com", "--role", "admin", typed="canary-1 long enough\n")
    before = accounts.credentials(engine, "ann@example.com")
    reset = talker("account", "reset", "ann@example.com", typed="canary-2 long enough\n")
    after = accounts.credentials(engine, "ann@example.com")
    listed = talker("account", "list", "--json")

    assert [(one["email"], one["role"]) for one in json.loads(listed.stdout)] == [("ann@example.com", "admin")]
    assert passwords.fits("canary-1 long enough", before[1])
    assert passwords.fits("canary-2 long enough", after[1])
    for done in (added, reset, listed):
        assert done.returncode == 0
        assert "canary" not in done.stdout + done.stderr
        assert "argon2" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "typed", "told"),
    [
        (["add", "ann@example.com"], "short\n", "12 to 128 characters"),
        (["add", "nobody"], "long enough by far\n", "looks like"),
        (["add", "ann@example.com", "--role", "king"], "long enough by far\n", "'king' is not a role"),
        (["reset", "ann@example.com"], "long enough by far\n", "no such account"),
    ],
)
def test_an_account_that_cannot_be_made_or_found_is_said_in_one_line(talker, engine, arguments, typed, told):
    done = talker("account", *arguments, typed=typed)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert told in done.stderr


def test_an_embedded_postgres_comes_and_goes_with_the_command(talker, tmp_path):
    home = tmp_path / "own"
    added = talker("track", "add", "nike", TALKER_DATABASE_URL="", TALKER_HOME=str(home))
    listed = talker("track", "list", "--json", TALKER_DATABASE_URL="", TALKER_HOME=str(home))

    assert added.returncode == 0
    assert [one["name"] for one in json.loads(listed.stdout)] == ["nike"]
    assert not (home / "postgres/postmaster.pid").exists()


def test_the_doctor_finds_this_machine_well(talker):
    done = talker("doctor", "--json")

    findings = {one["check"]: one for one in json.loads(done.stdout)}
    assert {"Python", "packages", "Java", "Postgres", "disk", "memory"} <= findings.keys()
    assert [one for one in findings.values() if not one["ok"]] == []


def test_the_doctor_says_how_to_mend_a_database_that_is_away(talker):
    done = talker("doctor", "--json", TALKER_DATABASE_URL="postgresql://nobody@127.0.0.1:1/nowhere")

    (bad,) = [one for one in json.loads(done.stdout) if not one["ok"]]
    assert done.returncode == 1
    assert bad["check"] == "Postgres"
    assert "TALKER_DATABASE_URL" in bad["mend"]


@pytest.fixture
def stored(engine, keyword, tweet_row, author_row):
    """Tweets 1 and 2, of the authors 1 and 2."""
    keyword()
    rows = [{**tweet_row(id, author_id=id), "terms": []} for id in (1, 2)]
    batches.save_batch(engine, batches.Batch(1, "s", "nike", 1, rows, [author_row(1), author_row(2)]))


def ids(engine, column):
    with engine.connect() as connection:
        return connection.execute(select(column).order_by(column)).scalars().all()


def test_forget_tells_what_went(talker, stored, engine):
    done = talker("forget", "--tweet", "1", "--author", "2", "--json")

    assert json.loads(done.stdout) == {"tweets": 2, "authors": 1, "lake": 0}
    assert (ids(engine, Tweet.id), ids(engine, Author.id)) == ([], [1])


def test_forget_wants_to_know_whom(talker):
    done = talker("forget")

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--tweet ID, an --author ID or --compliance" in done.stderr


def test_forget_asks_x_what_is_gone(talker, stored, engine):
    x = LocalX(Scenario(1, NOON), "secret", speed=0)  # it knows neither tweet
    with running(x) as url:
        done = talker("forget", "--compliance", "--json", TALKER_X_BEARER_TOKEN="secret", TALKER_X_BASE_URL=url)

    assert done.returncode == 0, done.stderr
    assert (ids(engine, Tweet.id), ids(engine, Author.id)) == ([], [])


def test_forget_needs_a_token_to_ask_x(talker, stored):
    done = talker("forget", "--compliance")

    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "TALKER_X_BEARER_TOKEN" in done.stderr


def test_status_says_so_when_nothing_runs(talker):
    told = talker("status", "--json")

    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr.startswith("talker: Nothing runs in ")
    assert told.stderr.count("\n") == 1
