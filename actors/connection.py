"""One attempt to follow X's stream, made by tweepy, and how it ended.

tweepy would reconnect without a pause and wait where nobody can interrupt it: so it makes exactly one attempt.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

import orjson
import requests
import tweepy
from requests.adapters import HTTPAdapter

log = logging.getLogger(__name__)

# Every field asked for, in the names that the stream's parameters still have.
FIELDS = {
    "tweet_fields": "id,text,note_tweet,created_at,author_id,lang,public_metrics,entities,referenced_tweets,"
    "conversation_id,in_reply_to_user_id,edit_history_tweet_ids,geo,possibly_sensitive,withheld",
    "expansions": "author_id,geo.place_id,referenced_tweets.id,referenced_tweets.id.author_id",
    "user_fields": "id,username,name,location,public_metrics,verified,verified_type,protected,profile_image_url,"
    "created_at,withheld",
    "place_fields": "id,full_name,name,place_type,country,country_code,geo",
}
API_HOSTS = ("https://api.twitter.com", "https://api.x.com")  # the ones that tweepy and X's own links name
SILENCE = 21.0  # seconds without a byte after which X is gone: it keeps a connection alive every 20
HEALTHY = 60.0  # seconds a connection must last before its predecessors' failures are forgiven
FATAL = (400, 401, 403, 404)  # our configuration or credentials are wrong; trying again mends nothing

Client = TypeVar("Client", bound=tweepy.client.BaseClient)


class SendTo(HTTPAdapter):
    """Sends what tweepy addresses to X's fixed hosts to another base address, and waits only so long for a byte."""

    def __init__(self, base_url: str, silence: float):
        super().__init__()
        self._base = urlsplit(base_url)
        self._silence = silence

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send the request, its scheme, host and timeout replaced."""
        request.url = urlsplit(request.url or "")._replace(scheme=self._base.scheme, netloc=self._base.netloc).geturl()
        return super().send(request, *args, **kwargs | {"timeout": self._silence})


def at(client: Client, base_url: str, silence: float = SILENCE) -> Client:
    """Point a tweepy client at a base address; after `silence` seconds without a byte a request fails."""
    for host in API_HOSTS:
        client.session.mount(host, SendTo(base_url, silence))
    client.session.trust_env = base_url.startswith("https://")  # no proxy stands before this machine's own addresses
    return client


@dataclass
class Ended:
    """How one attempt ended.

    `outcome` is closed, network, http or exception; `problem` is what X said: in the stream before it closed it, or in
    its refusal.
    """

    outcome: str = "exception"
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    problem: Mapping[str, Any] = field(default_factory=dict)
    healthy: bool = False

    def reason(self) -> str:
        """Say in a few words why the stream stopped."""
        what = f"HTTP {self.status}" if self.status else self.outcome
        return f"{what}: {self.problem['title']}" if self.problem else what

    def over_budget(self) -> bool:
        """Say whether X wants money, or next month, before it goes on."""
        told = " ".join(str(self.problem.get(key, "")) for key in ("title", "type", "detail")).lower()
        return any(word in told for word in ("usagecap", "usage-cap", "credits"))

    def fatal(self) -> bool:
        """Say whether somebody must mend our configuration or credentials first."""
        return self.status in FATAL and not self.over_budget()

    def rate_limited(self) -> bool:
        """Say whether we asked too often."""
        return self.status == 429 and self.headers.get("x-rate-limit-remaining") == "0"

    def too_many_connections(self) -> bool:
        """Say whether X counts another connection of ours, perhaps that of a reader that died a moment ago."""
        return self.status == 429 and self.problem.get("connection_issue") == "TooManyConnections"


def refused(response: requests.Response) -> Ended:
    """Return how X's refusal ends an attempt."""
    return Ended("http", response.status_code, response.headers, problem_in(response.content))


class Attempt(tweepy.StreamingClient):
    """A client that makes one attempt; `ended` says how it ended.

    Lines go to `put` as they came: tweepy's own parser stumbles over rules without a tag and renamed fields.
    """

    def __init__(
        self,
        bearer_token: str,
        put: Callable[[bytes], None],
        connected: Callable[[], None],
        alive: Callable[[], None] = lambda: None,
    ):
        super().__init__(bearer_token, chunk_size=65_536, daemon=True)
        self.ended = Ended()
        self._put = put
        self._connected = connected
        self._alive = alive
        self._connected_at: float | None = None
        self._over = threading.Event()
        self._response: requests.Response | None = None
        self.session.hooks["response"].append(self._keep)

    def follow(self) -> Ended:
        """Follow the stream until it ends or is hung up; returns how it ended."""
        self.filter(threaded=True, **FIELDS)
        self._over.wait()
        return self.ended

    def hang_up(self) -> None:
        """End the attempt at once. tweepy itself would first wait for the next line, up to 20 s."""
        self._over.set()
        self.disconnect()
        connection = getattr(getattr(self._response, "raw", None), "_connection", None)
        if connection is not None and connection.sock is not None:
            with suppress(OSError):  # X was faster
                connection.sock.shutdown(socket.SHUT_RDWR)

    def _keep(self, response: requests.Response, *_: Any, **__: Any) -> None:
        self._response = response

    def _end(self, outcome: str) -> None:
        self.ended.outcome = outcome
        self.ended.healthy = self._connected_at is not None and time.monotonic() - self._connected_at >= HEALTHY
        self.disconnect()

    def on_connect(self) -> None:
        """Report the connection; refuse the second one that tweepy would make by itself."""
        if self._connected_at is not None or self._over.is_set():
            self._end("closed")
            return
        self._connected_at = time.monotonic()
        self._connected()

    def on_data(self, raw_data: bytes) -> None:
        """Pass a payload on, but keep what X says about the stream itself."""
        if not raw_data.startswith(b'{"data"') and (problem := problem_in(raw_data)):
            self.ended.problem = problem
        else:
            self._put(raw_data)

    def on_keep_alive(self) -> None:
        """Note that X has nothing to say, but is there."""
        self._alive()

    def on_closed(self, response: requests.Response) -> None:
        """Note that X closed the stream."""
        self._end("closed")

    def on_connection_error(self) -> None:
        """Note that the network failed."""
        self._end("network")

    def on_request_error(self, status_code: int) -> None:
        """Note that X refused the connection."""
        if self._response is not None:
            self.ended = refused(self._response)
        self._end("http")

    def on_exception(self, exception: Exception) -> None:
        """Note that reading failed."""
        log.warning("The stream broke.", exc_info=exception)
        self._end("exception")

    def on_disconnect(self) -> None:
        """Wake who follows: tweepy calls this last, whatever happened."""
        self._over.set()


def problem_in(raw: bytes) -> dict[str, Any]:
    """Return the problem that X tells, under `errors` or by itself; empty for anything else."""
    try:
        message = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}  # in the stream the supervisor keeps it as a dead letter
    if not isinstance(message, dict) or "data" in message:
        return {}
    errors = message.get("errors")
    told = [message, *(errors if isinstance(errors, list) else [])]
    return next((one for one in told if isinstance(one, dict) and "title" in one), {})
