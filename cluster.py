"""What runs on several hosts: Ray's own `ray up`, `ray job submit` and `ray down`, with their traps minded."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from string import Template
from typing import Any

import yaml

from core.config import ConfigError, Settings, TalkerError, token_file

HERE = Path(__file__).parent
DASHBOARD = 8265  # its port on the head, where it listens on loopback only
STDOUT, STDERR = 1, 2
JOINING = 300.0  # seconds in which all workers should have joined
HOSTS = "import ray; ray.init('auto', log_to_driver=False); print(sum(one['Alive'] for one in ray.nodes()))"
PATIENCE = 60.0  # seconds in which what was told to end should be gone
ENVIRONMENT = "~/twittertalker/environment"
# Counts Ray's own processes, and Spark's. The brackets keep the search from finding itself.
LEFT = """
import psutil, re
told = (" ".join(one.info["cmdline"] or ()) for one in psutil.process_iter(["cmdline"]))
print(sum(bool(re.search("[r]ay::|[g]cs_server|raylet/[r]aylet|[r]aydp", one)) for one in told))
"""
OF_A_HOST = """\
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=$HOME/twittertalker/token RAY_USAGE_STATS_ENABLED=0
export RAY_task_events_max_num_task_in_gcs=5000
export JAVA_HOME=$HOME/venv/java PYSPARK_PYTHON=$HOME/venv/bin/python
export PATH=$HOME/venv/bin:$JAVA_HOME/bin:$PATH
"""


class ClusterError(TalkerError):
    """The cluster does not do what it was told."""


@dataclass(frozen=True)
class Cluster:
    """A cluster as its filled-in file describes it."""

    file: Path
    token: Path
    head: str
    workers: tuple[str, ...]
    user: str
    key: Path

    @property
    def environment(self) -> dict[str, str]:
        """What Ray's commands must find in their environment."""
        ours = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(self.token), "RAY_USAGE_STATS_ENABLED": "0"}
        # Version 2 of the autoscaler never starts a worker of a local provider.
        given = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
        return given | ours | {"RAY_UP_enable_autoscaler_v2": "0"}

    def ray(self, *arguments: str, words: int = STDERR) -> int:
        """Run one of Ray's commands, whose words go to standard error unless told otherwise; returns its status."""
        command = [sys.executable, "-m", "ray.scripts.scripts", *arguments]
        return subprocess.run(command, env=self.environment, stdout=words, check=False).returncode

    def ssh(self, host: str) -> list[str]:
        """Return the command that reaches a host; its key is noted at the first meeting, and must stay the same."""
        known = self.file.with_name("known_hosts")
        options = ("IdentitiesOnly=yes", "StrictHostKeyChecking=accept-new", f"UserKnownHostsFile={known}")
        quiet = ("LogLevel=ERROR", "ConnectTimeout=10", "BatchMode=yes", "ExitOnForwardFailure=yes")
        return ["ssh", "-i", str(self.key), *(f"-o{one}" for one in options + quiet), f"{self.user}@{host}"]

    def run(self, host: str, command: str) -> subprocess.CompletedProcess[str]:
        """Run a command on a host, with what our package there needs in its environment."""
        there = f"bash -c {shlex.quote(f'. {ENVIRONMENT} && {command}')}"
        return subprocess.run([*self.ssh(host), there], stdout=subprocess.PIPE, text=True, check=False)

    def runs(self) -> bool:
        """Say whether Ray runs on the head."""
        return self.run(self.head, "ray status > /dev/null 2>&1").returncode == 0


def configured(settings: Settings, template: Path) -> Cluster:
    """Write what `ray up` needs below TALKER_HOME: the filled-in file, and a folder with what each host gets.

    That folder has this package as a wheel, the lock, the token, and the settings of this environment.

    Raises:
        ConfigError: a setting is missing, or the template cannot be used.
    """
    folder = settings.home / "cluster"
    package = folder / "package"
    package.mkdir(parents=True, exist_ok=True, mode=0o700)
    token = token_file(settings.home / "ray_token")
    workers = [one.strip() for one in settings.cluster_workers.split(",") if one.strip()]
    user, key = settings.cluster_user, settings.cluster_key.expanduser().absolute()
    values = {"head": settings.cluster_head, "workers": ", ".join(workers), "worker_count": len(workers), "user": user}
    values |= {"key": key, "home": "/root" if user == "root" else f"/home/{user}", "package": package}
    try:
        text = Template(template.read_text()).substitute(values)
        config: dict[str, Any] = yaml.safe_load(text)
    except (OSError, KeyError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"{template} cannot be used as cluster.yaml: {error}") from error
    local = config["provider"]["type"] == "local"
    if local and not settings.cluster_head:
        raise ConfigError("TALKER_CLUSTER_HEAD is not set: give the address of the cluster's head.")
    file = folder / "cluster.yaml"
    file.write_text(text)
    secret(package / "token", token.read_text())
    secret(package / "environment", OF_A_HOST + exported(settings))
    cluster = Cluster(file, token, settings.cluster_head, tuple(workers) if local else (), user, key)
    return cluster if local else reached(cluster)


