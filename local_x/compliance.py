"""Batch compliance: ids go up, and what has become of them comes down."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import orjson

from local_x.archive import Archive
from local_x.connections import iso
from local_x.limits import Terms

UPLOAD_SECONDS, DOWNLOAD_SECONDS = 900, 7 * 86400
KINDS = ("tweets", "users")
FIRST_JOB_ID = 1_500_000_000_000_000_000  # 19 digits, as X's


@dataclass
class Job:
    """One job; `key` is the secret part of the addresses for upload and download, which need no token."""

    id: str
    type: str
    name: str
    key: str = field(default_factory=secrets.token_urlsafe)
    created_at: float = field(default_factory=time.time)
    done_at: float | None = None
    fate: str = "complete"
    result: bytes = b""

    def status(self) -> str:
        """Return X's word for how far it is."""
        if self.done_at is None:
            return "created" if time.time() < self.created_at + UPLOAD_SECONDS else "expired"
        return self.fate if time.time() >= self.done_at else "in_progress"

    def shown(self, host: str) -> dict[str, Any]:
        """Return the job as X shows it; its addresses are at this host."""
        return {
            "id": self.id,
            "type": self.type,
            **({"name": self.name} if self.name else {}),
            "resumable": False,
            "status": self.status(),
            "created_at": iso(self.created_at),
            "upload_url": f"{host}/compliance/{self.key}/submission",
            "upload_expires_at": iso(self.created_at + UPLOAD_SECONDS),
            "download_url": f"{host}/compliance/{self.key}/results",
            "download_expires_at": iso(self.created_at + DOWNLOAD_SECONDS),
        }


class Jobs:
    """All jobs of the app, at most one of a type at a time."""

    def __init__(self, archive: Archive, terms: Terms):
        self._archive, self._terms = archive, terms
        self._jobs: list[Job] = []

    def create(self, body: Any) -> Job:
        """Take a new job.

        Raises:
            ValueError: the body is of another form, or a job of its type is not over.
        """
        match body:
            case {"type": "tweets" | "users" as kind, **others} if others.keys() <= {"name", "resumable"}:
                name = others.get("name", "")
            case _:
                raise ValueError("The body must have a `type`, tweets or users.")
        if not isinstance(name, str):
            raise ValueError("The `name` must be a text.")
        if any(job.type == kind and job.status() in ("created", "in_progress") for job in self._jobs):
            raise ValueError(f"You have a concurrent job of type {kind}; only one is allowed.")
        job = Job(str(FIRST_JOB_ID + len(self._jobs)), kind, name)
        self._jobs.append(job)
        return job

    def of(self, kind: str, status: str | None) -> list[Job]:
        """Return the jobs of a type, with this status if one is given."""
        return [job for job in self._jobs if job.type == kind and status in (None, job.status())]

    def with_id(self, job_id: str) -> Job | None:
        """Return the job with this id."""
        return next((job for job in self._jobs if job.id == job_id), None)

    def with_key(self, key: str) -> Job | None:
        """Return the job whose addresses have this key."""
        return next((job for job in self._jobs if secrets.compare_digest(job.key, key)), None)

    def upload(self, job: Job, body: bytes) -> None:
        """Take the ids, one a line, and begin; lines that are no id are passed over."""
        self._archive.catch_up()
        ids = [line.strip().decode() for line in body.splitlines() if line.strip().isdigit()]
        fates = {one: self._archive.fate(one) for one in dict.fromkeys(ids)}
        rows = [{"id": one, "action": "delete", "reason": why} for one, why in fates.items() if why]
        job.result = b"".join(orjson.dumps(row) + b"\n" for row in rows)
        job.done_at, job.fate = time.time() + self._terms.job_seconds, self._terms.job_fate
