"""Brings alerts to people: by e-mail, to Slack and what speaks like it, and to any other program.

What is to be sent is a row of `delivery`, so it outlives us. An attempt is counted before it is made, with the time of
the next one, which comes if nothing is heard of this. Each carries the same key, by which a receiver that answered too
late knows it again. What nobody takes after some hours, or is refused, stays as a dead row with the reason.
"""

from __future__ import annotations

import hashlib
import json
import logging
import smtplib
import ssl
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import Engine

from core import alerts
from core.config import ConfigError, Settings
from jobs.webhook import ANSWER_S, RefusedError, UnreachedError, post, signature

log = logging.getLogger(__name__)

PATIENCE = timedelta(seconds=30)  # after the first attempt; then four times as long each time
ATTEMPTS = 7  # the last one eleven hours after the first
AT_ONCE = 4


@dataclass(frozen=True, kw_only=True)
class Channel:
    """Where alerts go; `name` is what tables and logs call it, and holds no secret."""

    name: str
    kind: str  # mail, slack, webhook
    to: str = field(repr=False)
    secret: str = field(default="", repr=False)
    sender: str = ""
    server: str = field(default="", repr=False)
    app_url: str = ""
    inside: bool = False
    answer_s: float = ANSWER_S


def channels(settings: Settings) -> list[Channel]:
    """Return where the settings send alerts.

    Raises:
        ConfigError: something that a channel needs is not set.
    """
    mails, hooks, slacks = settings.alert_mail_to.split(), settings.alert_webhooks.split(), settings.alert_slack.split()
    if mails and not (settings.alert_smtp_url and settings.alert_mail_from):
        raise ConfigError("TALKER_ALERT_MAIL_TO needs TALKER_ALERT_SMTP_URL and TALKER_ALERT_MAIL_FROM.")
    if hooks and not settings.alert_webhook_secret:
        raise ConfigError("TALKER_ALERT_WEBHOOKS needs TALKER_ALERT_WEBHOOK_SECRET, to sign with.")
    shared: dict[str, Any] = {"app_url": settings.app_url, "inside": settings.alert_inside_network}
    post_office: dict[str, Any] = {"sender": settings.alert_mail_from, "server": settings.alert_smtp_url}
    signed: dict[str, Any] = {"secret": settings.alert_webhook_secret}
    return [
        *(Channel(name=f"mail {one}", kind="mail", to=one, **post_office, **shared) for one in mails),
        *(Channel(name=named("slack", one), kind="slack", to=one, **shared) for one in slacks),
        *(Channel(name=named("webhook", one), kind="webhook", to=one, **signed, **shared) for one in hooks),
    ]


def named(kind: str, url: str) -> str:
    """Name a URL by its host and a mark of the rest, which may be secret."""
    return f"{kind} {urlsplit(url).hostname or '?'} {hashlib.sha256(url.encode()).hexdigest()[:8]}"


def deliver(engine: Engine, sent_to: Mapping[str, Channel], now: datetime | None = None) -> int:
    """Make the attempts that are due; returns how many alerts arrived."""
    with engine.connect() as connection:
        due = connection.execute(alerts.due(now or datetime.now(UTC))).all()
    with ThreadPoolExecutor(AT_ONCE) as pool:  # one receiver that is slow to answer holds up no other
        return sum(pool.map(lambda one: attempt(engine, one, sent_to.get(one.channel), now), due))


def attempt(engine: Engine, one: Any, channel: Channel | None, now: datetime | None) -> bool:
    """Try once to bring an alert to a channel; says whether it arrived."""
    if channel is None:
        alerts.settled(engine, one, "dead", "The channel is no longer set.")
        return False
    again = (now or datetime.now(UTC)) + PATIENCE * 4**one.attempts
    if not alerts.attempted(engine, one, again):
        return False
    try:
        SENDING[channel.kind](channel, message(one, channel.app_url))
    except RefusedError as error:
        alerts.settled(engine, one, "dead", str(error))
    except UnreachedError as error:
        last = one.attempts + 1 >= ATTEMPTS
        alerts.settled(engine, one, "dead" if last else "waiting", str(error))
    else:
        alerts.settled(engine, one, "done")
        return True
    log.warning("An alert did not reach %s (attempt %d)", channel.name, one.attempts + 1)
    return False


