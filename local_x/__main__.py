"""The command line of the small X: `python -m local_x serve` and `python -m local_x record`."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import orjson

from local_x.control import Control
from local_x.fields import EVERYTHING
from local_x.rule_store import RuleStore
from local_x.scenario import Scenario
from local_x.server import LocalX, listening
from local_x.stream import recorded


def main() -> None:
    """Run the command that the arguments name."""
    arguments = parser().parse_args()
    arguments.run(arguments)


def parser() -> argparse.ArgumentParser:
    """Return the commands and their options."""
    top = argparse.ArgumentParser(prog="python -m local_x", description="A small X on your own machine.")
    commands = top.add_subparsers(required=True, metavar="serve|record")
    serve = commands.add_parser("serve", help="answer on loopback until stdin closes or a signal comes")
    serve.set_defaults(run=run_serve)
    serve.add_argument("--port", type=int, default=0, help="0 takes a free one")
    serve.add_argument("--token", required=True, help="the bearer token clients must show")
    serve.add_argument("--start", type=moment, help="where the stream begins; now if not given")
    serve.add_argument("--speed", type=float, default=1.0, help="how fast time runs; 0: as fast as the client reads")
    serve.add_argument("--rate", type=float, help="posts a second at most; X's 250 if not given, 0 is no cap")
    serve.add_argument("--connects", type=int, default=50, help="stream connections allowed in 15 minutes")
    serve.add_argument("--recording", type=Path, help="tell this file's messages instead of what happens")
    record = commands.add_parser("record", help="write the stream's messages of the past hours as JSONL")
    record.set_defaults(run=run_record)
    record.add_argument("file", type=Path)
    record.add_argument("--hours", type=float, default=72.0)
    record.add_argument("--end", type=moment, required=True, help="where the recording ends")
    record.add_argument("--rule", action="append", required=True, metavar="TAG=QUERY")
    for command in (serve, record):
        command.add_argument("--seed", type=int, default=1)
    return top


def moment(text: str) -> datetime:
    """Read an ISO time; one without an offset is UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def run_serve(arguments: argparse.Namespace) -> None:
    """Serve until told to stop."""
    scenario = Scenario(arguments.seed, arguments.start or datetime.now(UTC))
    terms = {} if arguments.rate is None else {"rate": arguments.rate}
    limits = {"stream": arguments.connects}
    local_x = LocalX(
        scenario, arguments.token, speed=arguments.speed, limits=limits, recording=arguments.recording, **terms
    )
    asyncio.run(serve(local_x, arguments.port))


async def serve(local_x: LocalX, port: int) -> None:
    """Serve, say where, and end with the parent: when stdin closes, or at SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    Thread(target=when_stdin_closes, args=(lambda: loop.call_soon_threadsafe(stop.set),), daemon=True).start()
    async with listening(local_x.app(), port) as api, listening(Control(local_x).app()) as control:
        sys.stdout.write(orjson.dumps({"api": api, "control": control}).decode() + "\n")
        sys.stdout.flush()
        await stop.wait()


def when_stdin_closes(call: Callable[[], object]) -> None:
    """Call once there is nothing more to read."""
    while os.read(0, 4096):
        pass
    call()


def run_record(arguments: argparse.Namespace) -> None:
    """Write the recording."""
    store = RuleStore()
    rules = [dict(zip(("tag", "value"), rule.split("=", 1), strict=True)) for rule in arguments.rule]
    if errors := store.add(rules).get("errors"):
        raise SystemExit(f"--rule {errors[0]['value']!r}: {errors[0]['title']}")
    with arguments.file.open("wb") as file:
        for line in recorded(Scenario(arguments.seed, arguments.end), store, EVERYTHING, arguments.hours):
            file.write(line + b"\n")


if __name__ == "__main__":
    main()
