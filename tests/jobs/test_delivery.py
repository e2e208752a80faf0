"""An alert arrives once, however its receiver fails, or stays as a dead row that says why."""

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from core import alerts
from core.config import ConfigError, Settings
from core.models import Delivery
from jobs.delivery import ATTEMPTS, Channel, channels, deliver
from tests.jobs.receivers import PostOffice, Receiver, serving

NUMBERS = {
    "volume": {"tweets": 339.0, "usual": 114.5, "score": 2.9, "threshold": 5.2, "chance": 0.05},
    "mood": {"voices": 203, "mean": -0.26, "chance": 1e-9},
    "mood_before": {"mean": 0.15},
    "severity": 9.0,
}


@pytest.fixture
def told(engine, keyword):
    """Make a fresh alert of a keyword that goes to some channels; returns the keyword's id."""

    def make(*names, name="Aerolume", at=None, level="crisis"):
        keyword_id = keyword(name)
        at = at or datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=2)
        row = {"keyword_id": keyword_id, "at": at, "level": level, "episode": at, "numbers": NUMBERS}
        alerts.save_judged(engine, {"keyword_id": keyword_id, "until": at}, [row], names)
        return keyword_id

    return make


@pytest.fixture
def later(engine):
    """Deliver what is due at growing times, until nothing waits any more; returns how many arrived."""

    def go_on(*to):
        arrived, now = 0, datetime.now(UTC)
        while any(state == "waiting" for state, *_ in states(engine)):
            arrived += deliver(engine, {one.name: one for one in to}, now)
            now += timedelta(hours=40)
        return arrived

    return go_on


def states(engine):
    with engine.connect() as connection:
        return connection.execute(select(Delivery.state, Delivery.attempts, Delivery.error)).all()


def hook(port, **fields):
    url = f"http://127.0.0.1:{port}/hook"
    known = {"name": "hook", "kind": "webhook", "to": url, "secret": "s", "inside": True, "answer_s": 0.3}
    return Channel(**known | fields)


def test_a_receiver_that_fails_twice_times_out_and_answers_late_has_it_once(engine, told, later):
    late = threading.Event()
    with Receiver(500, 503, late) as server, serving(server) as port:
        told("hook")
        arrived = later(hook(port))
        late.set()

        assert arrived == 1
        assert [state for state, *_ in states(engine)] == ["done"]
        assert len(server.seen) == 4
        assert len({headers["Idempotency-Key"] for headers, _ in server.seen}) == 1
        assert len({body for _, body in server.seen}) == 1
        assert list(server.taken.values()) == [server.seen[0][1]]


def test_what_arrived_is_not_sent_again(engine, told, later):
    with Receiver() as server, serving(server) as port:
        told("hook")
        later(hook(port))
        deliver(engine, {"hook": hook(port)}, datetime.now(UTC) + timedelta(days=9))

        assert len(server.seen) == 1


