"""What every model must do, whatever it is: the same tests over all of them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest

from gnn import models
from gnn.dataset import Dataset
from gnn.errors import BadRequest, EmptyDataset, NotFitted
from gnn.models.base import ListModel
from gnn.recommender import Fallback, Policy, Progress, ReasonKind, Recommender, Request
from graph_schema.model.item import Interaction, Item
from graph_schema.store import ProfileInteraction

DAY = 86_400_000_000
ITEMS = 40
SMALL: dict[str, dict[str, object]] = {
    "lightgcn": {"dimensions": 16, "epochs": 30, "batch": 256, "learning_rate": 0.02},
    "xsimgcl": {"dimensions": 16, "epochs": 30, "batch": 256, "learning_rate": 0.02},
    "sage": {"dimensions": 16, "epochs": 15, "batch": 256, "learning_rate": 0.02},
    "spectral": {"k": 16, "shape": (0.3, 0.4, 0.08, 0.6)},
}
SECOND_TASTE = {f"i{number}" for number in range(ITEMS // 2, ITEMS)} | {"cold"}
"""Nobody has touched "cold", but it is named like i25."""
PERSONAL = [name for name in models.NAMES if name != "popularity"]


def rows() -> Iterator[ProfileInteraction]:
    """Two tastes: people of each keep to their own half of the items; item 00 is for all."""
    rng = np.random.default_rng(7)
    for person in range(80):
        half = person % 2 * (ITEMS // 2)
        own = rng.choice(ITEMS // 2, 8, replace=False) + half
        for day, item in enumerate({0, *own.tolist()}):
            yield ProfileInteraction(
                profile_id=f"p_{person:03}",
                item_id=f"i{item:02}",
                views=1 + day % 3,
                carts=day % 2,
                purchases=int(day % 4 == 0),
                first_at=day * DAY,
                last_at=day * DAY,
            )


@cache
def dataset() -> Dataset:
    names = [Item(id=f"i{n:02}", updated_at=0, name=f"Thing {n}") for n in range(ITEMS)]
    cold = [Item(id="cold", updated_at=0, name="Thing 25", category="c")]
    return Dataset.from_rows(rows(), names + cold)


def make(name: str) -> ListModel:
    return models.create(name, **SMALL.get(name, {}))


@cache
def fitted(name: str) -> ListModel:
    return make(name).fit(dataset(), seed=5)


@pytest.fixture(params=models.NAMES)
def name(request: pytest.FixtureRequest) -> str:
    if request.param in models.TRAINED:
        pytest.importorskip("torch_geometric", reason="needs the gnn extra")
    return str(request.param)


@pytest.fixture(params=PERSONAL)
def personal(request: pytest.FixtureRequest) -> ListModel:
    if request.param in models.TRAINED:
        pytest.importorskip("torch_geometric", reason="needs the gnn extra")
    return fitted(str(request.param))


HISTORY = (
    Interaction("i21", views=2, last_at=9 * DAY),
    Interaction("i22", views=1, carts=1, last_at=10 * DAY),
    Interaction("i23", views=1, purchases=1, last_at=11 * DAY),
)


def ids(model: ListModel, **fields: object) -> list[str]:
    request = Request(**{"history": HISTORY, "first": 10, **fields})  # type: ignore[arg-type]
    return [item.item_id for item in model.recommend(request).items]


def test_it_is_a_recommender(name: str) -> None:
    assert isinstance(fitted(name), Recommender)
    assert fitted(name).name == name


def test_parameters_are_json_and_make_the_same_model(name: str) -> None:
    parameters = json.loads(json.dumps(fitted(name).parameters))
    assert parameters["weights"]["purchase"] > parameters["weights"]["view"]
    own = {key: value for key, value in parameters.items() if key != "weights"}
    assert models.create(name, **own).parameters == fitted(name).parameters


def test_it_answers_only_after_fit(name: str) -> None:
    with pytest.raises(NotFitted, match=name):
        make(name).recommend(Request(history=HISTORY, first=3))


def test_nothing_to_learn_from_is_said(name: str) -> None:
    with pytest.raises(EmptyDataset, match="no interaction"):
        make(name).fit(Dataset.from_rows([]))


def test_one_item_and_one_person(name: str) -> None:
    only = ProfileInteraction("p", "only", 1, 0, 0, 5, 5)
    model = make(name).fit(Dataset.from_rows([only]))
    answer = model.recommend(Request(history=(), first=5))
    assert [item.item_id for item in answer.items] == ["only"]


def test_the_same_seed_gives_the_same_answers(name: str) -> None:
    again = make(name).fit(dataset(), seed=5)
    mine, other = fitted(name).serving.lists, again.serving.lists
    assert np.array_equal(mine.starts, other.starts)
    assert np.array_equal(mine.items, other.items)
    assert np.allclose(mine.weights, other.weights, rtol=1e-5)


def test_progress_rises_and_stays_within_its_borders(name: str) -> None:
    told: list[Progress] = []
    make(name).fit(dataset(), progress=told.append)
    shares = [step.done for step in told]
    assert shares == sorted(shares)
    assert all(0 <= share <= 1 for share in shares)


def test_scores_fall_and_are_finite_and_no_item_comes_twice(name: str) -> None:
    answer = fitted(name).recommend(Request(history=HISTORY, first=ITEMS)).items
    scores = [item.score for item in answer]
    assert scores == sorted(scores, reverse=True)
    assert all(math.isfinite(score) and score > 0 for score in scores)
    assert len({item.item_id for item in answer}) == len(answer) > 20


def test_lists_are_sound_and_without_diagonal(name: str) -> None:
    lists = fitted(name).serving.lists
    assert lists.fault() is None
    assert all(item not in lists.row(item)[0] for item in range(lists.size))
    assert (lists.weights > 0).all()


def test_shares_add_up_to_one(name: str) -> None:
    for item in fitted(name).recommend(Request(history=HISTORY, first=ITEMS)).items:
        assert math.isclose(sum(reason.share for reason in item.reasons), 1.0, rel_tol=1e-9)
        assert all(reason.text for reason in item.reasons)


def test_first_zero_gives_nothing(name: str) -> None:
    assert ids(fitted(name), first=0) == []


def test_what_was_bought_is_left_out(name: str) -> None:
    assert "i23" not in ids(fitted(name), first=ITEMS)
    assert "i23" not in ids(fitted(name), first=ITEMS, policy=Policy.CONTINUE)


def test_the_business_filter_holds_for_every_policy(name: str) -> None:
    model = fitted(name)
    allowed = np.array([key.endswith("5") for key in model.item_ids])
    for policy in Policy:
        shown = ids(model, allowed=allowed, policy=policy)
        assert set(shown) <= {"i05", "i15", "i25", "i35"}
        assert shown


def test_a_wrong_question_is_refused(name: str) -> None:
    model = fitted(name)
    for fields in (
        {"first": -1},
        {"diversity": 1.5},
        {"diversity": math.nan},
        {"allowed": np.ones(3, np.bool_)},
        {"allowed": np.ones(len(model.item_ids))},
        {"popularity": np.ones(3, np.float32)},
        {"max_per_category": 0},
        {"max_reasons": 0},
    ):
        with pytest.raises(BadRequest):
            ids(model, **fields)


def test_a_stranger_is_shown_what_is_popular(name: str) -> None:
    for history in ((), (Interaction("never-seen", views=1),)):
        answer = fitted(name).recommend(Request(history=history, first=3))
        assert answer.items[0].item_id == "i00"
        assert [r.kind for item in answer.items for r in item.reasons] == [ReasonKind.POPULAR] * 3
        assert answer.fallback in (Fallback.NO_KNOWN_ITEM, Fallback.NO_MODEL)


def test_popularity_can_be_that_of_a_segment(name: str) -> None:
    model = fitted(name)
    of_segment = np.zeros(len(model.item_ids), np.float32)
    of_segment[[7, 3]] = (2.0, 1.0)
    request = Request(history=(), first=5, popularity=of_segment)
    assert [item.item_id for item in model.recommend(request).items] == [
        model.item_ids[7],
        model.item_ids[3],
    ]


def test_taste_is_learnt(personal: ListModel) -> None:
    shown = ids(personal, first=10)
    assert sum(key in SECOND_TASTE for key in shown) >= 9


def test_a_personal_answer_says_so(personal: ListModel) -> None:
    assert personal.recommend(Request(history=HISTORY, first=3)).fallback is None


def test_similar_items_are_of_the_same_taste(personal: ListModel) -> None:
    answer = personal.similar_items("i30", first=5)
    assert sum(item.item_id in SECOND_TASTE for item in answer.items) >= 4
    assert "i30" not in {item.item_id for item in answer.items}
    assert {r.kind for item in answer.items for r in item.reasons} == {ReasonKind.CONTEXT}


def test_an_item_nobody_touched_has_neighbours_by_its_attributes(personal: ListModel) -> None:
    answer = personal.similar_items("cold", first=5)
    assert "i25" in {item.item_id for item in answer.items}
    assert answer.fallback is None
    if not personal.knows_attributes:
        assert answer.items[0].item_id == "i25"
        assert answer.items[0].reasons[0].kind is ReasonKind.SIMILAR_ATTRIBUTES


def test_an_item_nobody_touched_is_recommended_like_what_it_resembles(personal: ListModel) -> None:
    others = np.array([key < "i20" or key == "cold" for key in personal.item_ids])
    history = (Interaction("i25", views=3, last_at=9 * DAY), *HISTORY)
    answer = personal.recommend(Request(history=history, first=20, allowed=others))
    cold = [item for item in answer.items if item.item_id == "cold"]
    assert cold
    assert cold[0].reasons[0].kind is not ReasonKind.POPULAR


def test_continue_puts_what_was_left_unfinished_in_front(personal: ListModel) -> None:
    assert set(ids(personal, first=2, policy=Policy.CONTINUE)) == {"i21", "i22"}


def test_similar_shows_nothing_that_was_touched(personal: ListModel) -> None:
    shown = ids(personal, first=ITEMS, policy=Policy.SIMILAR)
    assert not {"i21", "i22", "i23"} & set(shown)


def test_context_counts_and_is_not_recommended(personal: ListModel) -> None:
    shown = ids(personal, history=(), context=("i30", "i31"), first=5)
    assert not {"i30", "i31"} & set(shown)
    assert sum(key in SECOND_TASTE for key in shown) >= 4


def test_a_merge_is_the_union(personal: ListModel) -> None:
    other = (Interaction("i05", views=9, carts=1, last_at=11 * DAY),)
    scores = {
        item.item_id: item.score
        for item in personal.recommend(Request(history=HISTORY + other, first=ITEMS)).items
    }
    alone = {
        item.item_id: item.score
        for item in personal.recommend(Request(history=HISTORY, first=ITEMS)).items
        if item.reasons[0].kind is not ReasonKind.POPULAR
    }
    assert all(scores[key] >= value * (1 - 1e-6) for key, value in alone.items() if key != "i05")
    assert any(key < "i20" and key != "i00" for key in scores)


def test_taking_the_named_item_away_lowers_the_score_by_its_share(personal: ListModel) -> None:
    for item in personal.recommend(Request(history=HISTORY, first=5)).items:
        reason = item.reasons[0]
        # The newest touch sets the clock of the decay, so it stays for the comparison.
        if reason.item_id == "i23":
            continue
        without = tuple(touch for touch in HISTORY if touch.item_id != reason.item_id)
        left = {
            other.item_id: other.score
            for other in personal.recommend(Request(history=without, first=ITEMS)).items
            if other.reasons[0].kind is not ReasonKind.POPULAR
        }
        expected = item.score * (1 - reason.share)
        assert math.isclose(left.get(item.item_id, 0.0), expected, rel_tol=1e-6, abs_tol=1e-9)


def test_explain_names_every_item_that_speaks_for_it(personal: ListModel) -> None:
    best = personal.recommend(Request(history=HISTORY, first=1)).items[0]
    reasons = personal.explain(HISTORY, best.item_id)
    assert {r.item_id for r in reasons} <= {"i21", "i22", "i23"}
    assert [r.share for r in reasons] == [r.share for r in best.reasons]
    assert personal.explain(HISTORY, "never-seen") == ()
    assert personal.explain((), best.item_id) == ()


def test_diversity_changes_the_order_and_keeps_the_best_first(personal: ListModel) -> None:
    plain, varied = ids(personal, first=8), ids(personal, first=8, diversity=0.9)
    assert plain[0] == varied[0]
    assert plain != varied
    assert len(set(varied)) == 8
