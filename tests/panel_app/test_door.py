"""The door, over HTTP and its websocket, and in a browser: who gets in, and who does not."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from bokeh.util.token import get_token_payload
from playwright.sync_api import expect
from sqlalchemy import select, text
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.web import create_signed_value
from tornado.websocket import websocket_connect

from core import accounts
from core.models import Account, Keyword
from tests.panel_app import axe
from tests.panel_app.conftest import HOSTILE, PASSWORD, PAYLOAD, Guest, served

FRONT = ("/welcome", "/login", "/sign-up", "/account")
FORMS = ("/login", "/sign-up", "/logout", "/account")
HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "X-Frame-Options": "DENY"}
SIGN_UP = {"name": "Eve", "company": "Acme", "email": "eve@example.com", "password": PASSWORD, "interest": "shoes"}


def page_token(guest):
    """Return the token with which the page of a signed-in guest opens its websocket."""
    return re.search(r'"token":"([^"]+)"', guest.look("/").text)[1]


def cookie_header(guest):
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in guest.cookies)


def alone(coroutine):
    """Run a coroutine in a thread of its own: the browser's driver keeps a loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def knock(app_url, token, **headers):
    """Open the app's websocket; returns what comes first, or the status of the refusal."""

    async def opened():
        request = HTTPRequest(f"ws{app_url.removeprefix('http')}/ws", headers=headers)
        try:
            socket = await websocket_connect(request, subprotocols=["bokeh", token])
        except HTTPClientError as error:
            return error.code
        first = await socket.read_message()
        socket.close()
        return first

    return alone(opened())


@pytest.mark.parametrize("path", FORMS)
def test_a_form_without_its_token_is_refused(guest, path):
    stranger = guest()
    stranger.look("/login")

    assert stranger.post(stranger.app_url + path, data={"email": "a@b.c"}).status_code == 403


@pytest.mark.parametrize("path", FORMS)
def test_a_form_on_somebody_elses_page_is_refused(signed_in, path):
    assert signed_in().fill_in(path, headers={"Origin": "https://evil.example"}).status_code == 403
    assert signed_in().look("/account").status_code == 200


def test_a_name_that_is_not_ours_is_refused(signed_in):
    assert signed_in().look("/welcome", headers={"Host": "evil.example"}).status_code == 403
    assert signed_in().look("/", headers={"Host": "evil.example"}).status_code == 302


def test_strangers_are_led_to_what_this_is_or_to_the_login(guest):
    assert guest().look("/").headers["Location"].endswith("/welcome?next=%2F")
    assert "/login?next=" in guest().look("/?page=overview").headers["Location"]
    assert guest().look("/fonts/DejaVuSans-Bold.ttf").status_code == 302
    assert guest().look("/account").headers["Location"] == "/login"


@pytest.mark.parametrize("path", FRONT)
def test_the_front_pages_say_what_browsers_must_not_do(guest, signed_in, path):
    for visitor in (guest(), signed_in()):
        headers = visitor.look(path).headers
        if "Location" in headers:
            continue
        assert headers.items() >= HEADERS.items()
        assert headers["Cache-Control"] == "no-store"
        policy = headers["Content-Security-Policy"]
        assert all(part in policy for part in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"))
        assert "script-src" not in policy


def test_the_apps_pages_say_so_too_and_number_their_scripts_anew_each_time(signed_in):
    first, second = signed_in().look("/"), signed_in().look("/")
    policy = first.headers["Content-Security-Policy"]

    assert first.headers.items() >= HEADERS.items()
    assert all(part in policy for part in ("frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'"))
    assert "unsafe-inline" not in re.search("script-src ([^;]*)", policy)[1]
    assert policy != second.headers["Content-Security-Policy"]


def test_signing_up_makes_an_account_with_the_settings_role_and_signs_in(guest, filled_database):
    eve = guest()
    answer = eve.fill_in("/sign-up", **SIGN_UP)
    with filled_database.connect() as connection:
        row = connection.execute(select(Account).where(Account.email == "eve@example.com")).one()

    assert (answer.status_code, answer.headers["Location"]) == (303, "/?page=tracking")
    assert eve.look("/").status_code == 200
    assert (row.name, row.company, row.interest, row.role) == ("Eve", "Acme", "shoes", "analyst")
    assert row.password_hash.startswith("$argon2id$")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"email": "analyst@example.com"}, "has an account already"),
        ({"password": "short"}, "12 to 128"),
        ({"email": "nobody"}, "looks like"),
    ],
)
def test_a_sign_up_that_cannot_be_taken_says_why_and_keeps_what_was_typed(guest, fields, told):
    answer = guest().fill_in("/sign-up", **SIGN_UP | {"email": "new@example.com", "name": PAYLOAD} | fields)

    assert answer.status_code == 400
    assert told in answer.text
    assert PAYLOAD not in answer.text
    assert "&lt;img src=x" in answer.text
    assert PASSWORD not in answer.text


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(guest):
    answers = [guest().log_in(email, "wrong password") for email in ("viewer@example.com", "nobody@example.com")]

    assert [answer.status_code for answer in answers] == [400, 400]
    told = {re.search(r'role="alert">([^<]*)<', answer.text)[1] for answer in answers}
    assert len(told) == 1


