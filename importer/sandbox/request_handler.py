"""Handles each request: records it, counts it against the limit, checks the keys, and calls the operation."""

from __future__ import annotations

import asyncio
import hmac
import random
import weakref
from typing import assert_never

from aiohttp import web
from aiohttp.http import HttpProcessingError

from importer.sandbox import answers, other_calls
from importer.sandbox.account_state import AccountState
from importer.sandbox.answers import Answer
from importer.sandbox.connection import answer_expect, send_answer
from importer.sandbox.limiter import make_limiter
from importer.sandbox.options import SandboxOptions
from importer.sandbox.request_body import TooLarge, read_document
from importer.sandbox.routes import ADMIN_ONLY, Operation, Route, find_route
from importer.sandbox.state_document import RECORD_PATH, state_document
from importer.sandbox.state_records import CallRecord
from importer.sandbox.ticket_calls import Exchange, TicketCalls


class RequestHandler:
    """Request handler of one sandbox account, and owner of its state."""

    def __init__(self, options: SandboxOptions) -> None:
        self._options = options
        self._limiter = make_limiter(options.algorithm, options.rate)
        self._jitter = random.Random(f"{options.seed}/jitter")  # noqa: S311  # a simulation, not a secret
        guids = random.Random(f"{options.seed}/guids")  # noqa: S311  # as above
        self.state = AccountState(guids, self._notify_watchers, options.first_number)
        self._ticket_calls = TicketCalls(options, self.state)
        self._watchers: list[asyncio.Future[None]] = []
        self._tasks: set[asyncio.Task[web.StreamResponse]] = set()
        self._served: weakref.WeakSet[asyncio.BaseTransport] = weakref.WeakSet()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request. The account finishes it even if the client disconnects."""
        if (request.method, request.raw_path) == ("GET", RECORD_PATH):
            return await send_answer(request, answers.as_json(state_document(self._options, self.state)))
        exchange = self._record_call(request)
        work = asyncio.create_task(self._process(exchange))
        self._tasks.add(work)
        work.add_done_callback(self._tasks.discard)
        try:
            return await asyncio.shield(work)
        finally:
            exchange.gone.set()

    async def changed(self) -> None:
        """Wait for the next change of the state."""
        watcher = asyncio.get_running_loop().create_future()
        self._watchers.append(watcher)
        await watcher

    async def stop(self) -> None:
        """Drop all requests in flight; they create no more tickets."""
        work = tuple(self._tasks)
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)

    def _notify_watchers(self) -> None:
        watchers, self._watchers = self._watchers, []
        for watcher in watchers:
            if not watcher.done():
                watcher.set_result(None)

    def _record_call(self, request: web.BaseRequest) -> Exchange:
        route = self._route(request)
        transport = request.transport
        call = CallRecord(
            ordinal=0,
            arrived_s=asyncio.get_running_loop().time(),
            method=request.method,
            path=request.raw_path,
            reused=transport in self._served,
        )
        if transport is not None:
            self._served.add(transport)
        is_post = route is not None and route.operation is Operation.CREATE
        return Exchange(request=request, call=self.state.open_call(call, is_post=is_post))

    def _route(self, request: web.BaseRequest) -> Route | None:
        return find_route(request.method, request.raw_path, self._options.tenant_id)

    async def _process(self, exchange: Exchange) -> web.StreamResponse:
        try:
            answer = await self._answer(exchange)
            if answer is None:
                return web.Response()  # never sent: the connection is closed
            self.state.record_answer(exchange.call.ordinal, answer.status, answer.reason)
            return await send_answer(exchange.request, answer)
        except (ConnectionError, HttpProcessingError, web.RequestPayloadError):
            return web.Response()  # never sent: the client disconnected, or sent invalid HTTP

    async def _answer(self, exchange: Exchange) -> Answer | None:
        request = exchange.request
        if self._options.jitter_s:
            await asyncio.sleep(self._jitter.uniform(0, self._options.jitter_s))
        now_s = asyncio.get_running_loop().time()
        allowed = self._limiter.take(now_s)
        self.state.record_counted(exchange.call.ordinal, now_s)
        if not allowed:
            return answers.too_many(self._options.rate)
        route = self._route(request)
        if route is None:
            return answers.failure(404, "there is nothing at this URL")
        if not self._has_right_keys(request):
            return answers.unauthorized()
        if route.operation in ADMIN_ONLY and not self._options.admin:
            return answers.failure(403, "these keys are not those of an administrator")
        await answer_expect(request)
        try:
            return await self._perform(exchange, route)
        except TooLarge:
            return answers.too_large()

    def _has_right_keys(self, request: web.BaseRequest) -> bool:
        wanted = {"X-LSQ-ACCESS-KEY": self._options.access_key, "X-LSQ-SECRET-KEY": self._options.secret_key}
        return all(
            len(values := request.headers.getall(name, [])) == 1
            and hmac.compare_digest(values[0].encode("utf-8", "surrogateescape"), key.reveal().encode())
            for name, key in wanted.items()
        )

    async def _perform(self, exchange: Exchange, route: Route) -> Answer | None:
        match route.operation:
            case Operation.CREATE:
                return await self._ticket_calls.create(exchange)
            case Operation.UPDATE:
                return await self._ticket_calls.update(exchange, route.name)
            case Operation.FIELDS | Operation.TRASH:
                return await self._perform_document(exchange, route.operation)
            case Operation.GET:
                await asyncio.sleep(self._options.latency_s)
                ticket = self.state.ticket(route.name)
                if ticket is None:
                    return answers.failure(404, f"no ticket {route.name!r}")
                return other_calls.ticket_details(self._options.account, ticket)
            case Operation.LOOKUP:
                await asyncio.sleep(self._options.latency_s)
                return other_calls.lookup_values(self._options.account, route.name)
            case _:
                assert_never(route.operation)

    async def _perform_document(self, exchange: Exchange, operation: Operation) -> Answer:
        document, problems = await read_document(exchange.request, self._options.max_body_bytes)
        await asyncio.sleep(self._options.latency_s)
        if document is None:
            return answers.failure(400, "; ".join(problems))
        if operation is Operation.TRASH:
            return other_calls.trash(self.state, document)
        return other_calls.fields_page(self._options.account, document, self._options.offset)
