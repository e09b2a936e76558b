"""The look of all pages: system fonts, one accent, the colours' meanings of the dashboards.

Blue is what is measured now, grey the baseline and what is not known, purple what chance alone explains.
"""

from __future__ import annotations

from typing import Final

LIGHT: Final = {
    "page": "#f5f6f8",
    "card": "#ffffff",
    "text": "#1b2430",
    "muted": "#566273",
    "line": "#d5dae1",
    "head": "#eceff3",
    "accent": "#1859b8",
    "now": "#3374d6",
    "before": "#6b7280",
    "noise": "#7b4fb5",
}
DARK: Final = {
    "page": "#11151b",
    "card": "#191f28",
    "text": "#e2e7ee",
    "muted": "#a3afbf",
    "line": "#323c4a",
    "head": "#222a35",
    "accent": "#86b4ff",
    "now": "#5794f2",
    "before": "#b4bcc8",
    "noise": "#c5a3f5",
}
TEXTS: Final = ("text", "muted", "accent", "noise")
"""Colours of text, which stand on any of :data:`GROUNDS`."""
GROUNDS: Final = ("page", "card", "head")


def _colours(scheme: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in scheme.items())


STYLE: Final = (
    f":root{{color-scheme:light dark;{_colours(LIGHT)}}}"
    f"@media(prefers-color-scheme:dark){{:root{{{_colours(DARK)}}}}}"
    """
*{box-sizing:border-box}
body{font:15px/1.45 system-ui,sans-serif;margin:0;color:var(--text);background:var(--page)}
h1,h3,dd,tbody th,caption,li{overflow-wrap:anywhere}
.skip{position:absolute;left:-999rem}
.skip:focus{left:.5rem;top:.5rem;padding:.4rem .8rem;background:var(--card);z-index:1}
header,main,footer{max-width:78rem;margin:0 auto;padding:.8rem 1.5rem}
header{padding-top:1.1rem}
header p{margin:.15rem 0;color:var(--muted)}
h1{font-size:1.45rem;line-height:1.25;margin:0}
h2{font-size:1.12rem;margin:0 0 .5rem}
h3,h4{font-size:1rem;margin:1rem 0 .4rem}
section{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:.9rem 1.1rem;margin:0 0 1rem}
section section{border:0;padding:0;margin:1.2rem 0 0}
p{margin:.3rem 0 .6rem}
a{color:var(--accent);text-underline-offset:.15em}
a:focus-visible,summary:focus-visible,.scrolled:focus-visible,main:focus-visible{
outline:3px solid var(--accent);outline-offset:2px}
main:focus{outline-offset:-2px}
table{border-collapse:collapse;width:100%;margin:0 0 .6rem}
caption{text-align:left;color:var(--muted);padding:0 0 .3rem}
th,td{text-align:left;padding:.32rem .7rem;border-bottom:1px solid var(--line);vertical-align:top}
thead th{background:var(--head);font-weight:600}
tbody th{font-weight:600;min-width:9rem}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.marked{background:var(--head);font-weight:600}
.matrix thead th{white-space:normal;overflow-wrap:anywhere;min-width:6.5rem;vertical-align:bottom}
.scrolled{overflow-x:auto}
.scrolled thead th:first-child,.scrolled tbody th{position:sticky;left:0}
.scrolled tbody th{background:var(--card)}
.muted,.unknown{color:var(--muted);font-weight:400}
.muted{font-size:.87rem}
.unknown{font-style:italic}
.noise{color:var(--noise)}
.word{font-weight:600;border-left:.3rem solid var(--before);padding-left:.5rem}
.facts{display:grid;margin:0 0 .6rem;gap:.5rem 1.2rem;
grid-template-columns:repeat(auto-fill,minmax(min(15rem,46%),1fr))}
.facts dt{color:var(--muted);font-size:.87rem}
.facts dd{margin:0}
.choice{display:flex;flex-wrap:wrap;gap:.2rem .5rem;align-items:center;margin:.4rem 0;padding:0;list-style:none}
.choice a{display:block;padding:.15rem .65rem;border:1px solid var(--line);border-radius:1rem;text-decoration:none}
.choice a[aria-current]{background:var(--accent);border-color:var(--accent);color:var(--card);font-weight:600}
.links{margin:0;padding-left:1.2rem}
summary{cursor:pointer;color:var(--accent);padding:.2rem 0}
details>*+*{margin-top:.5rem}
.histogram{display:block;max-width:100%;margin:.2rem 0}
.histogram path{fill:transparent}
.histogram path:not([class]):hover{fill:var(--text);fill-opacity:.15}
.histogram .axis{stroke:var(--before)}
.histogram .now{fill:var(--now)}
.histogram text{fill:var(--muted);font-size:11px}
.bins{width:auto}
.bins th,.bins td{padding:.1rem .6rem;min-width:0}
.bins tbody th{font-weight:400}
.bins th:first-child{min-width:6rem}
.histogram+details summary{font-size:.87rem}
.bins th+th,.bins td{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.histogram .before{fill:none;stroke:var(--before);stroke-width:1.5;stroke-dasharray:3 2}
.key{display:inline-block;width:1.1rem;height:.7rem;margin-right:.3rem}
.key.now{background:var(--now)}
.key.before{border-top:2px dashed var(--before);height:.35rem}
@media(max-width:72rem){
header,main,footer{padding-left:.8rem;padding-right:.8rem}
section{padding:.8rem}
table,tbody,caption{display:block}
thead{position:absolute;left:-999rem}
tr{display:block;border:1px solid var(--line);border-radius:5px;margin:0 0 .6rem;padding:.3rem .6rem}
th[scope=row]{display:block;border:0;padding:.1rem 0}
td{display:flow-root;text-align:right;border:0;padding:.12rem 0;overflow-wrap:anywhere}
td::before{content:attr(data-label);color:var(--muted);float:left;text-align:left;max-width:55%;margin-right:1rem}
td .histogram,td .bins{margin-left:auto}
.n{white-space:normal}
.bins{display:table}
.bins caption{display:table-caption}
.bins thead{display:table-header-group;position:static}
.bins tbody{display:table-row-group}
.bins tr{display:table-row}
.bins td,.bins th[scope=row]{display:table-cell;padding:.1rem .6rem;border-bottom:1px solid var(--line)}
.bins th[scope=row]{text-align:left}
.bins td::before{content:none}
}
@media screen and (max-width:72rem){
.scrolled table{display:table}
.scrolled caption{display:table-caption}
.scrolled thead{display:table-header-group;position:static}
.scrolled tbody{display:table-row-group}
.scrolled tr{display:table-row}
.scrolled td,.scrolled th[scope=row]{display:table-cell;padding:.32rem .7rem;border-bottom:1px solid var(--line)}
.scrolled tbody th{min-width:6.5rem}
.scrolled td{white-space:nowrap}
.scrolled td::before{content:none}
}
@media print{section{break-inside:avoid;border-color:#999}.skip,nav{display:none}}
"""
)
