"""What the tests of the small X share: one scenario, its Friday wave and an incident."""

from __future__ import annotations

import gc
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local_x.scenario import Scenario

MONDAY = datetime(2026, 6, 22, 9, tzinfo=UTC)


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
