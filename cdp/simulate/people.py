"""Who shops: people with their devices, habits and tastes; households that share a tablet."""

from __future__ import annotations

import random

import msgspec

from cdp.simulate.catalogue import BRANDS, CATEGORIES, STYLES

AGENTS = {
    "desktop": (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
        " Chrome/140.0.0.0 Safari/537.36",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
        " Version/18.0 Safari/605.1.15",
    ),
    "phone": (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like"
        " Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko)"
        " Chrome/140.0.0.0 Mobile Safari/537.36",
    ),
    "app": ("Shop/4.2 (iPhone; iOS 18.0)", "Shop/4.2 (Android 15; Pixel 9)"),
    "tablet": (
        "Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
        " Version/18.0 Mobile/15E148 Safari/604.1",
    ),
    "kiosk": ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36",),
}
LOCALES = ("de-DE", "en-GB", "fr-FR")
TABLETS = 0.35
"""Share of the households of two or more that have a tablet."""
SCREENS = {"desktop": (1920, 1080), "phone": (390, 844), "app": (390, 844), "tablet": (820, 1180)}


class Device(msgspec.Struct, frozen=True):
    """`skew_s`: how far its clock is wrong. `install`: the app's device id. The locale is the device's
    own: it does not tell who sits there."""

    anonymous: str
    kind: str
    agent: str
    ip: str
    locale: str
    skew_s: int = 0
    install: str | None = None


class Person(msgspec.Struct):
    """`login`: the chance that a visit logs in; 0 for those who never do."""

    id: str
    household: str
    user: str
    email: str
    phone: str | None
    login: float
    visits: float
    devices: list[Device]
    tablet: Device | None
    likes: list[tuple[str, int]]
    brands: list[str]
    language: str
    tells_email: bool


def people(rng: random.Random, count: int, *, tablets: bool = True) -> list[Person]:
    """Households of one to four, each with one language. Without `tablets` the same people have none."""
    found: list[Person] = []
    household = 0
    while len(found) < count:
        household += 1
        size = min(rng.choice((1, 1, 1, 2, 2, 3, 4)), count - len(found))
        ip = f"10.{household // 250 % 250}.{household % 250}.{rng.randrange(2, 250)}"
        locale = rng.choice(LOCALES)
        tablet = device(rng, "tablet", ip, locale) if size > 1 and rng.random() < TABLETS else None
        home = (household, ip, locale, tablet if tablets else None)
        found += [_person(rng, len(found) + i + 1, *home) for i in range(size)]
    return found


def device(rng: random.Random, kind: str, ip: str, locale: str) -> Device:
    """A device with an anonymous id of its own, as the client libraries make them."""
    wrong = rng.random() < 0.05
    return Device(
        anonymous=_uuid(rng),
        kind=kind,
        agent=rng.choice(AGENTS[kind]),
        ip=ip,
        locale=locale,
        skew_s=rng.randrange(-7200, 7200) if wrong else 0,
        install=_uuid(rng) if kind == "app" else None,
    )


def drift(rng: random.Random, person: Person) -> None:
    """Tastes change: one like gives way to another."""
    person.likes[rng.randrange(len(person.likes))] = _like(rng)


def _person(
    rng: random.Random, number: int, household: int, ip: str, locale: str, tablet: Device | None
) -> Person:
    kinds = rng.sample(("desktop", "phone", "app", "phone"), rng.choice((1, 1, 2, 2, 3, 4)))
    never = rng.random() < 0.25
    return Person(
        id=f"person-{number}",
        household=f"household-{household}",
        user=f"user-{number}",
        email=f"person{number}@mail.example",
        phone=f"+49151{number:08d}" if rng.random() < 0.2 else None,
        login=0.0 if never else rng.uniform(0.35, 0.95),
        visits=rng.choice((2.0, 4.0, 6.0, 10.0)),
        devices=[device(rng, kind, ip, locale) for kind in kinds],
        tablet=tablet,
        likes=[_like(rng) for _ in range(rng.randint(1, 3))],
        brands=rng.sample(BRANDS, 2),
        language=locale[:2],
        tells_email=rng.random() < 0.6,
    )


def _like(rng: random.Random) -> tuple[str, int]:
    return rng.choice(CATEGORIES), rng.randrange(STYLES)


def _uuid(rng: random.Random) -> str:
    digits = f"{rng.getrandbits(128):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
