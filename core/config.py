"""Every setting, from the environment only, read once into one frozen value."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any


class TalkerError(Exception):
    """Something a person can mend; its text is one line that says what is wrong and what to do."""


class ConfigError(TalkerError):
    """A setting is missing or cannot be read; names the variable."""


def setting(default: Any, about: str, *, shown: str | None = None, secret: bool = False) -> Any:
    """Declare one setting: its default, what it is for, how the README shows the default."""
    about_it = {"about": about, "shown": shown if shown is not None else str(default)}
    return field(default=default, repr=not secret, metadata=about_it)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings. `repr` leaves the secrets out."""

    home: Path = setting(
        Path("~/.twittertalker"), "Folder for the embedded database, the spool, the lake and the Ray token."
    )
    database_url: str = setting(
        "",
        "Postgres 15 or newer, as `postgresql://user:password@host/name`.",
        shown="embedded, under `TALKER_HOME`",
        secret=True,
    )
    x_bearer_token: str = setting("", "Bearer token of your X app.", shown="none", secret=True)
    x_base_url: str = setting("https://api.x.com", "Where X answers; the demo sets its local X here.")
    lake: Path = setting(Path(), "Folder for the Parquet files Spark reads.", shown="`lake` under `TALKER_HOME`")
    spool_mb: int = setting(
        2048, "Megabytes that the spool may hold; while it holds more, nothing is read from X, and nothing is lost."
    )
    x_daily_budget_usd: float = setting(
        10.0,
        "Dollars that a UTC day may cost: from 80 % on tweets are sampled, at 100 % nothing is read; `inf`: no limit.",
    )
    x_post_usd: float = setting(0.005, "What X takes for a post, also for one that another brings with it.")
    x_user_usd: float = setting(0.01, "What X takes for a user that is looked up.")
    x_request_usd: float = setting(0.005, "What X takes for a request that counts tweets.")
    x_rule_length: int = setting(1024, "Characters that X allows a rule; 2,048 on its largest plan.")
    keep_days: int = setting(
        0, "Days after which tweets and what was counted of them are deleted, tables and lake, each night; `0`: never."
    )
    max_trackers: int = setting(
        8, "Tracker processes at most; more keywords than that share some, and a very busy keyword gets several."
    )
    window_hours: int = setting(72, "Hours of tweets that one influence window looks back on.")
    half_life_hours: float = setting(
        72.0, "Hours after which what a tweet earned is worth half, where a keyword has no half-life of its own."
    )
    spark_executors: int = setting(1, "Spark executors the influence job asks Ray for.")
    spark_cores: int = setting(1, "Cores of each Spark executor; it gets a gigabyte of memory for each.")
    cluster_head: str = setting(
        "", "Address of a cluster's head, which keeps the spool and the lake; for `talker cluster`.", shown="none"
    )
    cluster_workers: str = setting("", "Addresses of the cluster's other hosts, with commas between.", shown="none")
    cluster_user: str = setting("talker", "The user on these hosts.")
    cluster_key: Path = setting(
        Path("~/.ssh/talker_cluster"), "The private key that they know, of no other use: the head gets it, too."
    )
    weights_method: str = setting(
        "", "How scores are weighed, `additive` or `forest`.", shown="the better one, as `core/weights.json` says"
    )
    app_address: str = setting("127.0.0.1", "Address the app listens on.")
    app_port: int = setting(5006, "Port the app listens on; 0 takes a free one.")
    app_images: bool = setting(
        False,
        "`true` shows people's pictures from X, who then learns who looks; else there are initials.",
        shown="false",
    )
    app_url: str = setting(
        "",
        "Address that browsers use where a proxy stands before the app, such as `https://talker.example.com`.",
        shown="that of the app itself",
    )
    sign_up: str = setting("analyst", "Role of whoever signs up, `viewer` or `analyst`; `closed` lets nobody sign up.")
    sign_in: str = setting(
        "password", "`demo` signs every browser in as a demo admin; only for an address of this machine itself."
    )

    alert_mail_to: str = setting("", "Who gets alerts by e-mail, parted by spaces.", shown="none")
    alert_mail_from: str = setting("", "From whom that e-mail is.", shown="none")
    alert_smtp_url: str = setting(
        "",
        "The mail server, as `smtp://user:password@host:587`, or `smtps://` for TLS at once.",
        shown="none",
        secret=True,
    )
    alert_slack: str = setting(
        "", "Slack's incoming webhooks that get alerts, parted by spaces.", shown="none", secret=True
    )
    alert_webhooks: str = setting(
        "", "Other webhooks that get alerts, as `https://host/path`, parted by spaces.", shown="none", secret=True
    )
    alert_webhook_secret: str = setting("", "What these are signed with.", shown="none", secret=True)
    alert_inside_network: bool = setting(
        False, "`true` lets webhooks reach addresses inside the network, and by http.", shown="false"
    )

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> Settings:
        """Read the TALKER_* variables.

        Raises:
            ConfigError: a variable has a value of the wrong form, or is not a setting.
        """
        known = {variable(f): f for f in fields(cls)}
        given = {name: value for name, value in env.items() if name.startswith("TALKER_") and value != ""}
        unknown = sorted(given.keys() - known.keys() - {"TALKER_TEST_DATA"})  # the tests' own
        if unknown:
            raise ConfigError(f"{unknown[0]} is not a setting; the README lists them all.")
        read = cls(**{known[name].name: parsed(known[name], value) for name, value in given.items()})
        return read.resolved()

    def resolved(self) -> Settings:
        """Return the same settings with the folders made absolute."""
        home = self.home.expanduser().absolute()
        lake = self.lake.expanduser().absolute() if self.lake != Path() else home / "lake"
        return Settings(**{f.name: getattr(self, f.name) for f in fields(self)} | {"home": home, "lake": lake})

    def environment(self) -> dict[str, str]:
        """Return the variables that give a child process the same settings."""
        return {variable(f): str(getattr(self, f.name)) for f in fields(self)}


def token_file(path: Path) -> Path:
    """Return a file with a random secret that only we may read, made if it is not there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    return path


def variable(one: Field[Any]) -> str:
    """Name the environment variable of a setting."""
    return f"TALKER_{one.name.upper()}"


def parsed(one: Field[Any], value: str) -> Any:
    """Turn a variable's text into the setting's type, which is its default's."""
    kind: Callable[[str], Any] = type(one.default) if not isinstance(one.default, Path) else Path
    try:
        if kind is bool:
            return {"true": True, "false": False}[value.lower()]
        return kind(value)
    except (ValueError, KeyError) as error:
        raise ConfigError(f"{variable(one)}={value!r} is not a {type(one.default).__name__}.") from error
