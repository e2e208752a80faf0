"""Passwords: how they are hashed, and checked in the same time whether there is an account or not.

The profile is argon2-cffi's default, the second that RFC 9106 recommends: argon2id over 64 MiB, three times, in a tenth
of a second. It may cost so much because tries are limited and two threads of their own do nothing else.
"""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.accounts import AccountError

SHORTEST, LONGEST = 12, 128
HASHER = PasswordHasher()


@functools.cache
def pool() -> ThreadPoolExecutor:
    """Return the threads that hash, so that nobody's page waits for somebody's password."""
    return ThreadPoolExecutor(max_workers=2, thread_name_prefix="password")


@functools.cache
def nobodys() -> str:
    """Return a hash to check against where there is no account: the answer must take as long."""
    return HASHER.hash("the password of nobody")


def hashed(password: str) -> str:
    """Return what is kept of a password.

    Raises:
        AccountError: it is too short or too long.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise AccountError(f"A password has {SHORTEST} to {LONGEST} characters.")
    return HASHER.hash(password.encode(errors="replace"))


def fits(password: str, kept: str | None) -> bool:
    """Say whether a password is the one that was kept; with no account it is not, after the same work."""
    try:
        HASHER.verify(kept or nobodys(), password[: LONGEST + 1].encode(errors="replace"))
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


def outdated(kept: str) -> bool:
    """Say whether a hash was made with another profile than today's."""
    return HASHER.check_needs_rehash(kept)
