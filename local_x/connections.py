"""The connections to the stream, those that are and those that were, and every attempt to make one."""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

ENDPOINT = "filtered_stream"
STATUSES = {"active": {True}, "inactive": {False}, "all": {True, False}}  # and whether such a connection is open


@dataclass(eq=False)
class Connection:
    """One connection to the stream; `ids` are the tweets that its socket has taken, in their order."""

    client_ip: str
    transport: asyncio.Transport | None
    read: Callable[[Iterable[Mapping[str, Any]]], None]  # counts what was delivered, for the bill
    id: str = field(default_factory=lambda: str(uuid4()))
    connected_at: float = field(default_factory=time.time)
    disconnected_at: float | None = None
    disconnect_reason: str | None = None
    ids: array[int] = field(default_factory=lambda: array("q"))
    task: asyncio.Task[None] | None = None

    def told(self, messages: Collection[Mapping[str, Any]]) -> None:
        """Remember what the socket has taken."""
        self.ids.extend(int(message["data"]["id"]) for message in messages)
        self.read(messages)

    def untold(self, messages: Collection[Mapping[str, Any]]) -> None:
        """Forget what the socket has not taken after all."""
        if messages:
            del self.ids[-len(messages) :]

    def close(self, reason: str) -> None:
        """End it cleanly, for a reason of X's."""
        self.ended(reason)
        if self.task:
            self.task.cancel()

    def ended(self, reason: str) -> None:
        """Note that it is over; the first reason holds."""
        if self.disconnected_at is None:
            self.disconnected_at, self.disconnect_reason = time.time(), reason

    def shown(self) -> dict[str, str]:
        """Return it as /2/connections lists it."""
        parts = {
            "id": self.id,
            "endpoint_name": ENDPOINT,
            "connected_at": iso(self.connected_at),
            "disconnected_at": iso(self.disconnected_at) if self.disconnected_at else None,
            "disconnect_reason": self.disconnect_reason,
            "client_ip": self.client_ip,
        }
        return {name: part for name, part in parts.items() if part}


class Connections:
    """All connections of the app, of which X allows one at a time."""

    def __init__(self) -> None:
        self.all: list[Connection] = []
        self.attempts: list[tuple[float, int]] = []  # seconds since 1970, status of the answer

    def current(self) -> Connection | None:
        """Return the connection that is open."""
        return self.all[-1] if self.all and self.all[-1].disconnected_at is None else None

    def tried(self, status: int) -> None:
        """Remember an attempt to connect."""
        self.attempts.append((time.time(), status))

    def opened(self, connection: Connection) -> None:
        """Take a new connection as the current one; an older one is closed."""
        if older := self.current():
            older.close("Replaced")
        self.all.append(connection)

    def listed(self, status: str = "active") -> dict[str, Any]:
        """Answer GET /2/connections: the active, the inactive or all."""
        rows = [one.shown() for one in self.all if (one.disconnected_at is None) in STATUSES[status]]
        return {**({"data": rows} if rows else {}), "meta": {"result_count": len(rows)}}

    def killed(self, ids: Collection[str] | None = None) -> dict[str, Any]:
        """Answer DELETE /2/connections: close those with the ids, or all that are open."""
        found = {one.id: one for one in self.all if one.disconnected_at is None}
        results: list[dict[str, Any]] = []
        for wanted in found if ids is None else ids:
            if wanted in found:
                found[wanted].close("Killed")
                results.append({"uuid": wanted, "success": True})
            else:
                results.append({"uuid": wanted, "success": False, "error_message": "There is no such connection."})
        successes = sum(result["success"] for result in results)
        kills = {"successful_kills": successes, "failed_kills": len(results) - successes}
        return {"data": {**kills, "results": results}}


def iso(seconds: float) -> str:
    """Return seconds since 1970 as X writes a time."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
