"""What a cron expression plans: the longest time between two runs, and when the last one was to start."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final

_FIELDS: Final = (
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 7),
)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_NAMES: Final = {name: n for n, name in enumerate(_MONTHS, 1)} | {name: n for n, name in enumerate(_WEEKDAYS)}
_MACROS: Final = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_PART: Final = re.compile(r"(\*|(\w+)(?:-(\w+))?)(?:/(\d+))?")
_DAYS: Final = 8 * 366
"""Days that are looked at: the 29th of February can be eight years away."""


@dataclass(frozen=True)
class Cron:
    """A plan: the minutes of a day, and the days of the month and of the week, ``either`` of which may do."""

    minutes: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool

    def is_on(self, day: date) -> bool:
        """Return whether there is a run on this day."""
        of_month, of_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return day.month in self.months and ((of_month or of_week) if self.either else (of_month and of_week))

    def longest(self, since: date) -> float:
        """Return the longest time between two runs in the years from a day on, in seconds, but for summer time.

        >>> [parse(plan).longest(date(2024, 1, 1)) / 3600 for plan in ("0 3 * * *", "0 9 * * 1-5")]
        [24.0, 72.0]
        """
        within = max((after - before for before, after in pairwise(self.minutes)), default=0)
        days = [number for number in range(_DAYS) if self.is_on(since + timedelta(number))]
        between = max(after - before for before, after in pairwise(days))
        return 60.0 * max(within, between * 1440 - self.minutes[-1] + self.minutes[0])

    def before(self, now: datetime) -> datetime | None:
        """Return when the last run was to start, ``now`` included; None if that is years ago.

        >>> parse("*/15 8-9 * * *").before(datetime(2024, 5, 1, 12, 7)).isoformat()
        '2024-05-01T09:45:00'
        """
        latest = now.hour * 60 + now.minute
        for number in range(_DAYS):
            day = now.date() - timedelta(number)
            fits = [minute for minute in self.minutes if number or minute <= latest] if self.is_on(day) else []
            if fits:
                return datetime(day.year, day.month, day.day, *divmod(fits[-1], 60), tzinfo=now.tzinfo)
        return None


def parse(text: str) -> Cron:
    """Return the plan of five fields as in cron(5), or of a word such as @daily; ValueError if it is none."""
    fields = _MACROS.get(text.strip().lower(), text).split()
    if len(fields) != len(_FIELDS):
        words = ", ".join(_MACROS)
        raise ValueError(f'"{text}" is not a plan of five fields such as "0 3 * * *", nor one of {words}')
    minutes, hours, days, months, weekdays = (
        _values(field, *bounds) for field, bounds in zip(fields, _FIELDS, strict=True)
    )
    made = Cron(
        tuple(sorted(60 * hour + minute for hour in hours for minute in minutes)),
        days,
        months,
        frozenset(day % 7 for day in weekdays),
        not fields[2].startswith("*") and not fields[4].startswith("*"),
    )
    if sum(made.is_on(date(2024, 1, 1) + timedelta(number)) for number in range(_DAYS)) < 2:
        raise ValueError(f'"{text}" is never')
    return made


def _values(field: str, name: str, lowest: int, highest: int) -> frozenset[int]:
    found: set[int] = set()
    for part in field.lower().split(","):
        match = _PART.fullmatch(part)
        try:
            if match is None:
                raise ValueError
            first = lowest if match[1] == "*" else _number(match[2])
            last = highest if match[1] == "*" or (match[4] and not match[3]) else _number(match[3] or match[2])
            step = int(match[4] or 1)
            if not lowest <= first <= last <= highest or not step:
                raise ValueError
        except ValueError:
            told = f'{name}: must be *, or numbers from {lowest} to {highest} such as 1,3-5 or */2, got "{part}"'
            raise ValueError(told) from None
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _number(text: str) -> int:
    return _NAMES[text] if text in _NAMES else int(text)
