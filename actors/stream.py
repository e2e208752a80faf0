"""The one connection to X: reads the filtered stream into the spool, as raw bytes.

X allows one stream connection and 50 connects in 15 minutes, and tweepy would reconnect without a pause: so tweepy
makes exactly one attempt, and every wait is ours.
"""

from __future__ import annotations

import logging
import queue
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import orjson
import requests
import tweepy
from requests.adapters import HTTPAdapter
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from actors import rules
from actors.spool import Spool
from core import db, queries, store

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
HEALTHY = 60.0  # seconds a connection must last before its predecessors' failures are forgiven
CONNECTS, PERIOD = 45, 900.0  # connects in so many seconds; X allows 50
GROUP, GROUP_SECONDS = 500, 0.2  # payloads written to the spool together, or those of so long
RULE_SECONDS = 5.0  # how soon a changed keyword reaches X
FATAL = (400, 401, 403, 404)  # our configuration or credentials are wrong; trying again mends nothing

Client = TypeVar("Client", bound=tweepy.StreamingClient)


class StreamError(Exception):
    """X refuses us for good; says what to mend."""


class SendTo(HTTPAdapter):
    """Sends what tweepy addresses to X's fixed hosts to another base address."""

    def __init__(self, base_url: str):
        super().__init__()
        self._base = urlsplit(base_url)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send the request, its scheme and host replaced."""
        request.url = urlsplit(request.url or "")._replace(scheme=self._base.scheme, netloc=self._base.netloc).geturl()
        return super().send(request, *args, **kwargs)


def at(client: Client, base_url: str) -> Client:
    """Point a tweepy client at a base address."""
    for host in API_HOSTS:
        client.session.mount(host, SendTo(base_url))
    client.session.trust_env = base_url.startswith("https://")  # no proxy stands before this machine's own addresses
    return client


@dataclass
class Ended:
    """How one attempt ended.

    `outcome` is closed, network, http or exception; `problem` is what X said in the stream before it closed it.
    """

    outcome: str = "exception"
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    problem: Mapping[str, Any] | None = None
    healthy: bool = False

    def reason(self) -> str:
        """Say in a few words why the stream stopped."""
        told = (self.problem or {}).get("title") or (self.status and f"HTTP {self.status}")
        return f"{self.outcome}: {told}" if told else self.outcome


class Attempt(tweepy.StreamingClient):
    """A client whose `filter()` makes one attempt and returns; `ended` says how it ended.

    Lines go to `put` as they came: tweepy's own parser stumbles over rules without a tag and renamed fields.
    """

    def __init__(self, bearer_token: str, put: Callable[[bytes], None], connected: Callable[[], None]):
        super().__init__(bearer_token, chunk_size=65_536)
        self.ended = Ended()
        self._put = put
        self._connected = connected
        self._connected_at: float | None = None
        self._response: requests.Response | None = None
        self.session.hooks["response"].append(self._keep)

    def hang_up(self) -> None:
        """End the attempt at once. tweepy itself would first wait for the next line, up to 20 s."""
        self.disconnect()
        connection = getattr(getattr(self._response, "raw", None), "_connection", None)
        if connection is not None and connection.sock is not None:
            with suppress(OSError):  # X was faster
                connection.sock.shutdown(socket.SHUT_RDWR)

    def _keep(self, response: requests.Response, *_: Any, **__: Any) -> None:
        self.ended.headers = response.headers
        self._response = response

    def _end(self, outcome: str) -> None:
        self.ended.outcome = outcome
        self.ended.healthy = self._connected_at is not None and time.monotonic() - self._connected_at >= HEALTHY
        self.disconnect()

    def on_connect(self) -> None:
        """Report the connection; refuse the second one that tweepy would make by itself."""
        if self._connected_at is not None:
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

    def on_closed(self, response: requests.Response) -> None:
        """Note that X closed the stream."""
        self._end("closed")

    def on_connection_error(self) -> None:
        """Note that the network failed."""
        self._end("network")

    def on_request_error(self, status_code: int) -> None:
        """Note that X refused the connection."""
        self.ended.status = status_code
        self._end("http")

    def on_exception(self, exception: Exception) -> None:
        """Note that reading failed."""
        log.warning("The stream broke: %s", exception)
        self._end("exception")


def problem_in(raw: bytes) -> dict[str, Any] | None:
    """Return what an in-stream error says, in either of X's two shapes; None for anything else."""
    try:
        message = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None  # the supervisor keeps it as a dead letter
    if not isinstance(message, dict) or "data" in message:
        return None
    problem = (message.get("errors") or [message])[0]
    return problem if isinstance(problem, dict) and "title" in problem else None


def pause(ended: Ended, bad_ends: int, now: float) -> float:
    """Return the seconds to wait before the next attempt, after so many bad ends of the same kind in a row (1 or more).

    X's rules: network errors .25 s more each time up to 16 s; HTTP errors 5 s doubling up to 320 s; a rate limit until
    its reset (docs.x.com/x-api/fundamentals/handling-disconnections).
    """
    if ended.outcome == "network":
        return min(0.25 * (bad_ends - 1), 16.0)
    if ended.status == 429 and ended.headers.get("x-rate-limit-remaining") == "0":
        return max(1.0, float(ended.headers.get("x-rate-limit-reset", now + 60)) - now)
    doubled = bad_ends - 1 if ended.outcome == "http" else bad_ends - 2  # the first clean close is free
    return 5.0 * 2.0 ** min(doubled, 6) if doubled >= 0 else 0.0


