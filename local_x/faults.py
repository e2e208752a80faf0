"""Faults on demand: what X does to its clients on bad days, ordered through the control port.

Three kinds: a refusal answers a request, a line fault spoils the next message of the stream, and an ending breaks the
connection at once, whether or not there is anything to say.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from local_x import problems
from local_x.limits import LIMITS, rate_limit_headers
from local_x.wire import Message, Wire

PAUSE = 0.05  # seconds between two halves, so that they arrive apart
LONG = 300_000  # bytes
PIECES = 20  # of a slow line
ANNOUNCEMENT = '{"announcement": {"type": "not_in_any_documentation", "synthetic": true}}'
BROKEN = '{"data": {"id": "1", "text": "cut sh'


@dataclass
class Order:
    """A fault to come.

    Attributes:
        fault: a key of REFUSALS, LINE_FAULTS or ENDINGS.
        times: how often; 0 is until it is cleared.
        after: how many lines or requests go well before.
        on: what a refusal refuses, a kind of `limits.LIMITS`; empty is any request.
        seconds: until the reset of a rate limit, of silence, or that a slow line takes; 0 is the fault's own.
        text: what an `unknown_message` says.
        bare: whether an error in the stream stands by itself instead of under `errors`.
    """

    fault: str
    times: int = 1
    after: int = 0
    on: str = "stream"
    seconds: float = 0.0
    text: str = ANNOUNCEMENT
    bare: bool = False

    def __post_init__(self) -> None:
        if self.fault not in {*REFUSALS, *LINE_FAULTS, *ENDINGS}:
            raise ValueError(f"There is no fault {self.fault!r}: {', '.join([*REFUSALS, *LINE_FAULTS, *ENDINGS])}.")
        if self.on not in {*LIMITS, ""}:
            raise ValueError(f"There is no kind of request {self.on!r}: {', '.join(LIMITS)}.")


class Faults:
    """The orders that wait; those of a kind are carried out one after the other."""

    def __init__(self) -> None:
        self.orders: list[Order] = []

    def refusal(self, kind: str) -> web.Response | None:
        """Return how a request of a kind of `limits.LIMITS` is refused, or None."""
        order = self._due([one for one in self.orders if one.fault in REFUSALS and one.on in (kind, "")])
        return REFUSALS[order.fault](order) if order else None

    async def send(self, wire: Wire, message: Message) -> None:
        """Send a message, well or ill."""
        if order := self._due([one for one in self.orders if one.fault in LINE_FAULTS]):
            await LINE_FAULTS[order.fault](wire, message, order)
        else:
            await wire.send(message)

    async def ended(self, wire: Wire) -> bool:
        """Carry out an ending if one is due, and say whether it was."""
        waiting = [one for one in self.orders if one.fault in ENDINGS]
        if not (order := self._due(waiting)):
            return False
        await ENDINGS[order.fault](wire, order)
        wire.connection.ended(order.fault)
        return True

    def _due(self, orders: list[Order]) -> Order | None:
        if not orders:
            return None
        order = orders[0]
        if order.after:
            order.after -= 1
            return None
        order.times -= 1
        if order.times == 0:
            self.orders.remove(order)
        return order


def rate_limit(order: Order) -> web.Response:
    """One request too many: nothing remains until the reset."""
    answer = problems.plain(429)
    answer.headers.update(rate_limit_headers(50, 0, time.time() + (order.seconds or 900)))
    return answer


def cut_short(_order: Order) -> web.Response:
    """An answer that ends amid a line."""
    return web.Response(body=b'{"id": "12345678901', content_type="text/plain")


async def split_crlf(wire: Wire, message: Message, _order: Order) -> None:
    """The line end in two chunks."""
    await in_two(wire, message, wire.line(message), -1)


async def split_character(wire: Wire, message: Message, _order: Order) -> None:
    """A character of two bytes or more in two chunks; a message without one gets one."""
    message = {**message, "note": "é"}
    line = wire.line(message)
    await in_two(wire, message, line, 1 + next(index for index, byte in enumerate(line) if byte > 127))


async def in_two(wire: Wire, message: Message, line: bytes, cut: int) -> None:
    """A line cut at an index."""
    await wire.write(line[:cut])
    await asyncio.sleep(PAUSE)
    await wire.write(line[cut:], message)


async def slow(wire: Wire, message: Message, order: Order) -> None:
    """A line that takes its time."""
    line = wire.line(message)
    step = -(-len(line) // PIECES)
    *pieces, last = (line[begin : begin + step] for begin in range(0, len(line), step))
    for piece in pieces:
        await wire.write(piece)
        await asyncio.sleep((order.seconds or 1) / PIECES)
    await wire.write(last, message)


async def several(wire: Wire, message: Message, _order: Order) -> None:
    """A message that shares its chunk with the next one."""
    wire.hold(message, behind=False)


async def out_of_order(wire: Wire, message: Message, _order: Order) -> None:
    """A message that comes after its successor."""
    wire.hold(message, behind=True)


async def duplicate(wire: Wire, message: Message, _order: Order) -> None:
    """A message twice."""
    await wire.send(message)
    await wire.send(message)


async def long_line(wire: Wire, message: Message, _order: Order) -> None:
    """A message of 300 KB."""
    await wire.send({**message, "padding": "x" * LONG})


async def untagged(wire: Wire, message: Message, _order: Order) -> None:
    """Matching rules with nothing but their id."""
    await wire.send({**message, "matching_rules": [{"id": rule["id"]} for rule in message["matching_rules"]]})


async def unknown_keys(wire: Wire, message: Message, _order: Order) -> None:
    """Keys that nobody has heard of, at the top and inside."""
    await wire.send({**message, "data": {**message["data"], "mood_ring": ["green"]}, "horoscope": {"sign": None}})


async def unknown_message(wire: Wire, message: Message, order: Order) -> None:
    """A line of the order's own before the message, such as a type of message nobody knows."""
    await wire.write(order.text.encode() + b"\r\n")
    await wire.send(message)


