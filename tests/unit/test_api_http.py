"""The collector's face, health and metrics, limits of bodies, and the way to stop."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator

import aiohttp
import msgspec
import pytest
from api_client import ADMIN, TOKENS, ApiClient, api_client, until
from fake_platform import shop

from api.app import serving
from api.platform import Clicked, CollectReply, Watched
from api.settings import ApiSettings, Limits
from graph_schema.errors import LogFull


@pytest.fixture
async def api() -> AsyncIterator[ApiClient]:
    async with api_client(shop()) as client:
        yield client


@pytest.mark.parametrize(
    "call",
    "identify track page screen group alias batch i t p s g a b m".split(),  # noqa: SIM905
)
async def test_every_path_hands_the_bytes_on(api: ApiClient, call: str) -> None:
    packed = gzip.compress(b'{"batch":[]}')
    headers = {
        "Content-Encoding": "gzip",
        "Content-Type": "text/plain; charset=utf-8",
        "Authorization": "Basic d2s6",
    }
    url = f"{api.url}/v1/{call}?verbose=1"
    async with api.session.post(url, data=packed, headers=headers) as reply:
        assert reply.status == 200
        assert await reply.read() == b'{"success":true}'
        assert reply.headers["Access-Control-Allow-Origin"] == "*"
    path, body, more = api.platform.collecting.taken[0]
    assert (path, body) == (call, packed)
    assert more == {
        "content_type": "text/plain",
        "content_encoding": "gzip",
        "authorization": "Basic d2s6",
        "client_ip": "127.0.0.1",
        "verbose": True,
    }


async def test_back_pressure_carries_retry_after(api: ApiClient) -> None:
    api.platform.collecting.reply = CollectReply(429, b'{"success":false}', 7)
    async with api.session.post(f"{api.url}/v1/b", data=b"{}") as reply:
        assert (reply.status, reply.headers["Retry-After"]) == (429, "7")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/v1/nothing", 404, "NOT_FOUND"),
        ("POST", "/v1/batch/more", 404, "NOT_FOUND"),
        ("GET", "/nothing", 404, "NOT_FOUND"),
        ("GET", "/v1/batch", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/v1/projects/unknown/settings", 404, "NOT_FOUND"),
    ],
)
async def test_unknown_paths_have_a_code(
    api: ApiClient, method: str, path: str, status: int, code: str
) -> None:
    async with api.session.request(method, api.url + path) as reply:
        assert reply.status == status
        body = await reply.json()
        assert (body["success"], body["code"]) == (False, code)
        assert body["message"]


async def test_the_settings_of_a_project(api: ApiClient) -> None:
    async with api.session.get(f"{api.url}/v1/projects/wk/settings") as reply:
        assert await reply.json() == {"integrations": {}}


async def test_browsers_may_ask_first(api: ApiClient) -> None:
    headers = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    async with api.session.options(f"{api.url}/v1/t", headers=headers) as reply:
        assert reply.status == 204
        allowed = reply.headers["Access-Control-Allow-Headers"].lower()
        assert {"authorization", "content-type", "x-retry-count"} <= set(allowed.split(", "))


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_over_the_cap_is_not_taken(announced: bool) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"x" * 100

    async with api_client(shop(), collect_body=1000, limits=Limits(body=1000)) as api:
        data = b"x" * 5000 if announced else chunks()
        async with api.session.post(f"{api.url}/v1/b", data=data) as reply:
            assert reply.status == 413
            assert (await reply.json())["code"] == "BODY_TOO_LARGE"
        assert api.platform.collecting.taken == []
        status, answer = await api.post({"query": "#" * 2000 + "\n{ __typename }"})
        assert status == 413
        assert answer["errors"][0]["extensions"]["code"] == "BODY_TOO_LARGE"


async def test_an_unforeseen_failure_is_told_without_its_text(
    api: ApiClient, caplog: pytest.LogCaptureFixture
) -> None:
    api.platform.collecting.failure = RuntimeError("secret of ada@example.com")
    async with api.session.post(f"{api.url}/v1/b", data=b"{}") as reply:
        assert reply.status == 500
        text = await reply.text()
    assert "INTERNAL" in text
    assert "ada@" not in text + caplog.text


async def test_a_store_that_cannot_be_reached_is_a_503_to_try_again(api: ApiClient) -> None:
    api.platform.collecting.failure = LogFull(reason="no space")
    async with api.session.post(f"{api.url}/v1/b", data=b"{}") as reply:
        assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
        assert (await reply.json())["code"] == "UNAVAILABLE"
        assert reply.headers["Access-Control-Allow-Origin"] == "*"


async def test_alive_and_ready(api: ApiClient) -> None:
    async with api.session.get(f"{api.url}/healthz") as reply:
        assert reply.status == 200
    async with api.session.get(f"{api.url}/readyz") as reply:
        assert reply.status == 200
    api.platform.ready = False
    async with api.session.get(f"{api.url}/readyz") as reply:
        assert reply.status == 503
        assert (await reply.json())["reason"] == "the lag is over its limit"
    async with api.session.get(f"{api.url}/healthz") as reply:
        assert reply.status == 200


async def test_metrics_count_by_route_and_code(api: ApiClient) -> None:
    await api.data("{ stats { lag } }")
    await api.ask("{")
    async with api.session.post(f"{api.url}/v1/secret-key", data=b"") as reply:
        assert reply.status == 404
    async with api.session.get(f"{api.url}/metrics") as reply:
        text = await reply.text()
    assert 'cdp_http_requests_total{route="/graphql",status="200"} 1.0' in text
    assert 'cdp_graphql_refused_total{code="PARSE_FAILED"} 1.0' in text
    assert "cdp_lag_seconds 1.5" in text
    assert "secret-key" not in text


async def test_metrics_tell_what_was_measured_of_the_recommender(api: ApiClient) -> None:
    async def lines() -> set[str]:
        async with api.session.get(f"{api.url}/metrics") as reply:
            return set((await reply.text()).splitlines())

    assert not any(line.startswith("cdp_recommender_shown{") for line in await lines())
    watched = Watched(
        recommender="one", at=0, profiles=8, without_known_item=2, interactions=3,
        item_shift=0.25, event_shift=None, drift=None,
        clicks=(Clicked("one", True, 9, 4), Clicked("one", False, 5, 0)),
    )  # fmt: skip
    api.platform.recommending.watch = watched
    found = await lines()
    assert {
        "cdp_recommender_without_known_item 0.25",
        'cdp_recommender_shift{of="items"} 0.25',
        'cdp_recommender_shown{personal="true",recommender="one"} 9.0',
        'cdp_recommender_clicked{personal="true",recommender="one"} 4.0',
        'cdp_recommender_clicked{personal="false",recommender="one"} 0.0',
    } <= found
    assert not any("events" in line for line in found if line.startswith("cdp_recommender_shift{"))
    api.platform.recommending.watch = msgspec.structs.replace(watched, clicks=())
    assert not any(line.startswith("cdp_recommender_shown{") for line in await lines())


async def test_stopping_finishes_what_is_in_hand_and_takes_nothing_new() -> None:
    platform = shop()
    platform.collecting.hold = asyncio.Event()
    settings = ApiSettings(tokens=TOKENS, stopping=5.0)
    stop = asyncio.Event()
    ports: asyncio.Queue[int] = asyncio.Queue()

    async def server() -> None:
        async with serving(platform, settings, host="127.0.0.1", port=0) as port:
            ports.put_nowait(port)
            await stop.wait()

    running = asyncio.create_task(server())
    url = f"http://127.0.0.1:{await ports.get()}"
    async with aiohttp.ClientSession() as session:
        in_hand = asyncio.create_task(session.post(f"{url}/v1/b", data=b"{}"))
        await until(lambda: platform.collecting.taken)
        socket = await session.ws_connect(f"{url}/graphql", protocols=["graphql-transport-ws"])
        stop.set()
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == 1001
        for path in ("/v1/b", "/graphql"):
            headers = {"Authorization": f"Bearer {ADMIN}"}
            async with session.post(url + path, json={}, headers=headers) as late:
                assert late.status == 503
                assert "SHUTTING_DOWN" in await late.text()
        platform.collecting.hold.set()
        reply = await in_hand
        assert reply.status == 200
        reply.release()
        await running
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.post(f"{url}/v1/b", data=b"{}")


@pytest.mark.parametrize(
    ("sent", "handed_on"),
    [
        ({}, ""),
        ({"Content-Type": "TEXT/PLAIN;charset=UTF-8"}, "text/plain"),
        ({"Content-Type": "application/octet-stream"}, "application/octet-stream"),
    ],
)
async def test_no_content_type_is_none_and_not_that_of_a_file(
    api: ApiClient, sent: dict[str, str], handed_on: str
) -> None:
    async with api.session.post(
        f"{api.url}/v1/b", data=b"{}", headers=sent, skip_auto_headers=["Content-Type"]
    ) as reply:
        assert reply.status == 200
    assert api.platform.collecting.taken[0][2]["content_type"] == handed_on


async def test_a_page_can_read_how_long_to_wait_and_every_refusal(api: ApiClient) -> None:
    api.platform.collecting.reply = CollectReply(429, b'{"success":false}', 7)
    origin = {"Origin": "https://shop.example"}
    async with api.session.post(f"{api.url}/v1/b", data=b"{}", headers=origin) as reply:
        exposed = reply.headers["Access-Control-Expose-Headers"].split(", ")
        assert "Retry-After" in exposed
    for path in ("/v1/nothing", "/v1/projects/unknown/settings"):
        async with api.session.get(api.url + path, headers=origin) as reply:
            assert reply.status in {404, 405}
            assert reply.headers["Access-Control-Allow-Origin"] == "*"


HEAD = b"POST /v1/b HTTP/1.1\r\nHost: cdp\r\n"


async def sent_raw(api: ApiClient, data: bytes, *, end: bool = False) -> bytes:
    """What is answered to these bytes, up to the end of the connection's first answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(api.url.rpartition(":")[2]))
    writer.write(data)
    if end:
        writer.write_eof()
    answer = await reader.read(4096)
    writer.close()
    await writer.wait_closed()
    return answer


