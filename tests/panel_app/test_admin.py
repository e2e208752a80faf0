"""Admin: who may do what an admin does, and what the page tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core import accounts, batches, queries, store
from core.models import Gap, InfluenceRun, SpoolOffset
from panel_app import admin, data, usage
from panel_app.selection import Selection
from tests.conftest import NOON
from tests.panel_app.conftest import PAYLOAD


def health(zone="UTC"):
    return admin.Health(zone, *(data.now(query) for query in admin.HEALTH))


def test_only_an_admin_may_change_accounts(engine, visitor):
    analyst, boss = visitor("analyst"), visitor("admin")

    def promote():
        accounts.set_role(engine, analyst.account_id, "admin")

    assert "Only admins" in admin.change(analyst, "role", promote)
    assert data.now(queries.people()).set_index("name").loc["analyst", "role"] == "analyst"
    assert admin.change(boss, "role", promote) == ""
    assert data.now(queries.people()).set_index("name").loc["analyst", "role"] == "admin"


def test_the_last_admin_is_told_so_and_keeps_the_role(engine, visitor):
    boss = visitor("admin")

    assert "only admin" in admin.change(boss, "role", lambda: accounts.set_role(engine, boss.account_id, "viewer"))


def test_an_installation_at_its_beginning_says_so(door, engine):
    shown = health().tiles() + health().details()

    for part in ("nobody reads", "no gap is open", "never computed", "nothing was refused", "never interrupted"):
        assert part in shown


def test_the_health_tells_gaps_runs_dead_letters_and_positions(put, engine):
    put(Gap, {"started_at": NOON, "reason": "credits used up"})
    run = {"window_end": NOON, "window_start": NOON - timedelta(hours=72), "state": "failed", "started_at": NOON}
    put(InfluenceRun, run | {"error": PAYLOAD, "seconds": 2.5, "attempts": 3, "stage": "load"})
    letter = {"spool": "s", "position": 1, "reason": "malformed", "detail": "no JSON", "payload": b"x"}
    batches.save_dead(engine, [letter])
    put(SpoolOffset, {"spool": "s", "tracker": "nike", "position": 1234, "stored": 5, "duplicate": 1})
    shown = health("Europe/Berlin").tiles() + health("Europe/Berlin").details()

    for part in ("credits used up", "19 Jun 2026, 14:00", "failed: load", "attempt 3", "2.5 s", "malformed", "1,234"):
        assert part in shown
    assert "<img" not in shown


def test_what_runs_tells_how_it_is_and_is_no_longer_believed_once_it_is_silent(put, engine):
    lane = {"keyword": PAYLOAD, "lane": "nike", "tracker": "nike", "waiting": 1200, "in_flight": 30, "committed": 99}
    reader = {"state": "listening", "percent": 40, "spent_usd": 8.125, "spool_bytes": 2_500_000, "spool_full": False}
    told = {"reader": reader, "supervisor": {"lanes": [lane | {"restarts": 2, "process": 1}]}}
    for name, one in told.items():
        store.tell(engine, name, datetime.now(UTC) - timedelta(minutes=2), one)
    assert "nobody reads" in health().tiles()
    for name, one in told.items():
        store.tell(engine, name, datetime.now(UTC), one)
    shown = health().tiles() + health().details()

    parts = ("listening", "$8.12 spent today, 40 % of it", "2.5 MB", "1,200 payloads wait, 2 restarts", "<td>99</td>")
    for part in parts:
        assert part in shown
    assert "<img" not in shown


def test_usage_counts_what_was_done_by_how_many(engine, visitor):
    boss, viewer = visitor("admin"), visitor("viewer")
    for one in (boss, viewer, viewer):
        usage.note(one, "view", page="overview")
    usage.note(viewer, "choice", what="hours")
    shown = admin.done(data.now(queries.doings()))

    assert "<td>opened a page</td><td>overview</td><td>3</td><td>2</td>" in shown
    assert "<td>used a picker</td><td>hours</td><td>1</td><td>1</td>" in shown


def test_feedback_reaches_the_admin_escaped_and_as_it_was_written(visitor):
    assert usage.told(visitor("viewer"), "overview", f"Nice!\n{PAYLOAD}\x00\ud800") == usage.THANKS
    shown = admin.told(data.now(queries.feedback()), "UTC")

    assert "viewer" in shown
    assert "Nice!\n&lt;img src=x" in shown
    assert "<img" not in shown


def test_feedback_is_refused_when_it_is_empty_too_much_or_of_nobody(engine, visitor):
    viewer = visitor("viewer")
    usage.tries.cache_clear()
    assert usage.told(viewer, "overview", " \n") == "Write a line first."
    said = [usage.told(viewer, "overview", "again") for _ in range(11)]
    assert said == [usage.THANKS] * 10 + [usage.TOO_MUCH]

    accounts.end_sessions(engine, viewer.account_id)
    assert "signed out" in usage.told(viewer, "overview", "hello")


def test_an_admin_gives_roles_and_ends_sessions_from_the_page(engine, visitor):
    boss, viewer = visitor("admin"), visitor("viewer")
    people = admin.People(Selection(), boss)
    people.show(data.now(queries.people()))
    role, out = (people.view[1][0][1][number] for number in (0, 1))
    role.value = "analyst"
    assert accounts.visitor(engine, viewer.session).role == "analyst"

    out.clicks += 1
    assert accounts.visitor(engine, viewer.session) is None