def reached(cluster: Cluster) -> Cluster:
    """Return a cluster of a cloud with the address that its head has now; none while there is no head."""
    command = [sys.executable, "-m", "ray.scripts.scripts", "get-head-ip", str(cluster.file)]
    found = subprocess.run(command, env=cluster.environment, stdout=subprocess.PIPE, text=True, check=False)
    head = found.stdout.split()[-1] if found.returncode == 0 else ""
    return Cluster(cluster.file, cluster.token, head, (), cluster.user, cluster.key)


def exported(settings: Settings) -> str:
    """Return the settings of this environment as a shell's exports; where a host keeps its things is its own."""
    own = ("TALKER_HOME", "TALKER_LAKE")
    given = {
        name: value
        for name, value in settings.environment().items()
        if name in os.environ and name not in own and not name.startswith("TALKER_CLUSTER_")
    }
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in given.items())


def secret(path: Path, text: str) -> None:
    """Write a file that only we may read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def pack(cluster: Cluster) -> None:
    """Put this package as a wheel, and its lock, into the folder that each host gets.

    Raises:
        ClusterError: the wheel cannot be built, as where there is no source.
    """
    package = cluster.file.with_name("package")
    for old in package.glob("*.whl"):
        old.unlink()
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*build, f"--wheel-dir={package}", str(HERE)], stdout=STDERR, check=False)
    if done.returncode:
        raise ClusterError(f"The package cannot be built as a wheel from {HERE}.")
    shutil.copy(HERE / "requirements.lock", package)


def up(cluster: Cluster) -> None:
    """Start the cluster, or bring one that runs to this version without restarting it.

    Raises:
        ClusterError: `ray up` fails, or a worker does not join.
    """
    pack(cluster)
    keep = ["--no-restart"] if cluster.head and cluster.runs() else []
    if cluster.ray("up", "--yes", "--no-config-cache", *keep, str(cluster.file)):
        raise ClusterError("`ray up` failed, for the reason above.")
    until = time.monotonic() + JOINING
    while cluster.workers and hosts(cluster) < 1 + len(cluster.workers):
        if time.monotonic() > until:
            raise ClusterError("Not every worker has joined: see monitor.out in Ray's logs on the head.")
        time.sleep(1)


def hosts(cluster: Cluster) -> int:
    """Count the hosts that have joined; `ray up` only waits for the head, and actors stay where they are started."""
    told = cluster.run(cluster.head, f"python -c {shlex.quote(HOSTS)} 2> /dev/null")
    return int(told.stdout) if told.returncode == 0 else 0


def submit(cluster: Cluster, command: Sequence[str], name: str | None, wait: bool) -> None:
    """Run a command as a Ray job on the cluster, and show its words until it ends.

    Raises:
        ClusterError: the job failed, or there is no way to the cluster.
    """
    options = [f"--submission-id={name}"] if name else []
    options += [] if wait else ["--no-wait"]
    with tunnel(cluster) as address:
        asked = ("job", "submit", f"--address={address}", *options, "--", *command)
        if cluster.ray(*asked, words=STDOUT):
            raise ClusterError("The job failed: `ray job logs` and its words above say why.")


@contextmanager
def tunnel(cluster: Cluster) -> Iterator[str]:
    """Forward a free port of ours to the dashboard, which listens on the head's loopback only; yields the address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    forward = f"-L127.0.0.1:{port}:127.0.0.1:{DASHBOARD}"
    *ssh, destination = cluster.ssh(cluster.head)
    with subprocess.Popen([*ssh, "-N", forward, destination], stdin=subprocess.DEVNULL) as way:
        try:
            until = time.monotonic() + PATIENCE
            while not listens(port):
                if way.poll() is not None or time.monotonic() > until:
                    raise ClusterError(f"There is no way by ssh to {destination}.")
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            way.terminate()


def listens(port: int) -> bool:
    """Say whether something on this machine takes connections at a port."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def status(cluster: Cluster, as_json: bool) -> str:
    """Return what `talker status` says on the head."""
    told = cluster.run(cluster.head, f"RAY_ADDRESS=auto talker status {'--json' if as_json else ''}")
    if told.returncode:
        raise ClusterError("Nothing collects on the cluster, or it does not answer.")
    return told.stdout


def down(cluster: Cluster) -> None:
    """Stop what collects, in order, then Ray on every host; what the spool holds stays on the head's disk.

    Raises:
        ClusterError: something still runs.
    """
    if cluster.runs():
        cluster.run(cluster.head, "RAY_ADDRESS=auto talker down")
    cluster.ray("down", "--yes", str(cluster.file))
    every = (cluster.head, *cluster.workers) if cluster.workers else ()
    with ThreadPoolExecutor() as pool:
        list(pool.map(partial(ended, cluster), every))


def ended(cluster: Cluster, host: str) -> None:
    """Stop Ray on a host and see that it is gone: `ray down` runs nothing on the workers of a local provider."""
    until = time.monotonic() + PATIENCE
    while True:
        cluster.run(host, "ray stop --force > /dev/null 2>&1")
        left = cluster.run(host, f"python -c {shlex.quote(LEFT)}").stdout.strip()
        if left == "0":
            return
        if time.monotonic() > until:
            raise ClusterError(f"On {host} Ray still runs ({left or 'it cannot be reached'}).")
        time.sleep(1)
