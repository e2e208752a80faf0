"""Whether the app can do its work, for a load balancer: 200 with Postgres behind it, 503 without."""

from __future__ import annotations

import json

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from tornado.ioloop import IOLoop
from tornado.web import RequestHandler

from panel_app import data


class Health(RequestHandler):
    """Asks Postgres each time; tells nobody anything but the answer."""

    def set_default_headers(self) -> None:
        """Let nobody keep the answer."""
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Type", "application/json")

    async def get(self) -> None:
        """Answer."""
        well = await IOLoop.current().run_in_executor(None, answers)
        self.set_status(200 if well else 503)
        self.write(json.dumps({"postgres": well}))


def answers() -> bool:
    """Say whether Postgres answers."""
    try:
        with data.engine().connect() as connection:
            return bool(connection.execute(text("SELECT true")).scalar_one())
    except DBAPIError:
        return False


PAGE = (r"/health", Health)
