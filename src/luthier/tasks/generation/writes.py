"""The base of tasks that generate text: token loss, generation, and the likelihood of gold texts."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor
from torch.nn import functional
from transformers import BatchEncoding, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from luthier.console import Console
from luthier.data.batches import IGNORED, by_length, tensor_of
from luthier.data.checks.targets import no_end
from luthier.data.checks.tokenizer import altered_targets
from luthier.data.tokenized import Examples, Features, owner
from luthier.errors import RecipeError
from luthier.findings import Decision, Finding
from luthier.interrupts import check
from luthier.metrics import language
from luthier.metrics.base import AnyMetric
from luthier.models.families import families_of
from luthier.models.finite import Overflow, overflowed
from luthier.models.loading import positions_of
from luthier.recipe import SAMPLING, GenerationRecipe, Recipe, TrainingRecipe
from luthier.reporting.panels import Panel
from luthier.reporting.telling import Judged
from luthier.tasks.generation.panels import judged, panels
from luthier.tasks.losses import categorical_divergence, summed_cross_entropy
from luthier.tasks.phases import Answer, Bound, Fitted, Loss, Recognised, Written
from luthier.text import listing, plural
from luthier.tokenizers.losses import lost
from luthier.tokenizers.suitability import LONGEST, SAMPLE

MOST_WRITTEN = 16_384  # tokens of prompts and answers per batch
NEUTRAL: Mapping[str, float] = {"temperature": 1.0, "top_k": 0, "top_p": 1.0}  # sampling from the model's own odds
TOP_K = 50  # of transformers, for a model that samples and does not set it
UNTUNED = "untuned"


@dataclass(frozen=True)
class Writing:
    """How a model generates text.

    Args:
        settings: Settings for its generation config.
        seed: Seed for sampling.
        prefix: Text before every source, as in the architecture's pretraining; None until it is known.
        positions: Tokens that a decoder takes, of prompt and answer together; 0 until they are known.
    """

    settings: GenerationRecipe = field(default_factory=GenerationRecipe)
    seed: int = 0
    prefix: str | None = None
    positions: int = 0


class Writes(ABC):
    """Mixin for tasks whose answers are generated token by token; list it before `Task`.

    Answers have `prediction` if a text was generated. If there is a gold text, they have the negative log-likelihood
    `nll` of what is scored of it (in nats, summed over tokens; a cut text is scored in part), and its length in
    `tokens` and `bytes`.
    """

    family: ClassVar[Any]
    ignores_padding: ClassVar[bool] = True

    @abstractmethod
    def predicted(self, labels: Tensor) -> Tensor:
        """The label that the logits at each place predict, `IGNORED` where they predict none: [b, t]."""

    @abstractmethod
    def prompts(self, task: Bound[Writing], examples: Examples) -> list[list[int]]:
        """The model's input for each example, as token ids within its length limit."""

    @abstractmethod
    def most_new_tokens(self, task: Bound[Writing]) -> int:
        """Maximum tokens per answer, if the recipe does not set it."""

    @abstractmethod
    def written_texts(self, examples: Examples) -> list[str]:
        """The gold text of each example, whose likelihood is measured."""

    def panels(self, task: Fitted[Writing], predictions: Mapping[str, Sequence[Any]]) -> list[Panel]:
        return panels(predictions)

    def judged(self, task: Fitted[Writing], predictions: Mapping[str, Sequence[Any]]) -> Judged | None:
        return judged(predictions)

    def fits(self, config: PretrainedConfig) -> bool:
        """See `Task.fits`. Only a model of the task's family generates text."""
        return self.family in families_of(config)

    def uses(self, shape: str) -> Sequence[str]:
        own = "generation", "evaluation.samples", "evaluation.generated_rows"
        return *own, "training.label_smoothing", "training.r_drop_alpha"

    def decide(self, recipe: Recipe) -> list[Decision]:
        return decide_sampling(recipe.generation)

    def fit(self, task: Recognised[Writing], train: Dataset, recipe: Recipe) -> Writing:
        return Writing(recipe.generation.model_copy(), recipe.seed)

    def learned_type(self, shape: str) -> type[Writing]:
        return Writing

    def decides_tokens(self, task: Bound[Writing]) -> Any:
        return task.shape, task.learned.prefix

    def best_metric(self, task: Fitted[Writing]) -> str:
        return "loss"

    def readable(self, task: Fitted[Writing], answer: Answer) -> Answer:
        return {"prediction": answer["prediction"]}

    def perfect(self, task: Fitted[Writing], examples: Examples) -> list[Answer]:
        return [
            {"prediction": text, "nll": 0.0, "tokens": 1, "bytes": len(text.encode("utf-8", "replace"))}
            for text in self.written_texts(examples)
        ]

    def loss(self, task: Bound[Writing], training: TrainingRecipe) -> Loss:
        def summed(outputs: Any, batch: Mapping[str, Tensor]) -> Tensor:
            if outputs.loss is not None:
                total: Tensor = outputs.loss
                return total
            return summed_cross_entropy(outputs.logits, self.predicted(batch["labels"]), training.label_smoothing)

        return summed

    def divergence(self, task: Bound[Writing]) -> Loss:
        return lambda outputs, batch: categorical_divergence(outputs.logits, self.predicted(batch["labels"]))

    def token_targets(self, task: Bound[Writing]) -> Callable[[Tensor], Tensor]:
        return self.predicted

    def outputs_per_token(self, task: Bound[Writing], model: PreTrainedModel) -> int:
        return int(model.config.get_text_config(decoder=True).vocab_size)

    def collect(self, task: Bound[Writing], outputs: Any, batch: Mapping[str, Tensor]) -> list[Any]:
        """The summed negative log-likelihood of each row's labels, and their number."""
        targets = self.predicted(batch["labels"])
        learned = targets.ne(IGNORED)
        if outputs.loss is not None:
            losses = outputs.losses
        else:
            losses = functional.cross_entropy(outputs.logits[learned].float(), targets[learned], reduction="none")
        costs = losses.new_zeros(learned.shape).masked_scatter(learned, losses)
        return list(zip(costs.sum(1).tolist(), learned.sum(1).tolist(), strict=True))

    def answers(
        self, task: Bound[Writing], examples: Examples, rows: Sequence[Mapping[str, Any]], collected: Sequence[Any]
    ) -> list[Answer]:
        costs = np.zeros(len(self.written_texts(examples)))
        scored: list[list[int]] = [[] for _ in costs]
        for i, (row, (cost, count)) in enumerate(zip(rows, collected, strict=True)):
            example = owner(row, i)
            costs[example] += cost
            labels = [label for label in row["labels"] if label != IGNORED]
            scored[example] += labels[len(labels) - count :]  # a decoder does not predict a row's first token
        return [
            {"prediction": None, "nll": cost, **lengths(task.tokenizer, tokens)}
            for cost, tokens in zip(costs.tolist(), scored, strict=True)
        ]

    def trainer_outputs(
        self, task: Bound[Writing], outputs: Any, batch: Mapping[str, Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        return [outputs.logits.argmax(-1)], [batch["labels"]]

    def trial_outputs(self, task: Bound[Writing], features: Features) -> tuple[list[Tensor], list[Tensor]]:
        labels = tensor_of(features["labels"])
        return [labels.roll(-1, dims=1).clamp(min=0)], [labels]

    def untuned(self, task: Bound[Writing], answer: Callable[[], Sequence[Answer]]) -> dict[str, Sequence[Answer]]:
        """See `Bound.untuned`. A pretrained model can generate text before fine-tuning."""
        return {UNTUNED: answer()}

    def configure(self, task: Bound[Writing], model: PreTrainedModel) -> None:
        settings, saved = task.learned.settings, model.generation_config
        for name, value in {**settings.model_dump(), "do_sample": settings.sampling}.items():
            setattr(saved, name, value)
        for name, neutral in NEUTRAL.items():
            # With greedy decoding, sampling settings only cause warnings.
            value = getattr(settings, name)
            setattr(saved, name, None if not settings.sampling else neutral if value is None else value)
        saved.min_new_tokens = settings.min_new_tokens or None
        saved.max_new_tokens = self.new_tokens(task)
        saved.min_length = saved.max_length = None  # of pretraining, such as 56 and 142 of bart-large-cnn

    def generating(
        self, task: Bound[Writing], model: PreTrainedModel, settings: Mapping[str, Any]
    ) -> tuple[Writing, list[Decision]]:
        asked = {name: value for name, value in settings.items() if name != "seed"}
        own = {name: getattr(model.generation_config, name, None) for name in GenerationRecipe.model_fields}
        own["do_sample"] = bool(own["do_sample"])  # first of those that decide which others have an effect
        if own["min_new_tokens"] is None and self.family == "encoder-decoder":
            own["min_new_tokens"] = max(0, (model.generation_config.min_length or 0) - 1)  # with its start token
        if own["do_sample"] and own["top_k"] is None:
            own["top_k"] = TOP_K
        known = {name: value for name, value in own.items() if value is not None}
        chosen = GenerationRecipe.build(asked, where="generation").with_defaults(known)
        decisions = decide_sampling(chosen)
        positions, new = task.learned.positions, asked.get("max_new_tokens") or 0
        if positions and new >= positions:
            what = f"max_new_tokens is {new}, but the model takes {plural(positions, 'token')} with the prompt"
            hint = f"set it to at most {positions - 1}; {positions // 2} leaves half of them for the prompt"
            raise RecipeError(what, where="generation.max_new_tokens", hint=hint)
        if "seed" in settings and not chosen.sampling:
            hint = "set temperature, top_k or top_p to sample, or remove seed"
            raise RecipeError("greedy and beam search use no seed", where="seed", hint=hint)
        seed = settings.get("seed", task.learned.seed)
        return replace(task.learned, settings=chosen, seed=seed), decisions

    def write(
        self, task: Bound[Writing], model: PreTrainedModel, examples: Examples, console: Console
    ) -> list[Written] | None:
        if not self.written_texts(examples):
            return []
        new, prompts = self.new_tokens(task), self.prompts(task, examples)
        start = [model.generation_config.decoder_start_token_id] if model.config.is_encoder_decoder else []
        found = [Written("", ())] * len(prompts)
        lengths = np.array([len(prompt) + new for prompt in prompts], dtype=np.int64)
        with console.progress("write", len(prompts)) as bar, torch.random.fork_rng():
            torch.manual_seed(task.learned.seed)  # once: each batch would sample the same texts for equal prompts
            for chosen in by_length(lengths, tokens=MOST_WRITTEN // task.learned.settings.num_beams):
                check()
                written = generate(model, task.tokenizer, [prompts[i] for i in chosen])
                for i, ids in zip(chosen, written, strict=True):
                    found[i] = Written(self.text_of(ids, task.tokenizer), (*start, *ids))
                bar.advance(len(chosen))
        return found

    def samples(self, task: Bound[Writing], examples: Examples, answers: Sequence[Answer]) -> list[dict[str, Any]]:
        inputs = task.inputs(examples)
        return [
            {
                "row": examples["row"][i],
                "asked": {role: column[i] for role, column in inputs.items()},
                "text": answer["prediction"],
            }
            for i, answer in enumerate(answers)
            if answer.get("prediction") is not None
        ]

    def new_tokens(self, task: Bound[Writing]) -> int:
        """Maximum tokens per answer; half of those that a decoder takes if the settings leave none for the prompt."""
        new, positions = task.learned.settings.max_new_tokens or self.most_new_tokens(task), task.learned.positions
        return max(1, positions // 2) if positions and new >= positions else new

    def prompt_room(self, task: Bound[Writing]) -> int:
        """Maximum tokens of a decoder's prompt: with the answer it has the maximum length; where answers are longer
        than in training, it has at least half of the maximum length if the model takes both."""
        length, new = task.set_limits.most, self.new_tokens(task)
        return max(1, length - new, min(length // 2, (task.learned.positions or length) - new))

    def text_of(self, ids: Sequence[int], tokenizer: PreTrainedTokenizerBase) -> str:
        """The text of generated ids, without special tokens."""
        return str(tokenizer.decode(list(ids), skip_special_tokens=True)).strip()

    def notice(self, task: Bound[Writing], examples: Examples, rows: Sequence[Mapping[str, Any]]) -> list[Finding]:
        """See `Bound.notice`. Checks that labels contain an end token, so that the model learns to stop, and whether
        the tokenizer gives the targets back."""
        ends = self.ends(task.tokenizer)
        found = any(label in ends for row in rows for label in reversed(row["labels"]))
        tokens = task.tokenizer.convert_ids_to_tokens(sorted(ends))
        altered = self._altered(task, examples)
        return altered if found else [*no_end([str(token) for token in tokens]), *altered]

    def _altered(self, task: Bound[Writing], examples: Examples) -> list[Finding]:
        texts = self.written_texts(examples)
        step = max(1, -(-len(texts) // SAMPLE))
        targets = [text[:LONGEST] for text in texts[::step]]
        ids = task.tokenizer(text_target=targets, add_special_tokens=False)["input_ids"] if targets else []
        back = [self.text_of(one, task.tokenizer) for one in ids]
        rows: dict[str, list[int]] = {}
        shown: dict[str, tuple[str, str]] = {}
        for row, target, other in zip(examples["row"][::step], targets, back, strict=True):
            for kind in lost(target.strip(), other):
                rows.setdefault(kind, []).append(row)
                shown.setdefault(kind, (target, other))
        most = max(rows, key=lambda kind: len(rows[kind]), default="")
        return altered_targets(rows, len(targets), shown.get(most, ("", "")))

    def ends(self, tokenizer: PreTrainedTokenizerBase) -> set[int]:
        """The tokens that end a generated text."""
        return {tokenizer.eos_token_id} if isinstance(tokenizer.eos_token_id, int) else set()

    def targets(self, task: Bound[Writing], rows: Sequence[Mapping[str, Any]]) -> list[str]:
        return [str(task.tokenizer.decode([token for token in row["labels"] if token != IGNORED])) for row in rows]


def with_positions(learned: Writing, config: PretrainedConfig) -> tuple[Writing, list[Decision]]:
    """What was learned with the positions of a decoder, and what follows for the length of its answers."""
    positions, new = positions_of(config) or sys.maxsize, learned.settings.max_new_tokens or 0
    why = f"{new} leave none of the model's {plural(positions, 'token')} for the prompt"
    decisions = [Decision("max_new_tokens", str(max(1, positions // 2)), why)] if new >= positions else []
    return replace(learned, positions=positions), decisions


def decide_sampling(settings: GenerationRecipe) -> list[Decision]:
    """Decide whether tokens are sampled, if the settings do not say, and tell if another setting implies it."""
    if settings.do_sample is not None:
        return []
    settings.do_sample = settings.sampling
    implied = [f"{name} is {value:g}" for name in SAMPLING if (value := getattr(settings, name)) is not None]
    return [Decision("sampling", "on" if settings.do_sample else "off", listing(implied))] if implied else []


def lengths(tokenizer: PreTrainedTokenizerBase, tokens: Sequence[int]) -> dict[str, int]:
    """The length of scored tokens in `tokens` and in the UTF-8 `bytes` of the text that they stand for."""
    text = tokenizer.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return {"tokens": len(tokens), "bytes": len(str(text).encode("utf-8", "replace"))}


def language_metrics(answers: Sequence[Answer]) -> list[AnyMetric]:
    """Loss, perplexity and bits per byte of the gold texts; empty if the answers have no `nll`."""
    if not answers or "nll" not in answers[0]:
        return []
    costs, tokens, sizes = (np.array([answer[name] for answer in answers]) for name in ("nll", "tokens", "bytes"))
    return list(language.language_metrics(costs, tokens, sizes))


def generate(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompts: Sequence[Sequence[int]]
) -> list[list[int]]:
    """Generate a text for each prompt with the model's generation config, up to the end token.

    Args:
        model: A decoder, or an encoder-decoder, whose encoder reads the prompts.
        tokenizer: The model's tokenizer, with a padding token.
        prompts: Token ids.
    Raises:
        NonFiniteError: The logits are nan.
    """
    side = "right" if model.config.is_encoder_decoder else "left"
    batch: BatchEncoding = tokenizer.pad(
        {"input_ids": [list(prompt) for prompt in prompts]}, padding_side=side, return_tensors="pt"
    ).to(model.device)
    was_training, overflow = model.training, Overflow()
    model.eval()
    with torch.inference_mode():
        write: Any = model.generate
        ids = write(**batch, use_cache=True, logits_processor=[overflow])
    model.train(was_training)
    if overflow:
        raise overflowed(f"prompts of up to {batch['input_ids'].shape[1]} tokens", model)
    skipped = 1 if model.config.is_encoder_decoder else batch["input_ids"].shape[1]
    padding = {tokenizer.pad_token_id} - _ends(model)
    return [[token for token in row[skipped:] if token not in padding] for row in ids.tolist()]


def _ends(model: PreTrainedModel) -> set[int]:
    ends = model.generation_config.eos_token_id
    return set(ends) if isinstance(ends, list) else {ends}
