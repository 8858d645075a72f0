"""A Hugging Face hub of one data set on this machine, as far as the library asks it."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import datasets
import pytest
from huggingface_hub import constants

SHA = "a" * 40
SET = "owner/set"


class FakeHub:
    """Its files by their paths; `refusal` is what it answers instead, as (status, the hub's word for it)."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.refusal: tuple[int, str] | None = None
        self.asked: list[str] = []
        self.port = 0
        self.cut_at = 0  # bytes after which a file is cut off, once


@contextmanager
def serving(hub: FakeHub) -> Iterator[FakeHub]:
    """Serve a hub in a thread."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_args: object) -> None:
            """Tests print nothing."""

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.asked.append(f"{self.command} {path}")
            files = f"/datasets/{SET}/resolve/"
            if hub.refusal and SET in path:
                self.answer(hub.refusal[0], b"", "X-Error-Code", hub.refusal[1])
            elif path.startswith(files):
                self.answer_file(path.removeprefix(files).partition("/")[2])
            elif path.startswith(f"/api/datasets/{SET}/tree"):
                tree = [
                    {"type": "file", "path": name, "size": len(each), "oid": hashlib.sha1(each).hexdigest()}
                    for name, each in hub.files.items()
                ]
                self.answer(200, json.dumps(tree).encode())
            elif path.startswith(f"/api/datasets/{SET}"):
                siblings = [{"rfilename": name} for name in hub.files]
                self.answer(200, json.dumps({"id": SET, "sha": SHA, "siblings": siblings}).encode())
            elif path == "/api/datasets":
                self.answer(200, json.dumps([{"id": SET, "_id": "1"}]).encode())
            else:
                self.answer(404, b"", "X-Error-Code", "RepoNotFound")

        def answer_file(self, name: str) -> None:
            if name not in hub.files:
                self.answer(404, b"", "X-Error-Code", "EntryNotFound")
                return
            content = hub.files[name]
            begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
            if begin:
                hub.asked[-1] += f" from {begin}"
            tag = f'"{hashlib.sha256(content).hexdigest()}"'
            if hub.cut_at and not begin and self.command == "GET" and len(content) > hub.cut_at:
                self.answer(200, content[: hub.cut_at], "ETag", tag, length=len(content))
                hub.cut_at = 0
                self.close_connection = True
            else:
                self.answer(206 if begin else 200, content[begin:], "ETag", tag)

        def answer(self, status: int, body: bytes, header: str = "X-None", value: str = "", length: int = -1) -> None:
            self.send_response(status)
            self.send_header("X-Repo-Commit", SHA)
            self.send_header(header, value)
            self.send_header("Content-Length", str(length if length >= 0 else len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    hub.port = server.server_port
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def turn_to(hub: FakeHub, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the libraries ask this hub, and keep what they fetch in a folder of the test's."""
    endpoint = f"http://127.0.0.1:{hub.port}"
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "ENDPOINT", endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(datasets.config, "HF_ENDPOINT", endpoint)
    monkeypatch.setattr(datasets.config, "HF_UPDATE_DOWNLOAD_COUNTS", False)
    monkeypatch.setattr(datasets.config, "HF_CACHE_HOME", str(home))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", home / "datasets")
    monkeypatch.setattr(datasets.config, "HF_MODULES_CACHE", str(home / "modules"))