async def broken_line(wire: Wire, message: Message, _order: Order) -> None:
    """A line cut short before the message."""
    await wire.write(BROKEN.encode() + b"\r\n")
    await wire.send(message)


async def close(_wire: Wire, _order: Order) -> None:
    """A clean end."""


async def reset(wire: Wire, _order: Order) -> None:
    """RST."""
    wire.cut()


async def silence(_wire: Wire, order: Order) -> None:
    """Not a byte, not even to keep the connection alive; at last a clean end."""
    await asyncio.sleep(order.seconds or 3600)


async def operational_disconnect(wire: Wire, order: Order) -> None:
    """X's farewell before it closes."""
    await farewell(wire, problems.operational_disconnect(), order)


async def connection_exception(wire: Wire, order: Order) -> None:
    """X's complaint about a connection too many, inside the stream."""
    await farewell(wire, problems.connection_exception("TooManyConnections", problems.TOO_MANY), order)


async def farewell(wire: Wire, problem: dict[str, Any], order: Order) -> None:
    """A problem in the stream, in one of X's two shapes."""
    await wire.write(orjson.dumps(problem if order.bare else {"errors": [problem]}) + b"\r\n")


REFUSALS: dict[str, Callable[[Order], web.Response]] = {
    "unauthorized": lambda _: problems.plain(401),
    "forbidden": lambda _: problems.plain(403),
    "rate_limit": rate_limit,
    "too_many_connections": lambda _: problems.too_many_connections(),
    "usage_cap": lambda _: problems.usage_cap(),
    "unavailable": lambda _: problems.plain(503),
    "cut_short": cut_short,
}
LINE_FAULTS: dict[str, Callable[[Wire, Message, Order], Awaitable[None]]] = {
    fault.__name__: fault
    for fault in (
        split_crlf,
        split_character,
        slow,
        several,
        out_of_order,
        duplicate,
        long_line,
        untagged,
        unknown_keys,
        unknown_message,
        broken_line,
    )
}
ENDINGS: dict[str, Callable[[Wire, Order], Awaitable[None]]] = {
    fault.__name__: fault for fault in (close, reset, silence, operational_disconnect, connection_exception)
}
