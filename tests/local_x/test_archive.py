"""Tweets and users as they are today: counts, edits, deletions, and the look-ups that show them."""

from __future__ import annotations

import pytest

TWEETS = "/2/tweets"
SEARCH = "/2/tweets/search/recent"


@pytest.fixture
def served(serve):
    return serve()


@pytest.fixture
def originals(served):
    """The first originals of the stream, with their authors."""
    heard = served.messages(200, **{"tweet.fields": "referenced_tweets"}, expansions="author_id")
    return [message for message in heard if "referenced_tweets" not in message["data"]]


def test_a_tweet_looked_up_later_has_more_retweets(served):
    fields = {"tweet.fields": "public_metrics,referenced_tweets", "expansions": "referenced_tweets.id"}
    heard = served.messages(400, **fields)
    first = next(m for m in heard if m["data"]["text"].startswith("RT "))
    original = first["includes"]["tweets"][0]
    later = served.get(TWEETS, ids=original["id"], **{"tweet.fields": "public_metrics"})["data"][0]
    told = [m for m in heard if m.get("includes", {}).get("tweets", [{}])[0].get("id") == original["id"]]
    assert len(told) > 1
    assert later["public_metrics"]["retweet_count"] > original["public_metrics"]["retweet_count"]
    assert later["text"] == original["text"]


def test_what_is_not_there_or_not_there_yet_is_an_error(served, originals, scenario):
    known = originals[0]["data"]["id"]
    later = next(scenario.events(scenario.now.replace(hour=20))).id
    body = served.get(TWEETS, ids=f"{known},12,{later}")
    assert [tweet["id"] for tweet in body["data"]] == [known]
    assert [error["value"] for error in body["errors"]] == ["12", str(later)]
    assert {error["title"] for error in body["errors"]} == {"Not Found Error"}


def test_a_deleted_tweet_is_neither_looked_up_nor_found_nor_retweeted(served):
    fields = {"tweet.fields": "referenced_tweets", "expansions": "referenced_tweets.id"}
    retweet = next(m for m in served.messages(400, **fields) if m["data"]["text"].startswith("RT "))
    original = retweet["includes"]["tweets"][0]["id"]
    assert served.get(TWEETS, ids=original)["data"]
    served.local_x.remove(int(original))
    body = served.get(TWEETS, ids=f"{original},{retweet['data']['id']}")
    assert body.keys() == {"errors"}
    assert {error["value"] for error in body["errors"]} == {original, retweet["data"]["id"]}
    later = served.messages(400, **fields)
    assert original not in {
        m["data"].get("referenced_tweets", [{}])[0].get("id") for m in later if "RT @" in m["data"]["text"]
    }


def test_a_suspended_user_takes_his_tweets_along(served, originals):
    tweet, user = originals[0]["data"]["id"], originals[0]["data"]["author_id"]
    assert served.get("/2/users", ids=user)["data"][0]["username"].endswith("_example")
    served.local_x.remove(int(user), reason="suspended")
    for path, wanted in ((TWEETS, tweet), ("/2/users", user)):
        (error,) = served.get(path, ids=wanted)["errors"]
        assert (error["value"], error["title"]) == (wanted, "Authorization Error")


def test_an_edit_is_a_new_id_with_its_chain_on_the_stream_and_in_search(served, originals):
    old = originals[0]["data"]["id"]
    new = served.local_x.edit(int(old), "A second thought about #OneMinuteChoir")
    (told,) = served.messages(1, **{"tweet.fields": "entities"})
    assert told["data"]["id"] == str(new) != old
    assert told["data"]["edit_history_tweet_ids"] == [old, str(new)]
    assert told["data"]["entities"]["hashtags"][0]["tag"] == "OneMinuteChoir"
    third = served.local_x.edit(new, "A third thought about #OneMinuteChoir")
    chain = [old, str(new), str(third)]
    versions = served.get(TWEETS, ids=",".join(chain))["data"]
    assert [version["edit_history_tweet_ids"] for version in versions] == [chain] * 3
    assert len({version["text"] for version in versions}) == 3
    found = served.get(SEARCH, query='"thought about"', since_id=int(old) - 1)["data"]
    assert [tweet["id"] for tweet in found] == [str(third)]
    served.local_x.remove(int(old))
    assert len(served.get(TWEETS, ids=",".join(chain))["errors"]) == 3


@pytest.mark.parametrize("ids", ["", "x", "1,", ",".join(map(str, range(1, 102))), "1" * 20, "²"])
def test_ids_of_another_form_are_refused(served, ids):
    assert served.ask("GET", TWEETS, ids=ids).status_code == 400
    assert served.ask("GET", "/2/users", ids=ids).status_code == 400


def test_every_post_read_is_on_the_bill_once_a_day(served):
    heard = served.messages(50, expansions="referenced_tweets.id")
    posts = {m["data"]["id"] for m in heard} | {t["id"] for m in heard for t in m.get("includes", {}).get("tweets", ())}

    def used():
        data = served.get("/2/usage/tweets")["data"]
        assert data["project_cap"] == "3000000"
        assert data["daily_project_usage"]["usage"][0]["usage"] == data["project_usage"]
        return int(data["project_usage"])

    before = used()
    assert before >= len(posts)
    served.get(TWEETS, ids=",".join(sorted(posts)[:50]))
    assert used() == before
    assert served.ask("GET", "/2/usage/tweets", days=91).status_code == 400


@pytest.mark.parametrize("names", ["new", "mixed"])
def test_names_are_spelled_as_ordered_everywhere(serve, names):
    served = serve(names=names)
    fields = {"tweet.fields": "public_metrics", "expansions": "referenced_tweets.id"}
    message = next(m for m in served.messages(200, **fields) if m["data"]["text"].startswith("RT "))
    found = served.get(SEARCH, query="#oneminutechoir", **{"post.fields": "public_metrics"})["data"]
    old = {"tweets", "edit_history_tweet_ids", "retweet_count", "referenced_tweets"}
    new = {"posts", "edit_history_post_ids", "repost_count", "referenced_posts"}
    names_told = names_in(message) | names_in(found)
    assert bool(names_told & old) == (names == "mixed")
    assert names_told & new


def names_in(thing):
    """Return every key in a body."""
    if isinstance(thing, list):
        return set().union(*map(names_in, thing))
    return thing.keys() | names_in(list(thing.values())) if isinstance(thing, dict) else set()


def test_once_renamed_look_up_and_search_know_the_new_names_only(serve):
    served = serve(names="new")
    for path, asked in ((TWEETS, {"ids": "12"}), (SEARCH, {"query": "cat", "start_time": "2026-06-22T08:59:00Z"})):
        assert served.ask("GET", path, **asked, **{"tweet.fields": "note_tweet"}).status_code == 400
        assert served.ask("GET", path, **asked, expansions="referenced_tweets.id").status_code == 400
        assert served.ask("GET", path, **asked, **{"tweet.fields": "note_post"}).status_code == 200
        assert served.ask("GET", path, **asked, expansions="referenced_posts").status_code == 200
