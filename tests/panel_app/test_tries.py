"""How often somebody may try."""

from __future__ import annotations

from panel_app import tries
from panel_app.tries import SECONDS, Tries


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self):
        return self.now


def test_one_try_too_many_is_refused_until_the_first_is_old():
    clock = Clock()
    counted = Tries(2, clock)
    assert [counted.spent("ann") for _ in range(3)] == [False, False, True]
    assert not counted.spent("bob")

    clock.now = SECONDS
    assert not counted.spent("ann")


def test_whoever_proves_to_be_right_begins_anew():
    counted = Tries(1)
    counted.spent("ann")
    counted.forget("ann")

    assert not counted.spent("ann")


def test_made_up_names_do_not_fill_the_memory():
    counted = Tries(1)
    for number in range(tries.KEYS + 10):
        counted.spent(str(number))

    assert len(counted._times) == tries.KEYS
