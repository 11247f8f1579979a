"""The choice of a model by itself: within its time, by the validation part, with reasons."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest

from gnn import choice, models
from gnn.choice import Candidate, candidates, choose, usual
from gnn.dataset import Dataset
from gnn.errors import EmptyDataset
from gnn.models.base import ListModel
from graph_schema.model.item import Item
from graph_schema.store import ProfileInteraction


def tastes(people: int = 60, rows: int = 2_000) -> Dataset:
    rng = np.random.default_rng(5)
    found = []
    for at in range(rows):
        user = int(rng.integers(people))
        item = int(rng.integers(15)) + user % 2 * 15
        found.append(ProfileInteraction(f"u{user:02}", f"i{item:02}", 1, 0, at % 2, at, at))
    return Dataset.from_rows(found)


QUICK = ("popularity", "item_knn", "spectral")


@dataclasses.dataclass
class Clock:
    """Shows a time that only the models move."""

    at: float = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Every fit takes 10 s of this clock."""
    found, create = Clock(), models.create

    def slow(name: str, **parameters: object) -> ListModel:
        found.at += 10.0
        return create(name, **parameters)

    monkeypatch.setattr(models, "create", slow)
    return found


def only(monkeypatch: pytest.MonkeyPatch, *found: Candidate) -> None:
    def listed(dataset: Dataset, limit_s: float) -> Iterator[Candidate]:
        yield from found

    monkeypatch.setattr(choice, "candidates", listed)


def test_the_best_on_the_validation_part_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, *(Candidate(name, 1.0) for name in QUICK))
    found = choose(tastes(), budget_s=60.0)
    assert set(found.scores) == set(QUICK)
    best = max(found.scores.values(), key=lambda scores: scores.ndcg)
    assert found.scores[found.name].ndcg >= 0.99 * best.ndcg
    assert found.name != "popularity"
    assert len(found.reasons) == len(QUICK) + 1


def test_of_those_that_are_close_the_quickest_is_taken(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    """The same model under two clocks: the second one is quicker and no worse."""
    only(monkeypatch, Candidate("item_knn", 10.0), Candidate("blend", 10.0, {"shares": (0.0, 1.0)}))
    found = choose(tastes(), budget_s=1_000.0, clock=clock)
    assert found.name == "item_knn"
    assert "blend" in found.scores


def test_what_does_not_fit_the_time_is_not_tried(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    only(monkeypatch, *(Candidate(name, 10.0) for name in QUICK))
    found = choose(tastes(), budget_s=40.0, clock=clock)
    assert set(found.scores) == {"popularity", "item_knn"}
    assert "spectral was not tried: it would take about 10 s, 0 s are left." in found.reasons


def test_a_machine_that_was_slow_will_be_slow_again(
    monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    only(monkeypatch, Candidate("popularity", 1.0), Candidate("item_knn", 4.0))
    found = choose(tastes(), budget_s=50.0, clock=clock)
    assert set(found.scores) == {"popularity"}


def test_what_speaks_against_a_model_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, Candidate("popularity", 1.0), Candidate("ease", 1.0, why_not="too many"))
    found = choose(tastes(), budget_s=60.0)
    assert found.name == "popularity"
    assert "ease was not tried: too many." in found.reasons


def test_the_validation_part_lies_before_the_test_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """The choice is shown nothing of the newest tenth, on which the version is measured."""
    newest: list[int] = []

    def spy(model, train, test, **rest):  # type: ignore[no-untyped-def]
        newest.append(int(test.cutoff))
        return real(model, train, test, **rest)

    real = choice.evaluate
    monkeypatch.setattr(choice, "evaluate", spy)
    only(monkeypatch, Candidate("popularity", 1.0))
    choose(tastes(), budget_s=60.0)
    assert newest
    assert max(newest) <= int(np.quantile(np.arange(2_000), 0.9, method="lower"))


def test_where_nothing_can_be_compared_the_usual_one_is_taken() -> None:
    one_moment = [ProfileInteraction(f"u{n}", f"i{n % 3}", 1, 0, 0, 5, 5) for n in range(9)]
    found = choose(Dataset.from_rows(one_moment), budget_s=60.0)
    assert (found.name, found.scores) == ("spectral", {})
    assert "cannot be cut in time" in found.reasons[0]
    few = choose(tastes(people=6, rows=60), budget_s=60.0)
    assert few.scores == {}
    assert "could be asked" in few.reasons[0]


def test_an_empty_graph_is_said() -> None:
    with pytest.raises(EmptyDataset):
        choose(Dataset.from_rows([]), budget_s=60.0)


def test_a_catalogue_beyond_the_filters_reach_gets_item_knn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choice, "MOST_ITEMS", 20)
    monkeypatch.setattr(choice, "MOST_ITEMS_INVERTED", 20)
    assert usual(tastes()) == "item_knn"
    against = {one.name for one in candidates(tastes(), 300.0) if one.why_not is not None}
    assert {"spectral", "ease", "blend"} <= against
    assert not {"popularity", "item_knn"} & against


def test_models_by_gradients_need_their_extra_their_time_and_their_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def against(dataset: Dataset, limit_s: float) -> dict[str, str]:
        found = candidates(dataset, limit_s)
        return {one.name: one.why_not for one in found if one.why_not is not None}

    monkeypatch.setattr(choice, "find_spec", lambda name: name)
    assert against(tastes(), 300.0) == {"sage": "nothing is known of the items"}
    named = Dataset(
        tastes().users, [Item(i.id, 0, name="x") for i in tastes().items], tastes().rows
    )
    assert against(named, 300.0) == {}
    assert "epochs would take" in against(named, 0.001)["xsimgcl"]
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    assert against(named, 300.0)["lightgcn"] == "the extra gnn is not installed"
