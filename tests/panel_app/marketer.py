"""Somebody with a browser, by mouse or by finger, who keeps what the console says and whom the pages ask."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests.panel_app import eyes

LATER = 60_000  # milliseconds; the machine may be busy
SURFACE = {"light": "rgb(255, 255, 255)", "dark": "rgb(30, 30, 30)"}  # what a page of each theme lies on


class Marketer:
    """Uses the app in one page of a browser."""

    def __init__(self, page, phone):
        self.page, self.phone = page, phone
        self.errors, self.hosts = [], set()
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).hostname))

    def press(self, role, name, **more):
        """Use a button or a link."""
        one = self.page.get_by_role(role, name=name, **more).first
        one.wait_for(timeout=LATER)
        one.tap(timeout=LATER) if self.phone else one.click(timeout=LATER)

    def go_to(self, name):
        """Choose a page in the menu, which on a phone is opened and then closes by itself."""
        if self.phone:
            self.press("button", "Open drawer")
        self.press("button", name, exact=True)
        self.page.get_by_role("heading", level=1, name=name).wait_for(timeout=LATER)
        if self.phone:
            self.page.get_by_role("button", name="Open drawer").wait_for(timeout=LATER)

    def sees(self, scheme):
        """Wait until all of a page has a theme: what the browser draws turns at once, what we write follows."""
        expect(self.page.locator("main")).to_have_css("background-color", SURFACE[scheme], timeout=LATER)
        expect(self.page.locator(f".talker:not(.{scheme})")).to_have_count(0, timeout=LATER)

    def take(self, name):
        """Press a button that gives a file; returns its name and content."""
        with self.page.expect_download(timeout=LATER) as download:
            self.press("button", name)
        return download.value.suggested_filename, download.value.path().read_bytes()

    def faults(self):
        """Return what is wrong with what is seen now: words on each other, and what is wider than the window."""
        self.page.wait_for_timeout(300)  # what was drawn last may still find its place
        wide = self.page.evaluate("Math.max(0, document.documentElement.scrollWidth - innerWidth)")
        found = {"crossed": eyes.look(self.page, "crossed"), "clouds": eyes.crossed_words(self.page), "too wide": wide}
        strangers = self.hosts - {"127.0.0.1", None, ""}
        found |= {"asked": strangers, "console": list(self.errors), "ran": self.page.evaluate("window.hacked")}
        self.errors.clear()
        return {what: found[what] for what in found if found[what]}
