"""What many types use: pages, money, and how fields and arguments are described."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeAlias, TypeVar, cast

import strawberry

from api.types.scalars import DateTime, Decimal, Long

First: TypeAlias = Annotated[int, strawberry.argument(description="How many, from 1 to 100.")]
After: TypeAlias = Annotated[
    str | None, strawberry.argument(description="A cursor of this list: what comes behind it.")
]
Since: TypeAlias = Annotated[
    DateTime | None, strawberry.argument(description="From this moment on.")
]
Until: TypeAlias = Annotated[
    DateTime | None, strawberry.argument(description="Before this moment.")
]


def described(text: str, **more: Any) -> Any:
    """A plain attribute with its description."""
    return strawberry.field(description=text, **more)


F = TypeVar("F", bound=Callable[..., Any])


def resolved(text: str) -> Callable[[F], F]:
    """A method that answers a field, with its description."""

    def decorate(method: F) -> F:
        return cast("F", strawberry.field(method, description=text))

    return decorate


def streamed(text: str) -> Callable[[F], F]:
    """An async generator that answers a subscription, with its description."""

    def decorate(method: F) -> F:
        return cast("F", strawberry.subscription(method, description=text))

    return decorate


Cursor: TypeAlias = Callable[[], str]
"""Makes a cursor when it is asked for: most answers need one of a hundred."""
Count: TypeAlias = Callable[[], Awaitable[int | None]]


@strawberry.type(description="Where a page stands in its list. Forward only.")
class PageInfo:
    has_next_page: bool = described("Whether more follows.")
    has_previous_page: bool = described("Whether this page began behind a cursor.")
    start: strawberry.Private[Cursor | None]
    end: strawberry.Private[Cursor | None]

    @resolved("The cursor of the first edge; null on an empty page.")
    def start_cursor(self) -> str | None:
        return None if self.start is None else self.start()

    @resolved("Send it as `after` for the next page; null on an empty page.")
    def end_cursor(self) -> str | None:
        return None if self.end is None else self.end()


@strawberry.type
class Edge:
    """What every edge has; its node stands in the subclass."""

    place: strawberry.Private[Cursor]

    @resolved("Send it as `after` for what comes behind this edge.")
    def cursor(self) -> str:
        return self.place()


@strawberry.type
class Connection:
    """What every connection has; its edges stand in the subclass."""

    page_info: PageInfo = described("Where this page stands in the list.")
    counting: strawberry.Private[Count]

    @resolved(
        "How many the whole list holds. Computed when selected; null where counting took too long."
    )
    async def total_count(self) -> Long | None:
        return await self.counting()


def page_info(edges: list[Any], has_next: bool, after: str | None) -> PageInfo:
    """`edges` are of a subclass of Edge."""
    return PageInfo(
        has_next_page=has_next,
        has_previous_page=after is not None,
        start=edges[0].place if edges else None,
        end=edges[-1].place if edges else None,
    )


@strawberry.type(description="An amount of one currency.")
class Money:
    amount: Decimal = described("Exact, in units of the currency.")
    currency: str = described("ISO 4217, or XXX where none was sent.")


@strawberry.interface(
    description="Every failure of a mutation. A client writes `... on Problem { code message }` and "
    "survives new members."
)
class Problem:
    code: str = described(
        "A stable word: KEY_TAKEN, BAD_RULE, VERSION_CONFLICT, NOT_FOUND, LIMIT, NOTHING_TO_UNDO … "
        "(docs list them all)."
    )
    message: str = described("A sentence for a person.")


@strawberry.type(description="One mistake of an input.")
class InputProblem(Problem):
    path: list[str] = described("Where in the input.")


@strawberry.type(description="The input was refused.")
class UserError(Problem):
    path: list[str] = described('Where in the input: ["rule", "all", "1", "event", "within"].')
    errors: list[InputProblem] = described("Every mistake, the first included.")


@strawberry.type(
    description="Recorded durably, not applied yet (no worker, or a long lag): ask change(id) or "
    "createSegment's key again."
)
class Pending(Problem):
    change_id: strawberry.ID = described("The command that waits in the log.")
