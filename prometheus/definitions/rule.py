"""What a rule is here, and how a family of them becomes a rule file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from textwrap import dedent
from typing import TYPE_CHECKING, Any, Final

import yaml

if TYPE_CHECKING:
    from definitions.thresholds import Threshold

REPLICA: Final = "instance, pod, node"
"""Target labels in which the replicas of a model differ; what is left says where the model runs."""

LINKS: Final = "ml:links:info"
"""Series of thresholds.yml whose labels say where runbooks and dashboards are."""


@dataclass(frozen=True)
class Record:
    """A recording rule; ``labels`` are added to what the expression yields."""

    name: str
    expr: str
    labels: dict[str, str] = field(default_factory=dict)

    def as_yaml(self) -> dict[str, Any]:
        """Return the rule as Prometheus reads it."""
        rule: dict[str, Any] = {"record": self.name, "expr": _laid_out(self.expr)}
        if self.labels:
            rule["labels"] = self.labels
        return rule


@dataclass(frozen=True)
class Alert:
    """An alert; every one says what, how bad, what to do first, and where to look.

    ``dashboard`` is the uid of the dashboard to open; its variables are filled from the alert's labels.
    """

    name: str
    severity: str
    expr: str
    summary: str
    description: str
    first_step: str
    dashboard: str
    hold: str = "0m"
    keep: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    more: dict[str, str] = field(default_factory=dict)

    def as_yaml(self) -> dict[str, Any]:
        """Return the rule as Prometheus reads it."""
        rule: dict[str, Any] = {"alert": self.name, "expr": _laid_out(self.expr)}
        if self.hold != "0m":
            rule["for"] = self.hold
        if self.keep:
            rule["keep_firing_for"] = self.keep
        rule["labels"] = {"severity": self.severity, **self.labels}
        rule["annotations"] = {
            "summary": self.summary,
            "description": _one_line(self.description),
            "first_step": _one_line(self.first_step),
            **{name: _one_line(text) for name, text in self.more.items()},
            "runbook_url": f"{_link('runbooks')}/{self.name}.md",
            "dashboard_url": f"{_link('dashboards')}/{self.dashboard}{_variables(self.dashboard)}",
        }
        return rule


@dataclass(frozen=True)
class Family:
    """Rules that are evaluated one after another, so that an alert sees what was recorded in the same turn."""

    key: str
    title: str
    records: tuple[Record, ...]
    alerts: tuple[Alert, ...]
    thresholds: tuple[Threshold, ...] = ()

    def as_text(self, version: str) -> str:
        """Return the rule file."""
        rules = [rule.as_yaml() for rule in (*self.records, *self.alerts)]
        document = {"groups": [{"name": f"ml-{self.key}", "rules": rules}]}
        body = yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=1_000, allow_unicode=True)
        return (
            f"# {self.title} Version {version}, for Prometheus 2.42 and later.\n"
            f"# Written by `make rules` from prometheus/definitions/{self.key}.py; thresholds.yml is what to edit.\n"
            f"{body}"
        )


class _Dumper(yaml.SafeDumper):
    pass


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def _laid_out(expr: str) -> str:
    text = dedent(expr).strip()
    return text + "\n" if "\n" in text else text


def _one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _link(which: str) -> str:
    return f'{{{{ with query "{LINKS}" }}}}{{{{ . | first | label "{which}" }}}}{{{{ end }}}}'


def _variables(dashboard: str) -> str:
    names = ("instance",) if dashboard == "ml-exporter" else ("model", "version", "feature")
    parts = [f"{{{{ with $labels.{name} }}}}&var-{name}={{{{ . | urlquery }}}}{{{{ end }}}}" for name in names]
    return "?orgId=1" + "".join(parts)
