"""What a tally is, and the set of tallies that makes up the sums of one model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol

from ml_exporter.core.columns import FeedbackColumns, OutcomeColumns, PairColumns, PredictionColumns
from ml_exporter.core.schema import ModelSchema
from ml_exporter.sums.layout import BlockSpec, Layout, Sums
from ml_exporter.sums.recoding import Recoding


class PredictionTally(Protocol):
    """How a batch of predictions adds to some parts of the sums of a model."""

    key: ClassVar[str]

    @property
    def blocks(self) -> Sequence[BlockSpec]:
        """The parts that this tally adds to."""

    def add(self, batch: PredictionColumns, sums: Sums) -> None:
        """Add ``batch``; the batch is not changed."""


class OutcomeTally(Protocol):
    """How a batch of predictions with their labels adds to some parts of the sums of a model."""

    key: ClassVar[str]

    @property
    def blocks(self) -> Sequence[BlockSpec]:
        """The parts that this tally adds to."""

    def add(self, batch: OutcomeColumns, sums: Sums) -> None:
        """Add ``batch``; the batch is not changed."""


class PairTally(Protocol):
    """How a batch of pairs of predictions adds to some parts of the sums of a shadow."""

    key: ClassVar[str]

    @property
    def blocks(self) -> Sequence[BlockSpec]:
        """The parts that this tally adds to."""

    def add(self, batch: PairColumns, sums: Sums) -> None:
        """Add ``batch``; the batch is not changed."""


class FeedbackTally(Protocol):
    """How a batch of feedback adds to some parts of the sums of a model."""

    key: ClassVar[str]

    @property
    def blocks(self) -> Sequence[BlockSpec]:
        """The parts that this tally adds to."""

    def add(self, batch: FeedbackColumns, sums: Sums) -> None:
        """Add ``batch``; the batch is not changed."""


PredictionFactory = Callable[[ModelSchema], PredictionTally | None]
OutcomeFactory = Callable[[ModelSchema], OutcomeTally | None]
FeedbackFactory = Callable[[ModelSchema], FeedbackTally | None]
PairFactory = Callable[[ModelSchema], PairTally | None]


class Tallies:
    """All sums of one model: their layout, their zero, and how batches add to them.

    A factory returns None when its sums do not apply to the model (a confusion matrix to a regression).
    ``events`` is the schema that batches of predictions follow, if it is another one.
    """

    def __init__(
        self,
        schema: ModelSchema,
        predictions: Sequence[PredictionFactory],
        outcomes: Sequence[OutcomeFactory],
        feedback: Sequence[FeedbackFactory] = (),
        pairs: Sequence[PairFactory] = (),
        events: ModelSchema | None = None,
    ) -> None:
        self.schema = schema
        self._recode = Recoding.between(events, schema) if events is not None else None
        self._predictions = [tally for make in predictions if (tally := make(schema))]
        self._outcomes = [outcome for make in outcomes if (outcome := make(schema))]
        self._feedback = [told for make in feedback if (told := make(schema))]
        self._pairs = [pair for make in pairs if (pair := make(schema))]
        tallies: list[PredictionTally | OutcomeTally | FeedbackTally | PairTally] = [
            *self._predictions,
            *self._outcomes,
            *self._feedback,
            *self._pairs,
        ]
        self.layout = Layout(block for tally in tallies for block in tally.blocks)

    @property
    def outcome_blocks(self) -> tuple[str, ...]:
        """The names of the parts that labelled predictions add to."""
        return tuple(block.name for tally in self._outcomes for block in tally.blocks)

    def zero(self) -> Sums:
        """Return sums over no event."""
        return Sums(self.layout)

    def add_predictions(self, batch: PredictionColumns, sums: Sums) -> None:
        """Add a batch of predictions to ``sums``."""
        if self._recode is not None:
            batch = self._recode(batch)
        for tally in self._predictions:
            tally.add(batch, sums)

    def add_outcomes(self, batch: OutcomeColumns, sums: Sums) -> None:
        """Add a batch of labelled predictions to ``sums``."""
        for tally in self._outcomes:
            tally.add(batch, sums)

    def add_pairs(self, batch: PairColumns, sums: Sums) -> None:
        """Add a batch of pairs to ``sums``."""
        for tally in self._pairs:
            tally.add(batch, sums)

    def add_feedback(self, batch: FeedbackColumns, sums: Sums) -> None:
        """Add a batch of feedback to ``sums``."""
        for tally in self._feedback:
            tally.add(batch, sums)
