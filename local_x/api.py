"""The paths of X API v2 that the small X knows, and who may ask how often."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from local_x import lookup, problems, search
from local_x.archive import Archive
from local_x.compliance import KINDS, Jobs
from local_x.connections import ENDPOINT, STATUSES, Connection, Connections
from local_x.faults import Faults
from local_x.fields import Shape, UnknownField
from local_x.limits import Bucket, Terms
from local_x.names import spelled
from local_x.recording import Recording
from local_x.rule_store import RuleStore
from local_x.rules import InvalidRule
from local_x.stream import Stream
from local_x.usage import Usage
from local_x.wire import Wire

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

STREAM = "/2/tweets/search/stream"
RULES = f"{STREAM}/rules"
CONNECTIONS = "/2/connections"
JOBS = "/2/compliance/jobs"
OPEN = "/compliance/"  # paths with a secret of their own instead of the token
BUCKETS = {
    ("GET", STREAM): "stream",
    ("GET", RULES): "rules_read",
    ("POST", RULES): "rules_write",
    ("GET", "/2/tweets/search/recent"): "search",
    ("GET", "/2/tweets/counts/recent"): "counts",
    ("GET", "/2/tweets"): "tweets",
    ("GET", "/2/users"): "users",
    ("GET", "/2/usage/tweets"): "usage",
    ("GET", JOBS): "compliance",
    ("POST", JOBS): "compliance",
    ("DELETE", f"{CONNECTIONS}/all"): "kill",
}


@dataclass(eq=False)
class Api:
    """The HTTP side of the small X; see `server.LocalX` for its parts."""

    token: str
    terms: Terms
    buckets: Mapping[str, Bucket]
    faults: Faults
    connections: Connections
    rules: RuleStore
    archive: Archive
    stream: Stream | Recording
    usage: Usage

    def __post_init__(self) -> None:
        self._jobs = Jobs(self.archive, self.terms)

    def app(self) -> web.Application:
        """Return the HTTP application."""
        app = web.Application(middlewares=[self._admit], client_max_size=64 << 20)
        get = {
            STREAM: self._stream,
            RULES: self._list_rules,
            f"{RULES}/counts": self._count_rules,
            "/2/tweets/search/recent": self._search,
            "/2/tweets/counts/recent": self._count,
            "/2/tweets": self._tweets,
            "/2/users": self._users,
            "/2/usage/tweets": self._show_usage,
            CONNECTIONS: self._list_connections,
            JOBS: self._list_jobs,
            JOBS + "/{id}": self._show_job,
            OPEN + "{key}/results": self._download,
        }
        for path, handler in get.items():
            app.router.add_get(path, handler, allow_head=False)
        app.router.add_post(RULES, self._change_rules)
        app.router.add_post(JOBS, self._create_job)
        app.router.add_put(OPEN + "{key}/submission", self._upload)
        app.router.add_delete(CONNECTIONS, self._kill_some)
        for name in ("all", ENDPOINT):
            app.router.add_delete(f"{CONNECTIONS}/{name}", self._kill_all)
        app.on_response_prepare.append(self._note)
        return app

    @web.middleware
    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith(OPEN):
            kind = self._kind(request)
            if not shows(request, self.token):
                return problems.plain(401)
            if not self.buckets[kind].take():
                return problems.plain(429)
            if refusal := self.faults.refusal(kind):
                return refusal
        try:
            return await handler(request)
        except UnknownField as error:
            name, value = error.args
            return problems.invalid_request(
                f"The `{name}` query parameter value [{value}] is not valid", **{name: value}
            )
        except InvalidRule as error:
            return problems.invalid_request(str(error), query=request.query.get("query", ""))
        except web.HTTPException as error:  # aiohttp's own 404 and 405
            return problems.plain(error.status)

    def _kind(self, request: web.Request) -> str:
        return BUCKETS.get((request.method, request.path), "other")

    async def _note(self, request: web.Request, response: web.StreamResponse) -> None:
        """Show the rate limit, and remember who tried to connect."""
        for name, value in self.buckets[self._kind(request)].headers().items():
            response.headers.setdefault(name, value)
        if request.path == STREAM:
            self.connections.tried(response.status)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        shape = Shape.asked(request.query)
        if not self.rules:
            return problems.no_rules()
        if self.connections.current() and not self.terms.evict:
            return problems.too_many_connections()
        connection = Connection(request.remote or "", request.transport, self.usage.read)
        self.connections.opened(connection)
        try:
            return await self._serve_stream(request, connection, shape)
        finally:
            connection.ended("ClientDisconnect")

    async def _serve_stream(self, request: web.Request, connection: Connection, shape: Shape) -> web.StreamResponse:
        compressed = "gzip" in request.headers.get("Accept-Encoding", "")
        response = web.StreamResponse(headers={"Content-Type": "application/json; charset=utf-8"})
        response.enable_chunked_encoding()
        if compressed:
            response.headers["Content-Encoding"] = "gzip"
        await response.prepare(request)
        wire = Wire(response, connection, self.terms, compressed=compressed)
        connection.task = asyncio.create_task(self.stream.deliver(shape, wire))
        with suppress(ConnectionError, asyncio.CancelledError):  # the client went away, or X closes the connection
            await connection.task
        return response

    async def _list_rules(self, request: web.Request) -> web.Response:
        ids = request.query.get("ids", "")
        return self._answer(self.rules.listed(ids.split(",") if ids else ()))

    async def _count_rules(self, _request: web.Request) -> web.Response:
        return self._answer(self.rules.counts())

    async def _change_rules(self, request: web.Request) -> web.Response:
        dry_run = request.query.get("dry_run", "").lower() == "true"
        if request.query.get("delete_all", "").lower() == "true":
            return self._answer(self.rules.delete_all(dry_run=dry_run))
        try:
            add, delete = asked_changes(await request.read())
        except ValueError as error:
            return problems.invalid_request(str(error))
        if add:
            return self._answer(self.rules.add(add, dry_run=dry_run), status=201)
        return self._answer(self.rules.delete(**delete, dry_run=dry_run))

    async def _search(self, request: web.Request) -> web.Response:
        shape = self._shape(request, search.SEARCH)
        body, messages = await asyncio.to_thread(search.search, self.archive, shape, request.query)
        self.usage.read(messages)
        return self._answer(body)

    async def _count(self, request: web.Request) -> web.Response:
        self._shape(request, search.COUNTS)
        return self._answer(await asyncio.to_thread(search.counts, self.archive, request.query))

    async def _tweets(self, request: web.Request) -> web.Response:
        shape, ids = self._shape(request, {"ids"}), request.query.get("ids", "")
        body, messages = await asyncio.to_thread(lookup.tweets, self.archive, shape, ids)
        self.usage.read(messages)
        return self._answer(body)

    async def _users(self, request: web.Request) -> web.Response:
        return self._answer(lookup.users(self.archive, self._shape(request, {"ids"}), request.query.get("ids", "")))

    def _shape(self, request: web.Request, others: set[str]) -> Shape:
        return Shape.asked(request.query, others=others, only_new=self.terms.names == "new")

    async def _show_usage(self, request: web.Request) -> web.Response:
        days = request.query.get("days", "7")
        if not (days.isdigit() and 1 <= int(days) <= 90):
            raise UnknownField("days", days)
        return self._answer(self.usage.answer(int(days)))

    async def _list_connections(self, request: web.Request) -> web.Response:
        status = request.query.get("status", "active")
        if status not in STATUSES:
            raise UnknownField("status", status)
        return self._answer(self.connections.listed(status))

    async def _kill_all(self, _request: web.Request) -> web.Response:
        return self._answer(self.connections.killed())

    async def _kill_some(self, request: web.Request) -> web.Response:
        try:
            ids = asked_kills(await request.read())
        except ValueError as error:
            return problems.invalid_request(str(error))
        return self._answer(self.connections.killed(ids))

    async def _create_job(self, request: web.Request) -> web.Response:
        try:
            job = self._jobs.create(orjson.loads(await request.read()))
        except ValueError as error:
            return problems.invalid_request(str(error))
        return self._answer({"data": job.shown(host(request))})

    async def _list_jobs(self, request: web.Request) -> web.Response:
        kind = request.query.get("type", "")
        if kind not in KINDS:
            raise UnknownField("type", kind)
        data = [job.shown(host(request)) for job in self._jobs.of(kind, request.query.get("status"))]
        return self._answer({**({"data": data} if data else {}), "meta": {"result_count": len(data)}})

    async def _show_job(self, request: web.Request) -> web.Response:
        job = self._jobs.with_id(request.match_info["id"])
        return self._answer({"data": job.shown(host(request))}) if job else problems.plain(404)

    async def _upload(self, request: web.Request) -> web.Response:
        job = self._jobs.with_key(request.match_info["key"])
        if job is None or job.status() != "created":
            return problems.plain(404)
        if refusal := self.faults.refusal("upload"):
            return refusal
        await asyncio.to_thread(self._jobs.upload, job, await request.read())
        return web.Response()

    async def _download(self, request: web.Request) -> web.Response:
        job = self._jobs.with_key(request.match_info["key"])
        if job is None or job.status() != "complete":
            return problems.plain(404)
        return self.faults.refusal("download") or web.Response(body=job.result, content_type="text/plain")

    def _answer(self, body: Mapping[str, Any], status: int = 200) -> web.Response:
        whole = orjson.dumps(spelled(body, self.terms.names))
        return web.Response(status=status, body=whole, content_type="application/json", charset="utf-8")


def shows(request: web.Request, token: str) -> bool:
    """Say whether a request shows the token."""
    given = request.headers.get("Authorization", "")
    return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())


def host(request: web.Request) -> str:
    """Return our own base URL, whatever name of X's the client called us by."""
    address, port = request.get_extra_info("sockname")
    return f"http://{address}:{port}"


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


def asked_kills(body: bytes) -> list[str]:
    """Read the body of DELETE connections.

    Raises:
        ValueError: the body has another form.
    """
    match orjson.loads(body):
        case {"uuids": [_, *_] as ids}:
            return [str(one) for one in ids]
    raise ValueError("The body must have the `uuids` of connections.")


def is_rule(entry: object) -> bool:
    """Say whether an entry has the form of a rule: a value and perhaps a tag, both texts."""
    match entry:
        case {"value": str(), **others}:
            return others.keys() <= {"tag"} and isinstance(others.get("tag"), str | None)
    return False
