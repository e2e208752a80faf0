"""The rule store: X's answers to adding, deleting and listing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from local_x.limits import Terms
from local_x.rule_store import RuleStore

VALUES = st.sampled_from(["cat", "dog", "owl", " cat ", "lang:en", "(", "a" * 1025])


def values(store):
    return [rule["value"] for rule in store.listed().get("data", [])]


def test_what_cannot_be_added_is_told_apart_from_what_was():
    store = RuleStore(Terms(rule_cap=2))
    body = store.add([{"value": v, "tag": v} for v in ("cat", "cat", "lang:en", "dog", "owl")])
    assert [rule["value"] for rule in body["data"]] == ["cat", "dog"]
    assert body["meta"]["summary"] == {"created": 2, "not_created": 3, "valid": 4, "invalid": 1}
    assert [error["title"] for error in body["errors"]] == ["DuplicateRule", "InvalidRule", "RuleCap"]
    kinds = [error["type"].rsplit("/")[-1] for error in body["errors"]]
    assert kinds == ["duplicate-rules", "invalid-rules", "rule-cap"]
    assert body["errors"][0]["id"] == body["data"][0]["id"]
    assert body["errors"][1]["details"]


def test_ids_have_19_digits_and_a_rule_may_have_no_tag():
    store = RuleStore()
    store.add([{"value": "cat"}, {"value": "dog", "tag": "pets"}])
    assert all(len(rule["id"]) == 19 for rule in store.listed()["data"])
    assert [rule.get("tag") for rule in store.listed()["data"]] == [None, "pets"]


def test_a_list_of_no_rules_is_meta_alone():
    body = RuleStore().listed()
    assert body.keys() == {"meta"}
    assert body["meta"]["result_count"] == 0


def test_rules_are_deleted_by_id_and_by_value_and_what_is_not_there_is_told():
    store = RuleStore()
    ids = [rule["id"] for rule in store.add([{"value": v} for v in ("cat", "dog", "owl")])["data"]]
    assert store.delete(ids=[ids[0], "12"])["meta"]["summary"] == {"deleted": 1, "not_deleted": 1}
    assert store.delete(values=["dog"])["meta"]["summary"] == {"deleted": 1, "not_deleted": 0}
    assert values(store) == ["owl"]
    assert store.delete_all()["meta"]["summary"]["deleted"] == 1
    assert not store


def test_a_dry_run_answers_the_same_and_changes_nothing():
    store = RuleStore()
    store.add([{"value": "cat"}])
    assert store.add([{"value": "dog"}], dry_run=True)["meta"]["summary"]["created"] == 1
    assert store.delete(values=["cat"], dry_run=True)["meta"]["summary"]["deleted"] == 1
    assert store.delete_all(dry_run=True)["meta"]["summary"]["deleted"] == 1
    assert values(store) == ["cat"]


def test_counts_are_texts_as_on_x():
    store = RuleStore(Terms(rule_cap=5))
    store.add([{"value": "cat"}])
    data = store.counts()["data"]
    assert (data["cap_per_client_app"], data["project_rules_count"]) == ("5", "1")
    assert data["client_app_rules_count"]["rule_count"] == 1


@given(st.lists(VALUES, max_size=8), st.lists(VALUES, max_size=8))
def test_every_entry_is_either_added_or_an_error_and_every_key_deleted_or_not(added, deleted):
    store = RuleStore(Terms(rule_cap=2))
    body = store.add([{"value": value} for value in added])
    assert len(body.get("data", [])) + len(body.get("errors", [])) == len(added)
    assert len(values(store)) == len(set(values(store))) == body["meta"]["summary"]["created"] <= 2
    before = len(store)
    gone = store.delete(values=deleted)["meta"]["summary"]["deleted"]
    assert before - len(store) == gone
