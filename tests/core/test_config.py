from pathlib import Path

import pytest

from core.config import ConfigError, Settings


def test_without_variables_everything_lies_under_the_home_folder():
    settings = Settings.from_env({"HOME": "/somewhere"})

    assert settings.home == Path("~/.twittertalker").expanduser()
    assert settings.lake == settings.home / "lake"
    assert settings.database_url == ""


def test_a_variable_is_read_as_the_type_of_its_default():
    settings = Settings.from_env({"TALKER_HOME": "/x", "TALKER_APP_PORT": "0", "TALKER_X_BEARER_TOKEN": "t"})

    assert (settings.home, settings.app_port, settings.x_bearer_token) == (Path("/x"), 0, "t")


def test_an_empty_variable_is_as_good_as_none():
    assert Settings.from_env({"TALKER_APP_PORT": ""}) == Settings.from_env({})


def test_a_wrong_value_is_refused_by_the_variable_s_name():
    with pytest.raises(ConfigError, match="TALKER_APP_PORT='many' is not a int"):
        Settings.from_env({"TALKER_APP_PORT": "many"})


def test_a_misspelt_setting_is_refused_by_its_name():
    with pytest.raises(ConfigError, match="TALKER_HOEM"):
        Settings.from_env({"TALKER_HOEM": "/x"})


def test_secrets_do_not_show():
    given = {"TALKER_X_BEARER_TOKEN": "canary-1", "TALKER_DATABASE_URL": "postgresql://u:canary-2@h/d"}

    assert "canary" not in repr(Settings.from_env(given))


def test_a_child_process_reads_the_same_settings():
    settings = Settings.from_env({"TALKER_HOME": "/x", "TALKER_DATABASE_URL": "postgresql://u:p@h/d"})

    assert Settings.from_env(settings.environment()) == settings


def test_a_switch_is_true_or_false_and_nothing_else():
    assert Settings.from_env({"TALKER_APP_IMAGES": "True"}).app_images
    assert not Settings.from_env({"TALKER_APP_IMAGES": "false"}).app_images
    with pytest.raises(ConfigError, match="TALKER_APP_IMAGES='maybe'"):
        Settings.from_env({"TALKER_APP_IMAGES": "maybe"})
