"""Pictures of boxes: the way from text to answer, and the parts of a model with what flows between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from textwrap import wrap

from luthier.text import count, listing, number, plural, quantity, size
from luthier.tracing.anatomy import Anatomy, Part

# In SVG units, which are pixels on a phone that is 360 wide.
WIDTH, LINE, BAR, EDGE, GAP, LETTER = 328, 17, 15, 10, 22, 6.6
BESIDE = 24  # beside the boxes, where the line of shared weights runs
MOST_LINES = 3


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar in a box: its label, its length as a share of the longest one, and its value."""

    label: str
    share: float
    value: str


@dataclass(frozen=True, slots=True)
class Step:
    """What a box says."""

    title: str
    lines: Sequence[str] = ()
    bars: Sequence[Bar] = ()


@dataclass(frozen=True, slots=True)
class Box:
    """A step and where it is drawn."""

    step: Step
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes and the arrows between them.

    Args:
        boxes: The boxes.
        arrows: Pairs of a kind (`flow`, `cross` or `shared`) and an SVG path.
        height: Of the whole; the width is `WIDTH`.
    """

    boxes: Sequence[Box]
    arrows: Sequence[tuple[str, str]]
    height: float
    width: int = field(default=WIDTH)


def pipeline(steps: Sequence[Step]) -> Picture:
    """Steps one below the other."""
    boxes = _column(steps, 0, WIDTH, 0)
    return _picture(boxes, _flow(boxes))


def inside(model: Anatomy, seconds: Mapping[str, float], shapes: Mapping[str, str]) -> Picture:
    """The parts of a model, from its embeddings to its logits.

    Args:
        model: Its parts.
        seconds: Of a forward pass, by layer, and of `embeddings` and `head`.
        shapes: Of the `hidden` states (of each `encoder` and `decoder`, if there are two stacks) and of the `logits`.
    """
    stacks = timed_stacks(seconds)
    logits = Step("Logits", [shapes["logits"]])
    if len(stacks) == 2:
        return _two_stacks(model, seconds, stacks, shapes, logits)
    before, own, after = _split(model.parts, [name for name in seconds if name.rpartition(".")[0] in stacks])
    steps = [
        Step("Embeddings", _embeddings(model, before, seconds)),
        _layers(model, own, seconds),
        Step("Hidden states", [shapes["hidden"]]),
        Step("Head", [*_weight(after), _ms(seconds["head"])]),
        logits,
    ]
    tied = any(part.shares for part in after)
    boxes = _column(steps, 0, WIDTH - BESIDE if tied else WIDTH, 0)
    shared = _shared(boxes[3], boxes[0]) if tied else []
    return _picture(boxes, [*_flow(boxes), *shared])


def timed_stacks(seconds: Mapping[str, float]) -> list[str]:
    """The stacks whose layers have times."""
    layers = [name for name in seconds if name not in ("embeddings", "head")]
    return list(dict.fromkeys(name.rpartition(".")[0] for name in layers))


def _two_stacks(
    model: Anatomy, seconds: Mapping[str, float], stacks: Sequence[str], shapes: Mapping[str, str], logits: Step
) -> Picture:
    """Encoder and decoder side by side, below the embeddings that both use and above the head."""
    roots = [f"{stack.rpartition('.')[0]}." for stack in stacks]
    sides = [[part for part in model.parts if part.name.startswith(root)] for root in roots]
    others = [part for part in model.parts if not any(part in side for side in sides)]
    shared, head = [one for one in others if _embeds(one)], [one for one in others if not _embeds(one)]
    inner, middle = WIDTH - BESIDE, (WIDTH - BESIDE + 20) / 2
    top = _column([Step("Embeddings", _embeddings(model, shared, seconds))], 0, inner, 0) if shared else []
    y = top[0].height + GAP if top else 0
    columns = []
    for side, parts, stack, x in zip(("encoder", "decoder"), sides, stacks, (0, middle), strict=True):
        before, own, after = _split(parts, [name for name in seconds if name.startswith(f"{stack}.")])
        steps = [
            Step(f"{side} input".capitalize(), _weight(before, 1) or ["the embeddings above"]),
            _layers(model, own, seconds, cross=side == "decoder"),
            Step("Hidden states", [shapes[side], *_weight(after)]),
        ]
        steps += [Step("Head", [*_weight(head), _ms(seconds["head"])]), logits] if side == "decoder" else []
        columns.append(_column(steps, x, middle - 20, y))
    (*_, read), (_, attends, _, out, _) = columns
    bend = read.x + read.width + 10
    cross = ("cross", f"M{read.x + read.width} {read.middle}H{bend}V{attends.middle}H{attends.x - 2}")
    down = [("flow", _down(box.x + box.width / 2, top[0].height, box.y)) for box, *_ in columns] if top else []
    tied = _shared(out, top[0]) if top and any(part.shares for part in head) else []
    return _picture([*top, *columns[0], *columns[1]], [*down, *_flow(columns[0]), *_flow(columns[1]), cross, *tied])


def _split(parts: Sequence[Part], layers: Sequence[str]) -> tuple[list[Part], list[Part], list[Part]]:
    """Parts before the layers, the layers, and parts after them."""
    names = [part.name for part in parts]
    first = min((names.index(name) for name in layers if name in names), default=len(parts))
    own = [part for part in parts if part.name in layers]
    others = [(place, part) for place, part in enumerate(parts) if part.name not in layers]
    before = [part for place, part in others if place < first or _embeds(part)]
    return before, own, [part for _, part in others if part not in before]


def _embeds(part: Part) -> bool:
    return "emb" in part.name.lower() or part.kind.endswith("Embedding")


def _embeddings(model: Anatomy, parts: Sequence[Part], seconds: Mapping[str, float]) -> list[str]:
    sizes = f"{plural(model.vocabulary, 'token')} of width {count(model.width)}"
    return [sizes, *_weight(parts), _ms(seconds["embeddings"])]


def _layers(model: Anatomy, own: Sequence[Part], seconds: Mapping[str, float], *, cross: bool = False) -> Step:
    spent = [seconds[part.name] for part in own]
    longest = max(spent, default=0.0) or 1.0
    bars = [Bar(str(i), one / longest, _ms(one)) for i, one in enumerate(spent, start=1)]
    kind = f"{own[0].kind}: {plural(model.heads, 'head')}, width {count(model.width)}" if own else ""
    lines = [kind, *_weight(own, 0), *(["cross-attention to the encoder's hidden states"] if cross else [])]
    return Step(plural(len(own), "layer"), lines, bars)


def _weight(parts: Sequence[Part], named: int = 3) -> list[str]:
    """What parts are (at most `named` of them), what they weigh, and whose weights they use."""
    if not parts:
        return []
    names = listing([short(part.name) for part in parts], named)
    parameters, held = sum(part.parameters for part in parts), sum(part.n_bytes for part in parts)
    lent = listing(list(dict.fromkeys(short(name) for part in parts for name in part.shares)))
    weights = f"{quantity(parameters, 'parameters')}, {size(held)}"
    found = [weights] if parameters else []
    return [*([names] if named else []), *found, *([f"shares the weights of {lent}"] if lent else [])]


def short(name: str) -> str:
    """The last words of the name of a part: enough to know it by."""
    words = name.split(".")
    return ".".join(words[-2:] if words[-1] in ("dense", "weight", "out_proj") else words[-1:])


def _ms(seconds: float) -> str:
    return f"{number(1000 * seconds, 1)} ms"


def _column(steps: Sequence[Step], x: float, width: float, y: float) -> list[Box]:
    boxes = []
    for step in steps:
        lines = [piece for line in step.lines if line for piece in _wrapped(line, width)]
        kept = Step(step.title, lines, step.bars)
        height = 2 * EDGE + LINE * (1 + len(lines)) + BAR * len(step.bars)
        boxes.append(Box(kept, x, y, width, height))
        y += height + GAP
    return boxes


def _wrapped(line: str, width: float) -> list[str]:
    return wrap(line, int((width - 2 * EDGE) / LETTER), max_lines=MOST_LINES, placeholder=" …")


def _flow(boxes: Sequence[Box]) -> list[tuple[str, str]]:
    pairs = pairwise(boxes)
    return [("flow", _down(one.x + one.width / 2, one.y + one.height, other.y)) for one, other in pairs]


def _down(x: float, start: float, end: float) -> str:
    return f"M{x} {start}V{end - 2}"


def _shared(head: Box, embeddings: Box) -> list[tuple[str, str]]:
    side = WIDTH - BESIDE / 2
    return [("shared", f"M{head.x + head.width} {head.middle}H{side}V{embeddings.middle}H{WIDTH - BESIDE + 2}")]


def _picture(boxes: Sequence[Box], arrows: Sequence[tuple[str, str]]) -> Picture:
    return Picture(boxes, arrows, max(box.y + box.height for box in boxes))
