"""Embeddings of texts by a model before fine-tuning, for the baseline that leaves it as it is."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from luthier.arrays import FloatArray
from luthier.console import Console
from luthier.data.batches import by_length
from luthier.data.cached import cached, is_cached
from luthier.data.tokenized import content_digest, tokenizer_digest
from luthier.errors import ModelError
from luthier.interrupts import check
from luthier.models.device import choose_device
from luthier.models.learned import state_digest
from luthier.pipeline.preparation.prepare import Prepared
from luthier.pipeline.training.assemble import fresh_model
from luthier.text import shorten

CHUNK = 1_024  # texts that are batched by length together


def embed(prepared: Prepared, texts: Sequence[str], console: Console) -> FloatArray:
    """Embed texts with the recipe's model before any step: the mean of the last hidden states over their tokens.

    Mean pooling is what sentence encoders are trained with (Reimers and Gurevych 2019). Embeddings are cached.

    Args:
        prepared: Has the recipe, the tokenizer and the maximum length.
        texts: `n` texts.
        console: Shows the progress.
    Returns:
        `[n, d]`.
    Raises:
        ModelError: The model has no finite hidden state for each token.
    """
    recipe, tokenizer, limit = prepared.recipe, prepared.task.tokenizer, prepared.task.set_limits.length
    body = nn.Module.to(_body(prepared), choose_device(recipe.device))
    unique = {text: place for place, text in enumerate(dict.fromkeys(texts))}

    def vectors(batch: Mapping[str, Sequence[str]], _: list[int]) -> dict[str, Any]:
        ids = tokenizer(list(batch["text"]), truncation=True, max_length=limit)["input_ids"]
        ids = [row or [tokenizer.pad_token_id] for row in ids]  # an empty text, if there are no special tokens
        found: list[Any] = [None] * len(ids)
        for chosen in by_length(np.array([len(row) for row in ids]), rows=recipe.evaluation.eval_batch_size):
            check()
            for i, vector in zip(chosen, _means(body, [ids[i] for i in chosen], tokenizer.pad_token_id), strict=True):
                found[int(i)] = vector
            bar.advance(len(chosen))
        return {"vector": found}

    rows = Dataset.from_dict({"text": list(unique)})
    with console.progress("embed", len(unique), "texts") as bar:
        found = cached(rows, vectors, _key(prepared, body, rows), batch=CHUNK)
    return np.asarray(found.with_format("numpy")["vector"], dtype=np.float64)[[unique[text] for text in texts]]


def is_embedded(prepared: Prepared, texts: Sequence[str]) -> bool:
    """Whether the embeddings of these texts are in the cache."""
    return is_cached(_key(prepared, _body(prepared), Dataset.from_dict({"text": list(dict.fromkeys(texts))})))


def _body(prepared: Prepared) -> Any:
    """The recipe's model without its head, and without its decoder if it has an encoder."""
    body = fresh_model(prepared).eval().base_model
    return body.get_encoder() if body.config.is_encoder_decoder else body


def _key(prepared: Prepared, body: Any, rows: Dataset) -> str:
    """What determines the embeddings of texts."""
    decides = (content_digest(rows), tokenizer_digest(prepared.task.tokenizer), prepared.task.set_limits.length)
    model = (type(body).__name__, body.config.to_json_string(), state_digest(body.state_dict()))
    return f"mean of the last hidden states {decides} {model}"


def _means(body: nn.Module, ids: Sequence[Sequence[int]], padding: int) -> NDArray[np.float32]:
    """The means of the last hidden states of rows, `[b, d]`; padded on the right, as absolute positions need it.

    Raises:
        ModelError: As in `embed`.
    """
    device = next(body.parameters()).device
    rows = [torch.tensor(row) for row in ids]
    inputs = pad_sequence(rows, batch_first=True, padding_value=padding).to(device)
    mask = pad_sequence([torch.ones_like(row) for row in rows], batch_first=True).to(device)
    try:
        with torch.inference_mode():
            hidden = body(input_ids=inputs, attention_mask=mask).last_hidden_state.float()
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:  # another kind of model
        raise ModelError(f"{type(body).__name__} cannot embed texts: {shorten(str(error), 80)}") from error
    if hidden.shape[:2] != mask.shape or not hidden.isfinite().all():
        raise ModelError(f"{type(body).__name__} has no finite hidden state for each token")
    means: NDArray[np.float32] = (
        ((hidden * mask.unsqueeze(-1)).sum(dim=1) / mask.sum(dim=1, keepdim=True)).cpu().numpy()
    )
    return means
