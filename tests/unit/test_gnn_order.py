"""Variety: MMR and the cap on a category, by hand-made numbers."""

from __future__ import annotations

import numpy as np

from gnn.item_lists import strongest
from gnn.order import capped, likeness, marginal_relevance


def test_likeness_is_symmetric_and_measured_by_the_nearest() -> None:
    dense = np.array([[0, 4, 1], [0, 0, 0], [2, 0, 0]], np.float32)
    lists = strongest(lambda first, last: dense[first:last].copy(), 3, width=3)
    alike = likeness(lists, np.array([2, 0, 1]))
    assert alike.tolist() == [[0, 1, 0], [1, 0, 1], [0, 1, 0]]


def test_a_twin_of_the_first_waits() -> None:
    scores = np.array([1.0, 0.9, 0.5], np.float32)
    alike = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]], np.float64)
    assert marginal_relevance(scores, alike, 0.0, 3).tolist() == [0, 1, 2]
    assert marginal_relevance(scores, alike, 0.5, 3).tolist() == [0, 2, 1]
    assert marginal_relevance(scores, alike, 0.5, 2).tolist() == [0, 2]


def test_the_cap_counts_categories_and_not_their_absence() -> None:
    categories = np.array([7, 7, 7, -1, -1, -1, 2], np.int32)
    order = np.array([0, 3, 1, 4, 2, 5, 6])
    assert capped(order, categories, 1).tolist() == [0, 3, 4, 5, 6]
    assert capped(order, categories, 2).tolist() == [0, 3, 1, 4, 5, 6]
