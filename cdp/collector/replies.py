"""What clients are answered, to the letter: some take any other success for a failure."""

from __future__ import annotations

import msgspec

from cdp.collector.decode import Batch
from cdp.collector.errors import CollectorError

SUCCESS = b'{"success":true}'


def success(batch: Batch, *, verbose: bool) -> bytes:
    """The body of a 200; with what became of each event where that was asked for."""
    if not verbose:
        return SUCCESS
    return msgspec.json.encode({"success": True, "outcomes": batch.outcomes})


def failure(error: CollectorError) -> bytes:
    """The body of an error; its HTTP status is `error.status`."""
    return msgspec.json.encode({"success": False, "code": error.code, "message": error.message})


def project_settings(write_key: str) -> bytes:
    """What the browser client asks for when it starts."""
    return msgspec.json.encode({"integrations": {"Segment.io": {"apiKey": write_key}}})
