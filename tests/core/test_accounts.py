"""Accounts, sessions and what people do, on real Postgres."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from core import accounts, queries
from core.accounts import AccountError
from core.models import Account, Event, LoginSession


@pytest.fixture
def person(engine):
    """Make an account; returns its id."""

    def make(email="ann@example.com", **fields):
        return accounts.add_account(engine, email, "hash", **fields)

    return make


@pytest.fixture
def read(engine):
    """Read all rows of a query."""

    def rows(query):
        with engine.connect() as connection:
            return connection.execute(query).all()

    return rows


def aged(engine, **ages):
    """Make every session older than it is."""
    older = {name: getattr(LoginSession, name) - age for name, age in ages.items()}
    with engine.begin() as connection:
        connection.execute(update(LoginSession).values(older))


def test_who_is_signed_in_is_known_by_the_secret_of_which_only_the_hash_is_kept(engine, person, read):
    secret = accounts.open_session(engine, person(name="Ann", role="analyst"))
    found = accounts.visitor(engine, accounts.hashed(secret))

    assert (found.email, found.name, found.role) == ("ann@example.com", "Ann", "analyst")
    assert [bytes(row.id_hash) for row in read(select(LoginSession.id_hash))] == [accounts.hashed(secret)]
    assert accounts.visitor(engine, accounts.hashed("guessed")) is None


@pytest.mark.parametrize(
    ("ages", "inside"),
    [
        ({"seen_at": timedelta(hours=11, minutes=59)}, True),
        ({"seen_at": timedelta(hours=12, minutes=1)}, False),
        ({"created_at": timedelta(days=6, hours=23)}, True),
        ({"created_at": timedelta(days=7, minutes=1)}, False),
    ],
)
def test_a_session_ends_after_12_idle_hours_and_after_7_days(engine, person, ages, inside):
    session = accounts.hashed(accounts.open_session(engine, person()))
    aged(engine, **ages)

    assert (accounts.visitor(engine, session) is not None) is inside
    assert (session in accounts.signed_in(engine, [session])) is inside


def test_a_session_in_use_is_not_idle(engine, person):
    session = accounts.hashed(accounts.open_session(engine, person()))
    aged(engine, seen_at=timedelta(hours=11))
    accounts.visitor(engine, session)
    aged(engine, seen_at=timedelta(hours=11))

    assert accounts.visitor(engine, session) is not None


def test_a_new_password_signs_out_everywhere_and_only_there(engine, person):
    ann, bob = person(), person("bob@example.com")
    hers, his = (accounts.hashed(accounts.open_session(engine, one)) for one in (ann, bob))
    accounts.set_password(engine, ann, "other")

    assert accounts.credentials(engine, " ANN@example.com") == (ann, "other")
    assert accounts.signed_in(engine, [hers, his]) == {his}


def test_the_last_admin_stays_one(engine, person):
    ann, bob = person(role="admin"), person("bob@example.com", role="admin")
    accounts.set_role(engine, ann, "viewer")

    with pytest.raises(AccountError, match="only admin"):
        accounts.set_role(engine, bob, "analyst")


@pytest.mark.parametrize(
    ("email", "fields", "told"),
    [
        ("ann@example.com", {}, "has an account already"),
        ("no address", {}, "looks like"),
        ("a@b@c.com", {}, "looks like"),
        ("x" * 250 + "@example.com", {}, "looks like"),
        ("bob@example.com", {"role": "king"}, "not a role"),
        ("bob@example.com", {"company": "x" * 81}, "at most 80"),
    ],
)
def test_an_account_that_cannot_be_made_says_why(engine, person, email, fields, told):
    person()

    with pytest.raises(AccountError, match=told):
        person(email, **fields)


@given(name=st.text(max_size=40), interest=st.text(max_size=100))
def test_whatever_somebody_types_is_kept_as_one_printable_line(name, interest):
    for field, typed in (("name", name), ("interest", interest)):
        line = accounts.cleaned(field, typed)
        assert line.isprintable()
        assert line.encode().decode() == line
        assert line == accounts.cleaned(field, line)


def test_roles_may_what_those_below_them_may(engine, person):
    visitors = {}
    for role in accounts.ROLES:
        session = accounts.open_session(engine, person(f"{role}@example.com", role=role))
        visitors[role] = accounts.visitor(engine, accounts.hashed(session))

    assert [one.may("analyst") for one in visitors.values()] == [False, True, True]
    assert [one.may("admin") for one in visitors.values()] == [False, False, True]


def test_usage_is_recorded_until_somebody_does_not_want_it_and_then_forgotten(engine, person, read):
    ann = person()
    accounts.record(engine, ann, "view", page="overview")
    assert [(row.kind, row.what, row.times) for row in read(queries.doings())] == [("view", "overview", 1)]

    accounts.set_usage(engine, ann, False)
    accounts.record(engine, ann, "view", page="overview")
    accounts.record(engine, ann, "feedback", page="overview", text="good")
    assert read(queries.doings()) == []
    assert [row.text for row in read(queries.feedback())] == ["good"]


def test_a_deleted_account_leaves_feedback_without_a_name_and_nothing_else(engine, person, read):
    ann = person(name="Ann")
    session = accounts.hashed(accounts.open_session(engine, ann))
    accounts.record(engine, ann, "view", page="overview")
    accounts.record(engine, ann, "feedback", page="overview", text="good")
    accounts.delete_account(engine, ann)

    assert read(select(Account.id)) == []
    assert accounts.visitor(engine, session) is None
    assert [(row.kind, row.account_id) for row in read(select(Event.kind, Event.account_id))] == [("feedback", None)]
    assert [(row.name, row.text) for row in read(queries.feedback())] == [(None, "good")]


def test_the_list_of_people_counts_where_they_are_signed_in(engine, person, read):
    ann = person(name="Ann")
    person("bob@example.com", name="Bob")
    accounts.open_session(engine, ann)
    accounts.open_session(engine, ann)

    assert [(row.name, row.sessions) for row in read(queries.people())] == [("Ann", 2), ("Bob", 0)]
