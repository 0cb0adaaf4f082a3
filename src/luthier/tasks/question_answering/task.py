"""Extractive question answering: the span of a context that answers a question, or no answer.

{"question": "When was it made?", "context": "The violin was made in 1715.", "answers": {"text": ["1715"], ...}} ->
    {"prediction": "1715", "score": 0.98, "start": 23}
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor
from torch.nn import functional
from transformers import PretrainedConfig, PreTrainedTokenizerBase

from luthier.console import Console
from luthier.data.checks.duplicates import key
from luthier.data.checks.targets import mended, no_answers
from luthier.data.columns.profile import Recognition
from luthier.data.columns.roles import Given, Profiles
from luthier.data.examples import values_of
from luthier.data.records import Fault
from luthier.data.table import Example
from luthier.data.tokenized import EXAMPLES, TARGETS, Examples, Features, owner
from luthier.findings import Decision, Finding
from luthier.metrics.base import AnyMetric
from luthier.metrics.spans import best_threshold, nearest_sentences, span_metrics
from luthier.recipe import Recipe, TrainingRecipe
from luthier.reporting.panels import Panel
from luthier.reporting.telling import Judged
from luthier.tasks.base import Task
from luthier.tasks.long_rows import WINDOWS
from luthier.tasks.losses import categorical_divergence, summed_cross_entropy
from luthier.tasks.phases import Answer, Bound, Fitted, Loss, Recognised, Validation
from luthier.tasks.question_answering.answers import MENDS, read_answers, read_context
from luthier.tasks.question_answering.columns import SHAPES, recognise_qa, why_not
from luthier.tasks.question_answering.extraction import Candidate, best_spans
from luthier.tasks.question_answering.panels import judged, panels
from luthier.tasks.question_answering.snippet import extraction_code
from luthier.tasks.roles import Role, by_column, or_empty, read_text
from luthier.tasks.windows import encode_windows, past_blank
from luthier.text import share

N_BEST = 5
USUAL = 0.99  # share of the training answers that may be given in full
NONE = ""


@dataclass(frozen=True)
class Reading:
    """How answers are chosen.

    Args:
        unanswerable: Whether there are questions without an answer.
        threshold: Margin in logits by which no answer must exceed the best answer to be predicted.
        most_tokens: Maximum tokens of an answer: 30 as in the SQuAD scripts, or more if answers are longer.
        usual: A training answer that is at least as long as nearly all; empty once a tokenizer has measured it.
    """

    unanswerable: bool = False
    threshold: float = 0.0
    most_tokens: int = 30
    usual: str = ""


class QuestionAnswering(Task[Reading]):
    """The task question-answering: the answer is a span of the context; long contexts are read in windows."""

    name = "question-answering"
    family = "encoder"
    auto_class = "QuestionAnswering"
    about = "the span of a context that answers a question, or none"
    row = "question, context, answers (text + start)"
    roles = (
        Role("question", sample="Who wrote the letter?"),
        Role("context", sample="Anna wrote the letter on Monday."),
        Role("answers", "label", learned=True),
        Role("start", "label", needed=False, learned=True),
    )
    shapes = SHAPES
    metric_names = ("f1", "exact_match", "f1_answerable", "exact_match_answerable", "no_answer_accuracy")
    gold_column = "answers"
    quoted = "question"
    padding_side = "right"  # an answer's tokens are counted from the start of a row
    longest = 384
    long_rows = WINDOWS

    # -- recognising the data ------------------------------------------------------------------------------------

    def recognise(self, profiles: Profiles, given: Given, shape: str | None) -> Recognition | None:
        return recognise_qa(profiles, given=given, shape=shape)

    def why_not(self, profiles: Profiles, given: Given) -> str:
        return why_not(profiles, ("question", "context", "answer"))

    def uses(self, shape: str) -> Sequence[str]:
        return "data.stride", "training.label_smoothing", "training.r_drop_alpha"

    # -- rows and examples ---------------------------------------------------------------------------------------

    def example(self, task: Recognised[Reading], values: Mapping[str, Any]) -> Example | Fault:
        question, context = read_text(values, str(task.columns["question"])), read_context(values, task.columns)
        if isinstance(question, Fault):
            return question
        if isinstance(context, Fault):
            return context
        found = read_answers(values, task.columns)
        if isinstance(found, Fault):
            return found
        return {
            "question": question.strip(),
            "context": context,
            "answers": [text for text, _ in found.spans],
            "starts": [start for _, start in found.spans],
            "mends": list(found.mends),
        }

    def query(self, task: Recognised[Reading], values: Mapping[str, Any]) -> Example | Fault:
        """See `Recognised.query`. Question and context are read as in training."""
        named = by_column(values, task.columns, self.asked(task))
        question = or_empty(read_text(named, str(task.columns["question"])))
        context = or_empty(read_context(named, task.columns))
        if isinstance(question, Fault):
            return question
        return context if isinstance(context, Fault) else {"question": question.strip(), "context": context}

    def group(self, example: Example) -> str:
        return key(example["context"])

    def strata(self, task: Recognised[Reading], examples: Dataset) -> Sequence[Any] | None:
        return [bool(answers) for answers in values_of(examples, "answers")]

    def fit(self, task: Recognised[Reading], train: Dataset, recipe: Recipe) -> Reading:
        answers = values_of(train, "answers")
        by_length = sorted((text for several in answers for text in several), key=len)
        usual = by_length[int(USUAL * (len(by_length) - 1))] if by_length else ""
        return Reading(task.shape == "unanswerable-too" or not all(answers), usual=usual)

    def learned_type(self, shape: str) -> type[Reading]:
        return Reading

    # -- checks and scores ---------------------------------------------------------------------------------------

    def check(
        self,
        task: Fitted[Reading],
        splits: Mapping[str, Dataset],
        keys: Mapping[str, Sequence[str]],
        given: Sequence[str],
    ) -> list[Finding]:
        train = splits["train"]
        rows, mends = values_of(train, "row"), values_of(train, "mends")
        changed = {name: [row for row, names in zip(rows, mends, strict=True) if name in names] for name in MENDS}
        return [
            *no_answers(self.label_counts(task, train)),
            *super().check(task, splits, keys, given),
            *mended({name: (MENDS[name], found) for name, found in changed.items()}, len(train)),
        ]

    def label_counts(self, task: Fitted[Reading], examples: Dataset) -> dict[str, int]:
        answered = sum(map(bool, values_of(examples, "answers")))
        return {"answer": answered, "no answer": len(examples) - answered}

    def gold(self, task: Fitted[Reading], examples: Examples) -> list[Any]:
        return [list(answers) for answers in examples["answers"]]

    def perfect(self, task: Fitted[Reading], examples: Examples) -> list[Answer]:
        return [{"prediction": next(iter(answers), NONE)} for answers in examples["answers"]]

    def metrics(self, task: Fitted[Reading], answers: Sequence[Answer], examples: Examples) -> list[AnyMetric]:
        return list(span_metrics([answer["prediction"] for answer in answers], self.gold(task, examples)))

    def best_metric(self, task: Fitted[Reading]) -> str:
        return "f1"

    def readable(self, task: Fitted[Reading], answer: Answer) -> Answer:
        start = answer["start"] if answer["prediction"] else None
        found = {"prediction": answer["prediction"], "score": answer["score"], "start": start}
        return found | {"n_best": json.loads(answer["n_best"])}

    def panels(self, task: Fitted[Reading], predictions: Mapping[str, Sequence[Any]]) -> list[Panel]:
        return panels(predictions)

    def judged(self, task: Fitted[Reading], predictions: Mapping[str, Sequence[Any]]) -> Judged:
        return judged(predictions, unanswerable=task.learned.unanswerable)

    def transformers_code(self, task: Fitted[Reading], model: str) -> str:
        question, context = self.trial(task).values()
        threshold = task.learned.threshold if task.learned.unanswerable else None
        return extraction_code(question, context, model, task.learned.most_tokens, threshold)

    def ready(
        self, task: Fitted[Reading], tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig
    ) -> tuple[Reading, list[Decision]]:
        """See `Fitted.bind`. Chooses the maximum tokens of an answer, if it is not known yet."""
        learned, needed = replace(task.learned, usual=""), len(task.learned.usual.encode())  # most have fewer tokens
        if needed > learned.most_tokens:
            needed = len(tokenizer(task.learned.usual, add_special_tokens=False)["input_ids"])
        if needed <= learned.most_tokens:
            return learned, []
        why = f"{share(USUAL)} of the training answers are no longer"
        return replace(learned, most_tokens=needed), [Decision("answer length", f"{needed} tokens at most", why)]

    def of_model(self, config: Any, tokenizer: PreTrainedTokenizerBase) -> Fitted[Reading] | None:
        if not any(name.endswith("ForQuestionAnswering") for name in config.architectures or []):
            return None
        return Fitted(self, "answerable", {role: role for role in ("question", "context", "answers")}, {}, Reading())

    # -- features and answers ------------------------------------------------------------------------------------

    def encode(self, task: Bound[Reading], examples: Examples, *, training: bool) -> Features:
        tokenizer, limits = task.tokenizer, task.limits
        questions, room = list(examples["question"]), 0
        if limits is not None:  # half of a window is for the context
            room = max(1, limits.length // 2 - tokenizer.num_special_tokens_to_add(pair=True))
            questions = [_shortened(question, tokenizer, room) for question in questions]
        features = encode_windows(tokenizer, questions, examples["context"], limits, beside=room)
        sequences = features.pop("sequences")
        if "answers" in examples:
            features["labels"], features[TARGETS] = [], []
        for row, (offsets, parts) in enumerate(zip(features["offsets"], sequences, strict=True)):
            # Answers are spans of the context; other tokens have no offsets.
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

    def decides_tokens(self, task: Bound[Reading]) -> Any:
        return None  # how answers are chosen does not affect the features

    def loss(self, task: Bound[Reading], training: TrainingRecipe) -> Loss:
        return lambda outputs, batch: summed_cross_entropy(_ends(outputs), batch["labels"], training.label_smoothing)

    def divergence(self, task: Bound[Reading]) -> Loss:
        return lambda outputs, batch: categorical_divergence(_ends(outputs), batch["labels"])

    def collect(self, task: Bound[Reading], outputs: Any, batch: Mapping[str, Tensor]) -> list[Any]:
        return list(_ends(outputs).float().cpu().numpy())

    def trainer_outputs(
        self, task: Bound[Reading], outputs: Any, batch: Mapping[str, Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        return [outputs.start_logits, outputs.end_logits], list(batch["labels"].unbind(1))

    def trial_outputs(self, task: Bound[Reading], features: Features) -> tuple[list[Tensor], list[Tensor]]:
        places = torch.tensor(features["labels"])
        logits = functional.one_hot(places, max(map(len, features["input_ids"]))).float()
        return list(logits.unbind(1)), list(places.unbind(1))

    def answers(
        self, task: Bound[Reading], examples: Examples, rows: Sequence[Mapping[str, Any]], collected: Sequence[Any]
    ) -> list[Answer]:
        found: list[list[Candidate]] = [[] for _ in examples["context"]]
        nulls = np.full(len(found), np.inf)
        for place, (row, logits) in enumerate(zip(rows, collected, strict=True)):
            example = owner(row, place)
            start, end = logits[:, : len(row["offsets"])]
            found[example] += best_spans(start, end, row["offsets"], task.learned.most_tokens)
            nulls[example] = min(nulls[example], float(start[0] + end[0]))
        answers = zip(examples["context"], found, nulls.tolist(), strict=True)
        return [_answer(task.learned, context, candidates, null) for context, candidates, null in answers]

    def tune(self, task: Bound[Reading], validation: Validation | None, console: Console) -> Reading:
        """See `Bound.tuned`. Chooses the no-answer threshold with the best F1 on the validation examples."""
        if validation is None or not task.learned.unanswerable:
            return task.learned
        answers, examples = validation()
        odds = np.array([answer["null_minus_best"] for answer in answers])
        threshold = best_threshold(odds, [answer["best"] for answer in answers], list(examples["answers"]))
        return replace(task.learned, threshold=threshold)

    def baselines(self, task: Bound[Reading], train: Examples, test: Examples) -> dict[str, Sequence[Answer]]:
        nearest = nearest_sentences(list(test["question"]), list(test["context"]))
        found: dict[str, Sequence[Answer]] = {"nearest-sentence": [{"prediction": text} for text, _ in nearest]}
        if task.learned.unanswerable:
            found["no-answer"] = [{"prediction": NONE} for _ in nearest]
        return found


def _ends(outputs: Any) -> Tensor:
    """The logits [b, 2, t] of the answers' starts and ends."""
    return torch.stack([outputs.start_logits, outputs.end_logits], dim=1)


