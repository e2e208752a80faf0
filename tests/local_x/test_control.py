"""The control port, as a test in another process uses it."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import islice

import pytest
import requests

from local_x.control import Control
from local_x.limits import Terms
from local_x.server import running

STREAM = "/2/tweets/search/stream"
AUTHORIZED = {"Authorization": "Bearer secret"}


@pytest.fixture
def ports():
    """The API and the control port of a process."""
    command = [sys.executable, "-m", "local_x", "serve", "--token", "secret", "--start", "2026-06-22T09:00"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([*command, "--speed", "0"], **pipes) as process:
        ports = json.loads(process.stdout.readline())
        yield ports["api"], ports["control"]
        process.stdin.close()


@pytest.fixture
def control(serve):
    """The control port of a small X in this process."""
    with running(Control(serve().local_x)) as url:
        yield url


def ask(method, url, body=None):
    return requests.request(method, url, headers=AUTHORIZED, json=body, timeout=10)


def heard(api, number):
    with requests.get(api + STREAM, headers=AUTHORIZED, stream=True, timeout=10) as stream:
        return [json.loads(line)["data"]["id"] for line in islice(filter(None, stream.iter_lines()), number)]


def test_another_process_orders_faults_and_reads_what_was_emitted(ports):
    api, control = ports
    ask("POST", f"{api}{STREAM}/rules", {"add": [{"value": "#oneminutechoir"}]})
    waiting = ask("POST", f"{control}/faults", {"fault": "duplicate", "after": 1}).json()["faults"]
    assert [(order["fault"], order["after"]) for order in waiting] == [("duplicate", 1)]
    first = heard(api, 5)
    assert first[1] == first[2]
    assert ask("GET", f"{control}/faults").json() == {"faults": []}
    assert ask("GET", f"{control}/emitted").json()["ids"][:5] == first

    new = ask("POST", f"{control}/edits", {"id": first[0], "text": "again #oneminutechoir"}).json()["id"]
    assert heard(api, 1) == [new]
    assert ask("POST", f"{control}/removals", {"ids": [first[1]], "reason": "protected"}).status_code == 200
    (error,) = ask("GET", f"{api}/2/tweets?ids={first[1]}").json()["errors"]
    assert error["title"] == "Authorization Error"

    ask("POST", f"{control}/faults", {"fault": "unavailable", "times": 0})
    assert ask("GET", api + STREAM).status_code == 503
    assert ask("DELETE", f"{control}/faults").json() == {"faults": []}
    connects = ask("GET", f"{control}/connects").json()["connects"]
    assert [connect["status"] for connect in connects] == [200, 200, 503]
    assert connects[0]["at"] <= connects[1]["at"] <= connects[2]["at"]
    assert ask("POST", f"{control}/terms", {"names": "new"}).json()["names"] == "new"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"fault": "earthquake"}),
        ("faults", {"fault": "reset", "colour": "red"}),
        ("faults", []),
        ("terms", {"names": "french"}),
        ("terms", {"patience": "long"}),
        ("edits", {"id": "12", "text": "x"}),
        ("edits", {}),
        ("removals", {"ids": ["x"]}),
    ],
)
def test_what_cannot_be_ordered_is_refused(control, path, body):
    assert ask("POST", f"{control}/{path}", body).status_code == 400


def test_a_stranger_controls_nothing(control):
    assert requests.post(f"{control}/faults", json={"fault": "reset"}, timeout=10).status_code == 401


@pytest.mark.parametrize("terms", [{"colour": "red"}, {"rate": "fast"}, {"evict": 1}, {"names": "french"}])
def test_terms_of_another_kind_are_refused(terms):
    with pytest.raises(ValueError, match="none of"):
        Terms().change(**terms)


def test_terms_take_whole_numbers_for_seconds():
    terms = Terms()
    terms.change(patience=3, names="mixed")
    assert (terms.patience, terms.names) == (3, "mixed")
