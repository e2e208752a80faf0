"""How quick the app is with ten million tweets in Postgres while 1, 10 and 50 people use it, and what each costs.

Measured in one run, on the real parts: an embedded Postgres, the app in its own process, signed-in visitors who speak
the browsers' protocol, and one Chromium that draws. Everything shares this machine, the visitors and Chromium too.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

import psutil
from sqlalchemy import Engine, text

import machine
from bench import month
from bench.visitor import PATIENCE, Visitor, brushed, changed, signed_in
from core import accounts, batches, db
from core.config import Settings, TalkerError
from panel_app import pages, passwords
from panel_app.selection import RANGES

SETTLE = 3.0  # seconds after which nothing of a new page is left to do
SHORTEST = 1800  # seconds of a range in which one still brushes
WORDS = [f"word{number}" for number in range(40)]  # the commonest are clicked
EMAIL = "bench@example.com"
PAINTED = (".tiles .figure", "svg.still, .bk-Figure canvas")  # what is looked for on the overview
LIVE = "body:not(:has(#first-paint)) .bk-Figure canvas"
PAGES = [pages.slug(name) for name in pages.PAGES]
KEYWORDS = [f"keyword {number:02}" for number in range(1, month.KEYWORDS + 1)]

Say = Callable[[str], object]


@dataclass(frozen=True)
class Plan:
    """How much is done: `clicks` of each visitor by the number of sessions, `think` seconds before each on average.

    `paints` is how often a page is opened in Chromium, `rows` how many tweets are committed, with each number.
    """

    clicks: Mapping[int, int] = field(default_factory=lambda: {1: 40, 10: 8, 50: 4})
    think: float = 10.0
    paints: int = 10
    rows: int = 5


class NoBrowserError(TalkerError):
    """There is no Chromium, or nothing to drive it with."""


def measure(given: Settings, tweets: int, say: Say, plan: Plan) -> dict[str, Any]:
    """Fill a database of its own and measure; returns the figures by name, in each by number of sessions.

    Raises:
        NoBrowserError: pages cannot be drawn on this machine.
    """
    chromium()
    with tempfile.TemporaryDirectory(prefix="talker-bench-") as folder:
        own: dict[str, Any] = {"home": Path(folder), "lake": Path(folder) / "lake", "database_url": "", "app_port": 0}
        with machine.postgres(replace(given, **own, app_url="", sign_in="password")) as settings:
            engine = db.engine(settings.database_url)
            say(f"Filling Postgres with {tweets:,} tweets")
            end, began = datetime.now(UTC), time.perf_counter()
            month.fill(engine, tweets, end)
            filled = {"tweets": tweets, "keywords": month.KEYWORDS, "fill_s": round(time.perf_counter() - began, 1)}
            found = filled | in_use(settings, engine, end, say, plan)
            engine.dispose()
    return found


def chromium() -> str:
    """Return where Chromium is.

    Raises:
        NoBrowserError: it is not there, or Playwright is not.
    """
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    try:
        import playwright  # noqa: F401 - of the benchmark and the tests alone
    except ImportError as error:
        raise NoBrowserError("Playwright is missing: pip install playwright") from error
    if path is None:
        raise NoBrowserError("Chromium is missing: talker doctor says how to install it.")
    return path


def in_use(settings: Settings, engine: Engine, end: datetime, say: Say, plan: Plan) -> dict[str, Any]:
    """Measure the app on a filled database that ends at a time."""
    password = token_hex(16)
    accounts.add_account(engine, EMAIL, passwords.hashed(password), role="analyst")
    before = os.getloadavg()[0]
    bare = {"sql_ms": query_ms(engine, end), "load_before": round(before, 2)}
    say("A bare page")
    with machine.child("bench.hello") as served:
        bare |= asyncio.run(hello(served["app"]))
    with machine.child("panel_app", "--with-parent", settings=settings) as served:
        process = next(one for one in psutil.Process().children() if "panel_app" in one.cmdline())
        cookies = signed_in(served["app"], EMAIL, password)
        found = asyncio.run(Use(served["app"], cookies, process, engine, end, say, plan).all())
    ratios = {"live_of_hello": round(found["live_p95_s"][max(plan.clicks)] / bare["hello_live_s"], 2)}
    return found | bare | ratios


def query_ms(engine: Engine, end: datetime) -> float:
    """Return the milliseconds of one bare query: three days of a keyword of middling size, counted and averaged."""
    asked = text("SELECT count(*), avg(sentiment) FROM tweet WHERE keyword_id = :k AND created_at >= :start")
    known, taken = {"k": month.KEYWORDS // 2, "start": end - timedelta(hours=72)}, []
    with engine.connect() as connection:
        for _ in range(7):
            began = time.perf_counter()
            connection.execute(asked, known).one()
            taken.append(1000 * (time.perf_counter() - began))
    return round(statistics.median(taken), 1)


@asynccontextmanager
async def browser(profile: Path | str) -> AsyncIterator[Any]:
    """Run Chromium as somebody's own, who comes back with it: what it compiled of our scripts it keeps; yields it."""
    from playwright.async_api import async_playwright

    kind: dict[str, Any] = {"args": ["--no-sandbox"], "viewport": {"width": 1280, "height": 900}}
    async with async_playwright() as playwright:
        window = await playwright.chromium.launch_persistent_context(profile, executable_path=chromium(), **kind)
        yield window
        await window.close()


