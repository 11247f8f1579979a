"""What can go wrong between a request and its answer, and how it is told.

Every error of a GraphQL answer carries `extensions.code` and `extensions.requestId`. What nobody
foresaw is told as INTERNAL; its text stays in the log, and what may be personal not even there.
"""

from __future__ import annotations

import logging
import traceback
from typing import Any

from graphql import GraphQLError

from api.untold import without_values
from graph_schema.errors import CdpError

log = logging.getLogger("cdp.api")


class ApiError(CdpError):
    """The request cannot be answered."""

    code = "BAD_REQUEST"
    status = 400


class Unauthenticated(ApiError):
    """A known token is needed: send it as `Authorization: Bearer <token>`."""

    code = "UNAUTHENTICATED"
    status = 401


class Forbidden(ApiError):
    """It does not exist, or this token may not see or do it."""

    code = "FORBIDDEN"
    status = 403


class PersonalCondition(Forbidden):
    """{path}: a condition on a personal value needs the scope pii:read."""


class NotFound(ApiError):
    """There is nothing at this address."""

    code = "NOT_FOUND"
    status = 404


class MethodNotAllowed(ApiError):
    """This address takes {methods} only."""

    code = "METHOD_NOT_ALLOWED"
    status = 405


class ArgumentError(ApiError):
    """{reason}"""

    code = "BAD_INPUT"


class BadCursor(ApiError):
    """This cursor was made for other arguments, or is none: begin again without `after`."""

    code = "BAD_CURSOR"


class BadBody(ApiError):
    """The body must be a JSON object with `query` (text), and where needed `variables` (an object)
    and `operationName` (text): {reason}."""

    code = "BAD_REQUEST"


class WrongContentType(ApiError):
    """Send the query as `Content-Type: application/json`, not compressed."""

    code = "UNSUPPORTED_MEDIA_TYPE"
    status = 415


class BodyTooLarge(ApiError):
    """The body is larger than {limit} bytes."""

    code = "BODY_TOO_LARGE"
    status = 413


class BodyTooSlow(ApiError):
    """The body did not come within {seconds} seconds: send it again."""

    code = "BODY_TOO_SLOW"
    status = 408


class BodyCutOff(ApiError):
    """The connection ended, or broke its framing, before the body was whole: send it again."""

    code = "BODY_CUT_OFF"


class BatchingRefused(ApiError):
    """One request carries one operation: send the operations of this list one by one."""

    code = "BATCHING_REFUSED"


class ParseFailed(ApiError):
    """The query is no GraphQL: {reason}"""

    code = "PARSE_FAILED"


class UnknownOperation(ApiError):
    """The query has no operation of that name, or several and no `operationName`, or none that this
    address answers (subscriptions come over a WebSocket)."""

    code = "UNKNOWN_OPERATION"


class QueryTooLong(ApiError):
    """The query is longer than {limit} characters: send what changes as variables."""

    code = "QUERY_TOO_LONG"


class TooManyTokens(ApiError):
    """The query has more than {limit} tokens: ask for less at once."""

    code = "TOO_MANY_TOKENS"


class TooDeep(ApiError):
    """The query is nested deeper than {limit} levels: ask in steps."""

    code = "TOO_DEEP"


class TooManyFields(ApiError):
    """The query selects more than {limit} fields, fragments counted wherever they are spread."""

    code = "TOO_MANY_FIELDS"


class TooManyAliases(ApiError):
    """The query has more than {limit} aliases, fragments counted wherever they are spread."""

    code = "TOO_MANY_ALIASES"


class TooManyDirectives(ApiError):
    """The query has more than {limit} directives, fragments counted wherever they are spread."""

    code = "TOO_MANY_DIRECTIVES"


class TooCostly(ApiError):
    """The query costs {cost} of at most {limit}: the cost follows `first`, ask for shorter lists."""

    code = "TOO_COSTLY"


class CyclicFragment(ApiError):
    """A fragment spreads itself."""

    code = "CYCLIC_FRAGMENT"


class AsOfTooNew(ApiError):
    """At {asked} not everything that was recorded by then is known yet: ask for an earlier moment, or
    again in a moment."""

    code = "AS_OF_TOO_NEW"


class AsOfTooOld(ApiError):
    """The past is kept from {since} on: ask for a later moment."""

    code = "AS_OF_TOO_OLD"


class TimedOut(ApiError):
    """The answer took longer than {seconds} seconds and was given up: ask for less at once."""

    code = "TIMEOUT"
    status = 503


class Stopping(ApiError):
    """The server is stopping: ask again in a moment."""

    code = "SHUTTING_DOWN"
    status = 503


def told(error: ApiError, request_id: str) -> dict[str, Any]:
    """A whole GraphQL answer that says that the request was refused."""
    return {
        "errors": [
            {
                "message": error.message,
                "extensions": {"code": error.code, "requestId": request_id},
            }
        ]
    }


def formatted(error: GraphQLError, request_id: str, fallback: str) -> dict[str, Any]:
    """One entry of `errors[]`. `fallback` is the code of an error that GraphQL itself raised."""
    original = _root_of(error)
    told: dict[str, Any] = {"message": without_values(error.message)}
    code = fallback
    if isinstance(original, CdpError):
        code = original.code
        told["message"] = original.message
    elif original is not None and not isinstance(original, GraphQLError):
        code = "INTERNAL"
        told["message"] = "Something went wrong here; the log knows more under this request id."
        report(original, request_id)
    if error.locations:
        told["locations"] = [location.formatted for location in error.locations]
    if error.path:
        told["path"] = error.path
    told["extensions"] = {"code": code, "requestId": request_id}
    return told


def report(error: BaseException, request_id: str) -> None:
    """Logs where an unforeseen error came from, without its text: that may hold a person's data."""
    log.error("request %s failed: %s", request_id, kind_and_place(error))


def kind_and_place(error: BaseException) -> str:
    """What may be logged of an error: all but its text."""
    frames = traceback.extract_tb(error.__traceback__)[-6:]
    where = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
    return f"{type(error).__name__} at {where}"


def _root_of(error: GraphQLError) -> BaseException | None:
    original: BaseException | None = error.original_error
    while isinstance(original, GraphQLError) and original.original_error is not None:
        original = original.original_error
    return original