def _answer(reading: Reading, context: str, candidates: list[Candidate], null: float) -> Answer:
    # A span in several windows keeps its best score.
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
    return decided(reading, answer)


def decided(reading: Reading, answer: Answer) -> Answer:
    """An answer with `prediction` and `score`: no answer if that is more probable by the threshold."""
    none = reading.unanswerable and answer["null_minus_best"] > reading.threshold
    shares = json.loads(answer["n_best"])
    odds = 1 / (1 + np.exp(np.clip(answer["null_minus_best"] - reading.threshold, -50, 50)))
    sure = float(odds) if reading.unanswerable else (shares[0]["score"] if shares else 0.0)
    return answer | {"prediction": NONE if none else answer["best"], "score": 1 - sure if none else sure}


def _place(offsets: Sequence[Sequence[int]], answer: str, start: int) -> tuple[int, int] | None:
    """First and last token of an answer in a window; None if the window does not hold all of it."""
    start += len(answer) - len(answer.lstrip())  # token offsets exclude whitespace
    end = start + len(answer.strip())
    inside = [i for i, (first, last) in enumerate(offsets) if first >= 0 and last > start and first < end]
    if not inside or offsets[inside[0]][0] > start or offsets[inside[-1]][1] < end:
        return None
    return inside[0], inside[-1]


def _shortened(question: str, tokenizer: PreTrainedTokenizerBase, room: int) -> str:
    """A question cut to `room` tokens."""
    offsets = tokenizer(question, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    return question if len(offsets) <= room else question[: offsets[room - 1][1]]


def _shares(n_best: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The best answers with their scores normalized by a softmax."""
    if not n_best:
        return []
    powers = np.exp(np.array([one["score"] for one in n_best]) - n_best[0]["score"])
    return [one | {"score": round(float(share), 6)} for one, share in zip(n_best, powers / powers.sum(), strict=True)]
