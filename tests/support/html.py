"""A page as a tree, held to what HTML and its accessibility rest on."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from itertools import pairwise
from xml.etree.ElementTree import Element

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import html5lib

NAMESPACE = "{http://www.w3.org/1999/xhtml}"
DRAWN = "{http://www.w3.org/2000/svg}"
SVG = f"{DRAWN}svg"


def parsed(page: bytes) -> Element:
    """Return the root of a page; any error of the HTML standard's parser fails the test."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    root: Element = parser.parse(page, transport_encoding="utf-8")
    return root


def fragment(content: str) -> Element:
    """Return what holds a part of a page; any error of the HTML standard's parser fails the test."""
    root: Element = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parseFragment(content)
    return root


def text_of(element: Element) -> str:
    """Return the words of an element."""
    return " ".join("".join(element.itertext()).split())


def check(page: bytes) -> Element:
    """Return the root of a page that is valid, needs nothing else, and that a screen reader can follow."""
    root = parsed(page)
    assert root.get("lang") == "en"
    assert text_of(root.find("head/title"))  # type: ignore[arg-type]
    _needs_nothing_else(root)
    ids = Counter(each.get("id") for each in root.iter() if each.get("id"))
    assert not [key for key, count in ids.items() if count > 1]
    for each in root.iter():
        href = each.get("href") or ""
        for key in [*(each.get("aria-labelledby") or "").split(), *([href[1:]] if href.startswith("#") else [])]:
            assert key in ids, f"{each.tag} leads to {key}, which is not there"
    _landmarks(root)
    levels = [int(each.tag[1]) for each in root.iter() if re.fullmatch("h[1-6]", str(each.tag))]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels)), levels
    for table in root.iter("table"):
        _table(table)
    for picture in root.iter(SVG):
        assert (picture.get("role"), bool(picture.get("aria-label"))) == ("img", True)
    for link in root.iter("a"):
        assert text_of(link)
    return root


def _needs_nothing_else(root: Element) -> None:
    for each in root.iter():
        assert each.tag not in ("script", "link", "img", "iframe", "object", "form", "input"), each.tag
        assert not [name for name in each.attrib if name.startswith("on") or name in ("style", "src")], each.attrib
    style = "".join(text_of(each) for each in root.iter("style"))
    assert "url(" not in style
    assert "@import" not in style


def _landmarks(root: Element) -> None:
    body = root.find("body")
    assert body is not None
    assert len(list(body.iter("main"))) == len(body.findall("header")) == 1
    skip = next(body.iter("a"))
    main = next(body.iter("main"))
    assert skip.get("href") == f"#{main.get('id')}"
    named = [each.get("aria-label") for each in body.iter("nav")]
    assert all(named)
    assert len(set(named)) == len(named)
    for section in body.iter("section"):
        assert section.get("aria-labelledby")


def _table(table: Element) -> None:
    caption = table.find("caption")
    assert caption is not None
    assert text_of(caption)
    heads = table.findall("thead/tr/th")
    assert heads
    assert all(head.get("scope") == "col" for head in heads)
    stays = table.get("class") == "bins"
    for row in table.findall("tbody/tr"):
        assert [cell.tag for cell in row] == ["th"] + ["td"] * (len(heads) - 1)
        assert row[0].get("scope") == "row"
        assert stays or [cell.get("data-label") for cell in row[1:]] == [text_of(head) for head in heads[1:]]


def row(root: Element, caption: str, first: str) -> list[str]:
    """Return the cells after the heading of a row whose heading begins with ``first``."""
    for table in root.iter("table"):
        found = table.find("caption")
        if found is not None and caption in text_of(found):
            for each in table.findall("tbody/tr"):
                if text_of(each[0]).startswith(first):
                    return [text_of(cell) for cell in each[1:]]
    raise AssertionError(f"no row {first} in a table {caption}")


def fact(root: Element, name: str) -> str:
    """Return the value beside a name."""
    for each in root.iter("div"):
        term, value = each.find("dt"), each.find("dd")
        if term is not None and value is not None and text_of(term) == name:
            return text_of(value)
    raise AssertionError(f"no fact {name}")
