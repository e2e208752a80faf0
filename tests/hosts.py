"""Several hosts on one machine: each has its own network, processes, mounts and name, and an sshd.

They are on a bridge without a way out, on which this machine has the first address.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer

import psutil
import pytest

SSHD = "/usr/sbin/sshd"
LIFE = 1800  # seconds after which a host ends by itself, whatever becomes of us

# What is private is bound over what all share. PID 1 must reap, or whoever is told to stop is waited for as a zombie.
INIT = r"""
set -e
name=$1 address=$2 own=$3 user=$4
hostname "$name"
mount --make-rprivate /
mount --bind "$own/home" "/home/$user"
mount --bind "$own/ray" /tmp/ray
mount --bind "$own/hosts" /etc/hosts
mount --bind "$own/passwd" /etc/passwd
mount -t tmpfs tmpfs /run
mkdir -m 755 /run/sshd
mount -t tmpfs -o size=2g tmpfs /dev/shm
env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin SSHD -f "$own/sshd_config"
touch "$own/ready"
trap : CHLD
while [ $SECONDS -lt LIFE ]; do sleep 30 & wait $!; done
""".replace("SSHD", SSHD).replace("LIFE", str(LIFE))

# Ray lets its workers give way to others, who on a busy machine would leave them nothing. Java is ready sooner if it
# compiles less.
CONFIG = """\
ListenAddress {address}
HostKey {own}/host_key
AuthorizedKeysFile {own}/key.pub
PermitRootLogin yes
PasswordAuthentication no
UsePAM no
StrictModes no
MaxStartups 50
MaxSessions 50
PidFile none
SetEnv RAY_worker_niceness=0 JAVA_TOOL_OPTIONS="-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""


def needed() -> None:
    """Skip where such hosts cannot be."""
    missing = [tool for tool in ("ip", "unshare", "nsenter", "ssh", "rsync", SSHD) if not shutil.which(tool)]
    if missing:
        pytest.skip(f"several hosts need {', '.join(missing)}: apt-get install openssh-server rsync iproute2")
    tried = subprocess.run(["unshare", "-n", "-p", "-m", "-u", "-i", "--fork", "--mount-proc", "true"], check=False)
    if tried.returncode:
        pytest.skip("this kernel lets us make no namespaces, which several hosts on one machine need")


