"""Embeddings of texts by a model before fine-tuning, for the baseline that leaves it as it is."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import nn

from luthier.arrays import FloatArray
from luthier.console import Console
from luthier.data.batches import by_length
from luthier.data.cached import cached
from luthier.data.tokenized import content_digest, tokenizer_digest
from luthier.interrupts import check
from luthier.models.device import choose_device
from luthier.models.learned import state_digest
from luthier.pipeline.prepare import Prepared
from luthier.pipeline.training.assemble import fresh_model

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
    """
    recipe, tokenizer, limit = prepared.recipe, prepared.task.tokenizer, prepared.task.set_limits.length
    body = fresh_model(prepared).eval().base_model
    device = choose_device(recipe.device)
    nn.Module.to(body, device)
    unique = {text: place for place, text in enumerate(dict.fromkeys(texts))}

    def vectors(batch: Mapping[str, Sequence[str]], _: list[int]) -> dict[str, Any]:
        ids = tokenizer(list(batch["text"]), truncation=True, max_length=limit)["input_ids"]
        ids = [row or [tokenizer.pad_token_id] for row in ids]  # an empty text, if there are no special tokens
        found: list[Any] = [None] * len(ids)
        for chosen in by_length(np.array([len(row) for row in ids]), rows=recipe.evaluation.eval_batch_size):
            check()
            inputs = tokenizer.pad({"input_ids": [ids[i] for i in chosen]}, return_tensors="pt").to(device)
            with torch.inference_mode():
                hidden, counted = body(**inputs).last_hidden_state, inputs["attention_mask"].unsqueeze(-1)
                means = (hidden * counted).sum(dim=1) / counted.sum(dim=1)
            for i, vector in zip(chosen, means.float().cpu().numpy(), strict=True):
                found[int(i)] = vector
            bar.advance(len(chosen))
        return {"vector": found}

    rows = Dataset.from_dict({"text": list(unique)})
    key = f"{content_digest(rows)} {tokenizer_digest(tokenizer)} {limit} {state_digest(body.state_dict())}"
    with console.progress("embed", len(unique), "texts") as bar:
        found = cached(rows, vectors, f"mean of the last hidden states {key}", batch=CHUNK)
    return np.asarray(found.with_format("numpy")["vector"], dtype=np.float64)[[unique[text] for text in texts]]
