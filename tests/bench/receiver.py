#!/usr/bin/python3
"""A sink: takes Segment's batches, counts their messages, and answers 200. Prints "READY URL"; GET /count says how many."""

import asyncio

count = 0


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
    global count
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = 0
            for line in head.split(b"\r\n"):
                if line.lower().startswith(b"content-length:"):
                    length = int(line[15:])
            if b"100-continue" in head:
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = await reader.readexactly(length)
            count += body.count(b'"messageId"')
            answer = str(count).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 20)
    host, port = server.sockets[0].getsockname()
    print(f"READY http://{host}:{port}", flush=True)
    await server.serve_forever()


asyncio.run(main())
