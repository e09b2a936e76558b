"""Prints what NannyML estimates of a model before labels come, as JSON: ``estimates.py TASK REFERENCE ANALYSIS``.

Runs in NannyML's own environment. REFERENCE and ANALYSIS are ``.npz`` files of columns of one length:
``label`` (of REFERENCE alone), ``prediction``, and ``score`` or, of a multiclass model, ``score:CLASS`` for each.
"""

from __future__ import annotations

import json
import sys
import warnings

import numpy as np
import pandas as pd


def main() -> None:
    """Print the estimates of the analysis as one chunk."""
    import nannyml as nml

    task, *paths = sys.argv[1:]
    tables = []
    for path in paths:
        with np.load(path) as columns:
            tables.append(pd.DataFrame(dict(columns)))
    reference, analysis = tables
    scores = {name.removeprefix("score:"): name for name in reference if name.startswith("score:")}
    metrics = ["accuracy", "precision", "recall", "f1", "roc_auc"]
    estimator = nml.CBPE(
        problem_type=task,
        y_pred_proba=scores or "score",
        y_pred="prediction",
        y_true="label",
        metrics=metrics,
        chunk_number=1,
    )
    estimator.fit(reference)
    chunk = estimator.estimate(analysis).filter(period="analysis").to_df()
    print(json.dumps({metric: float(chunk[metric, "value"].iloc[0]) for metric in metrics}))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
