"""Clients that nobody here wrote, unmodified: the `twarc2` command line and plain tweepy.

They know X's own addresses only. A small proxy takes their CONNECT, ends TLS with a certificate of a throwaway
authority, and passes everything on to the small X.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
import subprocess
import sys
import sysconfig
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
import tweepy
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

HOSTS = ("api.twitter.com", "api.x.com")
TWARC2 = Path(sysconfig.get_path("scripts")) / "twarc2"
RULES = "/2/tweets/search/stream/rules"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """The file with a certificate for X's hosts that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name.from_rfc4514_string("CN=throwaway")
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in HOSTS]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("ca") / "ca.pem"
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(*plain))
    return file


async def pass_on(reader, writer):
    """Copy one direction of a connection to its end."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def answer_connect(reader, writer, context, port):
    """Let a client of X talk to the small X on a port."""
    request = await reader.readuntil(b"\r\n\r\n")
    host = request.split()[1].decode().removesuffix(":443")
    assert host in HOSTS
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await writer.start_tls(context)
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.gather(pass_on(reader, far_writer), pass_on(far_reader, writer))


@pytest.fixture
def proxied(serve, certificate):
    """Serve a small X behind the proxy; returns it with the environment that leads a client there."""
    served = serve()
    served.ask("POST", RULES, {"delete": {}}, delete_all="true")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    started = Future()

    async def proxy():
        stop = asyncio.Event()
        port = urlsplit(served.url).port
        server = await asyncio.start_server(lambda *ends: answer_connect(*ends, context, port), "127.0.0.1")
        started.set_result((server.sockets[0].getsockname()[1], asyncio.get_running_loop(), stop))
        await stop.wait()
        server.close()

    thread = Thread(target=asyncio.run, args=(proxy(),), daemon=True)
    thread.start()
    port, loop, stop = started.result(timeout=10)
    yield served, {"HTTPS_PROXY": f"http://127.0.0.1:{port}", "REQUESTS_CA_BUNDLE": str(certificate)}
    loop.call_soon_threadsafe(stop.set)
    thread.join(timeout=10)


@pytest.fixture
def twarc2(proxied, tmp_path):
    """Run a twarc2 command in a home of its own; returns what it wrote to its outfile or said."""
    served, environment = proxied

    def run(*arguments):
        environ = os.environ | environment | {"HOME": str(tmp_path), "PYTHONWARNINGS": "ignore"}
        command = [sys.executable, str(TWARC2), "--bearer-token", served.local_x.token, *map(str, arguments)]
        done = subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


def lines(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_twarc2_adds_lists_and_deletes_rules(proxied, twarc2):
    served, _ = proxied
    assert "🚀" in twarc2("stream-rules", "add", "#oneminutechoir", "--tag", "choir")
    assert "DuplicateRule" in twarc2("stream-rules", "add", "#oneminutechoir")
    assert "#oneminutechoir" in twarc2("stream-rules", "list")
    twarc2("stream-rules", "delete-all")
    assert served.get(RULES)["meta"]["result_count"] == 0


def test_twarc2_streams_every_tweet_whole(proxied, twarc2, tmp_path):
    served, _ = proxied
    served.follow({"value": "#oneminutechoir", "tag": "choir"})
    twarc2("stream", "--limit", 30, tmp_path / "out.jsonl")
    heard = lines(tmp_path / "out.jsonl")
    assert [int(message["data"]["id"]) for message in heard] == served.local_x.emitted()[:30]
    assert all(message["includes"]["users"] and message["data"]["public_metrics"] for message in heard)
    assert [status for _, status in served.local_x.connects()] == [200]


def test_twarc2_searches_page_by_page(proxied, twarc2, tmp_path):
    served, _ = proxied
    window = {"start_time": "2026-06-22T08:55:00Z", "end_time": "2026-06-22T08:59:00Z"}
    options = ("--start-time", "2026-06-22T08:55:00", "--end-time", "2026-06-22T08:59:00")
    twarc2("search", "--max-results", 10, *options, "#oneminutechoir", tmp_path / "out.jsonl")
    pages = lines(tmp_path / "out.jsonl")
    total = served.get("/2/tweets/counts/recent", query="#oneminutechoir", **window)["meta"]["total_tweet_count"]
    ids = {tweet["id"] for page in pages for tweet in page["data"]}
    assert len(pages) > 1
    assert len(ids) == sum(page["meta"]["result_count"] for page in pages) == total


def test_twarc2_counts_by_the_minute(twarc2, tmp_path):
    options = ("--start-time", "2026-06-22T08:40:00", "--end-time", "2026-06-22T08:50:00", "--granularity", "minute")
    twarc2("counts", *options, "#oneminutechoir", tmp_path / "out.jsonl")
    (page,) = lines(tmp_path / "out.jsonl")
    assert len(page["data"]) == 10
    assert page["meta"]["total_tweet_count"] == sum(one["tweet_count"] for one in page["data"]) > 0


def test_twarc2_hydrates_what_is_there_and_asks_what_became_of_the_rest(proxied, twarc2, tmp_path):
    served, _ = proxied
    served.follow({"value": "#oneminutechoir"})
    there, gone = (message["data"]["id"] for message in served.messages(2))
    served.local_x.remove(int(gone))
    (tmp_path / "ids.txt").write_text(f"{there}\n{gone}\n")
    twarc2("hydrate", tmp_path / "ids.txt", tmp_path / "out.jsonl")
    (page,) = lines(tmp_path / "out.jsonl")
    assert [tweet["id"] for tweet in page["data"]] == [there]
    assert [error["value"] for error in page["errors"]] == [gone]
    twarc2("compliance-job", "create", "--no-wait", "tweets", tmp_path / "ids.txt")
    job = served.get("/2/compliance/jobs", type="tweets")["data"][0]["id"]
    twarc2("compliance-job", "download", job, tmp_path / "fates.jsonl")
    assert lines(tmp_path / "fates.jsonl") == [{"id": gone, "action": "delete", "reason": "deleted"}]


class TenTweets(tweepy.StreamingClient):
    heard = 0

    def on_tweet(self, tweet):
        self.heard += 1
        if self.heard == 10:
            self.disconnect()


def test_plain_tweepy_does_all_of_it(proxied, monkeypatch):
    served, environment = proxied
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stream = TenTweets(served.local_x.token)
    stream.add_rules([tweepy.StreamRule("#oneminutechoir", "choir")])
    assert stream.get_rules().data[0].tag == "choir"
    stream.filter(tweet_fields="created_at")
    assert stream.heard == 10
    client = tweepy.Client(served.local_x.token)
    window = {"start_time": "2026-06-22T08:50:00Z", "end_time": "2026-06-22T08:59:00Z"}
    found = client.search_recent_tweets("#oneminutechoir", max_results=10, **window)
    assert len(found.data) == 10
    counts = client.get_recent_tweets_count("#oneminutechoir", granularity="minute", **window)
    assert counts.meta["total_tweet_count"] > 10
    again = client.get_tweets([found.data[0].id, 12])
    assert (again.data[0].id, again.errors[0]["value"]) == (found.data[0].id, "12")
