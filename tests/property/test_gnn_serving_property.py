"""Serving, over random item lists, histories and questions, beside a dense sum written plainly."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gnn import item_lists
from gnn.recommend import Catalogue, ServingModel
from gnn.recommender import Policy, Ranking, ReasonKind, Request
from gnn.weights import BehaviourWeights
from graph_schema.model.item import Interaction

SIZE = 12
DAY = 86_400_000_000
WEIGHTS = BehaviourWeights()


def model_of(dense: np.ndarray) -> ServingModel:
    lists = item_lists.strongest(
        lambda first, last: dense[first:last].astype(np.float32), SIZE, width=SIZE
    )
    catalogue = Catalogue(
        ids=tuple(f"i{n:02}" for n in range(SIZE)),
        names=(None,) * SIZE,
        categories=np.arange(SIZE, dtype=np.int32) % 3,
        popularity=np.linspace(0.2, 0.01, SIZE).astype(np.float32),
    )
    return ServingModel(catalogue, lists, item_lists.empty(SIZE), WEIGHTS)


@st.composite
def matrices(draw: st.DrawFn) -> np.ndarray:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    density = draw(st.floats(0.0, 1.0))
    return rng.random((SIZE, SIZE)) * (rng.random((SIZE, SIZE)) < density)


touches = st.lists(
    st.builds(
        Interaction,
        item_id=st.integers(0, SIZE + 2).map(lambda n: f"i{n:02}"),
        views=st.integers(0, 5),
        carts=st.integers(0, 3),
        purchases=st.integers(0, 2),
        last_at=st.integers(0, 90).map(lambda day: day * DAY),
    ).filter(lambda t: t.views + t.carts + t.purchases > 0),
    max_size=8,
    unique_by=lambda touch: touch.item_id,
)


def expected(dense: np.ndarray, history: list[Interaction]) -> np.ndarray:
    known = [touch for touch in history if int(touch.item_id[1:]) < SIZE]
    newest = max((touch.last_at for touch in known), default=0)
    total = np.zeros(SIZE)
    for touch in known:
        row = dense[int(touch.item_id[1:])].copy()
        row[int(touch.item_id[1:])] = 0
        strength = (
            WEIGHTS.view * math.log2(1 + touch.views)
            + WEIGHTS.cart * math.log2(1 + touch.carts)
            + WEIGHTS.purchase * math.log2(1 + touch.purchases)
        )
        total += row * strength * 0.5 ** ((newest - touch.last_at) / DAY / 30.0)
    return total


def personal(answer: Ranking) -> dict[str, float]:
    return {
        item.item_id: item.score
        for item in answer.items
        if item.reasons[0].kind is not ReasonKind.POPULAR
    }


@settings(max_examples=150, deadline=None)
@given(matrices(), touches)
def test_scores_are_the_weighted_sum_of_the_rows(
    dense: np.ndarray, history: list[Interaction]
) -> None:
    scores = personal(model_of(dense).recommend(Request(history=history, first=SIZE)))
    bought = {touch.item_id for touch in history if touch.purchases}
    for item, value in enumerate(expected(dense, history)):
        key = f"i{item:02}"
        if key in bought:
            assert key not in scores
        else:
            assert math.isclose(scores.get(key, 0.0), value, rel_tol=1e-5, abs_tol=1e-12)


@settings(max_examples=150, deadline=None)
@given(
    matrices(),
    touches,
    st.sampled_from(Policy),
    st.lists(st.integers(0, SIZE + 2).map(lambda n: f"i{n:02}"), max_size=3),
    st.lists(st.booleans(), min_size=SIZE, max_size=SIZE),
    st.floats(0, 1),
    st.one_of(st.none(), st.integers(1, 3)),
    st.integers(0, SIZE + 3),
    st.integers(1, 4),
)
def test_every_answer_keeps_the_rules(
    dense: np.ndarray,
    history: list[Interaction],
    policy: Policy,
    context: list[str],
    allowed: list[bool],
    diversity: float,
    cap: int | None,
    first: int,
    max_reasons: int,
) -> None:
    model = model_of(dense)
    answer = model.recommend(
        Request(
            history=history,
            first=first,
            policy=policy,
            context=context,
            allowed=np.array(allowed),
            diversity=diversity,
            max_per_category=cap,
            max_reasons=max_reasons,
        )
    )
    shown = [int(item.item_id[1:]) for item in answer.items]
    assert len(shown) == len(set(shown)) <= first
    assert all(allowed[item] for item in shown)
    assert not {f"i{item:02}" for item in shown} & set(context)
    assert not {f"i{n:02}" for n in shown} & {t.item_id for t in history if t.purchases}
    for item in answer.items:
        assert math.isclose(sum(reason.share for reason in item.reasons), 1.0, rel_tol=1e-9)
        assert all(0 < reason.share <= 1 + 1e-9 for reason in item.reasons)
        assert len(item.reasons) <= max_reasons + 1
    if cap is not None:
        categories = [item % 3 for item in shown]
        assert all(categories.count(category) <= cap for category in set(categories))


@settings(max_examples=100, deadline=None)
@given(matrices(), touches, st.randoms())
def test_the_order_of_the_history_says_nothing(
    dense: np.ndarray, history: list[Interaction], random: object
) -> None:
    shuffled = list(history)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    model = model_of(dense)
    mine = personal(model.recommend(Request(history=history, first=SIZE)))
    other = personal(model.recommend(Request(history=shuffled, first=SIZE)))
    assert mine.keys() == other.keys()
    assert all(math.isclose(mine[key], other[key], rel_tol=1e-9) for key in mine)


@settings(max_examples=100, deadline=None)
@given(matrices(), touches)
def test_removing_an_item_lowers_a_score_by_its_share(
    dense: np.ndarray, history: list[Interaction]
) -> None:
    model = model_of(dense)
    scores = expected(dense, history)
    newest = max((touch.last_at for touch in history), default=0)
    for item in range(SIZE):
        for reason in model.explain(history, f"i{item:02}"):
            rest = [touch for touch in history if touch.item_id != reason.item_id]
            if newest not in {t.last_at for t in rest if t.item_id < f"i{SIZE:02}"}:
                continue  # the clock of the decay would change
            left = expected(dense, rest)[item]
            assert math.isclose(left, scores[item] * (1 - reason.share), rel_tol=1e-5, abs_tol=1e-9)
