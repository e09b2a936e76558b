"""One configured model at work: its schema, tallies, reference, state and event types."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ml_exporter.baseline.document import BaselineDocument
from ml_exporter.baseline.reference import reference_of
from ml_exporter.config.load import ModelSetup, Setup
from ml_exporter.core.schema import ModelSchema, Task
from ml_exporter.ingest.events import EventTypes
from ml_exporter.ingest.queue import ModelIntake
from ml_exporter.signals.signal import ModelContext
from ml_exporter.state.join.store import JoinStore
from ml_exporter.state.model import ModelState
from ml_exporter.state.ring import Window
from ml_exporter.sums import FEEDBACK_TALLIES, OUTCOME_TALLIES, PAIR_TALLIES, PREDICTION_TALLIES
from ml_exporter.sums.classification import SCORED_CLASSES
from ml_exporter.sums.tally import Tallies

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Compared:
    """How events are counted that are compared with one baseline, and what says whether sums mean the same."""

    tallies: Tallies
    context: ModelContext
    fingerprint: str


@dataclass
class ModelRuntime:
    """What one model needs to be counted and evaluated; ``versions`` are those with a baseline of their own."""

    setup: ModelSetup
    own: Compared
    versions: Mapping[str, Compared]
    intake: ModelIntake
    windows: tuple[Window, ...]
    max_versions: int
    join_directory: Path | None
    state: ModelState | None = None

    @property
    def name(self) -> str:
        """The model's name."""
        return self.setup.settings.name

    @property
    def is_logged(self) -> bool:
        """Whether its events go to the prediction log, if there is one."""
        return self.setup.settings.prediction_log

    @property
    def context(self) -> ModelContext:
        """What the versions share that have no baseline of their own."""
        return self.own.context

    @property
    def named(self) -> frozenset[str]:
        """The versions that are configured."""
        return frozenset((self.setup.settings.version, *self.setup.versions))

    @property
    def shadows(self) -> frozenset[str]:
        """The versions that answer beside the one at work."""
        return frozenset(name for name, version in self.setup.versions.items() if version.schema.is_shadow)

    def of(self, version: str) -> Compared:
        """Return how a version is counted."""
        return self.versions.get(version, self.own)

    def fingerprint(self, version: str) -> str:
        """Return a hash of all that the meaning of the sums of a version depends on."""
        return self.of(version).fingerprint

    def tallies(self, version: str) -> Tallies:
        """Return the tallies of a version."""
        return self.of(version).tallies

    def begin(self) -> ModelState:
        """Give the model an empty state."""
        default = self.setup.settings.version
        self.state = ModelState(
            self.tallies, self.windows, self._join(), self.max_versions, default, self.shadows, self.named
        )
        return self.state

    def _join(self) -> JoinStore:
        labels, schema = self.setup.settings.labels, self.setup.schema
        scored = len(schema.classes) if schema.task is Task.MULTICLASS else 0
        directory = self.join_directory if labels.on_disk else None
        scored = scored if scored <= SCORED_CLASSES else 0
        return JoinStore(directory, labels.horizon, labels.capacity, scored, len(schema.segments))

    def adopt(self, old: ModelRuntime) -> bool:
        """Take over the state of the same model before a reload; return False if its sums mean something else.

        A version whose own baseline changed begins anew, the others go on.
        """
        state, labels = old.state, self.setup.settings.labels
        if state is None or old.own.fingerprint != self.own.fingerprint:
            return False
        if labels.on_disk != old.setup.settings.labels.on_disk:
            log.warning("ids that wait for labels are forgotten: labels.store changed", extra={"model": self.name})
            state.join = self._join()
        for name in list(state.versions):
            if old.fingerprint(name) != self.fingerprint(name):
                told = {"model": self.name, "version": name}
                log.warning("version begins anew: its baseline, or whether it is a shadow, changed", extra=told)
                state.drop_version(name)
        state.tallies, state.windows = self.tallies, self.windows
        state.shadows, state.named = self.shadows, self.named
        state.max_versions, state.default_version = self.max_versions, self.setup.settings.version
        state.join.horizon, state.join.capacity = labels.horizon, labels.capacity
        state.begin_named()
        for name, version in state.versions.items():
            version.rewindow(self.tallies(name), self.windows)
        self.state = state
        return True


def _compared(model: ModelSetup, schema: ModelSchema, baseline: BaselineDocument | None, version: str) -> Compared:
    tallies = Tallies(
        schema, PREDICTION_TALLIES, OUTCOME_TALLIES, FEEDBACK_TALLIES, PAIR_TALLIES, events=model.events
    )
    reference = reference_of(schema, tallies, baseline)
    settings = model.settings
    context = ModelContext(reference, settings.minimum_samples, settings.owner, version, settings.drift_variants)
    return Compared(tallies, context, schema.fingerprint())


def runtimes(setup: Setup) -> dict[str, ModelRuntime]:
    """Return every model of a setup, without state."""
    settings = setup.settings
    key = settings.sensitive_key.reveal() if settings.sensitive_key else None
    windows = tuple(Window.of(duration) for duration in settings.windows)
    result: dict[str, ModelRuntime] = {}
    for model in setup.models:
        name, version = model.settings.name, model.settings.version
        directory = settings.state_directory
        result[name] = ModelRuntime(
            setup=model,
            own=_compared(model, model.schema, model.baseline, version),
            versions={
                other: _compared(model, found.schema, found.baseline, other if found.is_own else version)
                for other, found in model.versions.items()
            },
            intake=ModelIntake(name, version, EventTypes(model.events, key)),
            windows=windows,
            max_versions=settings.limits.versions,
            join_directory=directory / "join" / _folder(name) if directory else None,
        )
    return result


def states(models: Mapping[str, ModelRuntime]) -> dict[str, ModelState]:
    """Return the states of models that have one."""
    return {name: model.state for name, model in models.items() if model.state is not None}


def _folder(name: str) -> str:
    """Return a folder name for a model, whatever its name holds."""
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:16]
