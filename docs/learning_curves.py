"""Train the runs in docs/learning-curves.md and draw their losses: `python docs/learning_curves.py TRAIN DEV RUNS`.

TRAIN and DEV are the files of SST-2 (a sentence, a tab, 0 or 1). Runs that are in the directory RUNS are only drawn.
"""

import csv
import random
import sys
from pathlib import Path
from typing import Any

import luthier
from luthier.learning_curves.plot import figures, save

HERE = Path(__file__).parent
WIDTH = 560  # pixels
BASE = {"early_stopping_patience": 0, "baselines": False, "resamples": 100}
FALLING = {"epochs": 1, "learning_rate": 3e-5, "lr_scheduler_type": "constant", "warmup_ratio": 0, "fit_head": False}
POWER = {"lr_scheduler_type": "polynomial", "lr_scheduler_kwargs": {"power": 4}}
# Name to the number of training rows and the settings.
RUNS: dict[str, tuple[int, dict[str, Any]]] = {
    "healthy": (1000, {"epochs": 1}),
    "overfitting": (40, {"epochs": 30}),
    "rate-too-low": (500, {"epochs": 1, "learning_rate": 1e-7, "fit_head": False}),
    "underfitting": (1000, FALLING),
    "plateau": (500, {**FALLING, "epochs": 2, "learning_rate": 1e-5}),
    "divergence": (500, {"epochs": 1, "learning_rate": 1.0}),
    "rate-too-high": (500, {"epochs": 3, "learning_rate": 2e-3}),
    "short-warm-up": (500, {"epochs": 3, "learning_rate": 1e-3, "warmup_ratio": 0}),
    "schedule-ended-early": (500, {"epochs": 2, **POWER}),
    "noisy": (500, {"epochs": 1, "batch_size": 1}),
    "spikes": (500, {"epochs": 4}),
    "leak": (500, {"epochs": 4, "allow": ["leak"]}),
}


def rows(path: Path, seed: int) -> list[dict[str, str]]:
    """The rows of a file of SST-2, shuffled."""
    with path.open(encoding="utf-8", newline="") as file:
        found = [dict(zip(("text", "label"), row, strict=True)) for row in csv.reader(file, "excel-tab", quoting=3)]
    random.Random(seed).shuffle(found)
    return found


def main(train: Path, dev: Path, runs: Path) -> None:
    """Train the runs that are missing, and draw all."""
    known, new = rows(train, 1), rows(dev, 2)
    for name, (n, settings) in RUNS.items():
        if not (runs / name / "result.json").exists():
            learned, validation = known[:n], known[:200] + new[200:300] if name == "leak" else new[:300]
            if name == "spikes":
                learned = [{**row, "label": str(1 - int(row["label"]))} for row in learned[:5]] + learned[5:]
            luthier.train(learned, validation=validation, test=new[300:500], run_dir=runs / name, **BASE, **settings)
        found = luthier.curves(runs / name, rows=False)
        sys.stdout.write("\n".join([name, *(f"    {one.id}: {one.message}" for one in found.findings), ""]))
        drawn = {figure.title: figure for figure in figures(found.series)}
        save(drawn["Loss"], HERE / "curves" / f"{name}.png", width=WIDTH, scale=1)
        if name == "spikes":
            save(drawn["accuracy"], HERE / "curves" / "small-validation.png", width=WIDTH, scale=1)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
