"""How late we are, from notes of how far the spool went."""

from hypothesis import given
from hypothesis import strategies as st

from actors import arrivals
from actors.arrivals import Arrivals


def noted(*positions):
    """Notes of one second after the other."""
    notes = Arrivals()
    for second, position in enumerate(positions):
        notes.note(lambda position=position: position, float(second))
    return notes


def test_a_payload_is_as_old_as_the_first_note_that_has_it():
    notes = noted(10, 20, 30)

    assert [notes.age(position, 5.0) for position in (1, 10, 11, 20, 21, 30)] == [5, 5, 4, 4, 3, 3]


def test_what_no_note_has_came_just_now():
    assert noted(10).age(11, 5.0) == 0


def test_the_spool_is_asked_once_a_second_at_most():
    asked = []
    notes = Arrivals()
    for tenth in range(20):
        notes.note(lambda: asked.append(1) or 7, tenth / 10)

    assert len(asked) == 2


@given(st.lists(st.integers(0, 50), min_size=1), st.integers(0, 2000))
def test_forgetting_what_is_committed_changes_no_other_age(steps, upto):
    positions = [sum(steps[: place + 1]) for place in range(len(steps))]
    notes, shorter = noted(*positions), noted(*positions)
    shorter.forget(upto)

    for position in range(upto + 1, positions[-1] + 1):
        assert notes.age(position, 99.0) == shorter.age(position, 99.0)


def test_there_are_never_more_notes_than_memory_may_hold(monkeypatch):
    monkeypatch.setattr(arrivals, "MOST", 100)
    notes = noted(*range(1000))

    assert len(notes._notes) <= 100
    assert notes.age(999, 1009.0) == 10
    assert 1009.0 - 500 >= notes.age(500, 1009.0) > 10  # older notes are fewer: it came between two of them
