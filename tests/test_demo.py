"""The demo, as somebody sees it who has just cloned the repository."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest
from playwright.sync_api import expect

from local_x.stories import KEYWORDS

pytestmark = [pytest.mark.cluster, pytest.mark.browser]

PARTS = {
    "influence-score": ".columns .card",
    "influencer-map": ".bk-Figure canvas",
    "word-clouds": ".bk-Figure canvas",
    "hashtag-trend": ".bk-Figure canvas",
}
PATIENCE = 240_000  # ms: this is no measurement, and the machine may be busy


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A running demo: its process, its home, the page's address."""
    home = tmp_path_factory.mktemp("demo")
    env = {name: value for name, value in os.environ.items() if not name.startswith(("TALKER_", "RAY_"))}
    talker = Path(sys.executable).with_name("talker")
    process = subprocess.Popen(
        [talker, "demo", "--port", "0"],
        env=env | {"TALKER_HOME": str(home), "COLUMNS": "200"},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    address = next(found[0] for line in process.stderr if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
    yield process, home, address
    process.kill()
    process.stderr.close()
    process.wait()


def started_by(process, home):
    """Return the processes that the demo runs: its descendants, and whoever works in its home."""
    ours = set(psutil.Process(process.pid).children(recursive=True))
    for other in psutil.process_iter():
        try:
            if str(home) in " ".join(other.cmdline()) or other.environ().get("TALKER_HOME") == str(home):
                ours.add(other)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return ours


def test_all_four_parts_show_data_for_every_keyword_and_change_while_one_looks(demo, browser):
    _, _, address = demo
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{address}/?page=influence-score")
    page.locator(PARTS["influence-score"]).first.wait_for(timeout=PATIENCE)  # the scores come last
    for keyword in KEYWORDS:
        for part, drawn in PARTS.items():
            page.goto(f"{address}/?page={part}&keyword={quote(keyword)}")
            page.locator(drawn).first.wait_for(timeout=PATIENCE)
            expect(page.get_by_text("Synthetic data").first).to_be_visible()

    page.goto(f"{address}/?page=overview&keyword={quote('#OneMinuteChoir')}")
    tweets = page.locator(".tiles .figure").first
    tweets.wait_for(timeout=PATIENCE)
    expect(tweets).not_to_have_text(tweets.inner_text(), timeout=PATIENCE)
    assert errors == []


def test_status_tells_who_carries_which_keyword(demo):
    _, home, _ = demo
    env = {name: value for name, value in os.environ.items() if not name.startswith(("TALKER_", "RAY_"))}
    asked = [Path(sys.executable).with_name("talker"), "status", "--json"]
    told = json.loads(subprocess.check_output(asked, env=env | {"TALKER_HOME": str(home)}))

    assert {lane["keyword"]: lane["tracker"] for lane in told["lanes"]} == dict(zip(KEYWORDS, KEYWORDS, strict=True))
    assert told["reader"]["state"] == "listening"
    assert sum(lane["committed"] for lane in told["lanes"]) > 1000
    assert told["spool"]["full"] is False


def test_ctrl_c_leaves_no_process_behind(demo):
    process, home, _ = demo
    ours = started_by(process, home)
    assert len(ours) > 5
    process.send_signal(signal.SIGINT)

    assert process.wait(timeout=60) == 130
    _, alive = psutil.wait_procs(list(ours), timeout=20)
    assert [one for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []
    assert not (home / "demo/postgres/postmaster.pid").exists()
