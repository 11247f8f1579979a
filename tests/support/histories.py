"""Random histories of a small shop, for properties of the pipeline."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from graphs import event

from graph_schema.model.event import Event, EventType

MOST_EVENTS = 60


EMAILS = tuple(f"e{i}@x.y" for i in range(4))


def history(rng: random.Random, emails: Sequence[str] = EMAILS) -> list[Event]:
    """Logins on own devices, a tablet and a kiosk; e-mails; orders; traits set and removed."""
    users = [f"u{i}" for i in range(rng.randint(1, 5))] + ["guest"]
    devices = [f"a{i}" for i in range(rng.randint(1, 5))]
    events = []
    minute = 0.0
    for number in range(rng.randint(5, MOST_EVENTS)):
        minute += rng.choice((0.5, 3, 12, 29, 31, 200))
        anonymous = rng.choice(devices) if rng.random() < 0.9 else None
        user = rng.choice(users) if rng.random() < 0.45 or anonymous is None else None
        common: dict[str, Any] = {"anonymous": anonymous, "user": user}
        if rng.random() < 0.3:
            common["context"] = {
                "locale": rng.choice(("de", "en")),
                "screen": {"width": 3, "height": 2},
            }
        draw = rng.random()
        if draw < 0.25 and user is not None:
            traits: dict[str, Any] = {"plan": rng.choice(("a", "b", "", None))}
            if rng.random() < 0.4:
                traits["email"] = rng.choice(emails)
            events.append(
                event(f"m{number}", minute, kind=EventType.IDENTIFY, traits=traits, **common)
            )
        elif draw < 0.4:
            order = {
                "order_id": f"o{rng.randint(0, 3)}",
                "total": rng.choice((1.1, 2.2, "3.3", 10)),
                "products": [{"product_id": f"p{rng.randint(0, 4)}"}],
            }
            name = rng.choice(("Order Completed", "Order Cancelled", "Order Refunded"))
            events.append(event(f"m{number}", minute, name=name, properties=order, **common))
        elif draw < 0.45 and user is not None:
            previous = rng.choice(devices)
            events.append(
                event(f"m{number}", minute, kind=EventType.ALIAS, user=user, previous_id=previous)
            )
        else:
            product = {"product_id": f"p{rng.randint(0, 4)}"}
            events.append(
                event(f"m{number}", minute, name="Product Viewed", properties=product, **common)
            )
    return events
