import pytest

from actors.objects import Includes, Tweet, User, read


def test_one_field_that_cannot_be_read_costs_no_other():
    told = {"id": "5", "text": 7, "lang": "en", "public_metrics": {"like_count": 3, "retweet_count": -1}}

    read_back = read(Tweet, told)

    assert (read_back.id, read_back.text, read_back.lang) == (5, None, "en")
    assert (read_back.public_metrics.like_count, read_back.public_metrics.retweet_count) == (3, None)


def test_one_thing_in_a_list_that_cannot_be_read_costs_no_other():
    included = read(Includes, {"users": [{"id": "1"}, "?", {"id": "x"}, {"id": 2, "name": 9}], "tweets": None})

    assert list(included.accounts()) == [1, 2]
    assert included.carried() == {}


@pytest.mark.parametrize("value", [None, 7, "text", [], [{}], {"entities": None, "public_metrics": [], "location": {}}])
def test_what_is_no_object_is_one_that_says_nothing(value):
    assert read(Tweet, value) == Tweet()
    assert read(User, value) == User()
