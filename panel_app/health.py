"""Whether the app, and what collects, can do its work, for a load balancer or a watchdog: 200 if so, else 503."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from tornado.ioloop import IOLoop
from tornado.web import RequestHandler

from core import queries
from panel_app import data

SILENT_SECONDS = 30.0  # after which a part that told nothing is taken for gone; they tell every five
COLLECTING = ("reader", "supervisor")


class Health(RequestHandler):
    """Asks Postgres each time; tells nobody anything but the answer."""

    def initialize(self, ask: Callable[[], dict[str, bool]]) -> None:
        """Take what says of each part whether it is well."""
        self.ask = ask

    def set_default_headers(self) -> None:
        """Let nobody keep the answer."""
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Type", "application/json")

    async def get(self) -> None:
        """Answer."""
        told = await IOLoop.current().run_in_executor(None, self.ask)
        self.set_status(200 if all(told.values()) else 503)
        self.write(json.dumps(told))


def app() -> dict[str, bool]:
    """Say whether Postgres answers."""
    try:
        with data.engine().connect() as connection:
            return {"postgres": bool(connection.execute(text("SELECT true")).scalar_one())}
    except DBAPIError:
        return {"postgres": False}


def collector() -> dict[str, bool]:
    """Say whether reader and supervisor, wherever they run, have told of themselves of late."""
    try:
        with data.engine().connect() as connection:
            pulses = {row.name: row.at for row in connection.execute(queries.pulses())}
    except DBAPIError:
        return {"postgres": False}
    now = datetime.now(UTC)
    heard = {name for name, at in pulses.items() if (now - at).total_seconds() < SILENT_SECONDS}
    return {"postgres": True, **{name: name in heard for name in COLLECTING}}


PAGES = [(r"/health", Health, {"ask": app}), (r"/health/collector", Health, {"ask": collector})]
