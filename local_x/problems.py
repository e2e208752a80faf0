"""X's error answers."""

from __future__ import annotations

from http import HTTPStatus

import orjson
from aiohttp import web

TOO_MANY = "This stream is currently at the maximum allowed connection limit."
HIDDEN = {"protected", "suspended"}  # there, but not for us


def problem_type(kind: str) -> str:
    """Return the URI that names a kind of problem."""
    return f"https://api.twitter.com/2/problems/{kind}"


def problem(code: int, **body: object) -> web.Response:
    """Return an error with this HTTP status as application/problem+json."""
    return web.Response(status=code, body=orjson.dumps(body), content_type="application/problem+json")


def plain(code: int) -> web.Response:
    """Answer with a status that says all: a wrong token, no such path, one request too many."""
    phrase = HTTPStatus(code).phrase
    return problem(code, title=phrase, type="about:blank", status=code, detail=phrase)


def invalid_request(message: str, **parameters: str) -> web.Response:
    """Answer a request that cannot be understood, naming the parameters."""
    errors = [{"parameters": {name: [value] for name, value in parameters.items()}, "message": message}]
    detail = "One or more parameters to your request was invalid."
    return problem(400, errors=errors, title="Invalid Request", detail=detail, type=problem_type("invalid-request"))


def no_rules() -> web.Response:
    """Answer a connection while there is no rule."""
    issue = connection_exception("RuleConfigurationIssue", "You must define rules on your stream before connecting.")
    return problem(409, **issue)


def too_many_connections() -> web.Response:
    """Answer a second connection."""
    return problem(429, **connection_exception("TooManyConnections", TOO_MANY))


def connection_exception(issue: str, detail: str) -> dict[str, str]:
    """Return why a connection cannot be, as an answer or inside the stream."""
    kind = problem_type("streaming-connection")
    return {"title": "ConnectionException", "detail": detail, "connection_issue": issue, "type": kind}


def operational_disconnect() -> dict[str, str]:
    """Return what the stream says before X closes it for its own reasons."""
    return {
        "title": "operational-disconnect",
        "disconnect_type": "UpstreamOperationalDisconnect",
        "detail": "This stream has been disconnected upstream for operational reasons.",
        "type": problem_type("operational-disconnect"),
    }


def usage_cap() -> web.Response:
    """Answer an app that has read its month's posts."""
    detail = "Usage cap exceeded: Monthly product cap"
    kind = problem_type("usage-capped")
    return problem(429, title="UsageCapExceeded", detail=detail, period="Monthly", scope="Product", type=kind)


def missing(resource: str, resource_id: str, reason: str) -> dict[str, str]:
    """Return the entry of `errors` for a tweet or user that cannot be had, and why: deleted, protected, ..."""
    hidden = reason in HIDDEN
    detail = (
        f"Sorry, you are not authorized to see the {resource} with ids: [{resource_id}]."
        if hidden
        else f"Could not find {resource} with ids: [{resource_id}]."
    )
    return {
        "value": resource_id,
        "resource_id": resource_id,
        "resource_type": resource,
        "parameter": "ids",
        "detail": detail,
        "title": "Authorization Error" if hidden else "Not Found Error",
        "type": problem_type("not-authorized-for-resource" if hidden else "resource-not-found"),
    }
