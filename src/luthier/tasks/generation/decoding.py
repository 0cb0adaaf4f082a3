"""Generate texts for a batch of prompts. In greedy search, rows that have ended leave the batch.

`model.generate` goes on with all rows until the last one ends: of a batch whose texts have 10 to 40 tokens, more than
half of the work is for padding.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import (
    BatchEncoding,
    DynamicCache,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    StoppingCriteria,
    StoppingCriteriaList,
)
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer
from transformers.modeling_outputs import BaseModelOutput

from luthier.recipe import GenerationRecipe

PLAIN_LAYERS = (DynamicLayer, DynamicSlidingWindowLayer)  # caches whose rows are independent
# Settings that greedy search can have when it goes on with some of the rows; others may depend on the whole batch.
ROW_BY_ROW = {
    *GenerationRecipe.model_fields,
    *("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id"),
    *("forced_bos_token_id", "forced_eos_token_id", "bad_words_ids"),
    *("max_length", "min_new_tokens", "early_stopping", "use_cache", "transformers_version"),
}


def generate(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prompts: Sequence[Sequence[int]]
) -> list[list[int]]:
    """Generate a text for each prompt with the model's generation config, up to the end token.

    Args:
        model: A decoder, or an encoder-decoder, whose encoder reads the prompts.
        tokenizer: The model's tokenizer, with a padding token.
        prompts: Token ids.
    """
    side = "right" if model.config.is_encoder_decoder else "left"
    batch: BatchEncoding = tokenizer.pad(
        {"input_ids": [list(prompt) for prompt in prompts]}, padding_side=side, return_tensors="pt"
    ).to(model.device)
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        written = _greedy(model, batch) if rows_can_leave(model) else _together(model, batch)
    model.train(was_training)
    ends = _ends(model)
    ended = [next((place for place, token in enumerate(row, 1) if token in ends), len(row)) for row in written]
    padding = {tokenizer.pad_token_id} - ends
    return [[token for token in row[:end] if token not in padding] for row, end in zip(written, ended, strict=True)]


def rows_can_leave(model: PreTrainedModel) -> bool:
    """Whether a model's settings and cache allow greedy search to go on with some of its rows."""
    settings = model.generation_config
    greedy = not settings.do_sample and settings.num_beams in (None, 1)
    on = {name for name, value in settings.to_diff_dict().items() if value and not name.startswith("_")}
    cache = DynamicCache(config=model.config.get_text_config(decoder=True))
    return (
        greedy
        and None not in (settings.max_new_tokens, settings.eos_token_id)
        and on <= ROW_BY_ROW
        and all(type(layer) in PLAIN_LAYERS for layer in cache.layers)
    )


class HalfEnded(StoppingCriteria):
    """Stops when half of the rows have ended, which `ended` tells.

    Args:
        ends: The tokens that end a text.
    """

    def __init__(self, ends: Tensor) -> None:
        self._ends = ends
        self.ended = ends.new_zeros(0, dtype=torch.bool)

    def __call__(self, input_ids: Tensor, scores: Any, **kwargs: Any) -> Tensor:
        now = torch.isin(input_ids[:, -1], self._ends)
        self.ended = self.ended | now if len(self.ended) else now
        return (2 * self.ended.sum() >= len(now)).expand_as(now)


def _together(model: PreTrainedModel, batch: Mapping[str, Tensor]) -> list[list[int]]:
    """The new tokens of each row, of one call of `generate`."""
    write: Any = model.generate
    start = 1 if model.config.is_encoder_decoder else batch["input_ids"].shape[1]
    written: list[list[int]] = write(**batch, use_cache=True)[:, start:].tolist()
    return written


def _greedy(model: PreTrainedModel, batch: Mapping[str, Tensor]) -> list[list[int]]:
    """The new tokens of each row, of a call of `generate` whenever half of the rows have ended."""
    write: Any = model.generate
    settings, both = model.generation_config, model.config.is_encoder_decoder
    most, least = settings.max_new_tokens or 0, settings.min_new_tokens or 0
    ends = torch.tensor(sorted(_ends(model)), device=model.device)
    mask, start = batch["attention_mask"], 1 if both else batch["input_ids"].shape[1]
    encode: Any = model.get_encoder() if both else None
    given: dict[str, Any] = (
        {"encoder_outputs": encode(**batch, return_dict=True)} if both else {"input_ids": batch["input_ids"]}
    )
    rows, done = torch.arange(len(mask), device=model.device), 0
    written: list[list[int]] = [[]] * len(mask)
    while len(rows):
        half = HalfEnded(ends)
        found = write(
            **given,
            attention_mask=mask,
            max_new_tokens=most - done,
            min_new_tokens=max(0, least - done),
            stopping_criteria=StoppingCriteriaList([half]),
            return_dict_in_generate=True,
            use_cache=True,
        )
        ids, done = found.sequences, found.sequences.shape[1] - start
        over = half.ended | (done >= most)
        for row, new in zip(rows[over].tolist(), ids[over, start:].tolist(), strict=True):
            written[row] = new
        left = (~over).nonzero().flatten()
        rows, ids, mask, cache = rows[left], ids[left], mask[left], found.past_key_values
        cache.batch_select_indices(left)
        if both:
            states = given["encoder_outputs"].last_hidden_state[left]
            given = {"encoder_outputs": BaseModelOutput(states), "decoder_input_ids": ids}
            given["decoder_attention_mask"] = torch.ones_like(ids)
        else:
            mask = functional.pad(mask, (0, ids.shape[1] - mask.shape[1]), value=1)
            given = {"input_ids": ids}
        given["past_key_values"] = cache
    return written


def _ends(model: PreTrainedModel) -> set[int]:
    ends = model.generation_config.eos_token_id
    return set(ends) if isinstance(ends, list) else {ends}
