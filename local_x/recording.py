"""A recording told as the stream: lines rendered before, as fast as the client reads them or at a pace."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from local_x.fields import Shape
from local_x.limits import Terms
from local_x.wire import Wire

BLOCK = 256 * 1024  # bytes that go out at once when there is no pace
CREATED_AT = b'"created_at":"'


class Recording:
    """Tells a file's lines once, whatever the rules are, and is quiet then.

    Without a rate they go as they are. With one (posts a second), each tweet is of the moment at which it is told.
    """

    def __init__(self, file: Path, terms: Terms):
        self._file, self._terms = file, terms

    async def deliver(self, _shape: Shape, wire: Wire) -> None:
        """Send every line to a client, then keep the connection alive until the client goes."""
        with self._file.open("rb") as lines:
            if self._terms.rate:
                await self._paced(lines, wire)
            else:
                while block := b"".join(lines.readlines(BLOCK)):
                    await wire.write(block.replace(b"\n", b"\r\n"))
        while True:
            await asyncio.sleep(self._terms.keep_alive)
            await wire.write(b"\r\n")

    async def _paced(self, lines: Iterable[bytes], wire: Wire) -> None:
        began = time.monotonic()
        for number, line in enumerate(lines):
            await asyncio.sleep(max(0.0, began + number / self._terms.rate - time.monotonic()))
            head, mark, rest = line.partition(CREATED_AT)
            _, _, rest = rest.partition(b'"')
            now = datetime.now(UTC).isoformat(timespec="milliseconds").encode()
            await wire.write(b"".join((head, mark, now, b'"', rest.rstrip(), b"\r\n")))
