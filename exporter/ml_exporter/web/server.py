"""The listening sockets: start, the second's tick, and a stop that lets requests finish."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from ml_exporter.core.errors import ExporterError, UsageError
from ml_exporter.web.connection import Connection, Shared
from ml_exporter.web.tls import Tls

log = logging.getLogger(__name__)

_BACKLOG: Final = 512
_HANDSHAKE_SECONDS: Final = 5.0
"""Longest TLS handshake (chosen)."""

_GOODBYE_SECONDS: Final = 2.0
"""Longest wait for the other side to end TLS (chosen)."""

_ACCEPT_SECONDS: Final = 1.0
"""Pause after an accept that failed, as a rule for want of file descriptors (chosen)."""


class Server:
    """Accepts connections on some addresses until :meth:`stop`."""

    def __init__(self, shared: Shared, tls: Tls | None) -> None:
        self._shared = shared
        self._tls = tls
        self._servers: list[asyncio.Server] = []
        self._accepting: dict[socket.socket, asyncio.Task[None]] = {}
        self._handshakes: set[asyncio.Task[None]] = set()
        self._ticker: asyncio.Task[None] | None = None

    async def start(self, sockets: Sequence[socket.socket]) -> None:
        """Begin to accept on bound sockets."""
        loop = asyncio.get_running_loop()
        self._shared.tick(loop.time())
        for bound in sockets:
            if self._tls is not None:
                bound.listen(_BACKLOG)
                self._accepting[bound] = loop.create_task(self._accept(bound, self._tls))
            else:
                server = await loop.create_server(lambda: Connection(self._shared), sock=bound, backlog=_BACKLOG)
                self._servers.append(server)
        self._ticker = loop.create_task(self._tick())

    async def stop(self, grace: float) -> None:
        """Accept nothing more, let requests under way finish for ``grace`` seconds, then close."""
        self._shared.stopping = True
        for server in self._servers:
            server.close()
        await _cancel([*self._accepting.values(), *self._handshakes])
        for bound in self._accepting:
            bound.close()
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

    async def _accept(self, bound: socket.socket, tls: Tls) -> None:
        """Accept TLS connections: those of ``create_server`` are out of sight until their handshake is done."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, _ = await loop.sock_accept(bound)
            except OSError as error:
                log.warning("cannot accept a connection", extra={"error": str(error)})
                await asyncio.sleep(_ACCEPT_SECONDS)
                continue
            if len(self._handshakes) >= self._shared.max_connections:
                self._shared.on_refused("connections")
                client.close()
                continue
            handshake = loop.create_task(self._shake_hands(client, tls))
            self._handshakes.add(handshake)
            handshake.add_done_callback(self._handshakes.discard)

    async def _shake_hands(self, client: socket.socket, tls: Tls) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: Connection(self._shared),
                client,
                ssl=tls.context,
                ssl_handshake_timeout=_HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=_GOODBYE_SECONDS,
            )
        except ConnectionAbortedError:
            self._shared.on_refused("timeout")
        except OSError as error:
            log.debug("TLS handshake failed", extra={"error": str(error)})

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(1.0)
            self._shared.tick(loop.time())
            if self._tls is not None:
                self._tls.renew()


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


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
    """Return host and port of ``host:port``, ``[host]:port`` or ``:port``; UsageError if it is neither."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        told = f'must be an address such as 127.0.0.1:19100, [::1]:19100 or :19100, got "{address}"'
        raise UsageError(f"--web.listen-address: {told}")
    return host.removeprefix("[").removesuffix("]"), int(port)


def is_loopback(address: str) -> bool:
    """Return whether only this machine can connect to ``address``."""
    host, _ = split_address(address)
    return host in ("localhost", "::1") or host.startswith("127.")
