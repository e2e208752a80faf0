"""The stream's own limits: its rate, slow readers, the delay of rules, one connection at a time."""

from __future__ import annotations

import json
import socket
import time
from itertools import islice
from urllib.parse import urlsplit

STREAM = "/2/tweets/search/stream"


def wait_for(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def test_no_more_posts_come_in_a_second_than_the_cap_allows(serve):
    served = serve(rate=100)
    with served.listen() as stream:
        lines = filter(None, stream.iter_lines())
        next(lines)
        before = time.monotonic()
        assert len(list(islice(lines, 60))) == 60
    assert 0.4 < time.monotonic() - before < 5


def test_a_client_that_does_not_read_is_dropped(serve):
    served = serve(patience=0.2)
    served.local_x.order("long_line", times=0)
    host = urlsplit(served.url)
    with socket.create_connection((host.hostname, host.port)) as slow:
        slow.sendall(f"GET {STREAM} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\n\r\n".encode())
        wait_for(lambda: served.local_x.connections.all)
        connection = served.local_x.connections.all[0]
        wait_for(lambda: connection.disconnected_at)
    assert connection.disconnect_reason == "SlowReader"
    assert len(connection.ids) == len(set(connection.ids)) > 1
    served.local_x.faults.orders.clear()
    assert served.messages(1)


def test_what_is_emitted_is_what_one_can_hear(serve):
    served = serve()
    heard = [int(message["data"]["id"]) for message in served.messages(30) + served.messages(30)]
    emitted = served.local_x.emitted()
    assert heard[:30] == emitted[:30]
    assert set(heard) <= set(emitted)


def test_a_rule_takes_effect_after_its_delay(serve):
    served = serve(rule_delay=0.5)
    assert served.get(f"{STREAM}/rules")["meta"]["result_count"] == 1
    added = time.monotonic()
    served.messages(1)
    assert time.monotonic() - added > 0.3


def test_a_deleted_rule_goes_on_for_its_delay(serve):
    served = serve(speed=300)
    served.messages(1)
    served.local_x.change(rule_delay=0.6)
    with served.listen() as stream:
        lines = filter(None, stream.iter_lines())
        next(lines)
        served.ask("POST", f"{STREAM}/rules", {"delete": {}}, delete_all="true")
        assert served.get(f"{STREAM}/rules")["meta"]["result_count"] == 0
        assert json.loads(list(islice(lines, 3))[-1])["matching_rules"][0]["tag"] == "choir"


def test_in_evict_mode_the_second_connection_closes_the_first(serve):
    served = serve(evict=True)
    with served.listen() as first:
        lines = first.iter_lines()
        next(lines)
        second = served.messages(3)
        assert all(json.loads(line)["data"] for line in lines)  # to its end, without an error
    assert len(second) == 3
    assert served.local_x.connections.all[0].disconnect_reason == "Replaced"


def test_connections_are_listed_and_killed(serve):
    served = serve()
    assert served.get("/2/connections") == {"meta": {"result_count": 0}}
    with served.listen() as stream:
        lines = stream.iter_lines()
        next(lines)
        (row,) = served.get("/2/connections")["data"]
        assert row["endpoint_name"] == "filtered_stream"
        killed = served.ask("DELETE", "/2/connections", {"uuids": [row["id"], "nobody"]}).json()["data"]
        assert (killed["successful_kills"], killed["failed_kills"]) == (1, 1)
        assert list(lines)
    assert served.get("/2/connections") == {"meta": {"result_count": 0}}
    assert served.get("/2/connections", status="all")["data"][0]["disconnect_reason"] == "Killed"
    with served.listen():
        assert served.ask("DELETE", "/2/connections/filtered_stream").json()["data"]["successful_kills"] == 1
    assert served.ask("DELETE", "/2/connections/all").json()["data"]["successful_kills"] == 0
    assert served.ask("DELETE", "/2/connections", {}).status_code == 400
    assert served.ask("GET", "/2/connections", status="broken").status_code == 400
