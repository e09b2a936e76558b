"""The page: valid in both formats, whatever the labels hold, and never with a value that is not one."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from ml_exporter.core.metrics import ONE, Block, Rows, counter, gauge, histogram, info, one
from ml_exporter.core.text import label_value
from ml_exporter.exposition.render import Format, Renderer

PARSERS: dict[Format, Callable[[str], object]] = {Format.TEXT: parse_text, Format.OPENMETRICS: parse_openmetrics}
formats = pytest.mark.parametrize("format", list(Format))

DRIFT = gauge("ml_drift", "Drift.", "model", "feature")
COUNT = counter("ml_events_total", "Events.", "model")
FACTS = info("ml_model_info", "Facts.", "model", "owner")
LATENCY = histogram("ml_latency_seconds", "Latency.", (0.1, 1.0), "model")


def render(blocks: list[Block], format: Format) -> str:
    return Renderer(format).render(blocks).decode()


def samples(page: str, format: Format) -> dict[tuple[str, ...], float]:
    found = {}
    for family in PARSERS[format](page):  # type: ignore[attr-defined]
        for sample in family.samples:
            key = (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items())))
            assert key not in found
            found[key] = sample.value
    return found


def test_the_text_format_to_the_letter() -> None:
    blocks = [
        Block(DRIFT, ("a",), Rows.of(["x", "y"]), np.array([0.5, 1e-5])),
        one(COUNT, 3, "a"),
        one(FACTS, 1, "a", 'team "b"\\\n'),
        Block(LATENCY, ("a",), ONE, np.array([2.0, 1.0, 4.0, 12.5])),
        Block(DRIFT, ("b",), Rows.of(["x"]), np.array([2.0])),
    ]
    assert render(blocks, Format.TEXT) == (
        "# HELP ml_drift Drift.\n# TYPE ml_drift gauge\n"
        'ml_drift{model="a",feature="x"} 0.5\nml_drift{model="a",feature="y"} 0.00001\n'
        'ml_drift{model="b",feature="x"} 2.0\n'
        '# HELP ml_events_total Events.\n# TYPE ml_events_total counter\nml_events_total{model="a"} 3\n'
        "# HELP ml_model_info Facts.\n# TYPE ml_model_info gauge\n"
        'ml_model_info{model="a",owner="team \\"b\\"\\\\\\n"} 1\n'
        "# HELP ml_latency_seconds Latency.\n# TYPE ml_latency_seconds histogram\n"
        'ml_latency_seconds_bucket{model="a",le="0.1"} 2.0\nml_latency_seconds_bucket{model="a",le="1.0"} 3.0\n'
        'ml_latency_seconds_bucket{model="a",le="+Inf"} 7.0\n'
        'ml_latency_seconds_count{model="a"} 7.0\nml_latency_seconds_sum{model="a"} 12.5\n'
    )


def test_openmetrics_names_counters_and_infos_by_their_family() -> None:
    page = render([one(COUNT, 3, "a"), one(FACTS, 1, "a", "b")], Format.OPENMETRICS)
    assert page == (
        '# HELP ml_events Events.\n# TYPE ml_events counter\nml_events_total{model="a"} 3\n'
        '# HELP ml_model Facts.\n# TYPE ml_model info\nml_model_info{model="a",owner="b"} 1\n# EOF\n'
    )


@formats
@given(
    values=st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=20),
    others=st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=5),
)
def test_only_finite_values_are_shown_and_exactly(
    values: list[float], others: list[float], format: Format
) -> None:
    blocks = [
        Block(DRIFT, ("a",), Rows.of(str(n) for n in range(len(values))), np.array(values)),
        Block(DRIFT, ("b",), Rows.of(str(n) for n in range(len(others))), np.array(others)),
        one(COUNT, 7, "a"),
    ]
    page = render(blocks, format)
    assert "\n\n" not in page
    assert not page.startswith("\n")
    expected = {
        ("ml_drift", f"feature={n}", f"model={model}"): value
        for model, part in (("a", values), ("b", others))
        for n, value in enumerate(part)
        if np.isfinite(value)
    }
    assert samples(page, format) == {**expected, ("ml_events_total", "model=a"): 7}
    assert ("# TYPE ml_drift " in page) == bool(expected)


@formats
@given(names=st.lists(st.text(), min_size=1, max_size=8, unique_by=label_value))
def test_any_label_value_goes_through_a_parser_unchanged(names: list[str], format: Format) -> None:
    shown = [label_value(name) for name in names]
    blocks = [Block(DRIFT, ("a",), Rows.of(shown), np.arange(float(len(names))))]
    found = samples(render(blocks, format), format)
    assert found == {("ml_drift", f"feature={name}", "model=a"): float(n) for n, name in enumerate(shown)}


@given(text=st.text() | st.text(min_size=100), other=st.text(min_size=70))
def test_long_label_values_are_cut_but_stay_apart(text: str, other: str) -> None:
    assert len(label_value(text)) <= 64
    if text != other:
        assert label_value(text) != label_value(other) or "?" in label_value(text)


def test_surrogates_are_replaced() -> None:
    assert label_value("a\ud800b") == "a?b"


@formats
def test_what_is_kept_between_pages_changes_nothing(format: Format) -> None:
    renderer = Renderer(format)
    rows, rng = Rows.of(f"f{n}" for n in range(50)), np.random.default_rng(1)
    for step in range(30):
        numbers = rng.normal(size=50)
        numbers[rng.random(50) < 0.1] = np.nan
        blocks = [Block(DRIFT, (f"m{n}",), rows, numbers * (n + 1)) for n in range(step % 4 + 1)]
        blocks.append(one(COUNT, step, "a"))
        assert renderer.render(blocks) == Renderer(format).render(blocks)


def test_labels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="ml_drift: 1 label values for the labels"):
        render([Block(DRIFT, ("a",), ONE, np.array([1.0]))], Format.TEXT)


@formats
def test_an_empty_page_is_valid(format: Format) -> None:
    assert samples(render([], format), format) == {}
