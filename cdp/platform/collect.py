"""Taking a client's request: decoded, durable in the log, then answered."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from api.platform import CollectReply
from cdp.collector import replies
from cdp.collector.authenticate import WriteKeys
from cdp.collector.decode import decode
from cdp.collector.errors import Backlogged, CollectorError
from cdp.collector.limits import Limits, pause_for
from cdp.collector.recording import Recorder
from cdp.eventlog.protocol import EventLog
from cdp.platform.standing import Standing
from graph_schema.errors import LogFull, StoreError, StoreUnavailable
from graph_schema.model.time import Micros

UNAVAILABLE = 503
RETRY_S = 5


class LogCollecting:
    """Implements `api.platform.Collecting` on an event log."""

    def __init__(
        self,
        log: EventLog,
        standing: Standing,
        recorder: Recorder,
        keys: WriteKeys,
        limits: Limits,
        now: Callable[[], Micros],
    ) -> None:
        self._log = log
        self._recorder = recorder
        self._standing = standing
        self._keys = keys
        self._limits = limits
        self._now = now

    async def collect(
        self,
        path: str,
        body: bytes,
        *,
        content_type: str,
        content_encoding: str,
        authorization: str,
        client_ip: str,
        verbose: bool,
    ) -> CollectReply:
        try:
            batch = decode(
                body,
                path=path,
                content_type=content_type,
                content_encoding=content_encoding,
                authorization=authorization,
                received_at=self._now(),
                client_ip=client_ip,
                keys=self._keys,
                limits=self._limits,
            )
            pause = pause_for(await self._standing.backlog(), self._limits)
            if pause is not None:
                return _refused(Backlogged(seconds=pause), pause)
            await self._log.append(list(map(self._recorder.record_of, batch.events)), batch.dead)
        except CollectorError as error:
            return _refused(error, None)
        except (LogFull, StoreUnavailable) as error:
            return _unavailable(error)
        return CollectReply(200, replies.success(batch, verbose=verbose))

    def settings(self, write_key: str) -> bytes | None:
        known = self._keys.source(write_key) is not None
        return replies.project_settings(write_key) if known else None


def _refused(error: CollectorError, retry_after: int | None) -> CollectReply:
    return CollectReply(error.status, replies.failure(error), retry_after)


def _unavailable(error: StoreError) -> CollectReply:
    """Nothing was acknowledged: the client keeps its events and sends them again."""
    body = {"success": False, "code": error.code, "message": error.message}
    return CollectReply(UNAVAILABLE, msgspec.json.encode(body), RETRY_S)
