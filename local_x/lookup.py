"""Tweets and users by their ids, as they are today; what is gone comes back as an error."""

from __future__ import annotations

from typing import Any

from local_x import problems
from local_x.archive import Archive, Gone, Message
from local_x.fields import Shape, UnknownField, only, page

MOST = 100


def tweets(archive: Archive, shape: Shape, ids: str) -> tuple[dict[str, Any], list[Message]]:
    """Answer GET /2/tweets?ids; also returns the messages, for the bill."""
    archive.catch_up()
    found, errors = [], []
    for one in asked(ids):
        try:
            found.append(archive.tweet(int(one)))
        except Gone as gone:
            errors.append(problems.missing("tweet", one, str(gone)))
    return {**page(shape, found), **({"errors": errors} if errors else {})}, found


def users(archive: Archive, shape: Shape, ids: str) -> dict[str, Any]:
    """Answer GET /2/users?ids."""
    found, errors = [], []
    for one in asked(ids):
        try:
            found.append(only(archive.user(one), shape.user))
        except Gone as gone:
            errors.append(problems.missing("user", one, str(gone)))
    return {name: part for name, part in (("data", found), ("errors", errors)) if part}


def asked(ids: str) -> list[str]:
    """Read a list of ids.

    Raises:
        UnknownField: it is empty, too long, or something in it is no id.
    """
    wanted = ids.split(",")
    for one in wanted:
        if not (one.isascii() and one.isdigit() and len(one) <= 19):
            raise UnknownField("ids", one)
    if len(wanted) > MOST:
        raise UnknownField("ids", ids)
    return list(dict.fromkeys(wanted))
