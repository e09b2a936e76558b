"""Attributions: on which features the model rests, now and in the baseline; and what a loss came with."""

from __future__ import annotations

from typing import Final

from boards.board import Row
from boards.graphs import graph
from boards.links import chosen, there
from boards.queries import VERSION, WINDOW, Query, current, threshold, worst
from boards.sdk import build
from boards.tables import Column, Label, table

_F: Final = "model_version_feature:ml_feature_attribution"
_B: Final = "model_version_feature:ml_baseline_feature_attribution"
_TOLD: Final = "model_version_feature:ml_feature_attributed_predictions:increase"
_NDCG: Final = "model_version:ml_attribution_drift"
_BY: Final = "max by (feature)"
_UNTOLD: Final = "no attributions in this window"

_C: Final = "model_version_segment_group:ml_root_cause"
_LABELS: Final = "model_version_segment_group:ml_segment_performance:labels"
_GROUP: Final = "max by (segment, group)"


def row() -> Row:
    """Return the row of attributions."""
    return Row("Attributions", [_features(), _order(), _means()])


def _features() -> build.Panel:
    return table(
        "Features by attribution",
        """On which features the model rests: their mean absolute attribution and its rank, now and in the
        baseline. Another order than the baseline's is worse. Ranks end at 20. Click on a feature to see its
        distribution.""",
        [
            Label("feature", link=chosen("ml-drift", "feature")),
            Column("mean", f"{_BY} ({_F}:mean{{{WINDOW}}})", "none", 4),
            Column("baseline", f"{_BY} ({_B}_mean:max{{{VERSION}}})", "none", 4),
            Column("rank", f"{_BY} ({_F}:rank{{{WINDOW}}})", "none", 0),
            Column("rank, baseline", f"{_BY} ({_B}_rank:max{{{VERSION}}})", "none", 0),
            Column("told", f"{_BY} ({_TOLD}{{{WINDOW}}})"),
        ],
        sort="mean",
        none=_UNTOLD,
        size=(12, 9),
    )


def _order() -> build.Panel:
    return graph(
        "NDCG of the order of the features",
        """How like the baseline's the order of the features by attribution is. 1 is the same; lower is worse,
        below the threshold it alerts.""",
        current(f"{_NDCG}:ndcg{{{WINDOW}}}", "NDCG"),
        threshold(f"model_version:ml_attribution_ndcg:threshold{{{WINDOW}}}"),
        unit="none",
        none=_UNTOLD,
        size=(6, 9),
    )


def _means() -> build.Panel:
    return graph(
        "Mean absolute attribution",
        """Of the ten features on which the model rests most. A line that leaves its level or crosses others is
        worse.""",
        Query(worst(f"{_F}:mean{{{WINDOW}}}", "feature", count=10), "{{feature}}"),
        unit="none",
        lowest=0,
        none=_UNTOLD,
        size=(6, 9),
    )


def causes() -> Row:
    """Return the row that ranks features and groups by what they have to do with a change."""
    return Row("What moved performance", [_suspects(), _groups()])


def _suspects() -> build.Panel:
    score = "model_version_feature:ml_root_cause:score"
    importance = "model_version_feature_source:ml_baseline_feature_importance_ratio:max"
    drift = "model_version_feature:ml_feature_drift:psi"
    return table(
        "Features by drift times importance",
        """PSI beyond noise times the feature's share in the importance of all; higher is worse. Importance is from
        the baseline's attributions; where source says equal there are none, and this is a list of drift. It shows
        what came together, not what caused what.""",
        [
            Label("feature", link=there("ml-drift", feature="feature")),
            Column("score", f"{_BY} ({score}{{{WINDOW}}})", "none", 3),
            Column("PSI", f"{_BY} ({drift}{{{WINDOW}}})", "none", 3),
            Column("importance", f"max by (feature, source) ({importance}{{{VERSION}}})", "percentunit", 1),
            Label("source"),
        ],
        sort="score",
        none="no predictions in this window",
        size=(12, 9),
    )


def _groups() -> build.Panel:
    return table(
        "Groups by their part in the loss",
        """Loss of accuracy of the whole model, or growth of its MAE, that comes from a group: because the group is
        less right than it was, and because there is more or less of it. Higher is worse, below 0 is a gain. The
        share is of the first in the whole loss, where that is certain. Segments are not to be added.""",
        [
            Label("segment"),
            Label("group"),
            Column("less right", f"{_GROUP} ({_C}:loss{{{WINDOW}}})", "none", 4),
            Column("share", f"{_GROUP} ({_C}:share{{{WINDOW}}})", "percentunit", 0),
            Column("another mix", f"{_GROUP} ({_C}:mix_loss{{{WINDOW}}})", "none", 4),
            Column("labels", f"{_GROUP} ({_LABELS}{{{WINDOW}}} > 0)"),
        ],
        sort="less right",
        none="no segments in the baseline, or no labels in this window",
        size=(12, 9),
    )
