import json
import os
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

import machine
from core.config import ConfigError, Settings


def test_a_token_is_made_once_and_only_we_may_read_it(tmp_path):
    file = machine.token_file(tmp_path / "token")
    token = file.read_text()

    assert len(token) == 64
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert machine.token_file(file).read_text() == token


def test_only_one_of_a_kind_runs_in_a_folder(tmp_path):
    with machine.alone(tmp_path, "A demo"), pytest.raises(machine.MachineError, match="A demo already runs"):
        machine.alone(tmp_path, "A demo").__enter__()
    with machine.alone(tmp_path, "A demo"):
        pass


def test_clearing_keeps_only_the_lock(tmp_path):
    with machine.alone(tmp_path, "A demo"):
        (tmp_path / "old").mkdir()
        (tmp_path / "old/file").touch()
        machine.clear(tmp_path)

        assert [item.name for item in tmp_path.iterdir()] == ["lock"]


@pytest.mark.parametrize("folder", ["x" * 100, "with space"])
def test_a_home_that_cannot_hold_a_socket_is_refused(tmp_path, folder):
    settings = replace(Settings.from_env({}), home=tmp_path / folder)
    with pytest.raises(ConfigError, match="TALKER_HOME"), machine.postgres(settings):
        pass


def test_a_home_that_was_only_for_one_process_stays_gone_when_that_ends():
    once = """
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
import machine
from core.config import Settings
with TemporaryDirectory() as folder, machine.postgres(replace(Settings.from_env({}), home=Path(folder))):
    print(folder)
"""
    folder = subprocess.run([sys.executable, "-c", once], capture_output=True, text=True, check=True).stdout.strip()

    assert folder
    assert not Path(folder).exists()


def test_a_child_ends_when_its_parent_is_killed(tmp_path):
    parent = (
        "import machine, time, psutil\n"
        "with machine.child('local_x', 'serve', '--token=t'):\n"
        "    print(psutil.Process().children()[0].pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    child = psutil.Process(int(process.stdout.readline()))
    process.kill()
    process.communicate()

    assert psutil.wait_procs([child], timeout=20)[1] == []


def test_a_child_that_cannot_start_is_said_so():
    with pytest.raises(machine.MachineError, match="local_x ended before it was ready"):
        machine.child("local_x", "serve", "--token").__enter__()


def test_sigterm_is_the_same_orderly_end_as_ctrl_c():
    script = (
        "import machine, time\n"
        "with machine.orderly():\n"
        "    try:\n"
        "        print('ready', flush=True)\n"
        "        time.sleep(60)\n"
        "    finally:\n"
        "        print('tidied', flush=True)\n"
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.communicate(timeout=20)[0] == "tidied\n"


@pytest.mark.cluster
def test_with_ray_too_a_signal_lets_the_end_be_orderly(tmp_path):
    script = (
        "import machine, os, signal\n"
        "from dataclasses import replace\n"
        "from pathlib import Path\n"
        "from core.config import Settings\n"
        "try:\n"
        f"    settings = replace(Settings.from_env({{}}), home=Path({str(tmp_path)!r}))\n"
        "    with machine.orderly(), machine.ray_cluster(settings):\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "        signal.pause()\n"
        "except KeyboardInterrupt:\n"
        "    print('tidied', flush=True)\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    process = subprocess.run(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )

    assert process.stdout == "tidied\n"


def test_the_ray_of_a_talker_up_is_found_only_while_that_runs(tmp_path):
    settings = replace(Settings.from_env({}), home=tmp_path)
    assert machine.running(settings) is None

    (tmp_path / "ray.json").write_text(json.dumps({"address": "127.0.0.1:6379", "pid": os.getpid()}))
    assert machine.running(settings) == "127.0.0.1:6379"

    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / "ray.json").write_text(json.dumps({"address": "127.0.0.1:6379", "pid": gone.pid}))
    assert machine.running(settings) is None


def test_a_process_that_does_not_stop_is_killed(monkeypatch):
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", stubborn], stdout=subprocess.PIPE)
    process.stdout.readline()
    began = time.monotonic()
    machine.end([psutil.Process(process.pid)])

    process.communicate(timeout=5)
    assert time.monotonic() - began < 30