class Reader:
    """Holds the connection, keeps the rules, and writes what comes to the spool.

    A plain class: it is made an actor where it is started. It may die at any time: what the spool has is safe.
    """

    def __init__(self, bearer_token: str, base_url: str, database_url: str, spool: Path):
        logging.getLogger("tweepy").setLevel(logging.WARNING)  # its debug log prints the bearer token
        self._token = bearer_token
        self._base_url = base_url
        self._engine: Engine = db.engine(database_url)
        self._spool = Spool(spool)
        self._lines: queue.Queue[bytes] = queue.Queue(maxsize=20_000)  # full: the socket waits, and X with it
        self._stopping = threading.Event()
        self._rules: set[rules.Rule] = set()
        self._connects: deque[float] = deque(maxlen=CONNECTS)
        self._state = "starting"
        self._attempt: Attempt | None = None

    def run(self) -> None:
        """Follow the stream until `stop`.

        Raises:
            StreamError: X refuses us for good.
        """
        threading.Thread(target=self._write, daemon=True).start()
        bad_ends, last = 0, ""
        while not self._stopping.is_set():
            if not self._keep_rules():
                self._state = "no keyword is tracked"
                self._stopping.wait(1)
                continue
            ended = self._follow()
            if ended.status in FATAL:
                raise StreamError(f"X answers {ended.status}: check TALKER_X_BEARER_TOKEN and your app's access.")
            if ended.status == 409:
                self._rules = set()  # X has none of our rules, whoever deleted them: add them again
            if self._stopping.is_set():
                return
            bad_ends = 1 if ended.healthy or ended.outcome != last else bad_ends + 1
            last = ended.outcome
            self._lose(ended, pause(ended, bad_ends, time.time()))

    def stop(self) -> None:
        """End `run` within a second, whatever it is doing."""
        self._stopping.set()
        if self._attempt:
            self._attempt.hang_up()

    def health(self) -> dict[str, Any]:
        """Tell the connection's state and how many payloads wait in memory and in the spool."""
        return {"state": self._state, "in_memory": self._lines.qsize()}

    def _follow(self) -> Ended:
        """Make one attempt, keeping the rules meanwhile."""
        self._spend_connect()
        self._attempt = at(Attempt(self._token, self._lines.put, self._listening), self._base_url)
        thread = threading.Thread(target=self._attempt.filter, kwargs=FIELDS, daemon=True)
        thread.start()
        while thread.is_alive():
            thread.join(RULE_SECONDS)
            if thread.is_alive():
                self._keep_rules()
        return self._attempt.ended

    def _spend_connect(self) -> None:
        """Wait until another connect is within the budget."""
        if len(self._connects) == CONNECTS:
            self._stopping.wait(max(0.0, self._connects[0] + PERIOD - time.monotonic()))
        self._connects.append(time.monotonic())

    def _listening(self) -> None:
        self._state = "listening"
        log.info("Listening to %s", self._base_url)
        self._record(lambda: store.close_gaps(self._engine, datetime.now(UTC)))

    def _lose(self, ended: Ended, seconds: float) -> None:
        """Record that we are not listening, and why; then wait."""
        self._state = f"not listening ({ended.reason()})"
        log.warning("The stream ended (%s); next attempt in %.1f s.", ended.reason(), seconds)
        self._record(lambda: store.open_gap(self._engine, datetime.now(UTC), ended.reason()))
        self._stopping.wait(seconds)

    def _record(self, write: Callable[[], object]) -> None:
        """Write to Postgres if it is there: the stream must not stop because it is not."""
        try:
            write()
        except DBAPIError as error:
            log.warning("Postgres does not take the gap: %s", error.orig)

    def _keep_rules(self) -> set[rules.Rule]:
        """Make X's rules those of the keyword table; returns the rules in force."""
        try:
            with self._engine.connect() as connection:
                wanted = rules.wanted(connection.execute(queries.keywords()))
            if wanted != self._rules:
                client = at(tweepy.StreamingClient(self._token), self._base_url)
                for refusal in rules.reconcile(client, wanted):
                    log.error("%s", refusal)
                self._rules = wanted
        except (DBAPIError, tweepy.TweepyException, requests.RequestException) as error:
            log.warning("The rules stay as they are: %s", error)
        return self._rules

    def _write(self) -> None:
        """Write lines to the spool as they come, in groups, so that one flush to disk serves many."""
        while True:
            group = [self._lines.get()]
            until = time.monotonic() + GROUP_SECONDS
            while len(group) < GROUP and (left := until - time.monotonic()) > 0:
                try:
                    group.append(self._lines.get(timeout=left))
                except queue.Empty:
                    break
            self._spool.append(group)