def test_nine_wrong_passwords_slow_the_tenth(guest):
    mallory = guest()
    statuses = [mallory.log_in(HOSTILE, f"wrong {number}").status_code for number in range(9)]

    assert statuses == [400] * 8 + [429]
    assert mallory.log_in(HOSTILE).status_code == 429  # the right one does not help now


@pytest.mark.parametrize("elsewhere", ["//evil", "/\\evil", "https://evil", "/ok\r\nX-Evil: 1"])
def test_a_login_leads_nowhere_else(signed_in, elsewhere):
    assert signed_in().look("/login", params={"next": elsewhere}).headers["Location"] == "/"


def test_a_login_leads_where_the_visitor_wanted_to_go(signed_in):
    assert signed_in().look("/login?next=/?page=overview").headers["Location"] == "/?page=overview"


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(guest):
    stranger = guest()
    answer = stranger.fill_in("/sign-up", **SIGN_UP | {"email": "cookie@example.com"})
    cookies = stranger.look("/login").headers.get("Set-Cookie", "") + answer.headers["Set-Cookie"]

    assert re.search(r"user=[^;]+; expires=[^;]+; HttpOnly; Path=/; SameSite=Lax", cookies)


def test_a_forged_cookie_opens_nothing(app_url, signed_in, app_home):
    right = (app_home / "cookie_key").read_text()
    forged = {
        "signed with another key": create_signed_value("x" * 64, "user", "secret").decode(),
        "no session's secret": create_signed_value(right, "user", "guessed").decode(),
        "an account's address": create_signed_value(right, "user", "admin@example.com").decode(),
    }
    token = page_token(signed_in())
    for how, value in forged.items():
        stranger = Guest(app_url)
        stranger.cookies.set("user", value)
        assert stranger.look("/").status_code == 302, how
        assert knock(app_url, token, Origin=app_url, Cookie=f"user={value}") == 403, how


def test_the_websocket_opens_for_the_own_page_alone(app_url, signed_in):
    ann = signed_in()
    cookie = cookie_header(ann)

    assert "ACK" in knock(app_url, page_token(ann), Origin=app_url, Cookie=cookie)
    assert knock(app_url, page_token(ann), Origin=app_url) == 403
    assert knock(app_url, page_token(ann), Origin="https://evil.example", Cookie=cookie) == 403


def test_a_token_that_was_tampered_with_opens_no_session(app_url, signed_in):
    ann = signed_in()
    token = page_token(ann)

    assert knock(app_url, token[:-4] + "AAAA", Origin=app_url, Cookie=cookie_header(ann)) is None


def test_signing_out_ends_the_session_for_good(guest, app_url):
    bob = guest()
    bob.fill_in("/sign-up", **SIGN_UP | {"email": "bob@example.com"})
    token, cookie = page_token(bob), cookie_header(bob)
    stolen = dict(bob.cookies)
    assert bob.fill_in("/logout").status_code == 303

    assert bob.look("/").status_code == 302
    thief = guest()
    thief.cookies.update(stolen)
    assert thief.look("/").status_code == 302
    assert knock(app_url, token, Origin=app_url, Cookie=cookie) == 403


def test_a_socket_that_is_open_is_closed_when_its_session_is_revoked(guest, app_url, filled_database):
    carol = guest()
    carol.fill_in("/sign-up", **SIGN_UP | {"email": "carol@example.com"})
    account_id, _ = accounts.credentials(filled_database, "carol@example.com")
    headers = {"Origin": app_url, "Cookie": cookie_header(carol)}

    async def until_closed():
        request = HTTPRequest(f"ws{app_url.removeprefix('http')}/ws", headers=headers)
        socket = await websocket_connect(request, subprotocols=["bokeh", page_token(carol)])
        assert "ACK" in await socket.read_message()
        accounts.end_sessions(filled_database, account_id)
        while await socket.read_message() is not None:
            pass
        code = socket.close_code
        socket.close()
        return code

    assert alone(asyncio.wait_for(until_closed(), timeout=30)) == 4401


def test_a_page_is_no_place_for_a_secret(signed_in, app_home):
    ann = signed_in()
    page = ann.look("/").text
    told = str(get_token_payload(page_token(ann)))
    keys = [(app_home / name).read_text() for name in ("cookie_key", "page_key")]

    for secret in (ann.cookies["user"].strip('"'), *keys, PASSWORD):
        assert secret not in page
        assert secret not in told
    assert "Cookie" not in told
    assert "User-Agent" in told


