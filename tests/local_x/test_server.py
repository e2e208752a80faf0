"""The small X over real HTTP: plain requests, and the client the product uses, tweepy."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice
from urllib.parse import urlsplit

import pytest
import requests
import tweepy

from local_x.fields import EVERYTHING
from local_x.rule_store import RuleStore
from local_x.scenario import Scenario
from local_x.server import LocalX, running
from local_x.stories import KEYWORDS
from local_x.stream import recorded

MONDAY = datetime(2026, 6, 22, 9, tzinfo=UTC)
STREAM = "/2/tweets/search/stream"
AUTHORIZED = {"Authorization": "Bearer secret"}
CHOIR = {"value": KEYWORDS["#OneMinuteChoir"], "tag": "choir"}


@pytest.fixture
def local_x(scenario):
    """Serve with settings of the test's own; returns the base URL."""
    with ExitStack() as opened:
        yield lambda **settings: opened.enter_context(running(LocalX(scenario, "secret", **{"speed": 0, **settings})))


def get(url, **params):
    return requests.get(url, headers=AUTHORIZED, params=params, timeout=10)


def listen(url, **params):
    return requests.get(url + STREAM, headers=AUTHORIZED, params=params, stream=True, timeout=10)


def post(url, body, **params):
    return requests.post(f"{url}{STREAM}/rules", headers=AUTHORIZED, json=body, params=params, timeout=10)


def messages(response, number):
    return [json.loads(line) for line in islice(filter(None, response.iter_lines()), number)]


class Here(requests.adapters.HTTPAdapter):
    """Sends what was meant for X's host to another."""

    def __init__(self, url):
        super().__init__()
        self.host = urlsplit(url)

    def send(self, request, **options):
        asked = urlsplit(request.url)
        request.url = asked._replace(scheme=self.host.scheme, netloc=self.host.netloc).geturl()
        return super().send(request, **options)


class FirstTweets(tweepy.StreamingClient):
    """Hears so many responses and goes."""

    def __init__(self, url, number):
        super().__init__("secret")
        self.session.mount("https://api.twitter.com", Here(url))
        self.session.trust_env = False
        self.number, self.heard = number, []

    def on_response(self, response):
        self.heard.append(response)
        if len(self.heard) == self.number:
            self.disconnect()


def test_tweepy_manages_rules_and_hears_whole_tweets(local_x):
    client = FirstTweets(local_x(), 50)
    client.add_rules([tweepy.StreamRule(value, tag) for tag, value in KEYWORDS.items()])
    assert [rule.tag for rule in client.get_rules().data] == list(KEYWORDS)

    client.filter(
        tweet_fields="created_at,public_metrics,referenced_tweets,lang",
        expansions="author_id,referenced_tweets.id,referenced_tweets.id.author_id",
        user_fields="public_metrics,location",
    )

    assert len(client.heard) == 50
    tweet, includes, _errors, rules = client.heard[0]
    assert tweet.public_metrics["retweet_count"] >= 0
    assert includes["users"][0].public_metrics["followers_count"] >= 0
    assert all(rule.tag in KEYWORDS for rule in rules)
    client.delete_rules([rule.id for rule in client.get_rules().data])
    assert client.get_rules().data is None


def test_a_wrong_token_is_refused_as_a_problem(local_x):
    answer = requests.get(local_x() + STREAM, headers={"Authorization": "Bearer other"}, timeout=10)
    assert answer.status_code == 401
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert answer.json() == {"title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized"}
    assert "x-rate-limit-remaining" in answer.headers


def test_without_rules_there_is_no_stream(local_x):
    answer = get(local_x() + STREAM)
    assert (answer.status_code, answer.json()["connection_issue"]) == (409, "RuleConfigurationIssue")


