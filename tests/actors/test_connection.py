import socket
import threading

import pytest

from actors.connection import Attempt, Ended, at, problem_in

PLAIN = b'{"title":"operational-disconnect","disconnect_type":"UpstreamOperationalDisconnect"}'


@pytest.mark.parametrize("raw", [PLAIN, b'{"errors":[' + PLAIN + b"]}", b'{"errors":[3,' + PLAIN + b"]}"])
def test_an_error_in_the_stream_is_read_in_both_of_x_s_shapes(raw):
    assert problem_in(raw)["title"] == "operational-disconnect"


@pytest.mark.parametrize(
    "raw",
    [
        b'{"id": "1"',
        b"[]",
        b"3",
        b'{"errors": [], "data": {"id": "1"}}',
        b'{"errors": [{"title": "Not Found Error"}], "data": {"id": "1"}}',
        b'{"errors": {"title": "not a list"}}',
        b'{"new": 1}',
        b"\xff",
    ],
)
def test_anything_else_in_the_stream_is_not_an_error(raw):
    assert problem_in(raw) == {}


def test_a_refusal_of_a_request_names_what_was_wrong_with_it_as_a_whole():
    answer = b'{"errors":[{"parameters":{"tweet.fields":["x"]},"message":"no"}],"title":"Invalid Request"}'

    assert Ended("http", 400, problem=problem_in(answer)).reason() == "HTTP 400: Invalid Request"


def test_a_reason_is_as_short_as_what_is_known():
    assert Ended("network").reason() == "network"
    assert Ended("http", 503).reason() == "HTTP 503"
    assert Ended("closed", problem={"title": "operational-disconnect"}).reason() == "closed: operational-disconnect"


def test_an_attempt_that_x_accepts_and_never_answers_is_hung_up_at_once():
    with socket.create_server(("127.0.0.1", 0)) as mute:
        attempt = at(Attempt("canary-token", print, print), f"http://127.0.0.1:{mute.getsockname()[1]}", silence=5)
        following = threading.Thread(target=attempt.follow)
        following.start()
        with mute.accept()[0]:
            attempt.hang_up()
            following.join(timeout=1)

            assert not following.is_alive()