async def test_a_body_that_does_not_come_is_given_up() -> None:
    async with api_client(shop(), body_seconds=0.05) as api:
        answer = await sent_raw(api, HEAD + b"Content-Length: 100\r\n\r\n{")
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"BODY_TOO_SLOW"' in answer
        assert api.platform.collecting.taken == []


async def test_a_body_that_breaks_its_framing_is_refused(api: ApiClient) -> None:
    answer = await sent_raw(api, HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ") or answer.startswith(b"HTTP/1.0 400 ")


async def test_a_client_that_went_away_is_no_failure_of_ours(
    api: ApiClient, caplog: pytest.LogCaptureFixture
) -> None:
    await sent_raw(api, HEAD + b"Content-Length: 100\r\n\r\n{", end=True)
    text = ""
    while 'route="/v1/{call}"' not in text:
        async with api.session.get(f"{api.url}/metrics") as reply:
            text = await reply.text()
    assert 'cdp_http_requests_total{route="/v1/{call}",status="400"} 1.0' in text
    assert 'status="500"' not in text
    assert "failed" not in caplog.text


@pytest.mark.parametrize(
    "request_",
    [
        HEAD + b"X-Mail: ada@example.com" + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /v1/projects/ada@example.com" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: cdp\r\n\r\n",
        HEAD + b"Content-Length: ada@example.com\r\n\r\n",
    ],
    ids=["header", "path", "length"],
)
async def test_what_cannot_be_read_is_refused_and_not_logged(
    api: ApiClient, caplog: pytest.LogCaptureFixture, request_: bytes
) -> None:
    answer = await sent_raw(api, request_)
    assert answer.startswith(b"HTTP/1.0 400 ")
    assert "a request could not be served: " in caplog.text
    assert "ada@" not in caplog.text
    assert "127.0.0.1" not in caplog.text
