"""What a retraining runs in the demo: the classifier learns anew, from the winter and the flights landed since.

The bridge starts it with the folder of the demo as its argument. Whether the new model goes to work is for a
person to decide, who reads in the output what it is worth on the newest flights, which it has not seen.
"""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path

import pandas as pd
from flights import CHAMPION, MODELS, Model
from sklearn.metrics import roc_auc_score

NEWEST = 0.2


def main() -> None:
    """Train, compare with the model at work, and leave the new one beside it."""
    folder = Path(sys.argv[1])
    now = json.loads((folder / "run/where.json").read_text())["time"]
    since = pd.read_parquet(folder / "flights.parquet")
    since = since[since["late"].notna() & (since["landing"] <= now)]
    newest = since.tail(max(int(NEWEST * len(since)), 1))
    winter = pd.read_parquet(folder / "winter.parquet")
    seen = pd.concat([winter[winter["late"].notna()], since.iloc[: -len(newest)]])
    target, numeric = MODELS[CHAMPION]
    model = Model(target, numeric).fit(seen)
    with open(folder / "models.pickle", "rb") as file:
        at_work = pickle.load(file)[CHAMPION]
    with open(folder / "run/retrained.pickle", "wb") as file:
        pickle.dump(model, file)
    late = newest["late"].astype(int)
    areas = {
        name: roc_auc_score(late, which.answers(newest)) for name, which in (("new", model), ("old", at_work))
    }
    print(f"learned {len(seen):,} flights; ROC AUC over the newest {len(newest):,}: ", end="")
    print(f"{areas['new']:.3f}, and {areas['old']:.3f} of the model at work")


if __name__ == "__main__":
    main()
