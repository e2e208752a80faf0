"""Faults on demand, each seen by a plain client."""

from __future__ import annotations

import json
import time

import pytest
import requests

from local_x.faults import ENDINGS, LINE_FAULTS, LONG, REFUSALS


def ids(messages):
    return [message["data"]["id"] for message in messages]


def end_of(stream):
    """Read a stream to its end and return the error that this was."""
    try:
        for _ in stream.iter_content(chunk_size=None):
            pass
    except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ConnectionError) as error:
        return str(error)
    return "no error"


def test_a_line_end_is_split_between_its_two_characters(serve):
    served = serve()
    served.local_x.order("split_crlf", after=1)
    whole, first, second = served.chunks(3)
    assert whole.endswith(b"\r\n")
    assert first.endswith(b"}\r")
    assert second == b"\n"


def test_a_character_is_split_between_its_bytes(serve):
    served = serve()
    served.local_x.order("split_character", times=20)
    for first, second in zip(*[iter(served.chunks(40))] * 2, strict=True):
        with pytest.raises(UnicodeDecodeError):
            first.decode()
        assert json.loads(first + second)["data"]


def test_several_objects_share_a_chunk(serve):
    served = serve()
    served.local_x.order("several", times=3)
    chunk, alone = served.chunks(2)
    assert len(chunk.splitlines()) == 4
    assert len(alone.splitlines()) == 1
    assert served.local_x.emitted()[:5] == [int(json.loads(x)["data"]["id"]) for x in (chunk + alone).splitlines()]


def test_a_line_is_300_kilobytes_long(serve):
    served = serve()
    served.local_x.order("long_line", after=2)
    with served.listen() as stream:
        lines = filter(None, stream.iter_lines())
        sizes = [len(next(lines)) for _ in range(4)]
    assert [size > LONG for size in sizes] == [False, False, True, False]


def test_a_message_comes_twice(serve):
    served = serve()
    served.local_x.order("duplicate", after=1)
    first, second, again, next_one = ids(served.messages(4))
    assert second == again
    assert len({first, second, next_one}) == 3


def test_a_message_comes_after_its_successor(serve):
    served = serve()
    served.local_x.order("out_of_order", after=1)
    first, third, second, fourth = map(int, ids(served.messages(4)))
    assert first < second < third < fourth


def test_a_slow_line_comes_in_pieces_and_is_whole(serve):
    served = serve()
    served.local_x.order("slow", seconds=0.4)
    before = time.monotonic()
    assert served.messages(1)[0]["data"]["text"]
    assert time.monotonic() - before > 0.3


def test_a_rule_loses_its_tag_but_not_its_id(serve):
    served = serve()
    served.local_x.order("untagged", times=0)
    assert all(rule.keys() == {"id"} for message in served.messages(3) for rule in message["matching_rules"])
    served.local_x.faults.orders.clear()
    assert served.messages(1)[0]["matching_rules"][0].keys() == {"id", "tag"}


def test_keys_and_messages_turn_up_that_nobody_has_heard_of(serve):
    served = serve()
    served.local_x.order("unknown_keys")
    served.local_x.order("unknown_message")
    served.local_x.order("unknown_message", text='{"delete": {"tweet": {"id": "1"}}}')
    odd, announcement, ordinary, delete = served.messages(4)
    assert "horoscope" in odd
    assert "mood_ring" in odd["data"]
    assert announcement.keys() == {"announcement"}
    assert ordinary.keys() == {"data", "matching_rules"}
    assert delete == {"delete": {"tweet": {"id": "1"}}}


def test_a_broken_line_costs_no_message(serve):
    served = serve()
    served.local_x.order("broken_line", after=1)
    lines = b"".join(served.chunks(4)).splitlines()
    with pytest.raises(ValueError, match="Unterminated string"):
        json.loads(lines[1])
    assert [int(json.loads(line)["data"]["id"]) for line in (lines[0], *lines[2:])] == served.local_x.emitted()[:3]


