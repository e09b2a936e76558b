"""Which format and encoding a scraper asks for."""

from __future__ import annotations

from ml_exporter.exposition.render import Format


def format_for(accept: str) -> Format:
    """Return OpenMetrics if the Accept header prefers it to plain text, else the text format.

    Any 0.x or 1.x version of OpenMetrics gets 1.0.0; later ones are not spoken and count as not asked for.

    >>> format_for("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3")
    <Format.OPENMETRICS: 'application/openmetrics-text; version=1.0.0; charset=utf-8'>
    >>> format_for("*/*").name
    'TEXT'
    """
    best = {Format.OPENMETRICS: 0.0, Format.TEXT: 0.0}
    for entry in accept.split(","):
        kind, *parameters = (part.strip() for part in entry.split(";"))
        given = dict(parameter.split("=", 1) for parameter in parameters if "=" in parameter)
        quality = _quality(given.get("q", "1"))
        if kind == "application/openmetrics-text" and given.get("version", "1.0.0")[:2] in ("0.", "1."):
            best[Format.OPENMETRICS] = max(best[Format.OPENMETRICS], quality)
        elif kind in ("text/plain", "text/*", "*/*"):
            best[Format.TEXT] = max(best[Format.TEXT], quality)
    return Format.OPENMETRICS if best[Format.OPENMETRICS] > best[Format.TEXT] else Format.TEXT


def wants_gzip(accept_encoding: str) -> bool:
    """Return whether the Accept-Encoding header allows gzip.

    >>> wants_gzip("gzip, deflate"), wants_gzip("gzip;q=0"), wants_gzip("")
    (True, False, False)
    """
    for entry in accept_encoding.split(","):
        name, _, parameter = entry.partition(";")
        if name.strip().lower() in ("gzip", "*"):
            return _quality(parameter.strip().removeprefix("q=") or "1") > 0
    return False


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
