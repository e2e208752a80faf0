"""Batch compliance, as a client does it: create, upload, poll, download."""

from __future__ import annotations

import json

import pytest
import requests

JOBS = "/2/compliance/jobs"


def uploaded(job, ids):
    return requests.put(job["upload_url"], data="\n".join(ids), headers={"Content-Type": "text/plain"}, timeout=10)


def test_a_job_tells_what_became_of_the_tweets(serve):
    served = serve()
    there, deleted, suspended = (m["data"] for m in served.messages(3, **{"tweet.fields": "author_id"}))
    served.local_x.remove(int(deleted["id"]))
    served.local_x.remove(int(suspended["author_id"]), reason="suspended")
    job = served.ask("POST", JOBS, {"type": "tweets", "name": "nightly"}).json()["data"]
    assert (job["status"], job["name"]) == ("created", "nightly")
    assert requests.get(job["download_url"], timeout=10).status_code == 404
    assert uploaded(job, [there["id"], deleted["id"], suspended["id"], deleted["id"], "no id"]).status_code == 200
    assert served.get(f"{JOBS}/{job['id']}")["data"]["status"] == "complete"
    rows = [json.loads(line) for line in requests.get(job["download_url"], timeout=10).iter_lines()]
    assert rows == [
        {"id": deleted["id"], "action": "delete", "reason": "deleted"},
        {"id": suspended["id"], "action": "delete", "reason": "suspended"},
    ]


def test_a_job_about_users_tells_of_users(serve):
    served = serve()
    author = served.messages(1, **{"tweet.fields": "author_id"})[0]["data"]["author_id"]
    job = served.ask("POST", JOBS, {"type": "users"}).json()["data"]
    served.local_x.remove(int(author), reason="deactivated")
    uploaded(job, [author])
    assert requests.get(job["download_url"], timeout=10).json()["reason"] == "deactivated"


def test_one_job_of_a_type_runs_at_a_time(serve):
    served = serve(job_seconds=60)
    job = served.ask("POST", JOBS, {"type": "tweets"}).json()["data"]
    assert served.ask("POST", JOBS, {"type": "tweets"}).status_code == 400
    assert served.ask("POST", JOBS, {"type": "users"}).status_code == 200
    uploaded(job, ["1"])
    assert served.get(f"{JOBS}/{job['id']}")["data"]["status"] == "in_progress"
    assert uploaded(job, ["1"]).status_code == 404
    assert [one["id"] for one in served.get(JOBS, type="tweets")["data"]] == [job["id"]]
    assert served.get(JOBS, type="tweets", status="complete") == {"meta": {"result_count": 0}}


@pytest.mark.parametrize("body", [{}, [], {"type": "lists"}, {"type": "tweets", "name": 1}])
def test_a_job_of_another_form_is_refused(serve, body):
    served = serve()
    assert served.ask("POST", JOBS, body).status_code == 400
    assert served.ask("GET", f"{JOBS}/1").status_code == 404
    assert served.ask("GET", JOBS).status_code == 400
