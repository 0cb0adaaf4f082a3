"""What the tasks share whose models write: the loss of each token, how text is generated, and what a document cost."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from transformers import BatchEncoding, PreTrainedModel, PreTrainedTokenizerBase

from luthier.console import Console
from luthier.data import checks
from luthier.data.batches import IGNORED, by_length
from luthier.data.columns.profile import Recognition
from luthier.data.tokenized import Examples, Limits, owner
from luthier.findings import Finding
from luthier.metrics import language
from luthier.metrics.base import AnyMetric
from luthier.recipe import GenerationRecipe, Recipe
from luthier.tasks.base import Answer, Loss, Task, summed_cross_entropy

MOST_WRITTEN = 16_384  # tokens of prompts and answers that are held at once
SAMPLING = ("temperature", "top_k", "top_p")


class WritingTask(Task):
    """A task whose answers are generated token by token.

    Answers have `prediction` where a text was written, and where a right text was given `nll`, the natural log of its
    probability with the sign turned, over `tokens` tokens and `bytes` bytes.
    """

    generates = True

    def __init__(
        self, shape: str, columns: Mapping[str, str | list[str]], settings: GenerationRecipe, seed: int = 0
    ) -> None:
        self.shape = shape
        self.columns = dict(columns)
        self.settings = settings
        self.seed = seed  # of sampling

    @classmethod
    def recognised(cls, recognition: Recognition, recipe: Recipe) -> Self:
        return cls(recognition.shape, recognition.columns, recipe.generation, recipe.seed)

    @property
    def metric_for_best(self) -> str:
        return "loss"

    @abstractmethod
    def aligned(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [b, t, v] and the labels [b, t] that they predict."""

    @abstractmethod
    def prompts(self, examples: Examples, tokenizer: PreTrainedTokenizerBase, limits: Limits) -> list[list[int]]:
        """What the model is given for each example, in token ids; no more than it takes."""

    @abstractmethod
    def most_new_tokens(self, limits: Limits) -> int:
        """Tokens that an answer may have, where the recipe does not say."""

    @abstractmethod
    def written_texts(self, examples: Examples) -> list[str]:
        """The right text of each example, whose probability is measured."""

    def loss(self, recipe: Recipe) -> Loss:
        smoothing = recipe.training.label_smoothing
        return lambda outputs, batch: summed_cross_entropy(*self.aligned(outputs.logits, batch["labels"]), smoothing)

    def collect(self, outputs: Any, batch: Mapping[str, Tensor], labels: Tensor | None) -> list[Any]:
        """The summed negative log-likelihood of each row's labels, and their number."""
        assert labels is not None
        logits, targets = self.aligned(outputs.logits, labels)
        each = functional.cross_entropy(
            logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="none"
        )
        sums, counts = each.view(targets.shape).sum(1), targets.ne(IGNORED).sum(1)
        return list(zip(sums.tolist(), counts.tolist(), strict=True))

    def answers(self, examples: Examples, rows: Sequence[Mapping[str, Any]], collected: Sequence[Any]) -> list[Answer]:
        texts = self.written_texts(examples)
        costs, tokens = np.zeros(len(texts)), np.zeros(len(texts), dtype=np.int64)
        for i, (row, (cost, count)) in enumerate(zip(rows, collected, strict=True)):
            example = owner(row, i)
            costs[example] += cost
            tokens[example] += count
        return [
            {"prediction": None, "nll": cost, "tokens": count, "bytes": len(text.encode("utf-8", "replace"))}
            for text, cost, count in zip(texts, costs.tolist(), tokens.tolist(), strict=True)
        ]

    def readable(self, answer: Answer) -> Answer:
        return {"prediction": answer["prediction"]}

    def perfect(self, examples: Examples) -> list[Answer]:
        return [
            {"prediction": text, "nll": 0.0, "tokens": 1, "bytes": len(text.encode("utf-8", "replace"))}
            for text in self.written_texts(examples)
        ]

    def configure(self, model: PreTrainedModel, limits: Limits) -> None:
        settings, saved = self.settings, model.generation_config
        for name, value in settings.model_dump().items():
            # Settings of sampling stand beside greedy decoding only to be warned about.
            setattr(saved, name, value if settings.do_sample or name not in SAMPLING else None)
        saved.max_new_tokens = self.new_tokens(limits)
        saved.max_length = None

    def write(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        examples: Examples,
        limits: Limits,
        console: Console,
    ) -> list[str]:
        new, prompts = self.new_tokens(limits), self.prompts(examples, tokenizer, limits)
        texts = [""] * len(prompts)
        lengths = np.array([len(prompt) + new for prompt in prompts])
        with console.progress("write", len(prompts)) as bar, torch.random.fork_rng():
            for chosen in by_length(lengths, tokens=MOST_WRITTEN // self.settings.num_beams):
                torch.manual_seed(self.seed)
                written = generate(model, tokenizer, [prompts[i] for i in chosen])
                for i, ids in zip(chosen, written, strict=True):
                    texts[i] = self.text_of(ids, tokenizer)
                bar.advance(len(chosen))
        return texts

    def new_tokens(self, limits: Limits) -> int:
        """Tokens that an answer may have."""
        return self.settings.max_new_tokens or self.most_new_tokens(limits)

    def text_of(self, ids: Sequence[int], tokenizer: PreTrainedTokenizerBase) -> str:
        """The text of generated ids, without special tokens."""
        return str(tokenizer.decode(list(ids), skip_special_tokens=True)).strip()

    def language(self, answers: Sequence[Answer]) -> list[AnyMetric]:
        """How probable the right texts are to the model; nothing for answers that do not say."""
        if not answers or "nll" not in answers[0]:
            return []
        costs, tokens, sizes = (np.array([answer[name] for answer in answers]) for name in ("nll", "tokens", "bytes"))
        return list(language.language_metrics(costs, tokens, sizes))

    def notice(
        self, examples: Examples, rows: Sequence[Mapping[str, Any]], tokenizer: PreTrainedTokenizerBase
    ) -> list[Finding]:
        """See that a model is shown where to stop."""
        ends = self.ends(tokenizer)
        found = any(label in ends for row in rows for label in reversed(row["labels"]))
        return [] if found else checks.no_end([str(token) for token in tokenizer.convert_ids_to_tokens(sorted(ends))])

    def ends(self, tokenizer: PreTrainedTokenizerBase) -> set[int]:
        """The tokens at which a text of the model ends."""
        return {tokenizer.eos_token_id} if isinstance(tokenizer.eos_token_id, int) else set()

    def targets(self, rows: Sequence[Mapping[str, Any]], tokenizer: PreTrainedTokenizerBase) -> list[str]:
        return [str(tokenizer.decode([token for token in row["labels"] if token != IGNORED])) for row in rows]

    def to_dict(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "columns": self.columns,
            "generation": self.settings.model_dump(),
            "seed": self.seed,
        }

    @classmethod
    def restored(cls, saved: Mapping[str, Any]) -> Self:
        return cls(saved["shape"], saved["columns"], GenerationRecipe(**saved["generation"]), saved["seed"])


def generate(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompts: Sequence[Sequence[int]]
) -> list[list[int]]:
    """What a model writes after each prompt, by its own generation settings, up to the end token.

    Args:
        model: A decoder, or an encoder-decoder, whose prompts are what the encoder reads.
        tokenizer: Its own, with a padding token.
        prompts: Token ids.
    """
    side = "right" if model.config.is_encoder_decoder else "left"
    batch: BatchEncoding = tokenizer.pad(
        {"input_ids": [list(prompt) for prompt in prompts]}, padding_side=side, return_tensors="pt"
    ).to(model.device)
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        write: Any = model.generate
        ids = write(**batch, use_cache=True)
    model.train(was_training)
    skipped = 1 if model.config.is_encoder_decoder else batch["input_ids"].shape[1]
    padding = {tokenizer.pad_token_id} - _ends(model)
    return [[token for token in row[skipped:] if token not in padding] for row in ids.tolist()]


def _ends(model: PreTrainedModel) -> set[int]:
    ends = model.generation_config.eos_token_id
    return set(ends) if isinstance(ends, list) else {ends}
