"""A web server in its own thread whose answers a test writes itself, byte by byte or as files."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web

PATIENCE_S = 30
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class WebServer:
    """Serves `answers` (path -> function) on a free port of 127.0.0.1, and remembers all requests."""

    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    port: int = 0

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._do(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE_S)

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.path_qs, dict(request.headers)))
        answer = self.answers.get(request.path)
        return await answer(request) if answer is not None else web.Response(status=404)

    @property
    def url(self) -> str:
        """The address of the server."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def asked(self) -> Counter[str]:
        """How often each path was asked for."""
        return Counter(path.partition("?")[0] for path, _ in self.requests)

    def serves(self, path: str, body: bytes, status: int = 200, **headers: str) -> str:
        """Answer with a body; `Content_Type` is the header Content-Type. Return the address."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.setdefault("Content-Type", "application/octet-stream")

        async def answer(_: web.Request) -> web.StreamResponse:
            return web.Response(body=body, status=status, headers=named)

        self.answers[path] = answer
        return self.url + path