class Host:
    """One host: a process that is its PID 1's parent, and a folder with what is its own."""

    def __init__(self, name: str, address: str, own: Path, user: str):
        self.name, self.address, self.own, self.user = name, address, own, user
        self.home = Path("/home") / user

    def start(self, namespace: str) -> None:
        """Start it, and wait until its sshd answers."""
        command = ["ip", "netns", "exec", namespace]
        command += ["unshare", "-p", "-m", "-u", "-i", "--fork", "--kill-child", "--mount-proc"]
        arguments = [self.name, self.address, str(self.own), self.user]
        # A session of its own: a Ctrl-C in the terminal is for the tests.
        self._process = subprocess.Popen(
            [*command, "bash", "-c", INIT, "init", *arguments], stdin=subprocess.DEVNULL, start_new_session=True
        )
        while not (self.own / "ready").exists():
            assert self._process.poll() is None, f"the host {self.name} does not start"
        (self._init,) = psutil.Process(self._process.pid).children()

    def command(self, *arguments: str, env: dict[str, str] | None = None) -> list[str]:
        """Return the command that runs something on it."""
        inside = ["nsenter", "-t", str(self._init.pid), "-n", "-p", "-m", "-u", "-i", "env", "-i"]
        own = {"HOME": str(self.home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", "USER": self.user} | (env or {})
        return [*inside, *(f"{name}={value}" for name, value in own.items()), *arguments]

    def processes(self) -> list[psutil.Process]:
        """Return what runs on it, besides its PID 1 and its sshd."""
        return [one for one in self._init.children(recursive=True) if one.name() not in ("sleep", "sshd")]

    def stop(self) -> None:
        """End it with all that runs on it."""
        self._process.kill()
        self._process.wait()


@contextmanager
def hosts(names: Sequence[str], folder: Path) -> Iterator[list[Host]]:
    """Run hosts that know each other by name and let a key in; the last gets the key itself."""
    number, user = os.getpid(), f"tt{os.getpid()}"
    bridge, net = f"tt{number}", f"198.18.{number % 250}"  # of the block that is set aside for tests of networks
    home = Path("/home") / user
    for place in (home, Path("/tmp/ray")):
        place.mkdir(parents=True, exist_ok=True)
    made = [
        Host(name, f"{net}.{place}", prepared(folder / name, user), user) for place, name in enumerate(names, start=10)
    ]
    keys(made)
    run("ip", "link", "add", bridge, "type", "bridge")
    try:
        run("ip", "addr", "add", f"{net}.1/24", "dev", bridge)
        run("ip", "link", "set", bridge, "up")
        for place, host in enumerate(made):
            namespace, outside = f"{bridge}-{host.name}", f"{bridge}v{place}"
            run("ip", "netns", "add", namespace)
            run("ip", "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", namespace)
            run("ip", "link", "set", outside, "master", bridge, "up")
            run("ip", "-n", namespace, "addr", "add", f"{host.address}/24", "dev", "eth0")
            run("ip", "-n", namespace, "link", "set", "eth0", "up")
            run("ip", "-n", namespace, "link", "set", "lo", "up")
            host.start(namespace)
        yield made
    finally:
        for host in made:
            with suppress(AttributeError):  # it was never started
                host.stop()
            subprocess.run(["ip", "netns", "del", f"{bridge}-{host.name}"], stderr=subprocess.DEVNULL, check=False)
        run("ip", "link", "del", bridge)
        home.rmdir()


def prepared(own: Path, user: str) -> Path:
    """Make the folder of a host; its home has a virtual environment, as if what we need had been installed there."""
    for name in ("home/.ssh", "ray"):
        (own / name).mkdir(parents=True)
    root = f"{user}:x:0:0::/home/{user}:/bin/bash\n"
    (own / "passwd").write_text(root + Path("/etc/passwd").read_text())
    venv = own / "home/venv"
    run(sys.executable, "-m", "venv", "--without-pip", str(venv))
    packages = next((venv / "lib").glob("python3*")) / "site-packages"
    (packages / "installed.pth").write_text("".join(f"{path}\n" for path in sys.path if path.endswith("site-packages")))
    (venv / "bin/ray").write_text(f"#!/home/{user}/venv/bin/python\nfrom ray.scripts.scripts import main\nmain()\n")
    (venv / "bin/ray").chmod(0o755)
    shutil.copy("requirements.lock", venv)
    return own


def keys(made: Sequence[Host]) -> None:
    """Give every host its key and its list of hosts, and the last the key that the others let in."""
    client = made[-1].own / "home/.ssh/cluster"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(client))
    known = "127.0.0.1 localhost\n" + "".join(f"{host.address} {host.name}\n" for host in made)
    for host in made:
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(host.own / "host_key"))
        shutil.copy(client.with_suffix(".pub"), host.own / "key.pub")
        (host.own / "hosts").write_text(known)
        (host.own / "sshd_config").write_text(CONFIG.format(address=host.address, own=host.own))


def run(*command: str) -> None:
    subprocess.run(command, check=True)


@contextmanager
def forwarded(address: str, to: str | tuple[str, int]) -> Iterator[int]:
    """Forward a port at an address to a socket of this machine, a file's or a port's; yields the port."""

    class Connection(BaseRequestHandler):
        def handle(self) -> None:
            with socket.socket(socket.AF_UNIX if isinstance(to, str) else socket.AF_INET) as there:
                there.connect(to)
                back = threading.Thread(target=copy, args=(there, self.request), daemon=True)
                back.start()
                copy(self.request, there)
                back.join()

    class Server(ThreadingTCPServer):
        daemon_threads, block_on_close = True, False

    with Server((address, 0), Connection) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def copy(source: socket.socket, sink: socket.socket) -> None:
    """Pass on what comes until one side ends."""
    with suppress(OSError):
        while some := source.recv(65536):
            sink.sendall(some)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