async def painted(window: Any, url: str, *signs: str) -> list[float]:
    """Open a page in a new tab and close it; returns the seconds until each sign was drawn or nobody waited."""
    from playwright.async_api import TimeoutError as Impatient

    page, taken = await window.new_page(), []
    page.set_default_timeout(1000 * PATIENCE)
    began = time.perf_counter()
    await page.goto(url, wait_until="commit")
    for sign in signs:
        with suppress(Impatient):
            await page.locator(sign).first.wait_for()
        await page.evaluate("new Promise(requestAnimationFrame)")
        taken.append(time.perf_counter() - began)
    await page.close()
    return taken


async def hello(url: str) -> dict[str, float]:
    """Measure a bare page, in a browser that has its scripts already."""
    with tempfile.TemporaryDirectory() as profile:
        async with browser(profile) as window:
            taken = [(await painted(window, url, "#hello", LIVE))[-1] for _ in range(6)]
    return {"hello_live_s": round(statistics.median(taken[1:]), 2)}


@dataclass
class Person:
    """Somebody with a page open: what they look at, and the first plot of each page, which comes but once."""

    visitor: Visitor
    keyword: str
    span: tuple[float, float]  # seconds, as `hours` or a brush says
    hours: str = "3 d"
    page: str = "overview"
    word: str = ""
    plots: dict[str, str] = field(default_factory=dict)

    async def act(self, kind: str, event: dict[str, Any]) -> float:
        """Click; returns the seconds until everything that follows from it was heard."""
        taken = await self.visitor.act(event, "children" if kind == "page" else "search")
        self.noted()
        return taken

    def noted(self) -> None:
        """Note the plots that came."""
        if self.visitor.figures:
            self.plots[self.page] = self.visitor.figures[0]
            self.visitor.figures.clear()


