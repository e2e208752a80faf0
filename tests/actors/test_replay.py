import gzip
import json
import os
import signal
import threading
import time
from collections import Counter, defaultdict

import psutil
import pytest
from sqlalchemy import select, text

from actors import parse, supervisor
from actors.replay import ReplayError, lines, replay
from core import store
from core.models import Author, DeadLetter, Keyword, SpoolOffset, Tweet

TRACKED = {
    "amazon": 1218,
    "apple": 572,
    "walmart": 170,
    "target": 123,
    "macys": 94,
}  # messages, as the data's README says
RENAMED = {
    "retweet_count": "repost_count",
    "tweet_count": "post_count",
    "referenced_tweets": "referenced_posts",
    "edit_history_tweet_ids": "edit_history_post_ids",
    "tweets": "posts",
}


@pytest.fixture
def replayed(engine, ray_cluster, tmp_path):
    """Replay files against the test's database; answers the counts."""

    def run(*files, **patterns):
        url = engine.url.render_as_string(hide_password=False)
        return replay(files, patterns, url, tmp_path, lambda _: None)

    return run


@pytest.fixture
def retail(test_data, engine):
    for name in TRACKED:
        store.add_keyword(engine, name)
    return test_data / "tweets/retail_stream_v2.jsonl.gz"


def rows(engine, statement):
    with engine.connect() as connection:
        return connection.execute(statement).all()


def messages_of(file):
    return [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]


def given_by_rules(file):
    """Return the ids that the file's rules give each tag, and the number of messages."""
    ids = defaultdict(set)
    for message in messages_of(file):
        for rule in message["matching_rules"]:
            ids[rule["tag"]].add(int(message["data"]["id"]))
    return ids


@pytest.mark.cluster
def test_each_keyword_stores_exactly_the_tweets_that_its_rule_matched_and_a_second_replay_changes_nothing(
    retail, replayed, engine, tables
):
    first = replayed(retail)

    ids = given_by_rules(retail)
    matched = defaultdict(set)
    for name, id in rows(
        engine, select(Keyword.name, Tweet.id).join(Tweet, Tweet.keyword_id == Keyword.id).where(Tweet.matched)
    ):
        matched[name].add(id)
    assert {name: len(matched[name]) for name in TRACKED} == TRACKED
    assert matched == {name: ids[name] for name in TRACKED}
    assert first == {"read": 2613, "stored": sum(TRACKED.values()), "duplicate": 0, "malformed": 0, "dead": 0}
    volume = "SELECT name, sum(tweets) FROM trend JOIN keyword ON keyword.id = keyword_id GROUP BY 1"
    assert dict(rows(engine, text(volume))) == TRACKED

    before = tables()
    assert replayed(retail) == first | {"stored": 0, "duplicate": first["stored"]}
    assert tables() == before
    assert rows(engine, select(SpoolOffset)) == []


def renamed(value):
    """Return a JSON value with every field that X renamed under its new name."""
    if isinstance(value, dict):
        return {RENAMED.get(key, key): renamed(one) for key, one in value.items()}
    return [renamed(one) for one in value] if isinstance(value, list) else value


@pytest.mark.cluster
def test_renamed_fields_give_the_same_tables_row_for_row(retail, replayed, engine, tables, tmp_path):
    replayed(retail)
    old_names = tables()
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE author, tweet, trend, term"))

    file = tmp_path / "renamed.jsonl"
    file.write_text("".join(json.dumps(renamed(message)) + "\n" for message in messages_of(retail)))
    replayed(file)

    assert "repost_count" in file.read_text()
    assert tables() == old_names


