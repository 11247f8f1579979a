"""Why a request, or one event of it, is not taken."""

from __future__ import annotations

from graph_schema.errors import CdpError


class CollectorError(CdpError):
    """The request cannot be taken.

    Of the whole request; `status` is its HTTP status. Nothing of it was kept.
    """

    code = "COLLECT_REFUSED"
    status = 400


class NotJson(CollectorError):
    """The body is no JSON object in UTF-8: send one (NaN and Infinity are no JSON)."""

    code = "NOT_JSON"


class NestedTooDeep(CollectorError):
    """The body is nested too deep: send flatter events."""

    code = "NESTED_TOO_DEEP"


class NotABatch(CollectorError):
    """The body has no list under "batch": send {{"batch": [...]}}."""

    code = "NOT_A_BATCH"


class NotGzip(CollectorError):
    """The body is not the gzip that its Content-Encoding announces: compress it again."""

    code = "NOT_GZIP"


class WrongWriteKey(CollectorError):
    """The write key is missing or wrong: send one of CDP_WRITE_KEYS as "writeKey" in the body or as
    the user name of Basic authentication."""

    code = "WRONG_WRITE_KEY"
    status = 401


class UnknownCall(CollectorError):
    """There is no such call: send to /v1/batch, or to one of /v1/identify track page screen group
    alias."""

    code = "UNKNOWN_CALL"
    status = 404


class RequestTooLarge(CollectorError):
    """The request has more than {limit} bytes ({what}): send fewer events at once."""

    code = "REQUEST_TOO_LARGE"
    status = 413


class TooManyEvents(CollectorError):
    """The batch has {found} events, more than {limit}: send fewer at once."""

    code = "TOO_MANY_EVENTS"
    status = 413


class EventTooLarge(CollectorError):
    """The event has {found} bytes, more than {limit}: send less with it."""

    code = "EVENT_TOO_LARGE"
    status = 413


class WrongContentType(CollectorError):
    """The Content-Type is neither application/json nor text/plain: send JSON as one of the two."""

    code = "WRONG_CONTENT_TYPE"
    status = 415


class WrongContentEncoding(CollectorError):
    """The Content-Encoding is neither gzip nor identity: send the body as one of the two."""

    code = "WRONG_CONTENT_ENCODING"
    status = 415


class Backlogged(CollectorError):
    """More was taken than could be worked off so far: send it again in {seconds} seconds."""

    code = "BACKLOGGED"
    status = 429


class BadEvent(Exception):
    """One event that cannot be taken; the others of its batch are. `reason` is a stable code (docs/
    collector.md lists them), `message` a sentence that holds nothing of the event's values."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