def test_one_can_change_ones_password_which_signs_others_out(guest):
    dan, elsewhere = guest(), guest()
    dan.fill_in("/sign-up", **SIGN_UP | {"email": "dan@example.com"})
    elsewhere.log_in("dan@example.com")
    assert elsewhere.look("/account").status_code == 200
    new = {"form": "password", "new_password": "another good password"}

    assert dan.fill_in("/account", **new, password="wrong one here").status_code == 400
    assert dan.fill_in("/account", **new, password=PASSWORD).status_code == 200
    assert dan.look("/").status_code == 200
    assert elsewhere.look("/").status_code == 302
    assert guest().log_in("dan@example.com", "another good password").status_code == 303


def test_one_can_delete_ones_account_but_nobody_without_the_password(guest, filled_database):
    fay = guest()
    fay.fill_in("/sign-up", **SIGN_UP | {"email": "fay@example.com"})

    assert fay.fill_in("/account", form="delete", password="not the password").status_code == 400
    assert fay.fill_in("/account", form="delete", password=PASSWORD).status_code == 303
    assert fay.look("/").status_code == 302
    assert accounts.credentials(filled_database, "fay@example.com") is None


def test_one_can_stop_the_recording_of_what_one_does(signed_in):
    viewer = signed_in("viewer")

    assert "<b>not</b> recorded" in viewer.fill_in("/account", form="usage").text
    assert "<b>is</b> recorded" in viewer.fill_in("/account", form="usage", usage="on").text


def test_where_sign_up_is_closed_nobody_signs_up_and_a_demo_signs_everybody_in(filled_database, database_url, tmp_path):
    with served(database_url, tmp_path, TALKER_SIGN_UP="closed", TALKER_SIGN_IN="demo") as app_url:
        stranger = Guest(app_url)
        assert stranger.look("/sign-up").status_code == 403
        assert stranger.fill_in("/sign-up", **SIGN_UP | {"email": "late@example.com"}).status_code == 403
        assert stranger.look("/?page=overview").headers["Location"].startswith("./demo")
        assert stranger.get(app_url + "/?page=overview").url == app_url + "/?page=overview"
        assert stranger.fill_in("/login", email="demo@localhost.invalid", password="!").status_code == 400


def test_there_is_no_demo_where_nobody_asked_for_it(guest):
    assert guest().look("/demo").status_code == 404


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_front_pages_fit_are_labelled_and_ask_nobody_else(browser, app_url, width, scheme):
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, errors, hosts = context.new_page(), [], set()
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    for path in ("/welcome", "/login", "/sign-up"):
        page.goto(app_url + path)
        assert page.locator("h1").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        unlabelled = (
            "[...document.querySelectorAll('input:not([type=hidden]), textarea')].filter(e => !e.labels.length)"
        )
        assert page.evaluate(f"{unlabelled}.length") == 0
        assert axe.violations(page) == []
    assert errors == []
    assert hosts == {"127.0.0.1"}
    context.close()


@pytest.mark.browser
def test_somebody_signs_up_tracks_a_keyword_and_signs_out_by_keyboard_and_button(browser, app_url, filled_database):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page, errors = context.new_page(), []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(app_url)
    page.get_by_role("link", name="Find out more").click()
    expect(page.get_by_role("heading", name="How it works")).to_be_in_viewport()
    page.get_by_role("navigation").get_by_role("link", name="Sign up").click()
    for label, typed in {"Name": PAYLOAD, "E-mail": "gus@example.com", "Password": PASSWORD}.items():
        page.get_by_label(label).fill(typed)
    page.keyboard.press("Enter")
    page.get_by_label("New keyword").fill("#fresh")
    page.get_by_text("(#fresh) -is:nullcast").wait_for(timeout=30_000)
    page.get_by_role("button", name="Track it").click()
    page.get_by_text("#fresh is tracked").wait_for()
    with filled_database.connect() as connection:
        assert connection.execute(select(Keyword.id).where(Keyword.name == "#fresh", Keyword.active)).scalar_one()

    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(app_url + "/welcome")
    page.goto(app_url + "/?page=tracking")
    expect(page).to_have_url(re.compile("/login"))
    assert page.evaluate("window.hacked") is None
    assert errors == []
    context.close()


@pytest.mark.browser
def test_a_revoked_session_leaves_its_page_by_itself(window, app_url, filled_database):
    page = window("viewer").new_page()
    page.goto(app_url + "/?page=overview")
    page.get_by_role("heading", name="Overview").wait_for(timeout=30_000)
    account_id, _ = accounts.credentials(filled_database, "viewer@example.com")
    accounts.end_sessions(filled_database, account_id)

    expect(page).to_have_url(re.compile("/login"), timeout=30_000)


def test_no_log_and_no_row_knows_a_password_or_a_key(app_home, filled_database):
    log = (app_home / "app.log").read_text()
    keys = [(app_home / name).read_text() for name in ("cookie_key", "page_key")]
    with filled_database.connect() as connection:
        tables = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars().all()
        rows = [str(connection.execute(text(f'SELECT * FROM "{table}"')).all()) for table in tables]  # noqa: S608

    for secret in (PASSWORD, "canary-7f3a", *keys):
        assert secret not in log
        assert not [row for row in rows if secret in row]
