"""Published snapshots, live metrics, gzip and negotiation."""

import gzip
from collections.abc import Iterable

import pytest

from ml_exporter.core.metrics import Block, gauge, one
from ml_exporter.exposition.negotiation import format_for, wants_gzip
from ml_exporter.exposition.page import Page
from ml_exporter.exposition.render import Format

SNAPSHOT, LIVE = gauge("ml_snapshot", "Published."), gauge("ml_live", "Live.")


class Live:
    key = "live"
    metrics = (LIVE,)

    def __init__(self) -> None:
        self.value: float | None = 0

    def collect(self) -> Iterable[Block]:
        if self.value is None:
            raise RuntimeError("no")
        self.value += 1
        yield one(LIVE, self.value)


def test_a_snapshot_stays_while_live_metrics_move() -> None:
    page = Page([Live()])
    page.publish([one(SNAPSHOT, 5)])
    first, second = (page.render(Format.TEXT, gzip=False).decode() for _ in range(2))
    assert "ml_snapshot 5\n" in first
    assert "ml_live 1\n" in first
    assert "ml_live 2\n" in second
    page.publish([one(SNAPSHOT, 6)])
    assert "ml_snapshot 6\n" in page.render(Format.TEXT, gzip=False).decode()


@pytest.mark.parametrize("format", list(Format))
def test_gzipped_and_plain_are_the_same_page(format: Format) -> None:
    live = Live()
    page = Page([live])
    page.publish([one(SNAPSHOT, n) for n in range(1)])
    plain = page.render(format, gzip=False)
    live.value = 0
    for _ in range(2):
        assert gzip.decompress(page.render(format, gzip=True)) == plain
        live.value = 0
    assert (plain.count(b"# EOF") == 1) is (format is Format.OPENMETRICS)


def test_live_metrics_that_fail_do_not_cost_the_page(caplog: pytest.LogCaptureFixture) -> None:
    live = Live()
    live.value = None
    page = Page([live])
    page.publish([one(SNAPSHOT, 5)])
    assert page.render(Format.TEXT, gzip=False).decode().endswith("ml_snapshot 5\n")
    assert "live metrics failed" in caplog.text


@pytest.mark.parametrize(
    ("accept", "format"),
    [
        ("", Format.TEXT),
        ("*/*", Format.TEXT),
        ("text/plain", Format.TEXT),
        ("text/html,application/xhtml+xml,*/*;q=0.8", Format.TEXT),
        ("application/openmetrics-text", Format.OPENMETRICS),
        ("application/openmetrics-text;version=0.0.1", Format.OPENMETRICS),
        ("application/openmetrics-text;version=2.0.0", Format.TEXT),
        (
            "application/openmetrics-text;version=2.0.0,application/openmetrics-text;version=1.0.0;q=0.5",
            Format.OPENMETRICS,
        ),
        # Prometheus 2.42
        (
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
            "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            Format.OPENMETRICS,
        ),
        # Prometheus 3 with native histograms: protobuf first, which is not spoken here
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
            "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
            "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
            Format.OPENMETRICS,
        ),
        ("text/plain;q=0.9,application/openmetrics-text;q=0.1", Format.TEXT),
        ("application/openmetrics-text;q=nonsense", Format.TEXT),
    ],
)
def test_the_format_is_the_one_asked_for(accept: str, format: Format) -> None:
    assert format_for(accept) is format


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("", False),
        ("gzip", True),
        ("deflate, GZIP", True),
        ("gzip;q=0", False),
        ("*", True),
        ("br", False),
        ("gzip;q=1.0, *;q=0", True),
    ],
)
def test_gzip_is_sent_only_where_it_is_allowed(header: str, wanted: bool) -> None:
    assert wants_gzip(header) is wanted
