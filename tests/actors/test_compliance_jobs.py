"""The daily question what has become of all that is stored, over HTTP to the small X, through crashes and failures."""

import time
from datetime import UTC, datetime, timedelta

import pytest
import requests
from sqlalchemy import select

from actors.compliance_jobs import AFTER_FAILURE, KINDS, ComplianceJobs
from actors.lookup import Lookup, NotNow
from actors.spool import Spool
from core import batches
from core.models import Author, Errand, Tombstone, Tweet
from local_x.server import LocalX, running
from tests.actors.conftest import MONDAY, TOKEN


@pytest.fixture
def x(scenario):
    return LocalX(scenario, TOKEN, speed=0)


@pytest.fixture
def known(scenario, engine, keyword, tweet_row, author_row):
    """Some tweets that X knows are stored, with their authors; returns the ids of both."""
    keyword()
    messages = list(scenario.messages(MONDAY - timedelta(seconds=30), MONDAY))[:12]
    ids = [(int(one["data"]["id"]), int(one["data"]["author_id"])) for one in messages]
    rows = [{**tweet_row(id, author_id=author, place="Oslo"), "terms": []} for id, author in ids]
    authors = [author_row(author) for author in {author for _, author in ids}]
    batches.save_batch(engine, batches.Batch(1, "s", "nike", 1, rows, authors))
    return ids


@pytest.fixture
def jobs(x, engine, tmp_path):
    """Make askers, one after the other as after a crash; `ahead` is how late it is."""
    spool = Spool(tmp_path / "spool.sqlite")
    with running(x) as url:

        def make(kind="tweets", ahead=timedelta(0)):
            lookup = Lookup(TOKEN, url)
            return ComplianceJobs(engine, [spool], lookup, kind, poll=0.0, clock=lambda: datetime.now(UTC) + ahead)

        yield make
    spool.close()


def finish(make):
    """Take steps, each by a new asker, until nothing is due."""
    for kind in KINDS:
        steps = (make(kind).step() for _ in range(10))
        assert any(seconds > 60 for seconds in steps)


def ids(engine, column=Tweet.id):
    with engine.connect() as connection:
        return set(connection.execute(select(column)).scalars())


def reasons(engine):
    with engine.connect() as connection:
        return {row.id: row.reason for row in connection.execute(select(Tombstone.id, Tombstone.reason))}


def test_what_x_deleted_is_forgotten_and_the_rest_stays(engine, known, jobs, x):
    (deleted, _), *others = known
    x.remove(deleted)
    finish(jobs)

    assert ids(engine) == {id for id, _ in others}
    assert reasons(engine)[deleted] == "X: deleted"


def test_a_suspended_user_is_forgotten_with_all_tweets(engine, known, jobs, x):
    suspended = known[0][1]
    x.remove(suspended, reason="suspended")
    finish(jobs)

    assert suspended not in ids(engine, Author.id)
    assert ids(engine) == {id for id, author in known if author != suspended}


def test_a_tweet_that_lost_its_place_stays_without_it(engine, known, jobs, x):
    scrubbed = known[0][0]
    x.remove(scrubbed, reason="scrub_geo")
    finish(jobs)

    with engine.connect() as connection:
        placeless = connection.execute(select(Tweet.id).where(Tweet.place.is_(None))).scalars().all()
    assert placeless == [scrubbed]
    assert len(ids(engine)) == len(known)


def test_it_is_asked_once_a_day(engine, known, jobs, x):
    finish(jobs)
    used = x.buckets["compliance"].used
    finish(jobs)
    assert x.buckets["compliance"].used == used
    x.remove(known[0][0])

    one = jobs(ahead=timedelta(days=1, minutes=1))
    assert one.step() == 0.0
    assert x.buckets["compliance"].used == used + 2


def test_by_hand_it_is_asked_whatever_was_asked_today(engine, known, jobs, x):
    finish(jobs)
    x.remove(known[0][0])
    jobs().run(wait=lambda _: None)

    assert known[0][0] not in ids(engine)


def test_a_job_that_takes_its_time_is_waited_for(engine, known, jobs, x):
    x.change(job_seconds=2.0)
    x.remove(known[0][0])
    waits = []

    def wait(seconds):
        waits.append(seconds)
        time.sleep(0.1)

    jobs().run(wait)

    assert len(waits) > 2
    assert known[0][0] not in ids(engine)


@pytest.mark.parametrize("fate", ["failed", "expired"])
def test_a_job_that_fails_is_followed_by_another_an_hour_later(engine, known, jobs, x, fate):
    x.change(job_fate=fate)
    x.remove(known[0][0])
    jobs().step()
    with pytest.raises(NotNow, match=fate) as raised:
        jobs().step()
    assert raised.value.seconds == 3600
    assert known[0][0] in ids(engine)

    x.change(job_fate="complete")
    later = jobs(ahead=AFTER_FAILURE + timedelta(seconds=5))
    later.step()
    later.step()
    assert known[0][0] not in ids(engine)


@pytest.mark.parametrize("fault", ["unavailable", "cut_short"])
def test_a_download_that_breaks_is_tried_again(engine, known, jobs, x, fault):
    x.remove(known[0][0])
    x.order(fault, on="download")
    jobs().step()
    with pytest.raises(requests.RequestException):
        jobs().step()
    assert ids(engine, Errand.name) == set()
    finish(jobs)

    assert known[0][0] not in ids(engine)


def test_an_upload_that_breaks_is_tried_again(engine, known, jobs, x):
    x.remove(known[0][0])
    x.order("unavailable", on="upload")
    with pytest.raises(requests.RequestException):
        jobs().step()
    finish(jobs)

    assert known[0][0] not in ids(engine)


def test_a_rate_limit_is_waited_out(engine, known, jobs, x):
    x.order("rate_limit", on="compliance", seconds=120)
    with pytest.raises(NotNow) as raised:
        jobs().step()

    assert 100 < raised.value.seconds <= 122


def test_with_nothing_stored_x_is_not_asked_for_a_job(engine, jobs, x):
    finish(jobs)

    assert x.buckets["compliance"].used == 2  # it was asked for jobs that an earlier asker left


def test_a_line_that_cannot_be_read_costs_only_itself(engine, known, jobs, x, monkeypatch):
    x.remove(known[0][0])
    jobs().step()
    whole = f'broken\n{{"action": "delete"}}\n{{"id": "{known[0][0]}", "reason": "deleted"}}\n'.encode()

    class Answer:
        content = whole

        def raise_for_status(self):
            pass

    monkeypatch.setattr(requests, "get", lambda *_, **__: Answer())
    jobs().step()

    assert known[0][0] not in ids(engine)
