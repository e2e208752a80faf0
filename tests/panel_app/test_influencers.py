"""The influencers: their cards, and when nobody is shown."""

from __future__ import annotations

from datetime import timedelta

import panel as pn
from panel_material_ui.template.base import Page
from sqlalchemy import update

from core import weights
from core.models import Audience, Author, Influence, InfluenceRun, Tweet
from panel_app import audience, influencers, look
from panel_app.selection import Selection
from tests.conftest import NOON
from tests.panel_app.conftest import PAYLOAD, Tags

RUN = {
    "window_end": NOON,
    "window_start": NOON - timedelta(hours=72),
    "state": "done",
    "started_at": NOON,
    "finished_at": NOON,
}


def people(put, keyword, author_row, tweet_row, influence_row, **fields):
    keyword("nike", **fields)
    put(Author, author_row(1, name="Ann", followers_count=1234), author_row(2, name="Bob"))
    put(Tweet, tweet_row(7, text="mine", sentiment=0.5, label=1), tweet_row(8, author_id=2))
    scores = {"reach": 30.0, "resonance": 12.5, "score": 42.5, "followers_count": 1234, "top_tweet_id": 7}
    put(Influence, influence_row(1, rank=1, **scores), influence_row(2, rank=1, label=-1, sentiment=None, scored=0))
    return Selection()


def cards(page):
    return page[2].html


def below(page):
    return page[3]


def test_a_card_holds_the_score_its_parts_the_figures_and_the_tweet(put, keyword, author_row, tweet_row, influence_row):
    shown = Tags(cards(influencers.page(people(put, keyword, author_row, tweet_row, influence_row)))).text

    for part in ("Ann", "@user1", "1st", "42.5", "Reach 30.0 + ", "Resonance 12.5", "1.23K", "mine", "+0.50n = 1"):
        assert part in shown
    assert "not scored" in shown  # Bob's mean


def test_a_mean_of_several_tweets_has_an_interval(engine, put, keyword, author_row, tweet_row, influence_row):
    put(InfluenceRun, RUN)
    selection = people(put, keyword, author_row, tweet_row, influence_row)
    put(Tweet, *(tweet_row(id, sentiment=mood, label=1) for id, mood in ((10, 0.3), (11, 0.7))))
    put(Tweet, tweet_row(12, sentiment=-1.0, label=-1, created_at=NOON - timedelta(hours=80)))  # not in the window
    with engine.begin() as connection:
        connection.execute(update(Influence).values(scored=3).where(Influence.author_id == 1))
    selection.refresh()

    assert "+0.27 to +0.73,<br>n = 3" in cards(influencers.page(selection))


def test_the_plot_places_everyone_by_reach_and_resonance_and_the_table_says_the_same(
    put, keyword, author_row, tweet_row, influence_row
):
    selection = people(put, keyword, author_row, tweet_row, influence_row)
    drawn = influencers.Plot()
    drawn.show(influencers.top(selection.view), dark=False)
    rows = {label: source.data for label, source in drawn.rows.items()}

    assert [len(rows[label]["reach"]) for label in (1, 0, -1)] == [1, 0, 1]
    assert (rows[1]["reach"], rows[1]["resonance"], rows[1]["place"]) == ([30.0], [12.5], ["1"])
    assert drawn.whole.x_range.start < 30.0 < drawn.whole.x_range.end
    table = Tags(influencers.twin(influencers.top(selection.view))).text
    assert "Ann @user1▲ Positive130.012.542.5" in table


def test_no_name_in_the_table_becomes_markup(put, keyword, author_row, tweet_row, influence_row):
    selection = people(put, keyword, author_row, tweet_row, influence_row)
    hostile = influencers.top(selection.view).assign(name=PAYLOAD, username=PAYLOAD)

    assert "img" not in Tags(influencers.twin(hostile)).tags


def test_a_sensitive_keyword_shows_no_people(put, keyword, author_row, tweet_row, influence_row):
    page = influencers.page(people(put, keyword, author_row, tweet_row, influence_row, sensitive=True))

    assert "Ann" not in cards(page)
    assert "only totals are shown" in cards(page)
    assert not below(page).visible


def test_without_scores_the_page_says_how_to_get_them(keyword, put, tweet_row):
    keyword("nike")
    put(Tweet, tweet_row(1))

    assert "talker influence run" in influencers.leaders(Selection().view)


def test_the_first_scores_may_come_while_somebody_looks(put, keyword, author_row, tweet_row, influence_row):
    keyword("nike")
    put(Tweet, tweet_row(7))
    selection = Selection()
    page = influencers.page(selection)
    Page(main=[page]).get_root()  # a browser has it before there is anything to show

    put(Author, author_row(1, name="Ann"))
    put(Influence, influence_row(1, top_tweet_id=7))
    put(InfluenceRun, RUN)
    selection.refresh()

    assert "Ann" in cards(page)
    assert below(page).visible


def test_how_a_score_is_made_is_one_click_away(put, keyword, author_row, tweet_row, influence_row):
    card = influencers.page(people(put, keyword, author_row, tweet_row, influence_row))[1]
    assert not len(card[0])

    card.collapsed = False
    rules, (chart, provenance) = card[0][0]
    assert "one sarcastic tweet makes no detractor" in rules.object
    assert len(chart.object) == 3  # bars of both parts, and their intervals
    assert weights.load().version in provenance.object


def test_a_part_of_the_page_is_built_when_it_is_first_opened():
    built = []
    card = look.folded("What if?", lambda: built.append(1) or pn.Column())
    assert not built

    for collapsed in (False, True, False):
        card.collapsed = collapsed
    assert built == [1]


def test_a_range_that_stays_shows_the_scores_of_its_end_and_says_so(put, keyword, author_row, tweet_row, influence_row):
    selection = people(put, keyword, author_row, tweet_row, influence_row)
    ends = [NOON - timedelta(hours=hours) for hours in (6, 2)]
    put(Influence, *(influence_row(3, score=score, window_end=end) for score, end in zip((11, 22), ends, strict=True)))
    put(
        Audience, *({"keyword_id": 1, "window_end": end, "tweets": 1, "voices": 1, "known": 0} for end in (*ends, NOON))
    )

    told = {}
    for before in (1, 3, 9):
        selection.choose(NOON - timedelta(hours=12), NOON - timedelta(hours=before))
        told[before] = (influencers.top(selection.view)["score"].tolist(), audience.totals(selection.view))
    assert [scores for scores, _ in told.values()] == [[22], [11], [11]]
    assert "10:00 (UTC), the last before this range ends" in told[1][1]
    assert "06:00 (UTC), the first that there are" in told[9][1]
    selection.go_live()
    assert influencers.top(selection.view)["score"].tolist() == [42.5, 50]