@pytest.mark.cluster
def test_v11_retweets_credit_the_original_s_author(test_data, replayed, engine):
    file = test_data / "tweets/retail_stream_v11.jsonl.gz"
    counts = replayed(file, amazon="amazon")

    statuses = messages_of(file)
    best = Counter()  # (original's author, original) -> highest count a retweet carried
    for original in (one["retweeted_status"] for one in statuses if "retweeted_status" in one):
        key = (original["user"]["id"], original["id"])
        best[key] = max(best[key], original["retweet_count"])
    stored = rows(engine, select(Tweet.author_id, Tweet.id, Tweet.retweet_count).where(Tweet.kind != "retweet"))
    credited = {(author, id): count for author, id, count in stored if (author, id) in best}
    assert counts["read"] == 2613
    assert counts["stored"] > 1000
    assert len(credited) > 100
    assert credited == {key: best[key] for key in credited}
    assert rows(engine, select(Tweet.retweet_count).where(Tweet.kind == "retweet").distinct()) == [(None,)]


@pytest.mark.cluster
def test_a_broken_line_is_counted_kept_and_costs_nothing_else(test_data, replayed, engine):
    file = test_data / "tweets/v2_shapes/streaming_output_with_error.jsonl"
    counts = replayed(file, dogs="dog")

    bad = file.read_bytes().split(b"\n")[-1]
    assert counts == {"read": 7, "stored": 7, "duplicate": 0, "malformed": 1, "dead": 0}
    assert rows(engine, select(DeadLetter.reason, DeadLetter.payload)) == [("malformed", bad)]


@pytest.mark.cluster
def test_every_recorded_shape_replays_without_an_error(test_data, replayed, engine):
    files = sorted((test_data / "tweets/v2_shapes").glob("*.jsonl"))
    tweets = sum(len(parse.messages(line)[0]) for file in files for line in lines(file, lambda _: None))
    counts = replayed(*files, everything=".")

    assert counts["read"] == counts["stored"] + counts["duplicate"] == tweets > 100
    assert counts["malformed"] == 1
    assert len(rows(engine, select(Author.id))) > 50


def trackers():
    """Yield the processes of the trackers that work for this test run."""
    for process in psutil.Process().children(recursive=True):
        try:
            if process.cmdline() and process.cmdline()[0].startswith("ray::KeywordTracker"):
                yield process
        except psutil.NoSuchProcess:
            continue


@pytest.mark.cluster
def test_trackers_killed_in_the_middle_of_a_replay_change_no_table(retail, replayed, engine, tables, monkeypatch):
    replayed(retail)
    undisturbed = tables()
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE author, tweet, trend, term"))
    monkeypatch.setattr(supervisor, "BATCH", 100)  # so that there is a middle
    monkeypatch.setattr(supervisor, "WAITING", 400)
    killed = []

    def kill():
        while len(killed) < 3:
            for process in trackers():
                os.kill(process.pid, signal.SIGKILL)
                killed.append(process.pid)
            time.sleep(0.5)

    threading.Thread(target=kill, daemon=True).start()
    counts = replayed(retail)

    assert len(killed) >= 3
    assert counts["stored"] == sum(TRACKED.values())
    assert tables() == undisturbed


def test_lines_are_split_at_line_feeds_only_and_blank_ones_are_left_out(tmp_path):
    file = tmp_path / "lines.jsonl"
    file.write_bytes('"a\u2028b"\r\n\r\n"c"'.encode())

    assert list(lines(file, lambda _: None)) == ['"a\u2028b"'.encode(), b'"c"']


def test_reading_tells_how_far_it_is(tmp_path):
    file = tmp_path / "lines.jsonl.gz"
    file.write_bytes(gzip.compress(b"1\n2\n3\n"))
    told = []
    list(lines(file, told.append))

    assert sum(told) == file.stat().st_size


def test_a_damaged_file_is_said_to_be_damaged(tmp_path):
    file = tmp_path / "cut.jsonl.gz"
    file.write_bytes(gzip.compress(os.urandom(5000).hex().encode())[:-100])

    with pytest.raises(ReplayError, match=r"cut\.jsonl\.gz"):
        list(lines(file, lambda _: None))
