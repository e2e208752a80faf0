"""What a soak tells of memory, and what it is fed with."""

import os
import threading

import orjson

from actors import parse
from bench.ingest import recording
from bench.soak import KEYWORDS, grown, levels, tell


def test_a_process_that_grows_is_told_first_and_how_one_began_or_that_it_ended_does_not_count():
    minutes = [number / 10 for number in range(101)]
    samples = {
        1: [("flat", minute, 500.0 if minute > 1 else 100.0) for minute in minutes],  # all of it at its start
        2: [("leaks", minute, 100 + 3 * minute) for minute in minutes],
        3: [("ended", minute, 9 * minute) for minute in minutes if minute < 5],
    }

    assert grown(samples, 10) == [
        {"process": "leaks", "id": 2, "mb": 130, "mb_per_min": 3.0},
        {"process": "flat", "id": 1, "mb": 500, "mb_per_min": 0.0},
    ]


def test_messages_come_again_as_other_tweets_of_their_keywords(tmp_path):
    lines = recording(60)
    os.mkfifo(tmp_path / "pipe")
    threading.Thread(target=tell, args=(tmp_path / "pipe", lines), daemon=True).start()
    with (tmp_path / "pipe").open("rb") as pipe:
        told = [next(pipe) for _ in range(150)]

    ids = [orjson.loads(line)["data"]["id"] for line in told]
    assert len(set(ids)) == 150
    assert [len(line) for line in told[:60]] == [len(line) for line in told[60:120]]
    assert [parse.tags_at_end(line) for line in told[50:52]] == [{parse.MARK + KEYWORDS[at]} for at in (0, 1)]


def test_lines_of_ours_and_of_java_count_by_level():
    ours = '{"asctime": "2026-11-30 19:48:02,448", "levelname": "ERROR", "message": "X says no", "process": 1}\n'
    javas = "26/11/30 19:47:35 WARN NativeCodeLoader: Unable to load\n"

    assert levels(2 * ours + javas) == {"INFO": 0, "WARNING": 0, "WARN": 1, "ERROR": 2}
