"""The paths that take events in: ``POST /v1/predictions``, ``POST /v1/labels`` and ``POST /v1/feedback``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from ml_exporter.core.errors import PayloadError
from ml_exporter.ingest.intake import Intake, Reading
from ml_exporter.ingest.metrics import IntakeMetrics
from ml_exporter.ingest.protocols import PROTOCOLS
from ml_exporter.ingest.protocols.protocol import Protocol
from ml_exporter.ingest.queue import Batch, IntakeQueue
from ml_exporter.ingest.reasons import MALFORMED, QUEUE_FULL, SHUTDOWN, TOO_LARGE, UNKNOWN_MODEL, UNSUPPORTED
from ml_exporter.ingest.receipt import Receipt
from ml_exporter.web.body import ENCODINGS, content_of
from ml_exporter.web.messages import JSON, Request, Response, json_response, problem

T = TypeVar("T")
Read = Callable[[bytes, Protocol, str | None], T]

_STATUS: Final = {TOO_LARGE: 413, UNSUPPORTED: 415, UNKNOWN_MODEL: 404}
_DURABLE_SECONDS: Final = 25.0
_BY_TYPE: Final = {kind.encode(): protocol for protocol in PROTOCOLS for kind in protocol.content_types}
_SHORT_BYTES: Final = 16 * 1024
"""Body whose objects need not be counted beforehand (chosen)."""

_OBJECTS: Final = 3
"""JSON objects of an event at most: itself, its features, its scores."""

_ONE_QUEUED: Final = Response(202, b'{"status":"queued","accepted":1}', JSON)
_ENCODINGS: Final = (("Accept-Encoding", ", ".join(ENCODINGS)),)
"""What a 415 tells of: RFC 9110, section 12.5.3."""

_RETRY: Final = (("Retry-After", "1"),)


class IntakePaths:
    """Answers for what becomes of the events: 202 queued, 200 durable, or a problem document that says why not."""

    def __init__(
        self, intake: Intake, queue: IntakeQueue, metrics: IntakeMetrics, limit: int, *, durable: bool
    ) -> None:
        self.intake = intake
        self.limit = limit
        self._queue = queue
        self._metrics = metrics
        self._durable = durable

    def predictions(self, request: Request) -> Response | Awaitable[Response]:
        """Take predictions in."""
        return self._take(request, "prediction", self.intake.typed_predictions, self.intake.tolerant_predictions)

    def labels(self, request: Request) -> Response | Awaitable[Response]:
        """Take labels in."""
        return self._take(request, "label", self.intake.typed_labels, self.intake.tolerant_labels)

    def feedback(self, request: Request) -> Response | Awaitable[Response]:
        """Take feedback in."""
        return self._take(request, "feedback", lambda *_: None, self.intake.feedback)

    def _take(
        self, request: Request, event: str, typed: Read[Reading | None], tolerant: Read[Reading]
    ) -> Response | Awaitable[Response]:
        durable, model = False, None
        try:
            if request.query:
                model = request.parameter("model")
                durable = self._wants_durable(request.parameter("ack"))
            protocol = _BY_TYPE.get(request.headers.get(b"content-type", b"application/json")) or _protocol_for(
                request
            )
            body = content_of(request.body, request.header(b"content-encoding") or "", self.limit)
            if len(body) > _SHORT_BYTES:
                self._check_objects(protocol.objects(body))
            reading = typed(body, protocol, model)
            if reading is None:
                if not protocol.quick(body):
                    return self._read_later(tolerant, body, protocol, model, event, durable)
                reading = tolerant(body, protocol, model)
        except PayloadError as error:
            return self._refuse(error)
        return self._accept(reading, event, durable)

    async def _read_later(
        self,
        tolerant: Read[Reading],
        body: bytes,
        protocol: Protocol,
        model: str | None,
        event: str,
        durable: bool,
    ) -> Response:
        try:
            reading = await asyncio.to_thread(tolerant, body, protocol, model)
        except PayloadError as error:
            return self._refuse(error)
        answer = self._accept(reading, event, durable)
        return answer if isinstance(answer, Response) else await answer

    def _check_objects(self, objects: int) -> None:
        """Refuse a body of more objects than the queue has room for, before they take memory."""
        most = _OBJECTS * self._queue.max_events
        if objects > most:
            raise PayloadError(TOO_LARGE, f"a body must not hold more than {most} JSON objects; send fewer events")

    def _refuse(self, error: PayloadError) -> Response:
        self._metrics.lost[error.reason] += 1
        status = _STATUS.get(error.reason, 400)
        return problem(status, error.what, _ENCODINGS if status == 415 else (), reason=error.reason)

    def _accept(self, reading: Reading, event: str, durable: bool) -> Response | Awaitable[Response]:
        """Queue what was read, if there is room; what is wrong with it is counted unless it is to come again."""
        batches, receipt = reading
        events, size = receipt.accepted, sum(batch.size for batch in batches)
        if events and self._queue.closed:
            self._metrics.lost[SHUTDOWN] += events
            return problem(503, "this exporter is shutting down", _RETRY, reason=SHUTDOWN)
        if events and not self._queue.has_room(events, size):
            return self._full(events, size)
        if receipt.trouble is not None:
            self._metrics.note(receipt.trouble)
        if not events:
            return self._nothing(receipt)
        self._metrics.accepted[event] += events
        if durable:
            return self._put_durably(batches, receipt)
        self._queue.put(batches)
        if events == 1 and receipt.trouble is None:
            return _ONE_QUEUED
        return json_response(202, receipt.document("queued"))

    def _wants_durable(self, ack: str | None) -> bool:
        if ack not in (None, "queued", "durable"):
            raise PayloadError(MALFORMED, f'ack: must be queued or durable, got "{ack}"')
        if ack == "durable" and not self._durable:
            raise PayloadError(MALFORMED, "ack: durable needs a state directory, and none is configured")
        return ack == "durable"

    def _nothing(self, receipt: Receipt) -> Response:
        trouble = receipt.trouble
        if trouble is None or not trouble.errors:
            self._metrics.lost[MALFORMED] += 1
            return problem(400, "there is no event in the body", reason=MALFORMED)
        status = 404 if set(trouble.rejected) == {UNKNOWN_MODEL} else 400
        rejected = trouble.rejected.total()
        return problem(status, trouble.errors[0]["detail"], errors=trouble.errors, rejected=rejected)

    def _full(self, events: int, size: int) -> Response:
        if events > self._queue.max_events or size > self._queue.max_bytes:
            self._metrics.lost[TOO_LARGE] += events
            most = f"{self._queue.max_events} events and {self._queue.max_bytes} bytes"
            return problem(413, f"a body must not exceed what the queue can hold: {most}", reason=TOO_LARGE)
        self._metrics.lost[QUEUE_FULL] += events
        return problem(429, "the queue is full; send the events again later", _RETRY, reason=QUEUE_FULL)

    async def _put_durably(self, batches: list[Batch], receipt: Receipt) -> Response:
        loop = asyncio.get_running_loop()
        written: asyncio.Future[bool] = loop.create_future()

        def tell(committed: bool) -> None:
            if not written.done():
                written.set_result(committed)

        def done(committed: bool) -> None:
            loop.call_soon_threadsafe(tell, committed)

        batches[-1].done = done
        self._queue.put(batches)
        try:
            committed = await asyncio.wait_for(written, _DURABLE_SECONDS)
        except TimeoutError:
            return problem(503, "the events are queued but not on disk yet; send them again", _RETRY)
        if not committed:
            return problem(503, "the events could not be written to disk; send them again", _RETRY)
        return json_response(200, receipt.document("durable"))


def _protocol_for(request: Request) -> Protocol:
    kind = (request.header(b"content-type") or "").partition(";")[0].strip().lower()
    protocol = _BY_TYPE.get(kind.encode())
    if protocol is None:
        known = ", ".join(name for protocol in PROTOCOLS for name in protocol.content_types)
        raise PayloadError(UNSUPPORTED, f'Content-Type "{kind}" is not understood; send one of {known}')
    return protocol
