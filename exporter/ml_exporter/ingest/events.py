"""The types of events, made for one model, so that JSON decodes straight into its features."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from operator import attrgetter
from typing import Annotated, Any, Final, Literal, Self

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import astuple

from ml_exporter.core.arrays import ABSENT, length_of
from ml_exporter.core.privacy import masked
from ml_exporter.core.schema import CategoricalVariable, ModelSchema, NumericVariable, Task, Variable
from ml_exporter.core.segments import Segment, SegmentKind
from ml_exporter.core.text import category_name
from ml_exporter.core.times import LATEST
from ml_exporter.sums.variables import STATUSES

Scalar = str | int | float | bool
Identifier = str | int
Score = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(ge=0)]

Timestamp = Annotated[datetime, Meta(tz=True)] | Annotated[float, Meta(ge=0, le=LATEST)]


class Mark:
    """A value that no JSON document can hold, standing for why a category is not there."""


class Length(float):
    """The length of a text in characters, as which JSON's text decodes; NaN for an empty one, which is missing."""


def _decoded(kind: type, value: Any) -> Any:
    """Return a text as its length; TypeError, which the decoder tells of, for another value."""
    if kind is Length and isinstance(value, str):
        return Length(length_of(value))
    raise TypeError


ABSENT_CATEGORY: Final = Mark()
WRONG_TYPE: Final = Mark()


