"""X's error answers."""

from __future__ import annotations

from http import HTTPStatus

import orjson
from aiohttp import web


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
    return connection_problem(409, "RuleConfigurationIssue", "You must define rules on your stream before connecting.")


def too_many_connections() -> web.Response:
    """Answer a second connection."""
    detail = "This stream is currently at the maximum allowed connection limit."
    return connection_problem(429, "TooManyConnections", detail)


def connection_problem(status: int, issue: str, detail: str) -> web.Response:
    """Answer a connection that cannot be made."""
    kind = problem_type("streaming-connection")
    return problem(status, title="ConnectionException", detail=detail, connection_issue=issue, type=kind)