def test_two_who_deliver_at_once_send_one(engine, told):
    with Receiver() as server, serving(server) as port:
        told("hook")
        threads = [threading.Thread(target=deliver, args=(engine, {"hook": hook(port)})) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(server.seen) == 1


def test_nobody_waits_for_a_receiver_that_hangs(engine, told):
    hanging = threading.Event()
    with Receiver(hanging) as slow, Receiver() as quick, serving(slow) as one, serving(quick) as other:
        told("slow", "quick")
        deliver(engine, {"slow": hook(one, name="slow"), "quick": hook(other, name="quick")})
        hanging.set()

        assert len(quick.taken) == 1


def test_the_wait_grows_and_after_the_last_attempt_it_is_a_dead_letter(engine, told):
    with Receiver(*[500] * 50) as server, serving(server) as port:
        told("hook")
        now = datetime.now(UTC)
        waits = []
        for _ in range(ATTEMPTS):
            deliver(engine, {"hook": hook(port)}, now)
            deliver(engine, {"hook": hook(port)}, now)  # too early: nothing is sent
            with engine.connect() as connection:
                due = connection.execute(select(Delivery.due_at)).scalar_one()
            waits.append((due - now).total_seconds())
            now = due

        assert waits == [30.0 * 4**number for number in range(ATTEMPTS)]
        assert len(server.seen) == ATTEMPTS
        assert states(engine) == [("dead", ATTEMPTS, f"127.0.0.1:{port} answered 500.")] or states(engine) == [
            ("dead", ATTEMPTS, "127.0.0.1 answered 500.")
        ]


def test_who_refuses_is_not_asked_again(engine, told, later):
    with Receiver(410) as server, serving(server) as port:
        told("hook")
        later(hook(port))

        assert states(engine) == [("dead", 1, "127.0.0.1 answered 410.")]


def test_an_address_inside_the_network_is_a_dead_letter_unless_it_is_allowed(engine, told, later):
    with Receiver() as server, serving(server) as port:
        told("hook")
        later(replace(hook(port), to=f"https://127.0.0.1:{port}/", inside=False))

        assert server.seen == []
        [(state, _, error)] = states(engine)
        assert (state, "TALKER_ALERT_INSIDE_NETWORK" in error) == ("dead", True)


def test_what_is_sent_says_what_happened_with_its_numbers(engine, told, later):
    with Receiver() as server, serving(server) as port:
        told("hook")
        later(hook(port, app_url="https://talker.example.com"))
        sent = json.loads(server.seen[0][1])

    assert sent["keyword"] == "Aerolume"
    assert sent["level"] == "crisis"
    assert sent["numbers"] == NUMBERS
    assert sent["url"] == "https://talker.example.com/?page=alerts"
    assert "339 tweets in an hour; usual are 114" in sent["text"]
    assert "mean mood of 203 people is -0.26; usual is +0.15" in sent["text"]


def test_slack_gets_text_in_which_no_name_is_markup(told, later):
    with Receiver() as server, serving(server) as port:
        told("slack", name="<!channel> & co")
        later(hook(port, name="slack", kind="slack"))
        sent = json.loads(server.seen[0][1])

    assert set(sent) == {"text"}
    assert "&lt;!channel&gt; &amp; co" in sent["text"]


def test_a_mail_arrives_and_is_known_again(engine, told, later):
    with PostOffice() as office, serving(office) as port:
        told("mail")
        to = Channel(
            name="mail", kind="mail", to="a@example.com", sender="b@example.com", server=f"smtp://127.0.0.1:{port}"
        )
        later(to)

        [mail] = office.mails
    assert "Subject: Crisis: Aerolume" in mail
    assert "Message-ID: <1-" in mail
    assert [state for state, *_ in states(engine)] == ["done"]


@pytest.mark.parametrize(("code", "attempts"), [(451, ATTEMPTS), (554, 1)])
def test_a_mail_server_that_cannot_now_is_asked_again_and_one_that_will_not_is_not(engine, told, later, code, attempts):
    with PostOffice(code) as office, serving(office) as port:
        told("mail")
        later(Channel(name="mail", kind="mail", to="a@b.c", sender="d@e.f", server=f"smtp://127.0.0.1:{port}"))

    assert [one[:2] for one in states(engine)] == [("dead", attempts)]


def test_a_password_never_goes_to_a_server_without_tls(told, later, engine):
    with PostOffice() as office, serving(office) as port:
        told("mail")
        later(
            Channel(name="mail", kind="mail", to="a@b.c", sender="d@e.f", server=f"smtp://me:secret@127.0.0.1:{port}")
        )

        assert office.mails == []
    assert [one[:2] for one in states(engine)] == [("dead", 1)]


def test_a_channel_that_is_no_longer_set_is_a_dead_letter(engine, told, later):
    told("gone")
    later()

    assert states(engine) == [("dead", 0, "The channel is no longer set.")]


def test_the_settings_name_the_channels_and_names_hold_no_secret():
    settings = Settings(
        alert_mail_to="a@b.c d@e.f",
        alert_mail_from="x@y.z",
        alert_smtp_url="smtp://u:hidden@host",
        alert_slack="https://hooks.example.com/hidden",
        alert_webhooks="https://a.example.com/hidden https://b.example.com/hidden",
        alert_webhook_secret="hidden",
    )

    found = channels(settings)

    assert [one.kind for one in found] == ["mail", "mail", "slack", "webhook", "webhook"]
    assert len({one.name for one in found}) == 5
    assert "hidden" not in repr(found)
    assert "hidden" not in repr(settings)


@pytest.mark.parametrize("given", [{"alert_mail_to": "a@b.c"}, {"alert_webhooks": "https://a.example.com"}])
def test_a_channel_that_lacks_something_is_refused_with_its_name(given):
    with pytest.raises(ConfigError, match="TALKER_ALERT_"):
        channels(Settings(**given))
