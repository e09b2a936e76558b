"""A sidecar in this process, on a loopback port, and ways to talk to it."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ml_exporter.app.sidecar import ServeOptions, Sidecar


class Running:
    """A sidecar that runs in a thread of its own."""

    def __init__(self, config: Path, **options: Any) -> None:
        self._config, self._options = config, options
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.exit_code: int | None = None
        self.error: BaseException | None = None
        self.sidecar: Sidecar
        self._thread.start()
        assert self._started.wait(20)
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:
            self.error = error
            self._started.set()

    async def _main(self) -> None:
        loop = asyncio.get_running_loop()
        # Signals belong to the main thread; the tests of signals run a process.
        loop.add_signal_handler = lambda *given: None  # type: ignore[method-assign]
        self.loop = loop
        self.sidecar = self._make()
        loop.call_soon(self._started.set)
        self.exit_code = await self.sidecar.run()

    def _make(self) -> Any:
        return Sidecar(ServeOptions(self._config, ("127.0.0.1:0",), **self._options))

    @property
    def port(self) -> int:
        return self.sidecar.addresses[0][1]

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.sidecar.stop)
        self._thread.join(20)
        assert not self._thread.is_alive()

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        context: ssl.SSLContext | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of an answer."""
        if context is not None:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                "127.0.0.1", self.port, timeout=20, context=context
            )
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        finally:
            connection.close()

    def post(self, path: str, items: Any, **headers: str) -> tuple[int, dict[str, Any]]:
        """Post JSON; return status and the answer's document."""
        status, _, body = self.request(
            "POST", path, json.dumps(items).encode(), {"Content-Type": "application/json", **headers}
        )
        return status, json.loads(body)

    def metrics(self) -> dict[str, float]:
        """Return every sample of the page by its line up to the value."""
        status, _, body = self.request("GET", "/metrics")
        assert status == 200
        lines = [line for line in body.decode().splitlines() if line and not line.startswith("#")]
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}

    def until(self, series: str, value: float, seconds: float = 10.0) -> None:
        """Wait until a series has a value."""
        import time

        end = time.monotonic() + seconds
        found: float | None = None
        while time.monotonic() < end:
            found = self.metrics().get(series)
            if found == value:
                return
            time.sleep(0.05)
        raise AssertionError(f"{series} is {found}, not {value}, after {seconds} seconds")

    def raw(self, *parts: bytes, wait: float = 5.0) -> bytes:
        """Send bytes and return all that comes back until the connection closes or ``wait`` seconds are over."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=wait) as connection:
            for part in parts:
                connection.sendall(part)
            received = b""
            try:
                while chunk := connection.recv(65536):
                    received += chunk
            except TimeoutError:
                pass
            return received


@contextmanager
def running(config: Path, **options: Any) -> Iterator[Running]:
    """Run a sidecar for the time of a block."""
    sidecar = Running(config, **options)
    try:
        yield sidecar
    finally:
        sidecar.stop()
