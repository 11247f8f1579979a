"""What a process tells Prometheus. No label carries anything that a client chose freely."""

from __future__ import annotations

import time

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from api.http import Handler
from api.platform import Platform, Watched

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_COSTS = (1, 10, 50, 100, 500, 1_000, 5_000, 10_000)


class Metrics:
    """The metrics of one application, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "cdp_http_requests", "HTTP requests.", ["route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "cdp_http_seconds",
            "Seconds until an HTTP request was answered.",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.cost = Histogram(
            "cdp_graphql_cost",
            "Cost of the GraphQL operations that were executed.",
            buckets=_COSTS,
            registry=self.registry,
        )
        self.refused = Counter(
            "cdp_graphql_refused", "GraphQL requests refused.", ["code"], registry=self.registry
        )
        self.streams = Gauge(
            "cdp_graphql_streams", "Subscriptions that are open.", registry=self.registry
        )
        self.lag = Gauge(
            "cdp_lag_seconds",
            "Seconds between the newest event in the log and the newest one applied.",
            registry=self.registry,
        )

        self.unknown = Gauge(
            "cdp_recommender_without_known_item",
            "Share of the profiles of which the recommender in service knows no item.",
            registry=self.registry,
        )
        self.shift = Gauge(
            "cdp_recommender_shift",
            "How far items and events have moved since training (PSI), as measured last.",
            ["of"],
            registry=self.registry,
        )
        self.shown = Gauge(
            "cdp_recommender_shown",
            "Answers of a recommender that were shown, as counted last.",
            ["recommender", "personal"],
            registry=self.registry,
        )
        self.clicked = Gauge(
            "cdp_recommender_clicked",
            "Answers of a recommender of which something was clicked, as counted last.",
            ["recommender", "personal"],
            registry=self.registry,
        )

    def watched(self, found: Watched) -> None:
        """Takes over what was measured of the recommender."""
        self.unknown.set(found.without_known_item / max(1, found.profiles))
        self.shift.clear()
        for name, shift in (("items", found.item_shift), ("events", found.event_shift)):
            if shift is not None:
                self.shift.labels(name).set(shift)
        self.shown.clear()
        self.clicked.clear()
        for one in found.clicks:
            labels = one.recommender, str(one.personal).lower()
            self.shown.labels(*labels).set(one.shown)
            self.clicked.labels(*labels).set(one.clicked)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        began = time.perf_counter()
        response = await handler(request)
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else "none"
        self.requests.labels(route, str(response.status)).inc()
        if response.status != 101:
            self.seconds.labels(route).observe(time.perf_counter() - began)
        return response


class HealthView:
    """Whether the process lives, whether it can work, and what it counts."""

    def __init__(self, platform: Platform, metrics: Metrics) -> None:
        self._platform = platform
        self._metrics = metrics

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/healthz", self.healthz)
        app.router.add_get("/readyz", self.readyz)
        app.router.add_get("/metrics", self.metrics)

    async def healthz(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def readyz(self, request: web.Request) -> web.Response:
        """503 with the reason while log or graph cannot be reached, or the lag is over its limit."""
        readiness = await self._platform.readiness()
        self._metrics.lag.set(readiness.lag)
        body = {"ready": readiness.ready, "reason": readiness.reason, "lag": readiness.lag}
        return web.json_response(body, status=200 if readiness.ready else 503)

    async def metrics(self, request: web.Request) -> web.Response:
        self._metrics.lag.set((await self._platform.readiness()).lag)
        watched = await self._platform.recommending.watched()
        if watched is not None:
            self._metrics.watched(watched)
        return web.Response(
            body=generate_latest(self._metrics.registry),
            headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
        )
