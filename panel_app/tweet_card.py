"""A tweet as X asks to show it: who wrote it, its text unmodified, and links to the profile and to the tweet.

Every link is made here, of ids, handles and web addresses, and every stranger's word is escaped.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pandas as pd

from panel_app.look import clock, given, mood, safe

USERNAME = re.compile(r"[A-Za-z0-9_]{1,15}")
# An address does not end in what ends a sentence.
ENTITY = re.compile(
    r"(?P<url>https?://[^\s<>\"']*[^\s<>\"'.,:;!?…)\]])|(?<!\w)@(?P<user>[A-Za-z0-9_]{1,15})\b|(?<!\w)#(?P<tag>\w+)"
)
PICTURES = "https://pbs.twimg.com/"  # where X keeps those of its people; from elsewhere none is loaded
X = (
    '<svg class="x" viewBox="0 0 24 24" aria-hidden="true"><path d="M18.2 2.25h3.3l-7.2 8.26 8.5 11.24h-6.7l-5.2-6.8-6 '
    '6.8H1.7l7.7-8.8L1.3 2.25h6.8l4.7 6.23zm-1.1 17.52h1.8L7.1 4.13H5.1z"/></svg>'
)


def card(row: Mapping[str, Any], zone: str, images: bool = False) -> str:
    """Return one tweet as a card: who, what, when, and its sentiment."""
    label = row["label"]
    aside = "not scored" if pd.isna(label) else mood(int(label))
    who = person(row, images)
    return f'<article class="card">{who}<span class="aside">{aside}</span>{body(row, zone)}</article>'


def person(row: Mapping[str, Any], images: bool = False) -> str:
    """Return avatar, name and @handle; all lead to the profile, if there is one on X."""
    name, username = given(row["name"]) or "unknown", given(row["username"])
    handle, face = f"@{username}" if username else "", avatar(row, images)
    if profile := profile_of(row):
        face = f'<a {leading_to(profile)} tabindex="-1" aria-hidden="true">{face}</a>'  # the name says where it leads
        name, handle = link(profile, name), link(profile, handle)
    else:
        name, handle = safe(name), safe(handle)
    return f'<span class="person">{face}<span><b>{name}</b><br><span class="quiet">{handle}</span></span></span>'


def avatar(row: Mapping[str, Any], images: bool) -> str:
    """Return the picture of a person or, so that nobody else learns who looks, initials in its place."""
    address = given(row.get("profile_image_url"))
    if images and on_x(row) and address.startswith(PICTURES):
        return f'<img class="avatar" src="{safe(address)}" alt="" loading="lazy" referrerpolicy="no-referrer">'
    return f'<span class="avatar" aria-hidden="true">{initials(given(row["name"]))}</span>'


def initials(name: str) -> str:
    """Return up to two letters that stand for a person."""
    letters = [word[0] for word in name.split() if word[0].isalnum()]
    return safe("".join(letters[:2]).upper() or "?")


def body(row: Mapping[str, Any], zone: str) -> str:
    """Return a tweet's text and time, unmodified and linked as X asks; what is not on X links nowhere."""
    if row["tweet_id"] is None or pd.isna(row["tweet_id"]):
        return '<p class="quiet">The tweet is no longer here.</p>'
    text, time = html.unescape(row["text"]), clock(row["created_at"], zone)  # X sends & as &amp;
    if not on_x(row):
        return f'<p class="text">{safe(text)}</p><p class="quiet">{time}</p>'
    status = f"{profile_of(row) or 'https://x.com/i'}/status/{row['tweet_id']}"
    view = f"<a {leading_to(status)}>{X} View on X</a>"
    return f'<p class="text">{linked(text)}</p><p class="quiet">{link(status, time)} · {view}</p>'


def on_x(row: Mapping[str, Any]) -> bool:
    """Say whether somebody is known to be on X: not if invented, nor if nothing is known of them any more."""
    return not pd.isna(row["synthetic"]) and not row["synthetic"]


def profile_of(row: Mapping[str, Any]) -> str:
    """Return where somebody's profile on X is, or nothing."""
    username = given(row["username"])
    return f"https://x.com/{username}" if on_x(row) and USERNAME.fullmatch(username) else ""


def linked(text: str) -> str:
    """Return a tweet's text escaped, with its links, @handles and #hashtags linked."""
    pieces, done = [], 0
    for found in ENTITY.finditer(text):
        pieces += [safe(text[done : found.start()]), link(address(found), found.group())]
        done = found.end()
    return "".join([*pieces, safe(text[done:])])


def address(entity: re.Match[str]) -> str:
    """Return where a link, @handle or #hashtag leads."""
    if entity["url"]:
        return entity["url"]
    return f"https://x.com/{entity['user']}" if entity["user"] else f"https://x.com/hashtag/{quote(entity['tag'])}"


def link(href: str, label: str) -> str:
    """Return a link with a stranger's words as its label."""
    return f"<a {leading_to(href)}>{safe(label)}</a>"


def leading_to(href: str) -> str:
    """Return the attributes of a link that opens in a new tab and tells the other side nothing."""
    return f'href="{safe(href)}" target="_blank" rel="noopener noreferrer nofollow"'
