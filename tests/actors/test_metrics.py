"""What Prometheus is told, and what is drawn and alarmed of it."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from actors import metrics
from actors.metrics import ABOUT, Metrics
from actors.spool import Spool
from core import store
from core.batches import Batch, save_batch
from core.models import DeadLetter
from tests.conftest import NOON

DOCS = Path(__file__).parents[2] / "docs"


def lane(keyword, **told):
    return {"keyword": keyword, "lag_s": 0.0, "batch_s": 0.0, "restarts": 0} | told


def test_a_keyword_is_as_late_as_its_latest_lane(tmp_path):
    spool = Spool(tmp_path / "spool")
    spool.append([b"{}", b"{}"])
    lanes = [lane("nike", lag_s=1.0, restarts=2), lane("nike", lag_s=9.0), lane("puma", batch_s=0.5)]
    figures = metrics.of_supervisor(7, lanes, spool)

    assert figures["talker_lag_seconds"] == {"nike": 9.0, "puma": 0}
    assert figures["talker_batch_seconds"] == {"nike": 0, "puma": 0.5}
    assert figures["talker_restarts"] == {"nike": 2, "puma": 0}
    assert (figures["talker_tweets_read"], figures["talker_spool_depth"]) == (7, 2)
    assert figures["talker_spool_bytes"] > 0


@pytest.mark.parametrize(("state", "listening"), [("listening", 1), ("spool full: not reading", 0)])
def test_the_reader_listens_or_does_not(state, listening):
    figures = metrics.of_reader({"state": state, "connects": 3, "spent_usd": 0.5})

    expected = {"talker_listening": listening, "talker_connects": 3, "talker_budget_spent_usd": 0.5}
    assert figures == expected


def test_what_is_stored_dead_and_scored_is_read_from_the_tables(engine, keyword, tweet_row, author_row):
    keyword()
    rows = [{**tweet_row(id), "terms": []} for id in (1, 2, 3)]
    save_batch(engine, Batch(1, "s", "nike", 3, rows, [author_row(1)]))
    letter = {"spool": "s", "detail": "", "payload": b"{"}
    reasons = enumerate(("malformed", "malformed", "refused"))
    with engine.begin() as connection:
        connection.execute(insert(DeadLetter), [letter | {"position": at, "reason": why} for at, why in reasons])
    before = metrics.of_tables(engine)
    token = store.start_influence_run(engine, NOON - timedelta(hours=72), NOON, "v")
    assert metrics.of_tables(engine) == before  # it has not ended
    store.finish_influence_run(engine, NOON, token, [], [], tweets=0, authors=0, executors=1)
    after = metrics.of_tables(engine)

    stored = {"talker_tweets_stored": 3, "talker_tweets_duplicate": 0}
    dead = {"talker_payloads_malformed": 2, "talker_payloads_refused": 1}
    assert before == stored | dead | {"talker_window_seconds": None, "talker_window_age_seconds": None}
    assert after["talker_window_seconds"] >= 0
    assert 0 <= after["talker_window_age_seconds"] < 600


def test_of_a_keyword_that_is_gone_nothing_is_late_any_more(monkeypatch):
    shown = {}

    class Gauge:
        def __init__(self, name, description, tag_keys):
            assert (description, tag_keys) == (ABOUT[name], ("keyword",))

        def set(self, value, tags):
            shown[tags["keyword"]] = value

    monkeypatch.setattr(metrics, "Gauge", Gauge)
    looks = iter([{"talker_lag_seconds": {"nike": 5.0, "puma": 1.0}}, {"talker_lag_seconds": {"puma": 2.0}}])
    told = Metrics(lambda: next(looks))
    told.show()
    told.show()

    assert shown == {"nike": 0, "puma": 2.0}


def test_ray_takes_what_the_tables_tell(engine):
    """Before it is connected to a cluster it only checks each number."""
    token = store.start_influence_run(engine, NOON - timedelta(hours=72), NOON, "v")
    store.finish_influence_run(engine, NOON, token, [], [], tweets=0, authors=0, executors=1)
    told = metrics.of_tables(engine)

    Metrics(lambda: told).show()

    assert told["talker_window_age_seconds"] > 0
    assert told["talker_window_seconds"] >= 0


@pytest.mark.parametrize("file", ["grafana.json", "alerts.yml"])
def test_what_is_drawn_and_alarmed_is_told(file):
    named = set(re.findall(r"ray_(talker_\w+)", (DOCS / file).read_text()))

    assert named <= ABOUT.keys()
    assert named == ABOUT.keys() or file == "alerts.yml"
    assert named


def test_the_dashboard_is_one():
    panels = json.loads((DOCS / "grafana.json").read_text())["panels"]

    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(panels)
    assert all(panel["targets"] and panel["title"] for panel in panels)
