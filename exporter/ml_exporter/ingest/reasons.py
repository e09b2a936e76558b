"""Why events are lost or incomplete: closed sets, for counters and answers."""

from __future__ import annotations

from typing import Final

MALFORMED: Final = "malformed"
TOO_LARGE: Final = "too_large"
UNSUPPORTED: Final = "unsupported_media_type"
QUEUE_FULL: Final = "queue_full"
UNKNOWN_MODEL: Final = "unknown_model"
INVALID: Final = "invalid"
MISSING_ID: Final = "missing_id"
UNKNOWN_CLASS: Final = "unknown_class"
SHUTDOWN: Final = "shutdown"

LOSSES: Final = {
    MALFORMED: "not what its content type says, or not an object",
    TOO_LARGE: "a body or its decompressed content was above the limit",
    UNSUPPORTED: "a content type or encoding that is not understood, or needs pyarrow where there is none",
    QUEUE_FULL: "the queue was full; the sender was told to try again",
    UNKNOWN_MODEL: "the event names no model, or one that is not configured",
    INVALID: "a field of the event has a value that it must not have",
    MISSING_ID: "a label or feedback without the id of its prediction",
    UNKNOWN_CLASS: "a label of a class that the model does not know",
    SHUTDOWN: "counting had stopped before the event was counted",
}
"""Why an event is not counted at all."""

UNKNOWN_FEATURE: Final = "unknown_feature"
UNKNOWN_FIELD: Final = "unknown_field"
TYPE_ERROR: Final = "type_error"
INVALID_FIELD: Final = "invalid_field"
UNKNOWN_PREDICTION: Final = "unknown_predicted_class"

WARNINGS: Final = {
    UNKNOWN_FEATURE: "a feature that neither baseline nor configuration knows; it was left out",
    UNKNOWN_FIELD: "a field that events do not have; it was left out",
    TYPE_ERROR: "a feature's value has another type; it counts as a type error",
    INVALID_FIELD: "a field has a value that it must not have; it counts as not given",
    UNKNOWN_PREDICTION: "a predicted class that the model does not know; it counts as not given",
}
"""What is left out of an event that is counted otherwise."""
