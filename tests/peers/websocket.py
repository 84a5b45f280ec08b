"""A third-party WebSocket server for the tests: Python's `websockets`.

Prints its port, and logs each message and each opened or closed connection as a line of the file in its argument.
"""
import asyncio
import sys

import websockets


async def serve(socket, path):
    with open(sys.argv[1], "a", buffering=1) as log:
        print("open", path, socket.request_headers.get("x-user", "-"), file=log)
        if path == "/ticks":
            for n in range(3):
                await socket.send(f"tick {n}")
        try:
            async for message in socket:
                print("message", len(message), file=log)
                if path == "/fragments":
                    await socket.ping()
                    await socket.send([message[:2], message[2:4], message[4:]])
                elif path == "/late":
                    await asyncio.sleep(30)
                elif path == "/bye":
                    await socket.close(4000, "enough")
                else:
                    if path == "/ticks":
                        await socket.send("tick again")
                    await socket.send(message)
        except websockets.ConnectionClosed:
            pass
        await socket.wait_closed()
        print("closed", socket.close_code, file=log)


async def main():
    async with websockets.serve(serve, "127.0.0.1", 0) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        # Exits when the parent closes stdin.
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