@pytest.mark.parametrize(
    ("fault", "title", "key"),
    [
        ("operational_disconnect", "operational-disconnect", "disconnect_type"),
        ("connection_exception", "ConnectionException", "connection_issue"),
    ],
)
@pytest.mark.parametrize("bare", [True, False])
def test_an_error_in_the_stream_is_its_last_line_in_both_shapes(serve, fault, title, key, bare):
    served = serve()
    with served.listen() as stream:
        lines = filter(None, stream.iter_lines())
        next(lines)
        served.local_x.order(fault, bare=bare)
        last = json.loads(list(lines)[-1])
    error = last if bare else last["errors"][0]
    assert error["title"] == title
    assert key in error
    assert served.get("/2/connections", status="inactive")["data"][0]["disconnect_reason"] == fault


@pytest.mark.parametrize(("fault", "error"), [("close", "no error"), ("reset", "ConnectionResetError")])
def test_a_stream_ends_at_once_even_when_nothing_is_said(serve, fault, error):
    served = serve(speed=1)
    with served.listen() as stream:
        served.local_x.order(fault)
        before = time.monotonic()
        assert error in end_of(stream)
        assert time.monotonic() - before < 1


def test_silence_is_without_an_empty_line(serve):
    served = serve(speed=1, keep_alive=0.05)
    with served.listen() as stream:
        served.local_x.order("silence", seconds=0.6)
        time.sleep(0.15)
        chunks = list(stream.iter_content(chunk_size=None))
    assert len(chunks) < 6  # and not the twelve of 0.6 s
    assert served.local_x.connections.all[0].disconnected_at - served.local_x.connections.all[0].connected_at > 0.5


@pytest.mark.parametrize(
    ("fault", "status"),
    [("unauthorized", 401), ("forbidden", 403), ("rate_limit", 429), ("usage_cap", 429), ("unavailable", 503)],
)
def test_a_refusal_is_for_the_ordered_number_of_requests(serve, fault, status):
    served = serve()
    served.local_x.order(fault, times=2, after=1, seconds=60)
    answers = []
    for _ in range(4):
        with served.listen() as stream:
            answers.append(stream)
    assert [answer.status_code for answer in answers] == [200, status, status, 200]
    assert [status for _, status in served.local_x.connects()] == [200, status, status, 200]
    headers = answers[1].headers
    assert headers["Content-Type"] == "application/problem+json"
    if fault == "rate_limit":
        assert headers["x-rate-limit-remaining"] == "0"
        assert 55 < int(headers["x-rate-limit-reset"]) - time.time() < 65


def test_too_many_connections_is_told_apart_from_too_many_requests(serve):
    served = serve()
    served.local_x.order("too_many_connections")
    with served.listen() as refused:
        assert refused.status_code == 429
        assert int(refused.headers["x-rate-limit-remaining"]) > 0
        assert refused.json()["connection_issue"] == "TooManyConnections"


def test_a_refusal_is_for_the_ordered_kind_of_request(serve):
    served = serve()
    served.local_x.order("unavailable", on="rules_read")
    with served.listen() as stream:
        assert stream.status_code == 200
    assert served.ask("GET", "/2/tweets/search/stream/rules").status_code == 503
    assert served.ask("GET", "/2/tweets/search/stream/rules").status_code == 200


@pytest.mark.parametrize("order", [{"fault": "earthquake"}, {"fault": "unavailable", "on": "weather"}])
def test_what_is_no_fault_cannot_be_ordered(serve, order):
    with pytest.raises(ValueError, match="There is no"):
        serve().local_x.order(**order)


def test_every_fault_has_one_name():
    assert len({*REFUSALS, *LINE_FAULTS, *ENDINGS}) == len(REFUSALS) + len(LINE_FAULTS) + len(ENDINGS)


@pytest.mark.parametrize("fault", LINE_FAULTS)
def test_a_compressed_stream_survives_every_line_fault(serve, fault):
    served = serve()
    served.local_x.order(fault, times=2, seconds=0.05)
    with served.listen("gzip") as stream:
        lines = filter(None, stream.iter_lines())
        heard = [next(lines) for _ in range(8)]
    assert sum(line.startswith(b'{"data"') and line.endswith(b"}") for line in heard) >= 6
