"""The pages in a real browser, wide and narrow, light and dark: nothing cut off, keyboard, screen reader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from signal import SIGTERM

import pytest

from support import wide, workload
from support.browser import CHROMIUM, MISSING, Browser, browser
from support.engine import write_config
from support.newer import newer
from support.processes import Process, sidecar

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)

PATHS = ("/", "/models/model?version=1", "/models/wide", "/models/nobody", "/report?model=model")
WIDTHS = (1440, 500, 360)
MATRIX = "/models/kinds"
KINDS = [letter * 40 for letter in "abcdefg"]
"""Classes with long names, more than fit beside each other."""

OPENED = "document.querySelectorAll('details').forEach(each => each.open = true);"

AXE_HOW = "where npm is at hand, deploy/bootstrap.sh axe fetches it"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("browser")
    broad = folder / "wide"
    broad.mkdir()
    wide.write_config(broad, 40)
    second = "  - {name: wide, version: '1', task: binary_classification, baseline: wide/baseline.json}\n"
    kinds = ", ".join(KINDS)
    second += f"  - {{name: kinds, version: '1', task: multiclass_classification, classes: [{kinds}]}}\n"
    around = "pipelines: [{name: nightly, every: 24h}]\nserver: {pid_file: none.pid}"
    config = write_config(folder, more=f"windows: [5m, 1h]\n{around}", noise=True)
    config.write_text(config.read_text().replace("models:\n", f"models:\n{second}"))
    process = sidecar(config)
    try:
        columns = workload.table(400, 3, shift=0.5)
        events = workload.attributed(workload.events(columns), columns)
        told = {"predictions": events, "labels": workload.labels(columns), "feedback": workload.told(columns)}
        for path, items in told.items():
            assert process.post(f"/v1/{path}?ack=durable", [item | {"model": "model"} for item in items])[0] == 200
        hostile = [event | {"model": "wide", "version": wide.HOSTILE[0]} for event in wide.events(40, 150)]
        assert process.post("/v1/predictions?ack=durable", hostile)[0] == 200
        ranked = dict(zip(("predictions", "labels"), workload.ranked(300, 4, KINDS), strict=True))
        for path, items in ranked.items():
            ours = [item | {"model": "kinds"} for item in items]
            assert process.post(f"/v1/{path}?ack=durable", ours)[0] == 200
        process.until('ml_performance_samples{model="kinds",version="1",window="5m"}', 300)
        process.until('ml_performance_samples{model="model",version="1",window="5m"}', 400)
        process.until(f'ml_window_predictions{{model="wide",version="{wide.HOSTILE[0]}",window="5m"}}', 150)
        yield process
    finally:
        process.end(SIGTERM)


@pytest.fixture(scope="module")
def tab() -> Iterator[Browser]:
    with browser() as running:
        yield running


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("path", [*PATHS, MATRIX])
def test_nothing_is_wider_than_the_screen(served: Process, tab: Browser, path: str, width: int) -> None:
    tab.open(f"http://127.0.0.1:{served.port}{path}", width)
    assert tab.evaluate(f"{OPENED} document.scrollingElement.scrollWidth") <= width
    beyond = "filter(each => each.getBoundingClientRect().right > innerWidth + 1)"
    cut = f"[...document.querySelectorAll('main :not(.scrolled *)')].{beyond}"
    assert tab.evaluate(f"{cut}.map(each => each.outerHTML.slice(0, 100))") == []


@pytest.mark.parametrize("width", [900, 360])
def test_the_bins_of_a_histogram_have_room(served: Process, tab: Browser, width: int) -> None:
    tab.open(f"http://127.0.0.1:{served.port}/models/wide", width)
    tab.evaluate(OPENED)
    place = "getBoundingClientRect()"
    assert tab.evaluate("document.querySelectorAll('.bins').length") == 31
    rights = f"[...document.querySelectorAll('#drift table, .bins')].map(each => each.{place}.right)"
    assert tab.evaluate(f"Math.max(...{rights})") <= width
    names = f"[...document.querySelectorAll('.bins th:first-child')].map(each => each.{place}.width)"
    assert tab.evaluate(f"Math.min(...{names})") > 95
    cut = f"filter(each => each.{place}.right > each.closest('svg').{place}.right + 1)"
    assert (
        tab.evaluate(f"[...document.querySelectorAll('.histogram text')].{cut}.map(each => each.textContent)")
        == []
    )


@pytest.mark.parametrize("dark", [False, True])
def test_a_scheme_is_drawn_as_asked(served: Process, tab: Browser, dark: bool, tmp_path: Path) -> None:
    for width in (1440, 390):
        tab.open(f"http://127.0.0.1:{served.port}/models/model", width, dark=dark)
        ground = tab.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
        assert (max(ground) < 60) if dark else (min(ground) > 200)
        tab.picture(tmp_path / "page.png")
        assert (tmp_path / "page.png").stat().st_size > 20_000


def test_no_name_becomes_a_script_and_nothing_is_loaded(served: Process, tab: Browser) -> None:
    tab.open(f"http://127.0.0.1:{served.port}/models/wide", 1440)
    assert tab.evaluate("document.querySelectorAll('script, img, b, i').length") == 0
    assert wide.HOSTILE[0] in tab.evaluate("document.querySelector('header').textContent")
    assert tab.evaluate("performance.getEntriesByType('resource').map(e => e.name)") in ([], [favicon(served)])


def favicon(served: Process) -> str:
    """What a browser asks for by itself."""
    return f"http://127.0.0.1:{served.port}/favicon.ico"


def test_the_keyboard_reaches_the_content_and_shows_where_it_is(served: Process, tab: Browser) -> None:
    tab.open(f"http://127.0.0.1:{served.port}/models/model", 1440)
    press(tab, "Tab")
    assert tab.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert tab.evaluate("document.activeElement.getBoundingClientRect().left >= 0")
    press(tab, "Tab")
    assert tab.evaluate("document.activeElement.textContent") == "All models"
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    tab.evaluate("document.querySelector('.skip').focus()")
    press(tab, "Enter")
    assert tab.evaluate("location.hash") == "#content"


@pytest.mark.parametrize("width", [1440, 390])
def test_a_matrix_of_many_classes_is_scrolled_in_its_own_box(served: Process, tab: Browser, width: int) -> None:
    tab.open(f"http://127.0.0.1:{served.port}{MATRIX}", width)
    box, head = "document.querySelector('.scrolled')", "document.querySelector('.scrolled tbody th')"
    tab.evaluate(f"{box}.scrollIntoView(); {box}.focus()")
    assert tab.evaluate(f"document.activeElement === {box}")
    assert tab.evaluate(f"{box}.scrollWidth > {box}.clientWidth") == (width < 1440)
    left = tab.evaluate(f"{head}.getBoundingClientRect().left")
    tab.evaluate(f"{box}.scrollLeft = 1000")
    assert tab.evaluate(f"{head}.getBoundingClientRect().left") == pytest.approx(left, abs=2)
    last = "[...document.querySelectorAll('.scrolled tbody tr')].pop().lastElementChild.getBoundingClientRect()"
    assert tab.evaluate(f"{last}.right <= innerWidth && {last}.width > 80")


def press(tab: Browser, key: str) -> None:
    code = {"Tab": 9, "Enter": 13}[key]
    more = {"text": "\r"} if key == "Enter" else {}
    tab.ask("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, windowsVirtualKeyCode=code, **more)
    tab.ask("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=code)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing(served: Process, tab: Browser, width: int, dark: bool) -> None:
    axe = Path(newer("axe.min.js", AXE_HOW)).read_text()
    for path in (*PATHS, MATRIX) if (width, dark) == (390, True) else PATHS:
        tab.open(f"http://127.0.0.1:{served.port}{path}", width, dark=dark)
        tab.evaluate(f"{OPENED} {axe}")
        script = "axe.run({resultTypes: ['violations']}).then(r => r.violations.map(v => [v.id, v.nodes[0].html]))"
        assert tab.evaluate(script) == [], path
