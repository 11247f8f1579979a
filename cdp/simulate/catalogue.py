"""The shop's items: categories, brands, prices, and how popular each is within its category."""

from __future__ import annotations

import random
from typing import Any

import msgspec

CATEGORIES = (
    "shoes", "jackets", "shirts", "trousers", "bags", "watches",
    "books", "games", "kitchen", "garden", "sports", "toys",
)  # fmt: skip
BRANDS = ("Alder", "Birke", "Cedar", "Dahlia", "Elder", "Fern", "Ginster", "Hazel")
STYLES = 4


class Product(msgspec.Struct, frozen=True):
    """`style` is what people who like one item of it like about the others: not told to anybody."""

    id: str
    name: str
    category: str
    brand: str
    style: int
    cents: int
    weight: float

    def row(self) -> dict[str, Any]:
        """The line of items.ndjson."""
        return {
            "type": "item",
            "id": self.id,
            "name": self.name,
            "category": self.category,
            "brand": self.brand,
            "price": self.cents / 100,
            "currency": "EUR",
            "url": f"https://shop.example/p/{self.id}",
            "imageUrl": f"https://shop.example/p/{self.id}.jpg",
            "available": self.cents % 50 != 0,
            "attributes": {"season": ("summer", "winter")[self.style % 2]},
        }

    def line(self) -> dict[str, Any]:
        """The product as events name it."""
        return {
            "product_id": self.id,
            "name": self.name,
            "category": self.category,
            "brand": self.brand,
            "price": self.cents / 100,
            "currency": "EUR",
        }


def catalogue(rng: random.Random, people: int) -> list[Product]:
    """About 300 items for a thousand people."""
    found: list[Product] = []
    each = max(8, min(60, people // 40))
    for category in CATEGORIES:
        for place in range(each):
            brand = rng.choice(BRANDS)
            number = len(found) + 1
            found.append(
                Product(
                    id=f"p{number:04d}",
                    name=f"{brand} {category.title()} {number}",
                    category=category,
                    brand=brand,
                    style=rng.randrange(STYLES),
                    cents=rng.randrange(499, 19_999),
                    weight=1.0 / (place + 2) ** 0.8,
                )
            )
    return found
