"""The one-page report: one page, nobody's markup, nobody where the keyword is sensitive."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from hypothesis import given
from pypdf import PdfReader

from core.models import Author, Gap, Influence, Term, Trend, Tweet
from panel_app import report
from panel_app.selection import Selection
from tests.panel_app.conftest import NOON, PAYLOAD, SECRET, Tags, minute_row, strangers_text


def pages(made):
    return PdfReader(io.BytesIO(report.pdf(made))).pages


@pytest.fixture
def told(keyword, put, influence_row, author_row, tweet_row):
    """A report on a keyword with one influencer, of whom and in which words is given."""

    def make(name="Ann", word="late", **fields):
        keyword(PAYLOAD, **fields)
        put(Author, author_row(1, name=name, username=name))
        put(Tweet, tweet_row(1, sentiment=0.5, label=1), tweet_row(2, author_id=2))
        put(Influence, influence_row(1, rank=1, score=42.3))
        put(Trend, minute_row(label=1, sentiment_sum=0.5, sentiment_square_sum=0.25))
        put(Term, {"keyword_id": 1, "hour": NOON, "label": 1, "term": word, "tweets": 1234})
        put(Gap, {"started_at": NOON - timedelta(hours=9), "ended_at": NOON - timedelta(hours=8), "reason": "HTTP 503"})
        return report.read(Selection(hours=24).view)

    return make


def test_a_report_shows_figures_people_and_words_on_one_page(told):
    made = told()
    [page] = pages(made)
    for shown in (report.html(made), page.extract_text()):
        for figure in ("Ann", "@Ann", "42.3", "late", "1,234", "synthetic data"):
            assert figure in shown
    assert report.html(made).count('<rect class="gap"') == 1


def test_no_strangers_markup_is_markup_in_a_report(told):
    made = Tags(report.html(told(PAYLOAD, PAYLOAD)))

    assert not {"img", "script", "a"} & set(made.tags)
    assert made.handlers == []
    assert made.text.count(PAYLOAD) == 5  # the title twice, name, handle, word


def test_of_a_sensitive_keyword_a_report_names_nobody(told):
    made = told(SECRET, sensitive=True)

    assert made.people == ()
    assert SECRET not in report.html(made) + pages(made)[0].extract_text()
    assert "only totals are shown" in report.html(made)


@pytest.fixture(scope="module")
def sheet():
    """A sheet to write on."""
    made = report.Sheet()
    made.set_font("talker", "", 8)
    yield made
    made.let_go()


@given(name=strangers_text())
def test_whatever_somebody_is_called_stays_in_its_line(sheet, name):
    line = sheet.fitting(name, 46)

    assert "\n" not in line
    assert sheet.get_string_width(line) <= 46
