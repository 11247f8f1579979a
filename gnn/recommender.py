"""What every recommender can do, and what it is asked.

A user's vector is never stored. A question brings the profile's touches as they are *now*; merging
two profiles is the union of their touches, a split the difference, an erasure the absence.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import msgspec

from gnn.arrays import Bools, Float32s
from graph_schema.model.item import Interaction

if TYPE_CHECKING:
    from gnn.dataset import Dataset


class Policy(enum.StrEnum):
    """DISCOVER leaves out what was bought; CONTINUE also puts what was viewed or carted in front;
    SIMILAR stays near the last items and shows none that was touched."""

    DISCOVER = "DISCOVER"
    CONTINUE = "CONTINUE"
    SIMILAR = "SIMILAR"


class ReasonKind(enum.StrEnum):
    """What ties a recommended item to the one who sees it."""

    VIEWED = "VIEWED"
    CARTED = "CARTED"
    BOUGHT = "BOUGHT"
    SIMILAR_ATTRIBUTES = "SIMILAR_ATTRIBUTES"
    POPULAR = "POPULAR"
    CONTEXT = "CONTEXT"


class Fallback(enum.StrEnum):
    """Why an answer is not personal. A ranking itself says NO_KNOWN_ITEM or NO_MODEL; the platform
    knows the other two."""

    UNKNOWN_PROFILE = "UNKNOWN_PROFILE"
    NO_KNOWN_ITEM = "NO_KNOWN_ITEM"
    NO_CONSENT = "NO_CONSENT"
    NO_MODEL = "NO_MODEL"


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One question for recommendations.

    `history`: every item that the profile touched, over all its sessions, as it is now.
    `context`: items in front of the visitor now (the cart, this page); they count like something
    just put in the cart and are not recommended. `allowed`: booleans over the model's `item_ids`,
    the business filter. `diversity`: 0 (by score alone) to 1 (as different as can be), MMR.
    `max_per_category`: at most so many items of one category. `popularity`: scores over `item_ids`
    for a profile that is not known (say, of its segments); None: of all. `max_reasons`: so many
    reasons are named for an item; the others are added up in one.
    """

    history: Sequence[Interaction]
    first: int
    policy: Policy = Policy.DISCOVER
    context: Sequence[str] = ()
    allowed: Bools | None = None
    diversity: float = 0.0
    max_per_category: int | None = None
    popularity: Float32s | None = None
    max_reasons: int = 3


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One part of a score. `share`: the part, of 1. `item_id`: the touched item; None where the
    reason is no single item. `text`: the same in words."""

    kind: ReasonKind
    item_id: str | None
    share: float
    text: str


class Recommendation(msgspec.Struct, frozen=True, kw_only=True):
    """An item with its score (comparable within one answer) and reasons whose shares add up to 1,
    the largest first."""

    item_id: str
    score: float
    reasons: tuple[Reason, ...]


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """An answer, best first; `fallback` says why it is not personal, None where it is."""

    items: tuple[Recommendation, ...]
    fallback: Fallback | None = None


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a fit is: `done` from 0 to 1, `stage` in a few words, `figures` such as the loss."""

    stage: str
    done: float
    figures: Mapping[str, float] = {}


OnProgress = Callable[[Progress], None]


def silent(_progress: Progress) -> None:
    """The listener that does not listen."""


class Serving(Protocol):
    """A fitted model that answers. Safe to call from several threads."""

    @property
    def item_ids(self) -> tuple[str, ...]:
        """The items that can be recommended; `Request.allowed` is in this order."""

    def recommend(self, request: Request) -> Ranking:
        """The best items for a history, or popular ones where nothing in it is known.

        Errors: BadRequest where `first`, `diversity` or a mask is outside its range.
        """

    def similar_items(self, item_id: str, *, first: int, allowed: Bools | None = None) -> Ranking:
        """The items nearest to one; popular ones where the item is not known."""

    def explain(
        self, history: Sequence[Interaction], item_id: str, context: Sequence[str] = ()
    ) -> tuple[Reason, ...]:
        """Every touched item's share of the score of `item_id`, all of them named; empty where
        nothing in the history speaks for the item."""


@runtime_checkable
class Recommender(Serving, Protocol):
    """A model: what it is called, what it was set to, how it learns, and how it answers.

    Errors of the answers before `fit`: NotFitted.
    """

    name: str

    @property
    def parameters(self) -> dict[str, object]:
        """The values it was made with, as JSON values: they are kept with the artifact."""

    def fit(self, dataset: Dataset, *, seed: int = 0, progress: OnProgress = silent) -> Recommender:
        """Learns from the dataset and answers from then on; gives itself.

        The same dataset, seed and number of threads give the same model.
        Errors: EmptyDataset without any interaction; ModelTooLarge; TrainingExtraMissing.
        """