def test_a_second_connection_is_refused_until_the_first_has_gone(local_x):
    url = local_x(speed=1)
    post(url, {"add": [CHOIR]})
    with listen(url) as first:
        assert first.status_code == 200
        second = get(url + STREAM)
        assert (second.status_code, second.json()["connection_issue"]) == (429, "TooManyConnections")
        assert int(second.headers["x-rate-limit-remaining"]) > 0
    for _ in range(50):
        with listen(url) as third:
            if third.status_code == 200:
                return
        time.sleep(0.05)
    pytest.fail("the place was never given free")


def test_connects_are_limited(local_x):
    url = local_x(limits={"stream": 1})
    get(url + STREAM)
    answer = get(url + STREAM)
    assert (answer.status_code, answer.json()["title"]) == (429, "Too Many Requests")
    assert answer.headers["x-rate-limit-remaining"] == "0"
    assert time.time() < int(answer.headers["x-rate-limit-reset"]) <= time.time() + 901


def test_a_client_that_asks_for_nothing_gets_the_defaults_and_the_synthetic_mark(local_x):
    url = local_x()
    post(url, {"add": [{"value": CHOIR["value"]}]})
    with listen(url) as stream:
        for message in messages(stream, 20):
            assert message.keys() == {"data", "matching_rules"}
            assert message["data"].keys() == {"id", "text", "edit_history_tweet_ids", "synthetic"}
            assert message["matching_rules"][0]["tag"] == ""
            assert len(message["matching_rules"][0]["id"]) == 19


def test_an_expansion_brings_only_its_own_objects_and_fields(local_x):
    url = local_x()
    post(url, {"add": [CHOIR]})
    with listen(url, expansions="author_id", **{"user.fields": "location", "tweet.fields": "author_id"}) as stream:
        for message in messages(stream, 50):
            assert message["includes"].keys() == {"users"}
            assert [user["id"] for user in message["includes"]["users"]] == [message["data"]["author_id"]]
            assert message["includes"]["users"][0].keys() <= {"id", "name", "username", "location", "synthetic"}


@pytest.mark.parametrize("asked", [{"tweet.fields": "retweets"}, {"backfill_minutes": "5"}, {"expansions": "author"}])
def test_an_unknown_parameter_or_value_is_refused_by_name(local_x, asked):
    answer = get(local_x() + STREAM, **asked)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["parameters"] == {name: [value] for name, value in asked.items()}


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_lines_end_with_crlf_and_come_one_by_one_compressed_or_not(local_x, encoding):
    url = local_x()
    post(url, {"add": [CHOIR]})
    headers = AUTHORIZED | {"Accept-Encoding": encoding}
    with requests.get(url + STREAM, headers=headers, stream=True, timeout=10) as stream:
        assert stream.headers["Content-Type"] == "application/json; charset=utf-8"
        assert stream.headers["Transfer-Encoding"] == "chunked"
        assert stream.headers.get("Content-Encoding", "identity") == encoding
        for chunk in islice(stream.iter_content(chunk_size=None), 20):
            assert chunk.endswith(b"\r\n")
            assert json.loads(chunk)


def test_silence_is_broken_by_an_empty_line(local_x):
    url = local_x(speed=1, keep_alive=0.1)
    post(url, {"add": [{"value": "nobodywritesthis"}]})
    with listen(url) as stream:
        assert list(islice(stream.iter_content(chunk_size=None), 3)) == [b"\r\n"] * 3


def test_a_rule_added_or_deleted_while_connected_takes_effect(local_x):
    url = local_x(speed=1000)
    post(url, {"add": [CHOIR]})
    with listen(url) as stream:
        lines = filter(None, stream.iter_lines())
        assert {rule["tag"] for rule in json.loads(next(lines))["matching_rules"]} == {"choir"}
        post(url, {"add": [{"value": KEYWORDS["Aerolume"], "tag": "airline"}]})
        post(url, {"delete": {"values": [CHOIR["value"]]}})
        tags = (json.loads(line)["matching_rules"][0]["tag"] for line in lines)
        # Lines on their way may still be about the choir, which is most of what is said.
        assert any(tag == "airline" and len(list(islice(run, 50))) == 50 for tag, run in groupby(tags))


