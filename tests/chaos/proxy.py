#!/usr/bin/python3
"""A TCP relay that hurts: proxy.py UPSTREAM --faults FILE --seed N [--pause SECONDS] [--pause-of-all SECONDS].

Prints "READY HOST:PORT". Every now and then (--pause is the mean time in between, seeded) it resets a connection, or stops
passing on what it says for a while, or for ever; more seldom (--pause-of-all) it resets most of them at once. SIGUSR1 ends
that for good.
"""

import argparse
import asyncio
import os
import random
import signal
import socket
import struct

DEEDS = {"cut": 10, "stall": 4, "silence": 1}


class Relay:
    """One connection and its upstream."""

    def __init__(self, proxy, near, far):
        self.proxy = proxy
        self.near, self.far = near, far
        self.go = asyncio.Event()
        self.go.set()

    async def pump(self, reader, writer):
        try:
            while data := await reader.read(65536):
                await self.go.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            self.close()

    def cut(self):
        for writer in (self.near, self.far):
            raw = writer.get_extra_info("socket")
            if raw is not None:
                try:
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                except OSError:
                    pass
            writer.transport.abort()

    def close(self):
        self.near.close()
        self.far.close()


class Proxy:
    def __init__(self, upstream: str, faults: str, seed: str, pause: float, pause_of_all: float):
        host, _, port = upstream.rpartition(":")
        self.upstream = host, int(port)
        self.faults = os.open(faults, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.random = random.Random(f"{seed}/proxy")
        self.pause, self.pause_of_all = pause, pause_of_all
        self.hurting = True
        self.relays: set[Relay] = set()

    async def accept(self, reader, writer):
        try:
            far_reader, far_writer = await asyncio.open_connection(*self.upstream)
        except OSError:
            writer.transport.abort()
            return
        relay = Relay(self, writer, far_writer)
        self.relays.add(relay)
        try:
            await asyncio.gather(relay.pump(reader, far_writer), relay.pump(far_reader, writer))
        finally:
            self.relays.discard(relay)

    async def hurt_one(self):
        while relays := await self._next(self.pause):
            deed = self.random.choices(list(DEEDS), list(DEEDS.values()))[0]
            self._note(deed)
            relay = self.random.choice(relays)
            if deed == "cut":
                relay.cut()
                continue
            relay.go.clear()
            if deed == "stall":
                asyncio.get_running_loop().call_later(self.random.uniform(0.1, 4), relay.go.set)

    async def hurt_most(self):
        while relays := await self._next(self.pause_of_all):
            self._note("cut most")
            for relay in relays:
                if self.random.random() < 0.7:
                    relay.cut()

    async def _next(self, pause: float) -> list[Relay]:
        """After a while: whom to hurt, at least one."""
        while True:
            await asyncio.sleep(self.random.expovariate(1 / pause))
            if self.hurting and self.relays:
                return list(self.relays)

    def _note(self, deed: str):
        os.write(self.faults, (deed + "\n").encode())

    def behave(self):
        self.hurting = False
        for relay in self.relays:
            relay.go.set()


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("upstream")
    parser.add_argument("--faults", required=True)
    parser.add_argument("--seed", required=True)
    parser.add_argument("--pause", type=float, default=0.7)
    parser.add_argument("--pause-of-all", type=float, default=12)
    options = parser.parse_args()
    proxy = Proxy(options.upstream, options.faults, options.seed, options.pause, options.pause_of_all)
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, proxy.behave)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0, backlog=256)
    host, port = server.sockets[0].getsockname()
    print(f"READY {host}:{port}", flush=True)
    await asyncio.gather(proxy.hurt_one(), proxy.hurt_most())


asyncio.run(main())
