"""A recording told as the stream."""

import json
from datetime import UTC, datetime
from itertools import islice

import pytest

LINES = [
    {"data": {"id": str(id), "text": 'so "created_at":"then"', "created_at": "2026-06-19T09:00:35.271Z"}}
    for id in range(1, 51)
]


@pytest.fixture
def told(serve, tmp_path):
    """Serve a recording at a rate; answers what a client hears."""
    file = tmp_path / "recording.jsonl"
    file.write_text("".join(json.dumps(line, separators=(",", ":")) + "\n" for line in LINES))

    def hear(rate):
        with serve(recording=file, rate=rate).listen() as stream:
            return [json.loads(line) for line in islice(filter(None, stream.iter_lines()), len(LINES))]

    return hear


def test_without_a_pace_it_is_told_as_it_is(told):
    assert told(rate=0) == LINES


def test_at_a_pace_every_tweet_is_of_the_moment_at_which_it_is_told(told):
    before = datetime.now(UTC).replace(microsecond=0)
    heard = told(rate=500)
    moments = [datetime.fromisoformat(one["data"].pop("created_at")) for one in heard]

    assert heard == [{"data": {key: line["data"][key] for key in ("id", "text")}} for line in LINES]
    assert before <= moments[0] <= moments[-1] <= datetime.now(UTC)
    assert moments == sorted(moments)