def test_rule_answers_have_the_status_x_gives(local_x):
    url = local_x()
    assert post(url, {"add": [CHOIR]}).status_code == 201
    again = post(url, {"add": [CHOIR]})
    assert (again.status_code, again.json()["errors"][0]["title"]) == (201, "DuplicateRule")
    assert post(url, {"add": [{"value": "cat"}]}, dry_run="true").json()["meta"]["summary"]["created"] == 1
    assert get(f"{url}{STREAM}/rules").json()["meta"]["result_count"] == 1
    assert get(f"{url}{STREAM}/rules/counts").json()["data"]["project_rules_count"] == "1"
    deleted = post(url, {"delete": {"ids": [get(f"{url}{STREAM}/rules").json()["data"][0]["id"]]}})
    assert (deleted.status_code, deleted.json()["meta"]["summary"]["deleted"]) == (200, 1)
    post(url, {"add": [CHOIR]})
    assert post(url, {"delete": {}}, delete_all="true").json()["meta"]["summary"]["deleted"] == 1


@pytest.mark.parametrize(
    "body", [{}, [], {"add": []}, {"add": [{"tag": "x"}]}, {"add": [{"value": 1}]}, {"delete": {"ids": []}}]
)
def test_a_body_of_another_form_is_refused(local_x, body):
    assert post(local_x(), body).status_code == 400


def test_a_path_that_is_not_there_is_told_as_a_problem(local_x):
    assert get(local_x() + "/2/nothing").json()["status"] == 404


def test_the_stream_goes_on_where_the_recording_ends(scenario, local_x, tmp_path):
    store = RuleStore()
    store.add([CHOIR])
    history = [json.loads(line) for line in recorded(scenario, store, EVERYTHING, hours=0.2)]
    url = local_x()
    post(url, {"add": [CHOIR]})
    with listen(url, expansions="referenced_tweets.id", **{"tweet.fields": "public_metrics,created_at"}) as stream:
        live = messages(stream, 200)

    def cascades(some):
        return {
            m["includes"]["tweets"][0]["id"]: m["data"]["public_metrics"]["retweet_count"] for m in some if retweet(m)
        }

    def retweet(message):
        return message["data"]["text"].startswith("RT ")

    assert history[-1]["data"]["id"] < live[0]["data"]["id"]
    assert datetime.fromisoformat(live[0]["data"]["created_at"]) < MONDAY + timedelta(seconds=30)
    before, first = cascades(history), cascades(live[::-1])
    both = before.keys() & first.keys()
    assert both
    assert all(first[tweet] == before[tweet] + 1 for tweet in both)


@pytest.mark.parametrize("end", ["stdin", signal.SIGTERM, signal.SIGINT])
def test_the_process_says_where_it_is_and_goes_with_its_parent(end):
    command = [sys.executable, "-m", "local_x", "serve", "--token", "secret", "--start", "2026-06-22T09:00"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as process:
        url = json.loads(process.stdout.readline())["api"]
        assert get(f"{url}{STREAM}/rules").status_code == 200
        if end == "stdin":
            process.stdin.close()
        else:
            os.kill(process.pid, end)
        assert process.wait(timeout=10) == 0
        assert process.stdout.read() + process.stderr.read() == b""


def test_a_recording_is_the_stream_with_everything(tmp_path):
    file = tmp_path / "history.jsonl"
    rule = f"choir={CHOIR['value']}"
    command = [sys.executable, "-m", "local_x", "record", str(file), "--hours", "0.1", "--end", "2026-06-22T09:00Z"]
    subprocess.run([*command, "--seed", "7", "--rule", rule], check=True, timeout=60)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    whole = Scenario(7, MONDAY).messages(MONDAY - timedelta(hours=0.1), MONDAY)
    choir = [m for m in whole if "choir" in json.dumps(m).casefold()]
    assert [line["data"] for line in lines] == [m["data"] for m in choir]
    assert [line["includes"] for line in lines] == [m["includes"] for m in choir]
    assert all(line["matching_rules"] == [{"id": "1900000000000000000", "tag": "choir"}] for line in lines)
