"""The bytes to one client: lines, each flushed at once, compressed if asked; and the ways a connection breaks."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
import zlib
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from local_x.connections import Connection
from local_x.limits import Terms
from local_x.names import spelled

Message = Mapping[str, Any]
BURST = 0.1  # seconds of posts that may go out at once under the cap
RESET_AT_CLOSE = struct.pack("ii", 1, 0)  # linger on, for no time


class Wire:
    """Writes lines to one client.

    The connection keeps the ids of the tweets that the socket has taken.
    """

    def __init__(self, response: web.StreamResponse, connection: Connection, terms: Terms, *, compressed: bool):
        self._response, self.connection, self._terms = response, connection, terms
        self._gzip = zlib.compressobj(wbits=31) if compressed else None
        self._wrote = time.monotonic()
        self._free = 0.0  # when the next post may go out
        self._before: list[Message] = []
        self._behind: list[Message] = []

    async def send(self, message: Message) -> None:
        """Write a message as one line, with what was held back for it."""
        await self._keep_to_rate()
        together, self._before = [*self._before, message], []
        await self.write(b"".join(map(self.line, together)), *together)
        while self._behind:
            late = self._behind.pop()
            await self.write(self.line(late), late)

    def hold(self, message: Message, *, behind: bool) -> None:
        """Keep a message until the next one goes: in one chunk before it, or behind it."""
        (self._behind if behind else self._before).append(message)

    def line(self, message: Message) -> bytes:
        """Return a message as it goes over the wire."""
        return orjson.dumps(spelled(message, self._terms.names)) + b"\r\n"

    async def write(self, data: bytes, *told: Message) -> None:
        """Write bytes as one chunk; `told` are the messages that end with them.

        Raises:
            ConnectionResetError: the client is gone, or made no room in time and was dropped.
        """
        if self._gzip:
            data = self._gzip.compress(data) + self._gzip.flush(zlib.Z_SYNC_FLUSH)
        self.connection.told(told)  # before the client can have it
        try:
            async with asyncio.timeout(self._terms.patience):
                await self._response.write(data)
        except (TimeoutError, ConnectionError) as error:
            self.connection.untold(told)
            if isinstance(error, TimeoutError):
                self.connection.ended("SlowReader")
                self.cut()
            raise ConnectionResetError from error
        self._wrote = time.monotonic()

    async def _keep_to_rate(self) -> None:
        if not self._terms.rate:
            return
        now = time.monotonic()
        self._free = max(self._free, now - BURST) + 1 / self._terms.rate
        if self._free > now:
            await asyncio.sleep(self._free - now)

    def quiet(self) -> float:
        """Return for how many seconds nothing was written."""
        return time.monotonic() - self._wrote

    def cut(self) -> None:
        """Break the connection: what is on its way is lost, and the client sees RST."""
        if transport := self.connection.transport:
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
            transport.abort()
