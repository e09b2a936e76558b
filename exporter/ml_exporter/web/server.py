"""The listening sockets: start, the second's tick, and a stop that lets requests finish."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Final

from ml_exporter.core.errors import ExporterError
from ml_exporter.web.connection import Connection, Shared
from ml_exporter.web.tls import Tls

_HANDSHAKE_SECONDS: Final = 5.0
"""Longest TLS handshake (chosen); only then is there a connection that can be counted."""


class Server:
    """Accepts connections on some addresses until :meth:`stop`."""

    def __init__(self, shared: Shared, tls: Tls | None) -> None:
        self._shared = shared
        self._tls = tls
        self._servers: list[asyncio.Server] = []
        self._ticker: asyncio.Task[None] | None = None

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Begin to accept on bound sockets."""
        loop = asyncio.get_running_loop()
        self._shared.tick(loop.time())
        for bound in sockets:
            server = await loop.create_server(
                lambda: Connection(self._shared),
                sock=bound,
                ssl=self._tls.context if self._tls else None,
                ssl_handshake_timeout=_HANDSHAKE_SECONDS if self._tls else None,
                backlog=512,
            )
            self._servers.append(server)
        self._ticker = loop.create_task(self._tick())

    async def stop(self, grace: float) -> None:
        """Accept nothing more, let requests under way finish for ``grace`` seconds, then close."""
        self._shared.stopping = True
        for server in self._servers:
            server.close()
        end = asyncio.get_running_loop().time() + grace
        while asyncio.get_running_loop().time() < end:
            idle = [connection.close_if_idle() for connection in list(self._shared.connections)]
            if all(idle):
                break
            await asyncio.sleep(0.02)
        for connection in list(self._shared.connections):
            connection.expire()
        if self._ticker is not None:
            self._ticker.cancel()

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(1.0)
            self._shared.tick(loop.time())
            if self._tls is not None:
                self._tls.renew()


def bind(address: str) -> socket.socket:
    """Return a listening socket on ``host:port`` or ``:port``; ExporterError if that is not possible."""
    host, port = split_address(address)
    family = socket.AF_INET6 if ":" in host or not host else socket.AF_INET
    try:
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(bool(host)))
        bound.bind((host or "::", port))
    except OSError as error:
        raise ExporterError(
            f"cannot listen on {address}: {error.strerror}; choose another with --web.listen-address"
        ) from error
    bound.setblocking(False)
    return bound


def split_address(address: str) -> tuple[str, int]:
    """Return host and port of ``host:port``, ``[host]:port`` or ``:port``; ExporterError if it is neither."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise ExporterError(f'"{address}" is not an address such as 127.0.0.1:19100, [::1]:19100 or :19100')
    return host.removeprefix("[").removesuffix("]"), int(port)


def is_loopback(address: str) -> bool:
    """Return whether only this machine can connect to ``address``."""
    host, _ = split_address(address)
    return host in ("localhost", "::1") or host.startswith("127.")