def message(one: Any, app_url: str) -> dict[str, Any]:
    """Return an alert as everybody is told of it; `id` is the same in each attempt, and for all channels."""
    return {
        "id": f"{one.keyword_id}-{int(one.at.timestamp())}",
        "keyword": one.keyword,
        "level": one.level,
        "at": one.at.isoformat(),
        "since": one.episode.isoformat(),
        "text": sentence(one),
        "numbers": one.numbers,
        "url": f"{app_url.rstrip('/')}/?page=alerts" if app_url else None,
    }


def sentence(one: Any) -> str:
    """Say an alert in words, with its numbers."""
    volume, mood, before = (one.numbers.get(name) for name in ("volume", "mood", "mood_before"))
    told = [f"{one.level.capitalize()} for {one.keyword} at {one.at:%Y-%m-%d %H:%M} UTC."]
    if volume:
        told.append(f"{volume['tweets']:,.0f} tweets in an hour; usual are {volume['usual'] or 0:,.0f}.")
    if mood and before:
        told.append(
            f"The mean mood of {mood['voices']:,} people is {mood['mean']:+.2f}; usual is {before['mean']:+.2f}."
        )
    return " ".join(told)


def send_webhook(channel: Channel, told: Mapping[str, Any]) -> None:
    """Send an alert as JSON, signed."""
    body = json.dumps(told, sort_keys=True).encode()
    headers = {"X-Talker-Signature": signature(channel.secret, int(time.time()), body)}
    send_json(channel, body, told["id"], headers)


def send_slack(channel: Channel, told: Mapping[str, Any]) -> None:
    """Send an alert as Slack wants it; its three signs of markup are no text."""
    text = told["text"].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    body = json.dumps({"text": text + (f" <{told['url']}|Open>" if told["url"] else "")}).encode()
    send_json(channel, body, told["id"], {})


def send_json(channel: Channel, body: bytes, key: str, headers: Mapping[str, str]) -> None:
    """Send JSON to a channel's URL, with the key by which it knows a repetition."""
    every = {"Content-Type": "application/json", "User-Agent": "TwitterTalker", "Idempotency-Key": key}
    post(channel.to, body, {**every, **headers}, inside=channel.inside, answer_s=channel.answer_s)


def send_mail(channel: Channel, told: Mapping[str, Any]) -> None:
    """Send an alert by e-mail, over TLS where the server has it; with a password never without."""
    mail = EmailMessage()
    mail["Subject"] = f"{told['level'].capitalize()}: {told['keyword']}"
    mail["From"], mail["To"] = channel.sender, channel.to
    mail["Message-ID"] = f"<{told['id']}-{hashlib.sha256(channel.to.encode()).hexdigest()[:8]}@twittertalker>"
    mail.set_content("\n".join([told["text"], *([told["url"]] if told["url"] else [])]))
    try:
        with connected(channel) as server:
            server.send_message(mail)
    except smtplib.SMTPResponseException as error:
        kind = RefusedError if error.smtp_code >= 500 else UnreachedError
        raise kind(f"The mail server answered {error.smtp_code}.") from error
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPNotSupportedError) as error:
        raise RefusedError(f"The mail server does not take it: {type(error).__name__}.") from error
    except (OSError, smtplib.SMTPException) as error:
        raise UnreachedError(f"The mail server did not answer: {type(error).__name__}.") from error


def connected(channel: Channel) -> smtplib.SMTP:
    """Connect to the mail server of smtp://user:password@host:port, or smtps:// for TLS from the start."""
    parts, context = urlsplit(channel.server), ssl.create_default_context()
    host, secure = parts.hostname or "", parts.scheme == "smtps"
    if secure:
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, parts.port or 465, timeout=channel.answer_s, context=context)
    else:
        server = smtplib.SMTP(host, parts.port or 25, timeout=channel.answer_s)
    server.ehlo()
    if not secure and (server.has_extn("starttls") or parts.username):
        server.starttls(context=context)
        server.ehlo()
    if parts.username:
        server.login(unquote(parts.username), unquote(parts.password or ""))
    return server


SENDING = {"mail": send_mail, "slack": send_slack, "webhook": send_webhook}
