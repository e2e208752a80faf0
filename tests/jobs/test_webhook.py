"""What leaves goes outside, once resolved and never redirected; the README's words are enough to check it."""

import hashlib
import hmac
import re
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.webhook import RefusedError, UnreachedError, post, public, signature
from tests.jobs.receivers import Receiver, serving

README = (Path(__file__).parent.parent.parent / "README.md").read_text()


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1"),
        *("::1", "::", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1"),
        *("2002:7f00:1::", "224.0.0.1", "255.255.255.255", "240.0.0.1", "ff02::1"),
    ],
)
def test_an_address_inside_is_not_reached_whatever_name_it_has(address):
    asked = []

    def resolve(host, port):
        asked.append(host)
        return ["93.184.216.34", address]

    assert not public(address)
    with pytest.raises(RefusedError, match="inside the network"):
        post("https://harmless.example.com/hook", b"", {}, resolve=resolve)
    assert asked == ["harmless.example.com"]


def test_public_addresses_are_public():
    assert public("93.184.216.34")
    assert public("2606:2800:220:1:248:1893:25c8:1946")


@pytest.mark.parametrize(
    "url", ["http://example.com/", "ftp://example.com/", "https://", "https://a:b@example.com/", "x"]
)
def test_what_is_no_https_address_is_refused(url):
    with pytest.raises(RefusedError):
        post(url, b"", {}, resolve=lambda *_: ["93.184.216.34"])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f000001", "2130706433", "[::1]"])
def test_no_spelling_of_this_machine_is_reached(host):
    with Receiver() as server, serving(server) as port:
        with pytest.raises((RefusedError, UnreachedError)):
            post(f"https://{host}:{port}/", b"{}", {})
        assert server.seen == []


def test_the_connection_goes_to_the_address_that_was_checked():
    answers = iter([["127.0.0.1"]])  # whoever asked a second time would be told nothing

    with Receiver() as server, serving(server) as port:
        post(f"http://nowhere.invalid:{port}/hook?x=1", b"{}", {}, inside=True, resolve=lambda *_: next(answers))

        assert server.seen[0][0]["Host"] == f"nowhere.invalid:{port}"


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 403, 404, 410])
def test_a_redirect_is_not_followed_and_a_refusal_is_final(status):
    with Receiver(status) as server, serving(server) as port:
        with pytest.raises(RefusedError, match=str(status)):
            post(f"http://127.0.0.1:{port}/", b"{}", {}, inside=True)
        assert len(server.seen) == 1


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_what_may_be_better_next_time_is_not_final(status):
    with Receiver(status) as server, serving(server) as port, pytest.raises(UnreachedError, match=str(status)):
        post(f"http://127.0.0.1:{port}/", b"{}", {}, inside=True)


def test_nobody_at_home_is_not_final():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(UnreachedError):
            post(f"http://127.0.0.1:{free.getsockname()[1]}/", b"{}", {}, inside=True)


@given(secret=st.text(min_size=1), moment=st.integers(0, 2**40), body=st.binary())
def test_a_signature_is_of_the_time_and_the_body(secret, moment, body):
    told = signature(secret, moment, body)

    assert told != signature(secret + "x", moment, body)
    assert told != signature(secret, moment + 1, body)
    assert told != signature(secret, moment, body + b" ")


def test_a_stranger_who_only_reads_the_readme_can_check_a_signature():
    code = re.search(r"```python\n(def signed.*?)```", README, re.DOTALL)[1]
    known = {}
    exec(code, known)  # what the README tells strangers to run
    body = b'{"level": "crisis"}'
    header = signature("secret", 1_790_000_000, body)

    assert known["signed"]("secret", header, body, now=1_790_000_100)
    assert not known["signed"]("secret", header, body, now=1_790_001_000)
    assert not known["signed"]("other", header, body, now=1_790_000_100)
    assert not known["signed"]("secret", header, body + b" ", now=1_790_000_100)
    by_hand = hmac.new(b"secret", b"1790000000." + body, hashlib.sha256).hexdigest()
    assert header == f"t=1790000000,v1={by_hand}"
