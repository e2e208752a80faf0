"""Sends a signed message to an address outside the network, and to nowhere else.

The name is resolved once, every address it has must be public, and the connection goes to one of these: a name that
answers otherwise the next moment leads nowhere. Redirects are not followed.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import certifi
import urllib3

from core.config import TalkerError

CONNECT_S, ANSWER_S = 5.0, 20.0

Resolve = Callable[[str, int], list[str]]


class RefusedError(TalkerError):
    """Nothing that is tried again can help: the address is not allowed, or the receiver does not want it."""


class UnreachedError(TalkerError):
    """It may be different next time."""


def signature(secret: str, moment: int, body: bytes) -> str:
    """Return the header X-Talker-Signature of a body: the time, and the HMAC-SHA256 of time, full stop and body."""
    told = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={told}"


def addresses(host: str, port: int) -> list[str]:
    """Return the addresses of a name."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def public(address: str) -> bool:
    """Say whether an address is one of the internet, also where it is an IPv4 one in IPv6's clothes."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is None and found in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return found.is_global and inner.is_global and not inner.is_multicast
    return found.is_global and not found.is_multicast


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    inside: bool = False,
    resolve: Resolve = addresses,
    answer_s: float = ANSWER_S,
) -> None:
    """Send a body to a URL; returns when the receiver has said that it has it.

    Args:
        url: https, or with `inside` http too.
        body: what to send.
        headers: beside those of HTTP itself.
        inside: whether addresses inside the network are allowed.
        resolve: tells the addresses of a name.
        answer_s: seconds to wait for the answer.

    Raises:
        RefusedError: the address is not allowed, or the receiver will never take this.
        UnreachedError: nobody answered, or the receiver cannot take it now.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username is not None:
        raise RefusedError("A webhook's address is https://host/path, without a user.")
    if parts.scheme == "http" and not inside:
        raise RefusedError("A webhook outside the network must be https.")
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        found = resolve(parts.hostname, port)
    except (OSError, UnicodeError, ValueError) as error:
        raise UnreachedError(f"{parts.hostname} has no address now.") from error
    if not found or not (inside or all(public(one) for one in found)):
        raise RefusedError(f"{parts.hostname} is inside the network: TALKER_ALERT_INSIDE_NETWORK would allow it.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    status = answered(pool(parts.scheme, found[0], port, parts.hostname, answer_s), path, body, headers, parts.netloc)
    judge(status, parts.hostname)


def pool(scheme: str, address: str, port: int, host: str, answer_s: float) -> Any:
    """Return what connects to an address and, where it is https, asks it to be the host."""
    timeout = urllib3.Timeout(connect=CONNECT_S, read=answer_s)
    if scheme == "http":
        return urllib3.HTTPConnectionPool(address, port, timeout=timeout, maxsize=1)
    checks: dict[str, Any] = {"cert_reqs": "CERT_REQUIRED", "ca_certs": certifi.where(), "assert_hostname": host}
    return urllib3.HTTPSConnectionPool(address, port, timeout=timeout, maxsize=1, server_hostname=host, **checks)


def answered(connections: Any, path: str, body: bytes, headers: Mapping[str, str], host: str) -> int:
    """Send a request once, and return the status of the answer, of which nothing else is read."""
    try:
        answer = connections.urlopen(
            "POST",
            path,
            body=body,
            headers={**headers, "Host": host},
            retries=False,
            redirect=False,
            preload_content=False,
        )
        return int(answer.status)
    except urllib3.exceptions.HTTPError as error:
        raise UnreachedError(f"{host} did not answer: {type(error).__name__}.") from error
    finally:
        connections.close()


def judge(status: int, host: str) -> None:
    """Take the receiver's answer for what it is."""
    if 200 <= status < 300:
        return
    if status >= 500 or status in (408, 425, 429):
        raise UnreachedError(f"{host} answered {status}.")
    raise RefusedError(f"{host} answered {status}.")
