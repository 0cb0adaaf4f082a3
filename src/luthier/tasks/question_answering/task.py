"""Extractive question answering: the piece of a context that answers a question, or that there is none."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from luthier.data import checks
from luthier.data.checks.duplicates import key
from luthier.data.columns.profile import ColumnProfile, Recognition, require
from luthier.data.records import Fault, Record, Skipped
from luthier.data.tokenized import EXAMPLES, TARGETS, Examples, Features, Limits, owner
from luthier.data.values import is_missing
from luthier.findings import Finding
from luthier.metrics.base import AnyMetric
from luthier.metrics.spans import best_threshold, nearest_sentences, span_metrics
from luthier.recipe import Recipe
from luthier.reporting.panels import Panel
from luthier.tasks.base import Answer, Example, Loss, Task, summed_cross_entropy
from luthier.tasks.question_answering import columns as qa_columns
from luthier.tasks.question_answering.answers import MENDS, read_answers, read_context
from luthier.tasks.question_answering.extraction import Candidate, best_spans
from luthier.tasks.question_answering.panels import panels
from luthier.tasks.windows import encode_windows, past_blank

N_BEST = 5
NONE = ""


class QuestionAnswering(Task):
    """A question about a context is answered with a piece of the context; long contexts are read in windows."""

    name = "question-answering"
    family = "encoder"
    auto_class = "QuestionAnswering"
    about = "the piece of a context that answers a question, or none"
    row = "question, context, answers (text + start)"
    shapes = ("answerable", "unanswerable-too")
    metric_names = ("f1", "exact_match", "f1_answerable", "exact_match_answerable", "no_answer_accuracy")
    roles = ("question", "context")
    gold_column = "answers"
    quoted = "question"
    longest = 384
    cuts = False

    def __init__(
        self, shape: str, columns: Mapping[str, str | list[str]], threshold: float = 0.0, most_tokens: int = 30
    ) -> None:
        self.shape = shape
        self.columns = dict(columns)
        self.threshold = threshold  # how much better no answer must be than the best one to be given
        self.most_tokens = most_tokens  # of an answer

    @property
    def tunes(self) -> bool:  # type: ignore[override]
        return self.shape == "unanswerable-too"

    # -- recognising the data ------------------------------------------------------------------------------------

    @classmethod
    def recognise(
        cls, profiles: Mapping[str, ColumnProfile], given: Mapping[str, str | list[str]], shape: str | None
    ) -> Recognition | None:
        return qa_columns.recognise_qa(profiles, given=given, shape=shape)

    @classmethod
    def why_not(cls, profiles: Mapping[str, ColumnProfile], given: Mapping[str, str | list[str]]) -> str:
        return qa_columns.why_not_qa(profiles, given=given)

    @classmethod
    def recognised(cls, recognition: Recognition, recipe: Recipe) -> Self:
        return cls(recognition.shape, recognition.columns)

    # -- from rows to examples -----------------------------------------------------------------------------------

    def example(self, record: Record) -> Example | Skipped:
        question, context = record.values.get(str(self.columns["question"])), read_context(record.values, self.columns)
        if is_missing(question):
            what = f"column {self.columns['question']!r} is empty"
            return Skipped(record.source, record.row, "missing-text", what)
        if isinstance(context, Fault):
            return context.of(record)
        found = read_answers(record.values, self.columns)
        if isinstance(found, Fault):
            return found.of(record)
        return {
            "source": record.source,
            "row": record.row,
            "question": str(question).strip(),
            "context": context,
            "answers": [text for text, _ in found.spans],
            "starts": [start for _, start in found.spans],
            "mends": list(found.mends),
        }

    def answerable(self, values: Mapping[str, Any]) -> Example:
        found = {}
        for role in self.roles:
            column = str(self.columns.get(role, role))
            name = column if column in values else role
            require([name], values)
            found[role] = "" if values[name] is None else str(values[name])
        return found

    def key(self, example: Example) -> str:
        return key(example["question"], example["context"])

    def group(self, example: Example) -> str:
        return key(example["context"])

    def strata(self, examples: Dataset) -> Sequence[Any] | None:
        return [bool(answers) for answers in examples["answers"]]

    def learn(self, train: Dataset, recipe: Recipe) -> None:
        if any(not answers for answers in train["answers"]):
            self.shape = "unanswerable-too"

    def check(
        self, splits: Mapping[str, Dataset], keys: Mapping[str, Sequence[str]], given: Sequence[str]
    ) -> list[Finding]:
        train = splits["train"]
        rows, mends = list(train["row"]), list(train["mends"])
        mended = {name: [row for row, names in zip(rows, mends, strict=True) if name in names] for name in MENDS}
        return [
            *super().check(splits, keys, given),
            *checks.mended({name: (MENDS[name], found) for name, found in mended.items()}, len(train)),
        ]

    def label_counts(self, examples: Dataset) -> dict[str, int]:
        answered = sum(bool(answers) for answers in examples["answers"])
        return {"answer": answered, "no answer": len(examples) - answered}

    # -- from examples to the model ------------------------------------------------------------------------------

    def encode(
        self, examples: Examples, tokenizer: PreTrainedTokenizerBase, limits: Limits | None, *, training: bool
    ) -> Features:
        questions, room = list(examples["question"]), 0
        if limits is not None:  # half of a window is the context's
            room = max(1, limits.length // 2 - tokenizer.num_special_tokens_to_add(pair=True))
            questions = [_shortened(question, tokenizer, room) for question in questions]
        features = encode_windows(tokenizer, questions, examples["context"], limits, beside=room)
        sequences = features.pop("sequences")
        if "answers" in examples:
            features["labels"], features[TARGETS] = [], []
        for row, (offsets, parts) in enumerate(zip(features["offsets"], sequences, strict=True)):
            # Only the context can be an answer; elsewhere there is no place to point to.
            example = features[EXAMPLES][row][0]
            context = examples["context"][example]
            offsets[:] = [
                [past_blank(context, *pair), pair[1]] if part == 1 else [-1, -1]
                for pair, part in zip(offsets, parts, strict=True)
            ]
            if "answers" in examples:
                spans = list(zip(examples["answers"][example], examples["starts"][example], strict=True))
                place = _place(offsets, *spans[0]) if spans else None
                features["labels"].append(list(place or (0, 0)))
                features[TARGETS].append(int(place is not None or not spans))
        return features

    def loss(self, recipe: Recipe) -> Loss:
        def summed(outputs: Any, labels: Tensor) -> Tensor:
            places = torch.stack([outputs.start_logits, outputs.end_logits], dim=1)
            return summed_cross_entropy(places, labels, recipe.training.label_smoothing)

        return summed

    # -- from the model to answers -------------------------------------------------------------------------------

    def collect(self, outputs: Any, batch: Mapping[str, Tensor], labels: Tensor | None) -> list[Any]:
        return list(torch.stack([outputs.start_logits, outputs.end_logits], dim=1).float().cpu().numpy())

    def answers(self, examples: Examples, rows: Sequence[Mapping[str, Any]], collected: Sequence[Any]) -> list[Answer]:
        found: list[list[Candidate]] = [[] for _ in examples["context"]]
        nulls = np.full(len(found), np.inf)
        for place, (row, logits) in enumerate(zip(rows, collected, strict=True)):
            example = owner(row, place)
            start, end = logits[:, : len(row["offsets"])]
            found[example] += best_spans(start, end, row["offsets"], self.most_tokens)
            nulls[example] = min(nulls[example], float(start[0] + end[0]))
        answers = zip(examples["context"], found, nulls.tolist(), strict=True)
        return [self._answer(context, candidates, null) for context, candidates, null in answers]

    def _answer(self, context: str, candidates: list[Candidate], null: float) -> Answer:
        # A piece that several windows hold counts where it is likeliest.
        likeliest = {one[:2]: one for one in sorted(candidates, key=lambda one: one.score)}
        best = sorted(likeliest.values(), key=lambda one: (-one.score, one.start, one.end))[:N_BEST]
        odds = null - best[0].score if best else 0.0
        n_best = [{"text": context[one.start : one.end], "start": one.start, "score": one.score} for one in best]
        answer = {
            "best": n_best[0]["text"] if best else NONE,
            "start": best[0].start if best else -1,
            "null_minus_best": odds,
            "n_best": json.dumps(_shares(n_best), ensure_ascii=False),
        }
        return self._decided(answer)

    def _decided(self, answer: Answer) -> Answer:
        none = self.tunes and answer["null_minus_best"] > self.threshold
        shares = json.loads(answer["n_best"])
        odds = 1 / (1 + np.exp(np.clip(answer["null_minus_best"] - self.threshold, -50, 50)))
        sure = float(odds) if self.tunes else (shares[0]["score"] if shares else 0.0)
        return answer | {"prediction": NONE if none else answer["best"], "score": 1 - sure if none else sure}

    def tune(self, answers: Sequence[Answer], examples: Examples) -> None:
        odds = np.array([answer["null_minus_best"] for answer in answers])
        self.threshold = best_threshold(odds, [answer["best"] for answer in answers], list(examples["answers"]))

    def readable(self, answer: Answer) -> Answer:
        start = answer["start"] if answer["prediction"] else None
        found = {"prediction": answer["prediction"], "score": answer["score"], "start": start}
        return found | {"n_best": json.loads(answer["n_best"])}

    def gold(self, examples: Examples) -> list[Any]:
        return [list(answers) for answers in examples["answers"]]

    def perfect(self, examples: Examples) -> list[Answer]:
        return [{"prediction": next(iter(answers), NONE)} for answers in examples["answers"]]

    def inputs(self, examples: Examples) -> dict[str, list[Any]]:
        return {"question": list(examples["question"]), "context": list(examples["context"])}

    # -- how good the answers are --------------------------------------------------------------------------------

    def metrics(self, answers: Sequence[Answer], examples: Examples) -> list[AnyMetric]:
        return list(span_metrics([answer["prediction"] for answer in answers], self.gold(examples)))

    @property
    def metric_for_best(self) -> str:
        return "f1"

    def baselines(self, train: Examples, test: Examples) -> dict[str, Sequence[Answer]]:
        nearest = nearest_sentences(list(test["question"]), list(test["context"]))
        found: dict[str, Sequence[Answer]] = {"nearest-sentence": [{"prediction": text} for text, _ in nearest]}
        if self.tunes:
            found["no-answer"] = [{"prediction": NONE} for _ in nearest]
        return found

    def panels(self, predictions: Mapping[str, Sequence[Any]]) -> list[Panel]:
        return panels(predictions)

    # -- the model directory -------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "columns": self.columns,
            "threshold": self.threshold,
            "most_tokens": self.most_tokens,
        }

    @classmethod
    def restored(cls, saved: Mapping[str, Any]) -> Self:
        return cls(saved["shape"], saved["columns"], saved["threshold"], saved["most_tokens"])

    @classmethod
    def of_model(cls, config: Any, tokenizer: PreTrainedTokenizerBase) -> Self | None:
        if not any(name.endswith("ForQuestionAnswering") for name in config.architectures or []):
            return None
        return cls("answerable", {role: role for role in (*cls.roles, "answers")})


def _place(offsets: Sequence[Sequence[int]], answer: str, start: int) -> tuple[int, int] | None:
    """First and last token of an answer in a window; None where the window does not hold all of it."""
    start += len(answer) - len(answer.lstrip())  # no token is of white space
    end = start + len(answer.strip())
    inside = [i for i, (first, last) in enumerate(offsets) if first >= 0 and last > start and first < end]
    if not inside or offsets[inside[0]][0] > start or offsets[inside[-1]][1] < end:
        return None
    return inside[0], inside[-1]


def _shortened(question: str, tokenizer: PreTrainedTokenizerBase, room: int) -> str:
    """A question of no more tokens than there is room for."""
    offsets = tokenizer(question, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    return question if len(offsets) <= room else question[: offsets[room - 1][1]]


def _shares(n_best: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Scores as shares of the best answers' probabilities."""
    if not n_best:
        return []
    powers = np.exp(np.array([one["score"] for one in n_best]) - n_best[0]["score"])
    return [one | {"score": round(float(share), 6)} for one, share in zip(n_best, powers / powers.sum(), strict=True)]
