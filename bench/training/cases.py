"""What is trained, and on what."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.quality_data import SETS, Row, Set
from bench.training.sides import DYNAMIC, FREE, GROUPED, OURS, PACKED, PADDED, SAME

LEFT = 100  # rows of the Alpaca demo that are not trained on


def alpaca(data: Path, split: str) -> list[Row]:
    """The Alpaca demo: instructions and their answers; the last rows are held out."""
    rows: list[Row] = json.loads((data / "alpaca-demo" / "alpaca_en_demo.json").read_text(encoding="utf-8"))
    return rows[:-LEFT] if split == "train" else rows[-LEFT:]


USUAL = (OURS, SAME, DYNAMIC, GROUPED)
SCRIPTED = (*USUAL, PADDED)  # whose published script pads to the maximum
CHAT = (OURS, SAME, DYNAMIC, PACKED, FREE)
DATA = {one.name: one for one in (*SETS, Set("alpaca", alpaca, "loss"))}


@dataclass(frozen=True)
class Case:
    """What is trained on.

    Args:
        data: Name of one of `DATA`.
        rows: Rows of the pass that is timed.
        settings: Recipe keys.
        longest: Maximum tokens of a row; what `padded` pads to, and `packing` fills.
        held_out: The split whose loss is compared.
        held_rows: At most so many rows of it.
        compared: Steps whose losses are compared.
        sides: Those that are timed.
    """

    data: str
    rows: int
    settings: Mapping[str, Any]
    longest: int = 128
    held_out: str = "validation"
    held_rows: int = 400
    compared: int = 10
    sides: tuple[str, ...] = USUAL

    def files(self, data: Path, folder: Path, seed: int) -> tuple[Path, Path]:
        """The rows to train on and the held-out ones, in files."""
        return DATA[self.data].files(data, folder, seed, self.held_out)


MINILM = {"model": "minilm"}
TRANSLATION = {"task": "translation", "data.columns": {"source": "de", "target": "en"}, "from_scratch": "small"}
SMOLLM2 = {"model": "smollm2", "task": "chat", "batch_size": 8}
CASES = {
    "mrpc-minilm": Case("mrpc", 640, MINILM, held_out="test", sides=SCRIPTED),
    "sst2-minilm": Case("sst2", 1_280, MINILM, sides=SCRIPTED),
    "bbc-minilm": Case("bbc", 128, MINILM, 512),
    "wnut17-minilm": Case("wnut17", 640, MINILM | {"task": "token-classification"}),
    "xquad-minilm": Case("xquad", 128, MINILM | {"task": "question-answering"}, 384, sides=SCRIPTED),
    "mrpc-bert": Case("mrpc", 320, {"from_scratch": "base", "architecture": "bert"}, held_out="test", sides=SCRIPTED),
    "mrpc-modernbert": Case(
        "mrpc", 320, {"from_scratch": "base", "architecture": "modernbert"}, held_out="test", sides=SCRIPTED
    ),
    "multi30k-t5": Case("multi30k", 640, TRANSLATION | {"architecture": "t5"}),
    "multi30k-bart": Case("multi30k", 640, TRANSLATION | {"architecture": "bart"}),
    "alpaca-smollm2": Case("alpaca", 64, SMOLLM2, 512, held_rows=32, compared=4, sides=CHAT),
    "alpaca-smollm2-lora": Case(
        "alpaca", 64, SMOLLM2 | {"model.adapter": {"kind": "lora"}}, 512, held_rows=32, compared=4, sides=CHAT
    ),
}
