"""Sends an answer over a connection, or ends the connection without one."""

from __future__ import annotations

import asyncio
import socket
import struct

from aiohttp import web

from importer.sandbox.answers import Answer

_LINGER_OFF = struct.pack("ii", 1, 0)


async def send_answer(request: web.BaseRequest, answer: Answer) -> web.StreamResponse:
    """Send the answer; a client that has disconnected is no error."""
    headers = {"Content-Type": answer.content_type, **dict(answer.headers)}
    if answer.cut:
        return await _deliver_half(request, answer, headers)
    response = web.Response(status=answer.status, body=answer.body, headers=headers)
    if answer.close:
        response.force_close()
    if answer.close or answer.unannounced:
        await _send(request, response, answer.body, whole=True)
    if answer.again_after_s is not None:
        await response.prepare(request)
        await response.write_eof()
        _send_again(request, response, answer)
    return response


async def _deliver_half(request: web.BaseRequest, answer: Answer, headers: dict[str, str]) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, headers=headers)
    response.content_length = len(answer.body)
    response.force_close()
    await _send(request, response, answer.body[: len(answer.body) // 2], whole=False)
    return response


async def _send(request: web.BaseRequest, response: web.StreamResponse, body: bytes, *, whole: bool) -> None:
    try:
        await response.prepare(request)
        if whole:
            await response.write_eof()
        else:
            await response.write(body)
    finally:
        close(request)


def _send_again(request: web.BaseRequest, response: web.Response, answer: Answer) -> None:
    """Send the same answer a second time, without another request."""
    transport = request.transport
    if transport is None:
        return
    head = [f"HTTP/1.1 {response.status} {response.reason}", *(f"{k}: {v}" for k, v in response.headers.items())]
    copy = "\r\n".join([*head, "", ""]).encode() + answer.body

    def write() -> None:
        if not transport.is_closing():
            transport.write(copy)

    if answer.again_after_s:
        asyncio.get_running_loop().call_later(answer.again_after_s, write)
    else:
        write()


def close(request: web.BaseRequest) -> None:
    """Close the connection without waiting for the rest of the request."""
    request.protocol.force_close()


def reset(request: web.BaseRequest) -> None:
    """Reset the connection with an RST."""
    transport = request.transport
    if transport is None:
        return
    raw = transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_OFF)
    transport.abort()


async def answer_expect(request: web.BaseRequest) -> None:
    """Answer ``Expect: 100-continue``: some clients wait for this before they send a large body."""
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
