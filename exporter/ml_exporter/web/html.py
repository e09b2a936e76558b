"""The frame of the pages for people."""

from __future__ import annotations

from html import escape

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:0;color:#1c2733;background:#f6f7f9}
header{background:#e6522c;color:#fff;padding:1.1rem 2rem}
header h1{font-size:1.35rem;margin:0}
header p{margin:.2rem 0 0}
main{padding:1.2rem 2rem;max-width:70rem}
table{border-collapse:collapse;background:#fff;width:100%;margin:.4rem 0 1.4rem}
th,td{text-align:left;padding:.45rem .8rem;border:1px solid #dde2e8}
th{background:#eef1f4;font-weight:600}
td.n{text-align:right;font-variant-numeric:tabular-nums}
.good{color:#16703c;font-weight:600}
.bad{color:#b3261e;font-weight:600}
h2{font-size:1.05rem;margin:1rem 0 .2rem}
a{color:#0b62a8}
"""


def framed(title: str, lead: str, content: str) -> bytes:
    """Return a page as HTML; ``title`` and ``lead`` are text, ``content`` is HTML."""
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><style>{_STYLE}</style></head>
<body><header><h1>{escape(title)}</h1><p>{escape(lead)}</p></header>
<main>{content}</main></body></html>
""".encode()
