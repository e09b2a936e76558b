"""The keys of the configuration file: what each is read as, what it means, and its default."""

from __future__ import annotations

from typing import Final

from ml_exporter.config.fields import (
    DEFAULTS,
    Field,
    Section,
    ascending_numbers,
    boolean,
    choice,
    duration,
    http_url,
    integer,
    list_of,
    mapping_of,
    number_pair,
    number_range,
    path,
    section,
    share,
    size,
    text,
    whole_duration,
)
from ml_exporter.config.secret import secret
from ml_exporter.core.json_pointer import PATTERN as JSON_POINTER
from ml_exporter.core.pipelines import NAME as PIPELINE_NAME
from ml_exporter.core.schema import FeatureKind, Task
from ml_exporter.core.segments import MOST_GROUPS
from ml_exporter.core.variants import Variant

_DAY: Final = 86400.0

MOST_PIPELINES: Final = 200
"""Configured pipelines at most (chosen): each has some 15 series."""

_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"

FEATURE: Final = Section(
    (
        Field(
            "kind",
            choice([kind.value for kind in FeatureKind]),
            "How values are compared, a text by its length; needed for a feature that is not in the baseline.",
            None,
        ),
        Field(
            "range", number_pair(), "Numeric: values outside count as out of range. Default: the baseline's.", None
        ),
        Field(
            "categories",
            list_of(text(), 1, unique=True),
            "Categorical: allowed categories; others count as unseen. Default: the baseline's.",
            None,
        ),
        Field("sensitive", boolean(), "Show neither values nor category names of this feature.", None),
    )
)

SEGMENT: Final = Section(
    (
        Field(
            "values",
            list_of(text(), 1, unique=True, most=MOST_GROUPS),
            "Values that are groups of their own, others count as `other`; needed for what is no feature."
            " Default: the categories of the feature.",
            (),
        ),
        Field("edges", ascending_numbers(), "Numeric feature: where one group ends and the next begins.", ()),
        Field(
            "reference",
            text(longest=64),
            "Binary classifier: group with which fairness compares the others. Default: no fairness.",
            "",
        ),
    )
)

FEEDBACK: Final = Section(
    (
        Field(
            "scale",
            number_range(1_000_000),
            "Lowest and highest rating; counted by whole number if both are whole and at most ten apart, else by"
            " fifth of the scale.",
        ),
    )
)

VERSION: Final = Section(
    (
        Field(
            "baseline", path(), "Its file made by `ml-exporter baseline fit`; default: that of the model.", None
        ),
        Field(
            "shadow",
            boolean(),
            "Whether it only answers beside the version at work, under the same ids: both are compared.",
            False,
        ),
    )
)

LABELS: Final = Section(
    (
        Field(
            "horizon",
            duration(1, 400 * _DAY),
            "How long an id is known: labels join and repeated events are recognised within it.",
            7 * _DAY,
        ),
        Field(
            "capacity",
            integer(1_000, 1_000_000_000),
            "Newest ids that are kept, if so many come within the horizon; each takes 28 bytes on disk.",
            1_000_000,
        ),
        Field(
            "store",
            choice(["disk", "memory"]),
            'Where ids are kept; "disk" needs state.directory, "memory" forgets them at a restart.'
            ' Default: "disk" if there is a state directory.',
            None,
        ),
    )
)

MODEL: Final = Section(
    (
        Field(
            "name",
            text(_NAME, "a name of letters, digits and . _ -", 64),
            "Name of the model, a label of all series.",
        ),
        Field("version", text(longest=64), "Version of predictions that name none.", "1"),
        Field("owner", text(longest=64), "Team that owns the model; alerts are routed by it.", ""),
        Field("task", choice([task.value for task in Task]), "What the model predicts."),
        Field("baseline", path(), "File made by `ml-exporter baseline fit`; without it there is no drift.", None),
        Field(
            "versions",
            mapping_of(
                section(VERSION), "version names", text(r"[^\x00-\x1f\x7f]+", "1 to 64 characters of one line", 64)
            ),
            "Versions that have a baseline of their own or are shadows; others need not be named.",
            {},
        ),
        Field(
            "classes",
            list_of(text(), 2, unique=True),
            "Class names of a classifier without a baseline; for a binary one the second is positive."
            " Default: 0 and 1, if it is binary.",
            (),
        ),
        Field(
            "minimum_samples",
            integer(1, 1_000_000),
            "Samples in a window below which drift and performance have no value.",
            100,
        ),
        Field(
            "drift_variants",
            list_of(choice([variant.value for variant in Variant]), unique=True),
            "Whose definitions of drift are computed beside ours, under names of their own: those of Azure ML are"
            " `ml_feature_drift_azure_psi` and its like.",
            (),
        ),
        Field("features", mapping_of(section(FEATURE), "feature names"), "Word on single features.", {}),
        Field(
            "segments",
            mapping_of(section(SEGMENT), "segment names"),
            "Features, or keys under `segments` in events, by which predictions are parted into groups;"
            " those of the baseline stand already.",
            {},
        ),
        Field(
            "attributions",
            boolean(),
            "Whether events carry an attribution for each feature; true if the baseline has some.",
            False,
        ),
        Field("feedback", section(FEEDBACK), "What people may say about a prediction; default: nothing.", None),
        Field("labels", section(LABELS), "How labels are joined to predictions.", DEFAULTS),
        Field(
            "prediction_log",
            boolean(),
            "Whether its events are written to the prediction log, if there is one.",
            True,
        ),
    )
)

