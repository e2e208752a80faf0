"""The control port: orders faults, and tells what the small X did, so that it can be compared with what was stored."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from local_x import problems
from local_x.api import shows
from local_x.archive import Gone

if TYPE_CHECKING:
    from local_x.server import LocalX


@dataclass
class Control:
    """The HTTP side of the methods of `LocalX` that are not X's; it wants the same token.

    GET, POST and DELETE /faults: the orders that wait, one more (fields of `faults.Order`), none.
    POST /terms: fields of `limits.Terms`. POST /edits: `id` and `text`. POST /removals: `ids` and `reason`.
    GET /emitted: the `ids` that sockets have taken. GET /connects: `at` and `status` of every attempt.
    """

    local_x: LocalX

    def app(self) -> web.Application:
        """Return the HTTP application."""
        app = web.Application(middlewares=[self._admit])
        app.router.add_get("/faults", self._list_faults)
        app.router.add_post("/faults", self._order)
        app.router.add_delete("/faults", self._clear)
        app.router.add_post("/terms", self._change)
        app.router.add_post("/edits", self._edit)
        app.router.add_post("/removals", self._remove)
        app.router.add_get("/emitted", self._emitted)
        app.router.add_get("/connects", self._connects)
        return app

    @web.middleware
    async def _admit(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if not shows(request, self.local_x.token):
            return problems.plain(401)
        try:
            return await handler(request)
        except (ValueError, TypeError, KeyError, Gone) as error:
            return problems.invalid_request(str(error))

    async def _list_faults(self, _request: web.Request) -> web.Response:
        return answered({"faults": [asdict(order) for order in self.local_x.faults.orders]})

    async def _order(self, request: web.Request) -> web.Response:
        self.local_x.order(**orjson.loads(await request.read()))
        return await self._list_faults(request)

    async def _clear(self, request: web.Request) -> web.Response:
        self.local_x.faults.orders.clear()
        return await self._list_faults(request)

    async def _change(self, request: web.Request) -> web.Response:
        self.local_x.change(**orjson.loads(await request.read()))
        return answered(asdict(self.local_x.terms))

    async def _edit(self, request: web.Request) -> web.Response:
        edit = orjson.loads(await request.read())
        return answered({"id": str(self.local_x.edit(int(edit["id"]), str(edit["text"])))})

    async def _remove(self, request: web.Request) -> web.Response:
        removal = orjson.loads(await request.read())
        self.local_x.remove(*map(int, removal["ids"]), reason=str(removal.get("reason", "deleted")))
        return answered({})

    async def _emitted(self, _request: web.Request) -> web.Response:
        return answered({"ids": [str(one) for one in self.local_x.emitted()]})

    async def _connects(self, _request: web.Request) -> web.Response:
        return answered({"connects": [{"at": at, "status": status} for at, status in self.local_x.connects()]})


def answered(body: Any) -> web.Response:
    """Return a JSON answer."""
    return web.Response(body=orjson.dumps(body), content_type="application/json")
