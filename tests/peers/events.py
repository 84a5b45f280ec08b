"""Streams by Starlette and uvicorn, for the tests; tests/peers/events.js serves the same.

Usage: events.py LOG. Prints its port, logs how each stream ended and how many events it had, and ends when its
standard input closes.
"""
import asyncio
import json
import socket
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

TOKENS = 12


def log(*words):
    with open(sys.argv[1], "a") as file:
        print(*words, file=file)


def event(data):
    return f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n"


async def chat(asked):
    """Two tokens in each event: the first after 60 ms, each further one after 10 ms, and the last after 80 ms."""
    delta = lambda **of: event({"choices": [{"index": 0, "delta": of}]})
    yield delta(role="assistant", content="")
    for number in range(TOKENS):
        await asyncio.sleep({0: 0.06, TOKENS - 1: 0.08}.get(number, 0.01))
        yield delta(content=f" word{number} é")
    yield event({"choices": [], "usage": {"completion_tokens": 2 * TOKENS}})
    yield event("[DONE]")


async def three(asked):
    for number in range(3):
        yield event(number)
        await asyncio.sleep(0.005)


async def no_end(asked):
    async for piece in three(asked):
        yield piece


async def cut(asked):
    async for piece in three(asked):
        yield piece
    raise ConnectionError("cut")


async def fields(asked):
    """What the standard allows: comments, other fields, all line ends, data of several lines, events without data."""
    yield "\ufeff: a comment\r\nevent: tick\r\nid: 1\r\nretry: 10\r\ndata: 1\r\ndata:2\r\n\r\n"
    yield "event: empty\n\ndata\n\n"
    yield "data: 3\r\r"
    await asyncio.sleep(0.01)
    yield ": ping\n\ndata: [DONE]\n\n"


async def lines(asked):
    for number in range(5):
        yield json.dumps({"n": number}) + ("\n\n" if number == 2 else "\n")
        await asyncio.sleep(0.005)


async def endless(asked):
    while True:
        yield event("more")
        await asyncio.sleep(0.005)


def streamed(make, media_type):
    async def counted(asked):
        count, how = 0, "cut"
        try:
            async for piece in make(asked):
                count += 1
                yield piece
            how = "whole"
        finally:
            log(make.__name__, how, count)

    async def endpoint(request):
        return StreamingResponse(counted(await request.body()), media_type=media_type)

    return Route("/" + make.__name__, endpoint, methods=["GET", "POST"])


async def main():
    routes = [streamed(make, "text/event-stream") for make in [chat, no_end, cut, fields, endless]]
    app = Starlette(routes=routes + [streamed(lines, "application/x-ndjson")])
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical"))
    server.install_signal_handlers = lambda: None
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    print(listening.getsockname()[1], flush=True)
    # Exits when the parent closes stdin.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.should_exit = server.force_exit = True
    await serving


asyncio.run(main())