class Codes(dict[Any, int]):
    """Category to code, with an answer for every value: unknown ones are ``other``.

    JSON may spell a category as text or number; each spelling that :func:`category_name` maps to a known
    name is a key. A boolean equals 1 or 0 as a key, so that features are looked up by its name; a class is
    not, and ``true`` is the class 1 where there is one. A sensitive variable's keys are found by the masked
    name instead.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        sensitive: bool = False,
        key: bytes | None = None,
        *,
        booleans: bool = False,
    ) -> None:
        known = {name: number for number, name in enumerate(names)}
        self._other = len(names)
        self._masked = known if sensitive else {}
        self._key = key or b""
        super().__init__({} if sensitive else _spellings(known, booleans))
        self[None] = self._other + STATUSES.index("missing")
        self[ABSENT_CATEGORY] = self._other + STATUSES.index("absent")
        self[WRONG_TYPE] = self._other + STATUSES.index("type_error")

    def __missing__(self, value: Any) -> int:
        if not self._masked:
            return self._other
        code = self._masked.get(masked(category_name(value), self._key))
        if code is None:
            return self._other
        self[value] = code
        return code


class SegmentCodes(dict[Any, int]):
    """What an event says of a segment to the code of its group: unknown values are ``other``, null ``missing``."""

    def __init__(self, segment: Segment) -> None:
        self._other = segment.named
        super().__init__(_spellings({name: code for code, name in enumerate(segment.values)}, booleans=True))
        self[None] = self._other + 1

    def __missing__(self, value: Any) -> int:
        return self._other


class _Category(float, Enum):
    """A category as JSON decodes it: looked up by its bytes, and a number, its code, from then on."""

    # An Enum shows a member by the repr of its mixed-in type, which a text value does not have.
    __repr__ = object.__repr__

    def __new__(cls, text: str, code: int) -> Self:
        member = float.__new__(cls, code)
        member._value_ = text
        return member

    @classmethod
    def _missing_(cls, value: object) -> Self:
        return cls.OTHER  # type: ignore[attr-defined, no-any-return]


def category_type(names: tuple[str, ...]) -> Any:
    """Return the type whose members are the codes of ``names``, with the next code for any other text."""
    other = "\0"
    while other in names:
        other += "\0"
    members = [(f"C{code}", (name, code)) for code, name in enumerate(names)]
    return _Category("Category", [*members, ("OTHER", (other, len(names)))])  # type: ignore[arg-type]


def is_coded(variable: CategoricalVariable) -> bool:
    """Return whether text is the only JSON that can spell a category, and so decodes into its code."""
    names = dict.fromkeys(variable.categories, 0)
    return not variable.sensitive and len(_spellings(names, True)) == len(names)


def _spellings(known: Mapping[str, int], booleans: bool) -> dict[Any, int]:
    codes: dict[Any, int] = dict(known)
    for name, code in known.items():
        if booleans and name in ("true", "false"):
            codes[name == "true"] = code
    for name, code in known.items():
        number = _number(name)
        if number is not None and category_name(number) == name:
            codes[number] = code
    return codes


def _number(name: str) -> float | int | None:
    try:
        return int(name) if name.removeprefix("-").isdigit() else float(name)
    except ValueError:
        return None


class EventTypes:
    """The decoders of one model's events.

    - ``event``: a prediction; its ``features`` have the attributes ``f0, f1, …`` in the order of
      :attr:`features`, each under its own name in JSON.
    - ``columns``: the same with a list for every value.
    - ``segments``: what events say of the segments that are no features, under the attributes ``s0, s1, …``.
    - ``attributions``: a number for each feature, under its attribute; only of a model whose events carry them.
    """

    def __init__(self, schema: ModelSchema, sensitive_key: bytes | None = None) -> None:
        self.schema = schema
        self.features: tuple[Variable, ...] = schema.features
        self.attribute = {variable.name: f"f{number}" for number, variable in enumerate(self.features)}
        self.numeric = [v for v in self.features if isinstance(v, NumericVariable)]
        self.categorical = [v for v in self.features if isinstance(v, CategoricalVariable)]
        self.codes = {v.name: Codes(v.categories, v.sensitive, sensitive_key) for v in self.categorical}
        self.category = {v.name: category_type(v.categories) for v in self.categorical if is_coded(v)}
        self.classes = Codes(schema.classes, booleans=True)
        self.kinds = {variable.name: variable.kind for variable in self.features}
        rename = {attribute: _spelled(name) for name, attribute in self.attribute.items()}
        self.Features = _struct("Features", [self._field(v, list_of=False) for v in self.features], rename)
        self.FeatureColumns = _struct(
            "FeatureColumns", [self._field(v, list_of=True) for v in self.features], rename
        )
        sent = [segment for segment in schema.segments if segment.kind is SegmentKind.SENT]
        self.sent = {segment.name: f"s{number}" for number, segment in enumerate(sent)}
        self.sent_codes = {segment.name: SegmentCodes(segment) for segment in sent}
        named = {attribute: _spelled(name) for name, attribute in self.sent.items()}
        self.Segments = _struct("Segments", [(name, Scalar | None, None) for name in named], named)
        self.SegmentColumns = _struct(
            "SegmentColumns", [(name, list[Scalar | None] | None, None) for name in named], named
        )
        attributions, attribution_columns = [], []
        if schema.attributed:
            given = list(rename)
            self.Attributions = _struct("Attributions", [(a, float | None, None) for a in given], rename)
            self.AttributionColumns = _struct(
                "AttributionColumns", [(a, list[float | None] | None, None) for a in given], rename
            )
            attributions = [("attributions", self.Attributions | None, None)]
            attribution_columns = [("attributions", self.AttributionColumns | None, None)]
        predicted: Any = float if schema.task is Task.REGRESSION else Scalar
        self.Event = _struct(
            "Event",
            [
                ("id", Identifier | None, None),
                ("model", str | None, None),
                ("version", Identifier | None, None),
                ("timestamp", Timestamp | None, None),
                ("features", self.Features | None, None),
                ("segments", self.Segments | None, None),
                *attributions,
                ("score", Score | None, None),
                ("scores", dict[str, Score | None] | None, None),
                ("prediction", predicted | None, None),
                ("latency_seconds", Seconds | None, None),
                ("error", bool | str | None, None),
            ],
        )
        self.Columns = _struct(
            "Columns",
            [
                ("id", list[Identifier | None] | None, None),
                ("version", list[Identifier | None] | None, None),
                ("timestamp", list[Timestamp | None] | None, None),
                ("features", self.FeatureColumns | None, None),
                ("segments", self.SegmentColumns | None, None),
                *attribution_columns,
                ("score", list[Score | None] | None, None),
                ("scores", dict[str, list[Score | None]] | None, None),
                ("prediction", list[predicted | None] | None, None),
                ("latency_seconds", list[Seconds | None] | None, None),
                ("error", list[bool | str | None] | None, None),
            ],
        )
        self.Body = msgspec.defstruct(
            "Body",
            [("columns", self.Columns | UnsetType, UNSET)],
            bases=(self.Event,),
            gc=False,
            forbid_unknown_fields=True,
            kw_only=True,
        )
        hook = _decoded if any(v.is_text for v in self.numeric) else None
        self.decode_body = msgspec.json.Decoder(self.Body, dec_hook=hook).decode
        self.decode_lines = msgspec.json.Decoder(self.Event, dec_hook=hook).decode_lines
        self.decode_list = msgspec.json.Decoder(list[self.Event], dec_hook=hook).decode  # type: ignore[name-defined]
        self.of = {name: attrgetter(attribute) for name, attribute in self.attribute.items()}
        self.numbers = [*(v.name for v in self.numeric), *self.category]
        self.spelled = [v.name for v in self.categorical if v.name not in self.category]
        self.numbers_of = _getter([self.attribute[name] for name in self.numbers]) if self.spelled else astuple
        self.no_features = self.Features()
        self.event_fields: tuple[str, ...] = self.Event.__struct_fields__
        self.event_types = {field.name: field.type for field in msgspec.structs.fields(self.Event)}
        self.column_types = {field.name: field.type for field in msgspec.structs.fields(self.Columns)}

    def _field(self, variable: Variable, *, list_of: bool) -> tuple[str, Any, Any]:
        attribute = self.attribute[variable.name]
        value: Any = self.category.get(variable.name, Scalar)
        if isinstance(variable, NumericVariable):
            value = Length if variable.is_text else float
        if list_of:
            return attribute, list[value | None] | None, None
        return attribute, value | None, self.absent(variable)

    def absent(self, variable: Variable) -> Any:
        """Return the value of a feature that an event does not have."""
        if isinstance(variable, NumericVariable):
            return ABSENT
        return self.category_value(variable.name, ABSENT_CATEGORY)

    def category_value(self, name: str, value: Any) -> Any:
        """Return what stands for a category, None or a mark in ``Features``."""
        if value is None or name not in self.category:
            return value
        return float(self.codes[name][value])


class Feedback(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """What somebody said about a prediction, by its id: a rating within the model's scale, or a thumb."""

    id: Identifier
    rating: float | None = None
    thumb: Literal["up", "down"] | bool | None = None
    model: str | None = None
    timestamp: Timestamp | None = None


class Label(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """A label of any model: the id of its prediction, and what turned out to be true."""

    id: Identifier
    label: Scalar
    model: str | None = None
    timestamp: Timestamp | None = None


def _spelled(name: str) -> str:
    """Return the key under which the decoder looks for a feature.

    It takes no key that JSON writes with an escape: events with such a feature are left to the tolerant
    reader by a key that nobody can know.
    """
    plain = '"' not in name and "\\" not in name and min(name, default=" ") >= " "
    return name if plain else secrets.token_hex(16)


def _struct(name: str, fields: list[tuple[str, Any, Any]], rename: Mapping[str, str] | None = None) -> Any:
    return msgspec.defstruct(
        name, fields, gc=False, forbid_unknown_fields=True, rename=dict(rename) if rename else None
    )


def _getter(attributes: list[str]) -> Any:
    """Return a function from an object to the tuple of its attributes, whatever their number."""
    if len(attributes) > 1:
        return attrgetter(*attributes)
    if attributes:
        single = attrgetter(attributes[0])
        return lambda item: (single(item),)
    return lambda item: ()
