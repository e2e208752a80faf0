import subprocess

import psutil

from bench import ingest


def test_pages_that_processes_share_count_once():
    sleepers = [subprocess.Popen(["sleep", "60"]) for _ in range(3)]
    try:
        held = ingest.memory(psutil.Process(sleeper.pid) for sleeper in sleepers)
    finally:
        for sleeper in sleepers:
            sleeper.kill()
            sleeper.wait()

    assert 0 < held["pss_mb"] < held["rss_mb"]
