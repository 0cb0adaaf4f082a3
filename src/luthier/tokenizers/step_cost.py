"""What the lengths of a tokenizer cost: the time of an optimizer step of a new tiny model."""

import statistics
import time
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from luthier.data.batches import IGNORED
from luthier.models.architectures import DEFAULTS
from luthier.models.quiet import quiet
from luthier.models.scratch import make_config, make_model
from luthier.tokenizers.measures import Row

ROWS = 16  # of a step
FEWEST, MOST, ENOUGH = 4, 6, 10.0  # steps of each tokenizer, the first of which warms up; seconds for all of them
HEADS = {"encoder": "SequenceClassification", "decoder": "CausalLM", "encoder-decoder": "Seq2SeqLM"}


def measure_steps(
    tokenizers: Mapping[str, PreTrainedTokenizerBase],
    rows: Sequence[Row],
    family: str,
    limit: int,
    device: torch.device,
) -> dict[str, float]:
    """Measure one optimizer step of a tiny model with each tokenizer, on the same 16 rows of median length.

    The steps take turns, so that what else the machine does is shared, and the median of each tokenizer counts.

    Args:
        tokenizers: Name to tokenizer.
        rows: The rows to choose from.
        family: Family of the model.
        limit: Maximum tokens of a row.
        device: Where to train.
    Returns:
        Name to seconds.
    """
    texts = sorted(("\n".join(row.texts) for row in rows), key=len)
    first = max(0, (len(texts) - ROWS) // 2)
    batch = texts[first : first + ROWS]
    with torch.random.fork_rng():
        stepping = {name: _Stepping(tokenizer, batch, family, limit, device) for name, tokenizer in tokenizers.items()}
        seconds: dict[str, list[float]] = {name: [] for name in tokenizers}
        began = time.perf_counter()
        for taken in range(MOST):
            if taken >= FEWEST and time.perf_counter() - began > ENOUGH:
                break
            for name, one in stepping.items():
                start = time.perf_counter()
                one.step()
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(each[1:]) for name, each in seconds.items()}


class _Stepping:
    """A new model that takes the same step again and again."""

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, texts: list[str], family: str, limit: int, device: torch.device
    ) -> None:
        config = make_config(DEFAULTS[family], "tiny", tokenizer, positions=limit)
        self._model = make_model(HEADS[family], config)
        nn.Module.to(self._model, device)  # its own decorator hides the signature
        self._model.train()
        self._optimizer = torch.optim.AdamW(self._model.parameters())
        with quiet():
            made = tokenizer(texts, padding=True, truncation=True, max_length=limit, return_tensors="pt")
        ids, mask = made["input_ids"].to(device), made["attention_mask"].to(device)
        zeros = torch.zeros(len(texts), dtype=torch.long, device=device)
        labels: Tensor = zeros if family == "encoder" else ids.masked_fill(mask == 0, IGNORED)
        self._batch = {"input_ids": ids, "attention_mask": mask, "labels": labels}

    def step(self) -> None:
        self._optimizer.zero_grad()
        loss = self._model(**self._batch).loss
        loss.backward()
        self._optimizer.step()
        loss.item()  # waits for the device
