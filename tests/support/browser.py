"""A headless Chromium, and a site for it to visit that hears what its pages tell."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from system_tools import path_of

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
PATIENCE_S = 60.0


class Site(ThreadingHTTPServer):
    """Serves the files of some folders, each under its prefix, and some texts; keeps what is posted
    to /told."""

    daemon_threads = True

    def __init__(self, folders: Mapping[str, Path], texts: Mapping[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.folders = folders
        self.texts = texts
        self.told: queue.Queue[dict[str, Any]] = queue.Queue()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def find(self, path: str) -> bytes | None:
        if path in self.texts:
            return self.texts[path].encode()
        for prefix, folder in self.folders.items():
            name = path.removeprefix(prefix)
            if name != path and "/" not in name and (folder / name).is_file():
                return (folder / name).read_bytes()
        return None

    def next_told(self) -> dict[str, Any]:
        """What the next page tells. Raises AssertionError where nothing comes, or it is an error."""
        try:
            found = self.told.get(timeout=PATIENCE_S)
        except queue.Empty:
            raise AssertionError("no page told anything") from None
        assert "error" not in found, found
        return found


class _Answering(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        body = self.server.find(path)
        self.send_response(200 if body is not None else 404)
        self.send_header("Content-Type", TYPES.get(Path(path).suffix, "text/plain"))
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def do_POST(self) -> None:
        self.server.told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *said: Any) -> None:
        """Says nothing: a test's output is its own."""


@contextmanager
def site(folders: Mapping[str, Path], texts: Mapping[str, str]) -> Iterator[Site]:
    with Site(folders, texts) as found:
        serving = threading.Thread(target=found.serve_forever, daemon=True)
        serving.start()
        try:
            yield found
        finally:
            found.shutdown()
            serving.join()


@contextmanager
def chromium(address: str, profile: Path) -> Iterator[None]:
    """Chromium on that address while the block runs; `profile` is an empty folder of its own. Where
    the block fails, what Chromium said last stands in the error's notes."""
    command = [path_of("chromium"), *FLAGS, f"--user-data-dir={profile}", address]
    said = profile / "chromium.log"
    with said.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        yield
    except BaseException as error:
        error.add_note(said.read_text(encoding="utf-8", errors="replace")[-2000:])
        raise
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