@dataclass
class Use:
    """The app while people use it, more and more of them."""

    url: str
    cookies: str
    process: psutil.Process
    engine: Engine
    end: datetime
    say: Say
    plan: Plan
    people: list[Person] = field(default_factory=list)
    figures: dict[str, dict[int, Any]] = field(default_factory=lambda: defaultdict(dict))
    dice: random.Random = field(default_factory=lambda: random.Random(1))

    async def all(self) -> dict[str, Any]:
        """Measure with each number of sessions; returns the figures by name and number."""
        await self.cold()
        async with self.window() as window:
            for number in self.plan.clicks:
                self.say(f"{number} sessions")
                await self.more(number)
                await self.clicks(number, window)
                await self.rows(number, window)
        for person in self.people:
            await person.visitor.close()
        return dict(self.figures) | {"app_mb": round(self.process.memory_info().rss / 2**20)}

    @asynccontextmanager
    async def window(self) -> AsyncIterator[Any]:
        """Run a browser that has never been here, and is signed in."""
        named = (one.split("=", 1) for one in self.cookies.split("; "))
        with tempfile.TemporaryDirectory() as profile:
            async with browser(profile) as window:
                await window.add_cookies([{"name": name, "value": value, "url": self.url} for name, value in named])
                yield window

    async def cold(self) -> None:
        """Open a page in browsers that have never been here; the first one also warms the app."""
        taken = []
        for _ in range(4):
            async with self.window() as window:
                taken.append((await self.paint(window))[-1])
        self.figures["first_visit_s"] = {1: round(statistics.median(taken[1:]), 2)}

    async def paint(self, window: Any) -> list[float]:
        """Open the overview of some keyword; returns the seconds until its figures and trend are there, and are live.

        First they are as the server draws them, then the browser's own take their place, and answer.
        """
        url = f"{self.url}/?page=overview&keyword={self.another(KEYWORDS).replace(' ', '+')}"
        return await painted(window, url, *PAINTED, LIVE)

    def another(self, every: Iterable[str], but: str = "") -> str:
        """Draw one, but not what is chosen already: nothing would follow from it."""
        return self.dice.choice([one for one in every if one != but])

    async def more(self, number: int) -> None:
        """Open pages until there are so many; note what each costs."""
        new = number - len(self.people)
        cpu, held = self.cpu(), self.process.memory_info().rss
        for _ in range(new):
            self.people.append(await self.person())
        await asyncio.sleep(SETTLE)
        self.figures["cpu_s_per_session"][number] = round((self.cpu() - cpu) / new, 3)
        self.figures["mb_per_session"][number] = round((self.process.memory_info().rss - held) / new / 2**20, 2)
        cpu = self.cpu()
        await asyncio.sleep(SETTLE)
        self.figures["idle_cpu_share"][number] = round((self.cpu() - cpu) / SETTLE, 3)

    async def person(self) -> Person:
        """Let somebody come, to the overview of a keyword."""
        keyword = self.another(KEYWORDS)
        visitor = await Visitor.open(self.url, self.cookies, page="overview", keyword=keyword)
        came = Person(visitor, keyword, self.span("3 d"))
        came.noted()
        return came

    def cpu(self) -> float:
        """Return the seconds that a processor has worked for the app."""
        return sum(self.process.cpu_times()[:2])

    async def clicks(self, number: int, window: Any) -> None:
        """Let everybody use the app, while Chromium opens pages; note how long both take."""
        taken: list[tuple[str, str, float]] = []
        think = self.plan.think if number > 1 else 0.0
        using = asyncio.gather(*(self.click(person, self.plan.clicks[number], think, taken) for person in self.people))
        opened = []
        for _ in range(self.plan.paints):
            await self.pause(think / 2)  # who comes is no crowd of its own
            opened.append(await self.paint(window))
        await using
        every = [1000 * seconds for _, _, seconds in taken]
        *_, paints, lives = zip(*opened, strict=True)
        for name, some in (("first_paint", paints), ("live", lives)):
            self.figures[f"{name}_p50_s"][number] = round(statistics.median(some), 2)
            self.figures[f"{name}_p95_s"][number] = round(p95(some), 2)
        self.figures["clicks"][number] = len(every)
        self.figures["interaction_p50_ms"][number] = round(statistics.median(every))
        self.figures["interaction_p95_ms"][number] = round(p95(every))
        self.figures["interaction_p95_ms_by_kind"][number] = parted((kind, seconds) for kind, _, seconds in taken)
        self.figures["interaction_p95_ms_by_page"][number] = parted((page, seconds) for _, page, seconds in taken)
        self.figures["unanswered"][number] = sum(seconds >= PATIENCE for _, _, seconds in taken)

    async def click(self, person: Person, times: int, think: float, taken: list[tuple[str, str, float]]) -> None:
        """Look and click by turns."""
        for _ in range(times):
            await self.pause(think)
            kind, event = self.choice(person)
            taken.append((kind, person.page, await person.act(kind, event)))

    async def pause(self, seconds: float) -> None:
        """Do nothing for so long on average."""
        await asyncio.sleep(self.dice.expovariate(1 / seconds) if seconds else 0)

    def span(self, hours: str) -> tuple[float, float]:
        """Return from when to when a range is, in seconds."""
        return self.end.timestamp() - 3600 * RANGES[hours], self.end.timestamp()

    def choice(self, person: Person) -> tuple[str, dict[str, Any]]:
        """Draw what somebody does next of what their page offers, each as likely."""
        start, end = person.span
        parts = person.visitor.parts
        kinds = ["page", "keyword", "range"]
        kinds += ["brush"] if person.page in ("overview", "hashtag-trend") and end - start > SHORTEST else []
        kinds += ["word"] if person.page == "word-clouds" else []
        kind = self.dice.choice(kinds)
        if kind == "page":
            person.page = self.another(PAGES, person.page)
            return kind, changed(parts["MenuList", ""], "active", [PAGES.index(person.page)])
        if kind == "keyword":
            person.keyword = self.another(KEYWORDS, person.keyword)
            return kind, changed(parts["Select", "Keyword"], "value", person.keyword)
        if kind == "range":
            person.hours = self.another(RANGES, person.hours)
            person.span = self.span(person.hours)
            return kind, changed(parts["RadioButtonGroup", "1 h"], "value", person.hours)
        if kind == "word":
            person.word = self.another(WORDS, person.word)
            return kind, changed(parts["TextInput", "Word or #hashtag"], "value", person.word)
        left, right = (start + (end - start) * (at + self.dice.random() / 10) for at in (0.3, 0.7))
        person.hours, person.span = "custom", (left, right)
        return kind, brushed(person.plots[person.page], 1000 * left, 1000 * right)

    async def rows(self, number: int, window: Any) -> None:
        """Commit tweets; note how long the page in Chromium takes to count them."""
        name = "keyword 02"
        page, taken = await window.new_page(), []
        now = datetime.now(UTC)  # in a range that stays, so that no old tweet leaves it as the new ones come
        ends = (f"{at:%Y-%m-%dT%H:%MZ}" for at in (now - timedelta(hours=24), now + timedelta(hours=2)))
        address = "page=overview&keyword={}&from={}&to={}".format(name.replace(" ", "+"), *ends)
        await page.goto(f"{self.url}/?{address}")
        await page.locator(LIVE).first.wait_for()
        shown = page.locator(".tiles .figure").first
        for _ in range(self.plan.rows):
            await asyncio.sleep(self.dice.random() * 3)
            before = int((await shown.inner_text()).replace(",", ""))
            commit(self.engine, name)
            began = time.perf_counter()
            while int((await shown.inner_text()).replace(",", "")) <= before:
                if time.perf_counter() - began > PATIENCE:
                    break
                await asyncio.sleep(0.02)
            taken.append(time.perf_counter() - began)
        await page.close()
        self.figures["row_to_screen_s"][number] = round(max(taken), 2)


