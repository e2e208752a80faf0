"""X's two spellings of its fields."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from local_x.names import NEW, OLD, SPELLINGS, spelled

NAMES = st.sampled_from([*NEW, "id", "text", "like_count"])
BODIES = st.recursive(
    st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=20
)


def unrenamed(thing):
    if isinstance(thing, list):
        return [unrenamed(one) for one in thing]
    if isinstance(thing, dict):
        return {OLD.get(name, name): unrenamed(value) for name, value in thing.items()}
    return thing


@given(BODIES, st.sampled_from(SPELLINGS))
def test_a_spelling_changes_names_and_nothing_else(body, spelling):
    assert unrenamed(spelled(body, spelling)) == body


def test_mixed_is_half_of_each():
    body = [{"retweet_count": 1}] * 10
    assert [*map(list, spelled(body, "mixed"))] == [["repost_count"], ["retweet_count"]] * 5
    assert spelled(body, "new") == [{"repost_count": 1}] * 10
    assert spelled(body, "old") == body
