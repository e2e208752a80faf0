"""The small X over HTTP: the filtered stream and its rules, as X API v2 answers them."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager, suppress
from threading import Thread
from typing import Any

import orjson
from aiohttp import web

from local_x import problems
from local_x.fields import Shape, UnknownField
from local_x.limits import LIMITS, Bucket
from local_x.rule_store import RuleStore
from local_x.scenario import Scenario
from local_x.stream import Feed, Wire, deliver

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

STREAM = "/2/tweets/search/stream"
BUCKETS = {
    ("GET", STREAM): "stream",
    ("GET", f"{STREAM}/rules"): "rules_read",
    ("POST", f"{STREAM}/rules"): "rules_write",
}


class LocalX:
    """One app's X: its rules, its one stream connection, its rate limits.

    Args:
        scenario: what happens; the stream begins at its `now`.
        token: the bearer token that opens everything.
        speed: how fast event time runs; 0 is as fast as the client reads.
        keep_alive: seconds of silence after which an empty line is sent; X says at most 20.
        limits: requests in 15 minutes by kind (`limits.LIMITS`), where they differ from X's.
        rule_cap: how many rules there may be.
    """

    def __init__(
        self,
        scenario: Scenario,
        token: str,
        *,
        speed: float = 1.0,
        keep_alive: float = 20.0,
        limits: Mapping[str, int] | None = None,
        rule_cap: int = 1000,
    ):
        self.rules = RuleStore(rule_cap)
        self._scenario, self._token, self._keep_alive = scenario, token, keep_alive
        self._feed = Feed(scenario, scenario.now, speed)
        self._buckets = {kind: Bucket(limit) for kind, limit in {**LIMITS, **(limits or {})}.items()}
        self._connected = False

    def app(self) -> web.Application:
        """Return the HTTP application."""
        app = web.Application(middlewares=[self._admit])
        app.router.add_get(STREAM, self._stream, allow_head=False)
        app.router.add_get(f"{STREAM}/rules", self._list_rules, allow_head=False)
        app.router.add_post(f"{STREAM}/rules", self._change_rules)
        app.router.add_get(f"{STREAM}/rules/counts", self._count_rules, allow_head=False)
        app.on_response_prepare.append(self._show_limit)
        return app

    @web.middleware
    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            return problems.plain(401)
        if not self._bucket(request).take():
            return problems.plain(429)
        try:
            return await handler(request)
        except web.HTTPException as error:  # aiohttp's own 404 and 405
            return problems.plain(error.status)

    def _bucket(self, request: web.Request) -> Bucket:
        return self._buckets[BUCKETS.get((request.method, request.path), "other")]

    async def _show_limit(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(self._bucket(request).headers())

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        try:
            shape = Shape.asked(request.query)
        except UnknownField as error:
            return unknown(*error.args)
        if not self.rules:
            return problems.no_rules()
        if self._connected:
            return problems.too_many_connections()
        self._connected = True
        try:
            return await self._serve_stream(request, shape)
        finally:
            self._connected = False

    async def _serve_stream(self, request: web.Request, shape: Shape) -> web.StreamResponse:
        compressed = "gzip" in request.headers.get("Accept-Encoding", "")
        response = web.StreamResponse(headers={"Content-Type": "application/json; charset=utf-8"})
        response.enable_chunked_encoding()
        if compressed:
            response.headers["Content-Encoding"] = "gzip"
        await response.prepare(request)
        wire = Wire(response, compressed=compressed)
        with suppress(ConnectionResetError):  # the client went away between two lines
            await deliver(self._feed, self._scenario, self.rules, shape, wire, self._keep_alive)
        return response

    async def _list_rules(self, request: web.Request) -> web.Response:
        ids = request.query.get("ids", "")
        return answered(self.rules.listed(ids.split(",") if ids else ()))

    async def _count_rules(self, _request: web.Request) -> web.Response:
        return answered(self.rules.counts())

    async def _change_rules(self, request: web.Request) -> web.Response:
        dry_run = request.query.get("dry_run", "").lower() == "true"
        if request.query.get("delete_all", "").lower() == "true":
            return answered(self.rules.delete_all(dry_run=dry_run))
        try:
            add, delete = asked_changes(await request.read())
        except ValueError as error:
            return problems.invalid_request(str(error))
        if add:
            return answered(self.rules.add(add, dry_run=dry_run), status=201)
        return answered(self.rules.delete(**delete, dry_run=dry_run))


def asked_changes(body: bytes) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """Read the body of POST rules: what to add, or by which ids and values to delete.

    Raises:
        ValueError: the body has neither form.
    """
    match orjson.loads(body):
        case {"add": [*rules]} if rules and all(is_rule(rule) for rule in rules):
            return rules, {}
        case {"delete": {"ids": [_, *_] as ids}}:
            return [], {"ids": [str(one) for one in ids]}
        case {"delete": {"values": [_, *_] as values}}:
            return [], {"values": [str(one) for one in values]}
    raise ValueError("The body must have rules to `add`, or `ids` or `values` to `delete`.")


def is_rule(entry: object) -> bool:
    """Say whether an entry has the form of a rule: a value and perhaps a tag, both texts."""
    match entry:
        case {"value": str(), **others}:
            return others.keys() <= {"tag"} and isinstance(others.get("tag"), str | None)
    return False


def answered(body: Mapping[str, Any], status: int = 200) -> web.Response:
    """Return a JSON answer."""
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json", charset="utf-8")


def unknown(name: str, value: str) -> web.Response:
    """Answer a parameter or value that X does not know."""
    return problems.invalid_request(f"The `{name}` query parameter value [{value}] is not valid", **{name: value})


@asynccontextmanager
async def listening(local_x: LocalX, port: int = 0) -> AsyncIterator[str]:
    """Serve on loopback inside the block; yields the base URL. Port 0 takes a free one."""
    runner = web.AppRunner(local_x.app(), handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@contextmanager
def running(local_x: LocalX, port: int = 0) -> Iterator[str]:
    """Serve on loopback from a thread inside the block; yields the base URL."""
    started: Future[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        stop = asyncio.Event()
        async with listening(local_x, port) as url:
            started.set_result((url, asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = Thread(target=asyncio.run, args=(serve(),), name="local X", daemon=True)
    thread.start()
    url, loop, stop = started.result(timeout=10)
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