def commit(engine: Engine, keyword: str) -> None:
    """Commit a tweet as a tracker does."""
    now, spool = datetime.now(UTC), token_hex(8)
    unknown = dict.fromkeys(batches.TWEET)
    row = unknown | {"id": int(now.timestamp() * 1e6), "author_id": 1, "created_at": now, "kind": "original"}
    row |= {"text": "word1", "lang": "en", "mentioned_ids": [], "sentiment": 0.5, "label": 1, "matched": True}
    with engine.connect() as connection:
        found = connection.execute(text("SELECT id FROM keyword WHERE name = :name"), {"name": keyword}).scalar_one()
    batches.save_batch(engine, batches.Batch(found, spool, keyword, 1, [row | {"terms": ["word1"]}]))


def parted(seconds: Iterable[tuple[str, float]]) -> dict[str, int]:
    """Return what 19 of 20 do not exceed, in milliseconds, of each kind."""
    kinds: dict[str, list[float]] = defaultdict(list)
    for kind, one in seconds:
        kinds[kind].append(1000 * one)
    return {kind: round(p95(some)) for kind, some in sorted(kinds.items())}


def p95(values: Sequence[float]) -> float:
    """Return what 19 of 20 do not exceed."""
    return sorted(values)[min(len(values) - 1, int(0.95 * len(values)))]
