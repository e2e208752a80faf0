from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from core import copying

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0") | st.sampled_from('"\\\n\r\t,.n'))


def read_back(engine, *texts):
    with engine.begin() as connection:
        connection.execute(text("CREATE TEMPORARY TABLE copied (place int, body text) ON COMMIT DROP"))
        copying.copy_values(connection, "copied", ("place", "body"), enumerate(texts))
        return connection.execute(text("SELECT body FROM copied ORDER BY place")).scalars().all()


@given(texts=st.lists(TEXTS | st.none(), max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=200)
def test_any_text_reads_back_as_it_was(engine, texts):
    assert read_back(engine, *texts) == texts


@pytest.mark.parametrize(
    "hostile", ["null", "NULL", "", "\\N", "\\.", "a\n\\.\nb", '","', "\\n", "\\u0001", "\x01\x1f\x7f"]
)
def test_text_that_looks_like_a_mark_of_the_format_is_text(engine, hostile):
    assert read_back(engine, hostile, None, hostile) == [hostile, None, hostile]


def test_numbers_times_truth_arrays_and_nothing_arrive_as_they_are(engine):
    columns = {"n": "bigint", "f": "float8", "d": "numeric", "at": "timestamptz", "b": "bool", "many": "bigint[]"}
    row = (2**63 - 1, 0.1, "12345e-4", NOON, False, copying.array([1, -2]))

    with engine.begin() as connection:
        named = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        connection.execute(text(f"CREATE TEMPORARY TABLE copied ({named}) ON COMMIT DROP"))
        copying.copy_values(connection, "copied", list(columns), [row, [None] * 6])
        first, second = connection.execute(text("SELECT n, f, d::text, at, b, many FROM copied")).all()

    assert first == (2**63 - 1, 0.1, "1.2345", NOON, False, [1, -2])
    assert second == (None,) * 6


@pytest.mark.parametrize("value", ["\ud800", 2**64])
def test_what_no_column_holds_is_refused_before_anything_is_sent(value):
    with pytest.raises(orjson.JSONEncodeError):
        copying.rendered([(value,)])
