"""What the tests of summarization, translation and generative question answering share."""

import json
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from luthier.models.loading import load_config, load_tokenizer
from luthier.run_directory.predictions import read_predictions
from luthier.tasks.generation.seq2seq import Seq2SeqTask
from tests.matrix.data import rows as drawn
from tests.tasks.by_hand import Row, learned

FAST: dict[str, Any] = {
    "training__epochs": 10,
    "training__learning_rate": 3e-2,
    "training__eval_strategy": "no",
    "evaluation__generated_rows": 20,
    "generation__max_new_tokens": 8,
}


def ready(
    kind: type[Seq2SeqTask], directory: Path, data: list[Row] | None = None, **settings: Any
) -> tuple[Any, dict[str, list[Any]], PreTrainedTokenizerBase]:
    """The task on rows, their examples, and the tokenizer that the task has set up."""
    tokenizer = load_tokenizer(str(directory))
    task, examples = learned(kind, data or drawn(kind.name, 9), **settings)
    task, _ = task.bind(tokenizer, load_config(str(directory)))
    return task, examples, tokenizer


def predicted(run_dir: Path) -> dict[str, list[Any]]:
    found = read_predictions(run_dir / "predictions.parquet")
    assert found is not None
    return found


def scores_of(run_dir: Path) -> dict[str, Any]:
    return json.loads((run_dir / "metrics.json").read_text())["metrics"]
