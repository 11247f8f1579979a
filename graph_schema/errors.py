"""The root of the error tree.

Every error of the product is a subclass of `CdpError` with a stable `code`. The first paragraph of
a class's docstring is its message: a sentence that says what to do, with `{fields}` filled in from
the keyword arguments. So the documentation of the errors and what a person reads are one text.
"""

from __future__ import annotations

import inspect


class CdpError(Exception):
    """Something went wrong."""

    code = "ERROR"

    def __init__(self, **fields: object) -> None:
        self.fields = fields
        super().__init__(self._sentence().format(**fields))

    @classmethod
    def _sentence(cls) -> str:
        return " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())

    @property
    def message(self) -> str:
        """The sentence for a person, without the code."""
        return str(self)


class BadInput(CdpError):
    """{reason}"""

    code = "BAD_INPUT"


class SettingError(CdpError):
    """The setting {name} is wrong: {reason}."""

    code = "BAD_SETTING"


class StoreError(CdpError):
    """The store cannot be used: {reason}."""

    code = "STORE_ERROR"


class StoreUnavailable(StoreError):
    """The store {store} cannot be reached at the moment: {reason}. It is tried again."""

    code = "STORE_UNAVAILABLE"


class StoreUnreachable(StoreError):
    """Nothing answers at {store} ({reason}): start Neo4j there, or correct {named}."""

    code = "STORE_UNREACHABLE"


class StoreLogin(StoreError):
    """{store} does not let {user} in: correct user and password in {named}."""

    code = "STORE_LOGIN"


class StoreNoDatabase(StoreError):
    """{store} has no database {database}: name one that is there at the end of {named}."""

    code = "STORE_NO_DATABASE"


class StoreReadOnly(StoreError):
    """{store} can be read only: name in {named} the server, or the database, that takes writes."""

    code = "STORE_READ_ONLY"


class StoreTooOld(StoreError):
    """{store} is Neo4j {found}: version {least} or later is needed."""

    code = "STORE_TOO_OLD"


class StoreForeign(StoreError):
    """{store} holds a graph of something else: name an empty database in {named}. Nothing was
    changed."""

    code = "STORE_FOREIGN"


class StoreRefused(StoreError):
    """{store} refuses what is asked of it: {reason}."""

    code = "STORE_REFUSED"


class StoreCorrupt(StoreError):
    """{path} is damaged or is no store of this product ({reason}): restore it from a backup. A graph may
    also be moved away and derived anew by `cdp rebuild`; a log may not: the graph comes from it. Nothing
    was changed."""

    code = "STORE_CORRUPT"


class StoreNewer(StoreError):
    """{path} was written by a newer version (schema {found}, this version knows {known}): install
    that version. Nothing was changed."""

    code = "STORE_NEWER"


class WrongHashKey(StoreError):
    """The graph was built with another CDP_HASH_KEY: give the one it was built with (it was made at
    the first start and lies in credentials.toml). Nothing was changed."""

    code = "WRONG_HASH_KEY"


class WrongLog(StoreError):
    """The graph was built from log {expected}, this is log {found}: point CDP_DATA and CDP_LOG at
    the log that belongs to the graph, or run `cdp rebuild`. Nothing was changed."""

    code = "WRONG_LOG"


class PositionOutsideLog(StoreError):
    """The graph has applied the log up to {position}, but the log ends at {end}: the log was
    cut or replaced. Restore the log, or run `cdp rebuild`. Nothing was changed."""

    code = "POSITION_OUTSIDE_LOG"


class LogReplaced(StoreError):
    """Record {position} of the log is not the one that the graph has applied: the log was brought back
    from an older copy and has grown since. Restore the log, or run `cdp rebuild`. Nothing was
    changed."""

    code = "LOG_REPLACED"


class Fenced(StoreError):
    """Another worker has taken over partition {partition}; this one leaves it alone. Nothing was
    changed."""

    code = "FENCED"


class StoreConflict(StoreError):
    """Another worker changed the same part of {store} at the same moment. Nothing was changed; the
    batch is begun again.

    Raised by stores that several workers write to: deadlocks, two that make the same thing at once,
    and other passing failures after which the same batch gives the same result.
    """

    code = "STORE_CONFLICT"


class BatchTooLarge(StoreError):
    """The batch needs more memory than {store} gives one transaction. Nothing was changed; it is
    applied in parts."""

    code = "BATCH_TOO_LARGE"


class FeedPruned(CdpError):
    """What changed behind this position is no longer kept: read anew what is shown, and follow from
    now on, without `after`."""

    code = "FEED_PRUNED"


class LogFull(StoreError):
    """The event log cannot be written ({reason}): make room on the disk. Nothing was acknowledged."""

    code = "LOG_FULL"
