"""The banner over pages with invented people."""

from core.models import Author, Tweet
from panel_app.app import notice
from panel_app.selection import Selection


def test_a_page_that_is_open_says_that_people_are_invented_as_soon_as_there_are_some(
    keyword, put, author_row, tweet_row
):
    keyword("nike")
    selection = Selection()
    banner = notice(selection)
    put(Tweet, tweet_row(1))
    selection.refresh()
    assert not banner.visible

    put(Author, author_row(1, synthetic=True))
    put(Tweet, tweet_row(2))
    selection.refresh()
    assert banner.visible
