"""The door's settings and secrets."""

from __future__ import annotations

import stat
from dataclasses import replace
from types import SimpleNamespace

import pytest
from bokeh.protocol import Protocol
from bokeh.server.connection import ServerConnection

from core.config import ConfigError, Settings
from panel_app import auth

DEFAULT = Settings.from_env({})


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"sign_up": "admin"}, "TALKER_SIGN_UP='admin'"),
        ({"sign_in": "nobody"}, "TALKER_SIGN_IN='nobody'"),
        ({"app_url": "talker.example.com"}, "TALKER_APP_URL"),
        ({"sign_in": "demo", "app_address": "0.0.0.0"}, "TALKER_APP_ADDRESS"),
        ({"sign_in": "demo", "app_url": "https://talker.example.com"}, "TALKER_APP_ADDRESS"),
    ],
)
def test_settings_that_would_open_the_door_too_wide_are_refused(changed, told):
    with pytest.raises(ConfigError, match=told):
        auth.check(replace(DEFAULT, **changed))


def test_the_default_settings_and_a_demo_on_this_machine_are_taken():
    auth.check(DEFAULT)
    auth.check(replace(DEFAULT, sign_in="demo"))


def test_browsers_may_name_us_by_our_address_and_by_the_proxys():
    behind = replace(DEFAULT, app_url="https://talker.example.com")

    assert auth.hosts(DEFAULT, 5006) == {"127.0.0.1:5006", "localhost:5006"}
    assert auth.hosts(behind, 5006) == {"127.0.0.1:5006", "localhost:5006", "talker.example.com"}


def test_a_secret_is_made_once_for_us_alone_and_a_guessable_one_is_refused(tmp_path):
    made = auth.secret(tmp_path / "new" / "key")

    assert auth.secret(tmp_path / "new" / "key") == made
    assert stat.S_IMODE((tmp_path / "new" / "key").stat().st_mode) == 0o600
    (tmp_path / "weak").write_text("secret")
    with pytest.raises(ConfigError, match="fewer than 32"):
        auth.secret(tmp_path / "weak")


def test_pictures_come_from_x_only_where_the_settings_say_so():
    without, having = (auth.page_policy("n", images) for images in (False, True))

    assert "img-src 'self' data: blob:;" in without
    assert "img-src 'self' data: blob: https://pbs.twimg.com/;" in having


def test_a_page_that_was_just_left_is_nobodys_and_stops_no_sweep():
    page = SimpleNamespace(subscribe=lambda _: None, unsubscribe=lambda _: None)
    left = ServerConnection(Protocol(), None, None, page)
    left.detach_session()

    assert auth.made_for(SimpleNamespace(connection=left)) is None
    assert auth.made_for(SimpleNamespace(connection=None)) is None
