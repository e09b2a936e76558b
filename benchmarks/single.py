"""Single events over sockets, everything counted, beside Starlette on uvicorn that drops the body."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time
from pathlib import Path

from harness import Row
from workload import events, folder

CONNECTIONS = 16
SECONDS = 4.0
ROUNDS = 4

DROPPING = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

async def drop(request):
    await request.body()
    return Response(status_code=204)

app = Starlette(routes=[Route("/v1/predictions", drop, methods=["POST"]), Route("/-/ready", lambda r: Response())])
uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False)
"""


def run() -> list[Row]:
    """Return the line of the table; the server has one core, the load another."""
    cores = sorted(os.sched_getaffinity(0))
    ports = [_free_port(), _free_port()]
    ours = [sys.executable, "-m", "ml_exporter", "serve", "--config.file", str(folder() / "ml-exporter.yml")]
    ours += [f"--web.listen-address=127.0.0.1:{ports[0]}", "--log.level=error"]
    servers = [
        subprocess.Popen(["taskset", "-c", str(cores[-1]), *command])
        for command in (ours, [sys.executable, "-c", DROPPING, str(ports[1])])
    ]
    try:
        for port in ports:
            _wait(port)
        os.sched_setaffinity(0, {cores[0]})
        rates: list[list[float]] = [[], []]
        for round_ in range(ROUNDS):
            for side, port in enumerate(ports):
                rates[side].append(_load(port, f"{round_}-{side}"))
        ratio = sorted(a / b for a, b in zip(*rates, strict=True))[ROUNDS // 2]
        counted = _counted(ports[0])
        assert counted > 0.9 * sum(rates[0]) * SECONDS, "not everything was counted"
    finally:
        os.sched_setaffinity(0, cores)
        for server in servers:
            server.terminate()
            server.wait()
    mine, theirs = (sorted(side)[ROUNDS // 2] for side in rates)
    return [
        Row(
            "single-event POSTs over 16 connections, everything counted",
            f"{mine:,.0f} requests/s",
            f"Starlette on uvicorn that drops the body: {theirs:,.0f} requests/s",
            f"{ratio:.2f}x its requests/s",
            "1.2x its requests/s",
            ratio >= 1.2,
        )
    ]


def _load(port: int, prefix: str) -> float:
    """Send one request after the other on each connection; return answers a second."""
    event = json.dumps({**events(1)[0], "id": "ID"})
    length = len(event) - 2 + len(prefix) + 10
    head = "POST /v1/predictions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {length}\r\n\r\n"
    before, after = (part.encode() for part in (head + event).split('"ID"'))
    before, after = before + b'"' + prefix.encode() + b"-", b'"' + after
    poll = select.epoll()
    clients = {}
    sent = 0
    for _ in range(CONNECTIONS):
        client = socket.create_connection(("127.0.0.1", port))
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        clients[client.fileno()] = client
        poll.register(client.fileno(), select.EPOLLIN)
        client.sendall(b"%s%09d%s" % (before, sent, after))
        sent += 1
    end = time.perf_counter() + SECONDS
    began = time.perf_counter()
    done = 0
    while time.perf_counter() < end:
        for number, _ in poll.poll(1.0):
            answer = clients[number].recv(4096)
            assert answer[9:12] in (b"202", b"204"), answer
            done += 1
            clients[number].sendall(b"%s%09d%s" % (before, sent, after))
            sent += 1
    seconds = time.perf_counter() - began
    for client in clients.values():
        client.close()
    return done / seconds


def _counted(port: int) -> float:
    time.sleep(1.5)
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        page = b""
        while chunk := client.recv(1 << 20):
            page += chunk
    line = next(line for line in page.decode().splitlines() if line.startswith("ml_predictions_total{"))
    return float(line.rpartition(" ")[2])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(port: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(b"GET /-/ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                if b" 200 " in client.recv(100):
                    return
        except OSError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"nothing answers on port {port}; see {Path.cwd()}")
