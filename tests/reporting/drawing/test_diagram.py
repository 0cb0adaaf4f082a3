"""Pictures of boxes: what they say, and that none lies over another."""

from itertools import combinations
from pathlib import Path

import pytest

from luthier.reporting.drawing.diagram import WIDTH, Box, Picture, Step, inside, pipeline
from luthier.tracing.anatomy import groups
from tests.reporting.traces.made import made, traced

SHAPES = {"hidden": "1 x 4 x 8", "encoder": "1 x 4 x 8", "decoder": "1 x 3 x 8", "logits": "1 x 2"}


def apart(one: Box, other: Box) -> bool:
    beside = one.x + one.width <= other.x or other.x + other.width <= one.x
    return beside or one.y + one.height <= other.y or other.y + other.height <= one.y


def check(picture: Picture) -> None:
    assert all(apart(one, other) for one, other in combinations(picture.boxes, 2))
    assert all(
        box.x >= 0 and box.x + box.width <= WIDTH and box.y + box.height <= picture.height for box in picture.boxes
    )
    assert all(len(line) * 6.6 <= box.width for box in picture.boxes for line in box.step.lines)


def test_a_pipeline_is_a_column_of_boxes() -> None:
    picture = pipeline([Step("Text", ["word " * 40]), Step("Ids", ["", "1, 2"]), Step("Answer")])
    check(picture)
    assert [len(box.step.lines) for box in picture.boxes] == [3, 1, 0]
    assert picture.boxes[0].step.lines[-1].endswith("…")
    assert [kind for kind, _ in picture.arrows] == ["flow", "flow"]


def test_layers_have_their_times_and_shared_weights_a_line() -> None:
    trace = made(layers=3)
    picture = inside(trace.model, trace.seconds, SHAPES)
    check(picture)
    assert [box.step.title for box in picture.boxes] == ["Embeddings", "3 layers", "Hidden states", "Head", "Logits"]
    assert [(bar.label, bar.share, bar.value) for bar in picture.boxes[1].step.bars] == [
        (str(i), 1.0, "2.0 ms") for i in (1, 2, 3)
    ]
    assert list(picture.boxes[3].step.lines)[-2:] == ["shares the weights of embeddings", "1.0 ms"]
    assert [kind for kind, _ in picture.arrows] == ["flow"] * 4 + ["shared"]


@pytest.mark.parametrize("name", ["BART", "T5", "Marian"])
def test_two_stacks_stand_side_by_side(name: str, tmp_path: Path) -> None:
    trace = traced(name, "Seq2SeqLM", tmp_path / "model")
    picture = inside(trace.model, trace.seconds, SHAPES)
    check(picture)
    assert [box.step.title for box in picture.boxes] == [
        "Embeddings", "Encoder input", "2 layers", "Hidden states",
        "Decoder input", "2 layers", "Hidden states", "Head", "Logits",
    ]  # fmt: skip
    kinds = [kind for kind, _ in picture.arrows]
    assert kinds.count("cross") == 1 and kinds.count("shared") == 1


def test_every_parameter_is_in_one_group(tmp_path: Path) -> None:
    trace = traced("GPT-2", "CausalLM", tmp_path / "model")
    found = groups(trace.model.parts)
    assert max(map(len, found)) == 2
    assert sum(part.parameters for parts in found for part in parts) == trace.model.parameters