HASHED: Final = "hashed"

PREDICTION_LOG: Final = Section(
    (
        Field("file", path(), "Where sampled predictions and labels are written, a line of JSON each."),
        Field(
            "share",
            share(),
            "Share of the ids that are written, with their labels; every replica chooses the same ones.",
            0.01,
        ),
        Field("max_size", size(1 << 20, 1 << 40), "Size at which the file becomes FILE.1.", 100 << 20),
        Field("keep", integer(1, 1_000), "Such earlier files to keep.", 5),
        Field("ids", choice([HASHED, "plain"]), "Ids as hashes under `sensitive_key`, or as they came.", HASHED),
        Field(
            "sensitive",
            choice(["omitted", HASHED]),
            "Values of sensitive features: not written, or as hashes under `sensitive_key`.",
            "omitted",
        ),
    )
)

PIPELINE: Final = Section(
    (
        Field(
            "name",
            text(PIPELINE_NAME, "a name of letters, digits and . _ -", 64),
            "Name of the pipeline, as runs are reported under it.",
        ),
        Field(
            "every",
            duration(60, 400 * _DAY),
            "Longest time between two runs as planned; beyond it a run is overdue. Default: what reports say.",
            None,
        ),
    )
)

AUDIT_LOG: Final = Section(
    (Field("file", path(), "Where reloads, baselines, start and stop are written, a line of JSON each."),)
)

STATE: Final = Section(
    (
        Field("directory", path(), "Where state survives a restart; without it none does.", None),
        Field(
            "interval",
            duration(0.2, 60),
            "Time between two ticks: what was counted since the last one is lost by a SIGKILL.",
            1.0,
        ),
    )
)

TARGETS: Final = ("pid", "pid_file", "name", "port", "parent")

SERVER: Final = Section(
    (
        Field("pid_file", path(), "File with the process id of the model server to watch.", None),
        Field("pid", integer(1, 1 << 22), "Process id of the model server to watch.", None),
        Field(
            "name",
            text(longest=255),
            "Name of its process, as `ps -o comm` shows it, of which 15 characters count; of several the one from"
            " which the others descend.",
            None,
        ),
        Field(
            "port",
            integer(1, 65_535),
            "TCP port that it listens on, in the network namespace of the exporter.",
            None,
        ),
        Field("parent", integer(1, 1 << 22), "Process id of what started it, whose only child it is.", None),
        Field(
            "health_url",
            http_url("http://127.0.0.1:8080/healthz"),
            "Address of its health check, asked with GET: healthy is a status from 200 to 399, redirects are not"
            " followed.",
            None,
        ),
        Field(
            "model_url",
            http_url("http://127.0.0.1:8501/v1/models/flights/metadata"),
            "Address that tells what the server has loaded, asked with GET: an answer with status 200 that differs"
            " from the last one tells of a reload.",
            None,
        ),
        Field(
            "model_field",
            text(JSON_POINTER, "a JSON Pointer such as /model_spec/version"),
            "JSON Pointer (RFC 6901) to the part of that answer that changes when a model is loaded, and only"
            " then. Default: the whole body, byte for byte.",
            None,
        ),
        Field("health_interval", duration(1, 3600), "Time between two requests to either address.", 10.0),
        Field("health_timeout", duration(0.1, 60), "Time after which such a request has failed.", 5.0),
    )
)

LIMITS: Final = Section(
    (
        Field("queue_events", integer(1_000, 10_000_000), "Events that may wait to be counted; then 429.", 50_000),
        Field(
            "queue_bytes",
            size(1 << 20, 1 << 34),
            "Bytes of bodies that may wait to be counted; then 429.",
            64 << 20,
        ),
        Field(
            "request_bytes",
            size(1 << 10, 1 << 30),
            "Largest body, before and after decompression; then 413.",
            16 << 20,
        ),
        Field("connections", integer(1, 100_000), "Open connections; then 503.", 512),
        Field(
            "versions",
            integer(1, 100),
            "Versions of a model with their own series; others count as `other`. A version that is not"
            " configured and was silent for the longest window loses its series.",
            8,
        ),
    )
)

ROOT: Final = Section(
    (
        Field("models", list_of(section(MODEL), 1), "The models that this sidecar watches."),
        Field(
            "windows",
            list_of(whole_duration(10, 90 * _DAY), 1),
            "Lengths of the sliding windows; the rules that come along need 5m, and compute 1h and 24h from"
            " counters. One that is added by a reload begins empty.",
            ("5m", "1h", "24h"),
        ),
        Field("state", section(STATE), "What survives a restart.", DEFAULTS),
        Field(
            "server",
            section(SERVER),
            "The model server whose process, GPUs, health and loads are watched: by one of pid, pid_file, name,"
            " port, parent.",
            DEFAULTS,
        ),
        Field(
            "pipelines",
            list_of(section(PIPELINE), most=MOST_PIPELINES),
            "Pipelines whose runs are expected; the runs of others may be reported as well.",
            (),
        ),
        Field("limits", section(LIMITS), "Bounds on what is kept and accepted.", DEFAULTS),
        Field(
            "sensitive_key",
            secret(),
            "Key that masks the categories of sensitive features; the one that their baseline was fitted with."
            " It masks ids and values in the prediction log, too.",
            None,
        ),
        Field("prediction_log", section(PREDICTION_LOG), "Sampled predictions as lines; default: none.", None),
        Field("audit_log", section(AUDIT_LOG), "Who changed what, as lines; default: none.", None),
    )
)
