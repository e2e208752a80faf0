"""Passwords: what is kept, and that nobody can tell by the work whether there is an account."""

from __future__ import annotations

import sys

import pytest
from argon2 import PasswordHasher, extract_parameters

from core.accounts import AccountError
from panel_app import passwords


def verifications(work):
    """Count the hashes that some work verifies."""
    counted = 0

    def trace(frame, event, _arg):
        nonlocal counted
        counted += event == "call" and frame.f_code is PasswordHasher.verify.__code__

    sys.setprofile(trace)
    try:
        work()
    finally:
        sys.setprofile(None)
    return counted


def test_a_password_is_kept_as_an_argon2id_hash_that_only_it_fits():
    kept = passwords.hashed("correct horse battery")

    assert kept.startswith("$argon2id$")
    assert passwords.fits("correct horse battery", kept)
    assert not passwords.fits("correct horse batterx", kept)
    assert not passwords.outdated(kept)


def test_the_same_work_is_done_whether_there_is_an_account_or_not():
    kept = passwords.hashed("correct horse battery")
    known = verifications(lambda: passwords.fits("wrong", kept))
    unknown = verifications(lambda: passwords.fits("wrong", None))

    assert known == unknown == 1
    assert extract_parameters(kept) == extract_parameters(passwords.nobodys())
    assert not passwords.fits("the password of nobody", None)


@pytest.mark.parametrize("length", [0, 11, 129])
def test_a_password_too_short_or_too_long_is_refused(length):
    with pytest.raises(AccountError, match="12 to 128"):
        passwords.hashed("x" * length)


def test_no_password_fits_an_account_that_has_none():
    assert not passwords.fits("!", "!")
