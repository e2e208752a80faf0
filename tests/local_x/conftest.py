"""What the tests of the small X share: one scenario, its Friday wave and an incident."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
import requests

from local_x.scenario import Scenario
from local_x.server import LocalX, running
from local_x.stories import KEYWORDS

MONDAY = datetime(2026, 6, 22, 9, tzinfo=UTC)
STREAM = "/2/tweets/search/stream"
CHOIR = {"value": KEYWORDS["#OneMinuteChoir"], "tag": "choir"}


@pytest.fixture(scope="session")
def scenario() -> Scenario:
    return Scenario(seed=7, now=MONDAY)


@pytest.fixture(scope="session")
def history(scenario: Scenario) -> list[dict[str, Any]]:
    """Every message of the 72 hours before Monday 9:00.

    None of it is garbage before the session ends: the collector, which would walk it again and again, is told so.
    """
    gc.disable()
    messages = list(scenario.messages(MONDAY - timedelta(hours=72), MONDAY))
    gc.freeze()
    gc.enable()
    return messages


@dataclass
class Served:
    """A small X that is being served, and what a client does with it."""

    local_x: LocalX
    url: str

    def ask(self, method: str, path: str, body: Any = None, **params: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.local_x.token}"}
        url = path if path.startswith("http") else self.url + path
        return requests.request(method, url, headers=headers, json=body, params=params, timeout=10)

    def get(self, path: str, **params: Any) -> Any:
        return self.ask("GET", path, **params).json()

    def follow(self, *rules: dict[str, str]) -> None:
        assert self.ask("POST", f"{STREAM}/rules", {"add": list(rules)}).status_code == 201

    def listen(self, encoding: str = "identity", **params: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.local_x.token}", "Accept-Encoding": encoding}
        return requests.get(self.url + STREAM, headers=headers, params=params, stream=True, timeout=10)

    def chunks(self, number: int, **params: str) -> list[bytes]:
        with self.listen(**params) as stream:
            return list(islice(stream.iter_content(chunk_size=None), number))

    def messages(self, number: int, **params: str) -> list[dict[str, Any]]:
        """Connect, hear so many messages, and leave."""
        with self.listen(**params) as stream:
            return [json.loads(line) for line in islice(filter(None, stream.iter_lines()), number)]


@pytest.fixture
def serve(scenario: Scenario) -> Iterator[Callable[..., Served]]:
    """Serve a small X that tells of the choir, with settings of the test's own; as fast as one listens if not given."""
    with ExitStack() as opened:

        def start(**settings: Any) -> Served:
            local_x = LocalX(scenario, "secret", **{"speed": 0, **settings})
            served = Served(local_x, opened.enter_context(running(local_x)))
            served.follow(CHOIR)
            return served

        yield start
