"""The page of several seeds: its first sentence, which seed is the model, and seeds without a score."""

from pathlib import Path
from typing import Any

import pytest

from luthier.metrics.seeds.spread import spread
from luthier.reporting.several.seeds import write_seeds_report


def values(*scores: float | None, best: int | None = 2) -> dict[str, Any]:
    """What `train --seeds --json` prints, of seeds 1, 2, ..."""
    entry = {"low": 0.7, "high": 0.9, "n": 200, "split": "test", "greater_is_better": True}
    runs = [
        {
            "run": f"set/seed-{seed}",
            "seed": seed,
            "validation": 0.8 + seed / 100,
            "metrics": {} if score is None else {"accuracy": {"value": score, **entry}},
            "report": f"set/seed-{seed}/report.html",
        }
        for seed, score in enumerate(scores, start=1)
    ]
    known = [score for score in scores if score is not None]
    mean = {"value": None, **spread(scores).to_dict(), "n": 200, "split": "test", "greater_is_better": True}
    return {
        "run": "set",
        "task": "text-classification",
        "seeds": list(range(1, len(scores) + 1)),
        "metric_for_best": "accuracy",
        "metrics": {"accuracy": mean} if known else {},
        "runs": runs,
        "best": None if best is None else {"run": f"set/seed-{best}", "seed": best, "validation": 0.8 + best / 100},
        "seconds": 12.0,
    }


def test_the_page_answers_first(tmp_path: Path) -> None:
    given = values(0.8, 0.82, 0.84)
    (tmp_path / "set").mkdir()
    page = write_seeds_report(tmp_path / "set" / "report.html", given, {"accuracy": "hits"}).read_text()
    assert "Hits over 3 seeds" in page and page.count('class="main"') == 1
    assert "luthier predict set --file DATA" in page and "seed-3/report.html" in page


@pytest.mark.parametrize("scores", [(None, None), (0.5,), (0.5, 0.5)])
def test_seeds_without_a_score_or_a_best_one_are_shown_too(scores: tuple[float | None, ...], tmp_path: Path) -> None:
    given = values(*scores, best=None)
    (tmp_path / "set").mkdir()
    page = write_seeds_report(tmp_path / "set" / "report.html", given, {}).read_text()
    assert "No seed was picked as the model" in page and "luthier predict" not in page
