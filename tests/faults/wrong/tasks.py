"""Rows, files, models and settings that a task cannot use, and odd ones that it has to take, each row accounted for."""

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from tests.faults.scene import Scene
from tests.faults.wrong.case import Case
from tests.matrix.data import Row
from tests.matrix.data import rows as drawn
from tests.matrix.models import build

MODELS = {
    **dict.fromkeys(("token-classification", "question-answering"), "BERT"),
    **dict.fromkeys(("text-generation", "chat", "creative-writing"), "LLaMA"),
    **dict.fromkeys(("summarization", "translation", "generative-qa"), "T5"),
}
Words = Callable[[Scene], list[str]]
Change = Callable[[int, Row], Any]
QUICK = ["--max-steps", "1", "--set", "resamples=100", "--set", "eval_on_start=false", "--set", "baselines=false"]
QUICK_TEXTS = ["--set", "generated_rows=2", "--set", "samples=1", "--set", "max_new_tokens=4"]
WHOLE = ["--set", "validation_share=0", "--set", "test_share=0"]  # every row is learned from
NEEDED = "choose others with --text and --label"
SHOUTING = "{% for m in messages %}{{ m.role + m.content | upper }}{% endfor %}"


@dataclass(frozen=True)
class Odd:
    """Odd input that is trained on.

    Args:
        name: What is odd.
        words: Makes it so in a scene, and gives the words of the command.
        kept: Rows that are used.
        skipped: Reason to how many rows are not.
        findings: What is told about it, among other things.
    """

    name: str
    words: Words
    kept: int
    skipped: Mapping[str, int] = field(default_factory=dict)
    findings: tuple[str, ...] = ()


@cache
def tiny(name: str) -> Path:
    """The directory of a tiny model; it is not to be changed."""
    return build(name, Path(tempfile.mkdtemp()) / name.replace(" ", "-"))


def copied(name: str, template: str | None = None, **tokenizer: Any) -> Callable[[Scene], Path]:
    """A copy with other entries in tokenizer_config.json, None taking one out, and perhaps a chat template."""

    def make(scene: Scene) -> Path:
        target = scene.folder / "model"
        shutil.copytree(tiny(name), target)
        file = target / "tokenizer_config.json"
        values = json.loads(file.read_text()) | tokenizer
        file.write_text(json.dumps({key: value for key, value in values.items() if value is not None}))
        if template is not None:
            (target / "chat_template.jinja").write_text(template)
        return target

    return make


def training(scene: Scene, file: str, task: str, *words: str, model: Path | str | None = None) -> list[str]:
    chosen = str(model or tiny(MODELS[task]))
    return [*("train", file, "--task", task, "--model", chosen, "--precision", "fp32"), *words, "--run-dir", "out"]


def jsonl(scene: Scene, rows: list[Row]) -> str:
    return scene.file("rows.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def on(task: str, *words: str, n: int = 60, model: str | Callable[[Scene], Path] = "", **change: Any) -> Words:
    """A training on `n` rows of a task in which columns are changed: to a value, or to a function of number and row."""

    def make(scene: Scene) -> list[str]:
        rows = [
            {**row, **{name: new(i, row) if callable(new) else new for name, new in change.items()}}
            for i, row in enumerate(drawn(task, n))
        ]
        chosen = model(scene) if callable(model) else tiny(model) if model else None
        return training(scene, jsonl(scene, rows), task, *words, model=chosen)

    return make


def spans(mark: Change) -> Words:
    """Texts with spans: where these stand, `mark` tells of each row's number and tokens."""

    def make(scene: Scene) -> list[str]:
        rows = [
            {"text": f"{' '.join(row['tokens'])} n{i}", "spans": mark(i, row)}
            for i, row in enumerate(drawn("token-classification", 60))
        ]
        return training(scene, jsonl(scene, rows), "token-classification")

    return make


def span(start: int, end: int) -> dict[str, object]:
    return {"start": start, "end": end, "label": "X"}


def first(row: Row) -> int:
    return len(row["tokens"][0])


def conll(scene: Scene, *, end: str = "\n", encoding: str = "utf-8", ragged: int = 0) -> str:
    """Sentences in columns; in the first `ragged` of them a line has lost its tag."""
    sentences = []
    for i, row in enumerate(drawn("token-classification", 60)):
        lines = [f"{token} {tag}" for token, tag in zip(row["tokens"], row["ner_tags"], strict=True)]
        if i < ragged:
            lines[1] = lines[1].split()[0]
        sentences.append(end.join([*lines, f"n{i} O", ""]))
    return scene.file("rows.conll", end.join(sentences).encode(encoding))


def squad(scene: Scene, without: Callable[[int], bool]) -> str:
    """SQuAD's JSON in which some paragraphs have no context."""
    paragraphs = []
    for i, row in enumerate(drawn("question-answering", 60)):
        answers = row["answers"]
        told = [{"text": answers["text"][0], "answer_start": answers["answer_start"][0]}]
        paragraph = {"qas": [{"id": str(i), "question": f"{row['question']} {i}", "answers": told}]}
        paragraphs.append(paragraph if without(i) else {**paragraph, "context": row["context"]})
    return scene.file("squad.json", json.dumps({"version": "1.1", "data": [{"title": "a", "paragraphs": paragraphs}]}))


def parallel(scene: Scene, more: str) -> list[str]:
    rows = drawn("translation", 60)
    for language in ("en", "de"):
        scene.file(f"pair/train.{language}", "".join(f"{row[language]}\n" for row in rows) + more * (language == "de"))
    return training(scene, "pair", "translation")


def nameless(scene: Scene, model: str, *words: str) -> list[str]:
    """Translations in columns that tell no language."""
    rows = [{"source": row["en"], "target": row["de"]} for row in drawn("translation", 60)]
    return training(scene, jsonl(scene, rows), "translation", *words, model=tiny(model))


def scratch(scene: Scene, *words: str) -> list[str]:
    file = jsonl(scene, drawn("text-generation", 60))
    return ["train", file, "--task", "text-generation", *words, "--precision", "fp32", "--run-dir", "out"]


def equal(scene: Scene, task: str) -> list[str]:
    return training(scene, jsonl(scene, drawn(task, 1) * 40), task)


def long_row(task: str, **change: Any) -> Words:
    """Sixty rows and one of a million characters, all learned from."""

    def make(scene: Scene) -> list[str]:
        rows = drawn(task, 60)
        return training(scene, jsonl(scene, [*rows, {**rows[0], **change}]), task, *WHOLE)

    return make


def spelled(task: str, letters: Mapping[int, Any]) -> Words:
    """Rows whose words are spelled in other letters; tags and roles stay, and answers stand where they stood."""

    def spell(value: Any, name: str = "") -> Any:
        if isinstance(value, str) and name not in ("role", "ner_tags"):
            return value.translate(letters)
        if isinstance(value, list):
            return [spell(one, name) for one in value]
        return {key: spell(one, key) for key, one in value.items()} if isinstance(value, dict) else value

    return lambda scene: training(scene, jsonl(scene, [spell(row) for row in drawn(task, 60)]), task)


EMOJI = str.maketrans({letter: "😀😡🎉😱👍"[i % 5] for i, letter in enumerate("abcdefghijklmnopqrstuvwxyz")})
HEBREW = str.maketrans("abcdefghijklmnopqrstuvwxyz", "אבגדהוזחטיכלמנסעפצקרשתםןףץ")
LONG_WORDS = ["x" * 120 if i % 2 else "cat" for i in range(16_200)]
LONG_TAGS = ["B-ANIMAL" if word == "cat" else "O" for word in LONG_WORDS]
ENDLESS = copied("SmolLM 3", eos_token=None)
MILLION = "the cat sat on a mat " * 47_620


def family_of(task: str, model: str, found: str, needed: str) -> Case:
    what = f"has no head for {task}: it is {found}, and the task needs {needed}"
    return Case(f"{model} for {task}", on(task, model=model), 2, what, model.replace(" ", "-"), "luthier tasks")


def first_rows_lose_a_tag(n: int) -> Change:
    return lambda i, row: row["ner_tags"][: -1 if i < n else None]


def nowhere(least: int) -> Change:
    """Answers of which the later ones stand nowhere in their context."""
    return lambda i, row: {"text": ["elephant"], "answer_start": [0]} if i >= least else row["answers"]


def every_third_empty(i: int, row: Row) -> str:
    return str(row["summary"]) if i % 3 else ""


def turns(change: Callable[[Row], Row]) -> Change:
    return lambda i, row: [change(turn) for turn in row["messages"]]


def calling(call: str, least: int = 0) -> Change:
    """Conversations whose last turn calls a tool."""
    more = {"role": "assistant", "content": "", "tool_calls": call}
    return lambda i, row: [*row["messages"], more] if i >= least else row["messages"]


NER, QA = "token-classification", "question-answering"


def quick(words: list[str]) -> list[str]:
    """The quick settings for a command."""
    return QUICK if NER in words or QA in words else QUICK + QUICK_TEXTS


TASKS = [
    # -- token classification
    Case(
        "tags of other lengths",
        on(NER, "--text", "tokens", "--label", "ner_tags", ner_tags=first_rows_lose_a_tag(30)),
        3,
        "30 of 60 rows (50.0 %) are skipped: length-mismatch 30",
        "rows.jsonl",
        "--allow mostly-skipped",
    ),
    Case(
        "tags of no list of that length",
        on(NER, ner_tags=first_rows_lose_a_tag(60)),
        3,
        "no list of words beside a list of tags of its length",
        "rows.jsonl",
        NEEDED,
    ),
    Case("tags in one text", on(NER, ner_tags="O O O"), 3, "no list of words beside", "rows.jsonl", "tokens, ner_tags"),
    Case(
        "numbered tags",
        on(NER, ner_tags=lambda i, row: [int(tag != "O") for tag in row["ner_tags"]]),
        3,
        "The tags are numbers without names: 0, 1.",
        "rows.jsonl",
        "Name them, such as --label-names 0=O,1=B-PER",
    ),
    Case(
        "all tags O",
        on(NER, ner_tags=lambda i, row: ["O"] * len(row["tokens"])),
        3,
        "No training row has an entity",
        "rows.jsonl",
        "--allow no-entities",
    ),
    Case(
        "crossing spans",
        spans(lambda i, row: [span(0, first(row)), span(0, first(row) + 1 + len(row["tokens"][1]))]),
        3,
        "(60 overlapping-spans): span 0-5 'liked' and span 0-10 'liked very' overlap",
        "rows.jsonl",
        "check the file",
    ),
    Case(
        "spans that end inside a word",
        spans(lambda i, row: [span(0, first(row) - 1 or 2)]),
        3,
        "span-inside-word",
        "rows.jsonl",
        "--text",
    ),
    Case(
        "spans of whitespace",
        spans(lambda i, row: [span(first(row), first(row) + 1)]),
        3,
        "(60 empty-span): span 5-6 '' covers nothing",
        "rows.jsonl",
        "check the file",
    ),
    Case(
        "spans behind the text",
        spans(lambda i, row: [span(0, 999)]),
        3,
        "is not inside the text of 30 characters",
        "rows.jsonl",
        "check the file",
    ),
    # -- question answering
    Case(
        "no answer is in its context",
        on(QA, answers=nowhere(0)),
        3,
        "(60 answer-not-in-context): the answer at 0 has 'elephant' where the context has",
        "rows.jsonl",
        "check the file",
    ),
    Case(
        "half of the answers are nowhere",
        on(QA, answers=nowhere(30)),
        3,
        "30 of 60 rows (50.0 %) are skipped: answer-not-in-context 30",
        "rows.jsonl",
        "--allow mostly-skipped",
    ),
    Case("no context", on(QA, context=None), 3, "no column looks like a context", "rows.jsonl", NEEDED),
    Case("empty contexts", on(QA, context=" "), 3, "'context' is empty", "rows.jsonl", "question, context, answers"),
    Case(
        "SQuAD without contexts",
        lambda s: training(s, squad(s, lambda i: True), QA),
        3,
        "no row can be read: missing-context (article 1, paragraph 1: there is no context)",
        "squad.json",
        "rows cannot be read",
    ),
    Case(
        "windows without room",
        on(QA, "--set", "max_length=4"),
        2,
        "a window of 4 tokens has no room for the text: the other parts of the row take 4",
        "--set max_length",
        "--set max_length=16 or more",
    ),
    # -- chat
    Case(
        "no assistant speaks",
        on("chat", messages=turns(lambda turn: {**turn, "role": "user"})),
        3,
        "(60 no-assistant-turn): no assistant turn: the roles are user",
        "rows.jsonl",
        "check the file",
    ),
    Case(
        "unknown roles",
        on("chat", messages=turns(lambda turn: {**turn, "role": "narrator"})),
        3,
        "(60 unknown-role): message 1 has the role 'narrator'; known: system, developer, user",
        "rows.jsonl",
        "check the file",
    ),
    Case(
        "tools in half a list",
        on("chat", tools="[1, 2"),
        3,
        "'[1, 2' is not a list of tools",
        "rows.jsonl",
        "check the file",
    ),
    Case(
        "calls of tools in half an object",
        on("chat", messages=calling("{")),
        3,
        "(60 bad-tool-call): message 5: '{' names no function",
        "rows.jsonl",
        "check the file",
    ),
    Case("no messages", on("chat", messages=[]), 3, "no list of messages", "rows.jsonl", NEEDED),
    Case(
        "broken chat template",
        on("chat", model=copied("LLaMA", template="{% for m in messages %}{{ m.content }")),
        2,
        "the chat template is not valid: unexpected '}'",
        "line 1 of the template",
        "correct chat_template.jinja",
    ),
    Case(
        "chat template that changes what is said",
        on(
            "chat",
            model=copied("LLaMA", template="{% for m in messages %}{{ m.role + m.content | upper }}{% endfor %}"),
        ),
        2,
        "cannot find the answer '?' in the output of the chat template",
        "model",
        "that does not change earlier turns when later ones follow",
    ),
    Case(
        "hostile chat template",
        on("chat", model=copied("LLaMA", template="{{ ''.__class__.__mro__[1].__subclasses__() }}")),
        3,
        "access to attribute '__class__' of 'str' object is unsafe",
        "roles user, assistant",
        "most templates expect",
    ),
    Case(
        "chat with a model without a head",
        lambda s: ["chat", str(tiny("BERT"))],
        2,
        "not fine-tuned for a task",
        "BERT",
        "luthier train",
    ),
    # -- models that write
    Case(
        "parallel files of other lengths",
        partial(parallel, more="eins mehr\n"),
        3,
        "differ in length",
        "61 lines",
        "line n",
    ),
    Case(
        "empty summaries", on("summarization", summary=" "), 3, "'summary' is empty", "rows.jsonl", "document, summary"
    ),
    Case("empty answers", on("generative-qa", answer=""), 3, "'answer' is empty", "rows.jsonl", NEEDED),
    Case("empty documents", on("text-generation", text=" \n"), 3, "no column contains text", "rows.jsonl", NEEDED),
    Case(
        "languages that nothing tells",
        lambda s: nameless(s, "mBART"),
        2,
        "the languages are unknown",
        "data.shape",
        "--set shape=en-de; the model knows af_ZA",
    ),
    Case(
        "a language that the model has no code for",
        lambda s: nameless(s, "mBART", "--set", "shape=en-tlh"),
        2,
        "no code for the language 'tlh'",
        "--set shape",
        "the model knows",
    ),
    Case(
        "longer targets than the model takes",
        on("summarization", "--set", "max_target_length=9999"),
        2,
        "the model takes at most 512 tokens, but max_target_length is 9999",
        "--set max_target_length",
        "--set max_target_length=512 or less",
    ),
    Case(
        "neither an end nor a padding token",
        on("text-generation", model=copied("SmolLM 3", eos_token=None, pad_token=None)),
        2,
        "neither a padding nor an end token",
        "model",
        "tokenizer_config.json",
    ),
    Case(
        "no end token",
        on("text-generation", model=ENDLESS),
        3,
        "an end token, which the tokenizer lacks",
        "rows.jsonl",
        "--allow no-end",
    ),
    # -- task and model
    family_of("summarization", "BERT", "an encoder", "an encoder-decoder"),
    family_of("chat", "BERT", "an encoder", "a decoder"),
    family_of("text-generation", "T5", "an encoder-decoder", "a decoder"),
    family_of("translation", "LLaMA", "a decoder", "an encoder-decoder"),
    Case(
        "near task",
        lambda s: [*s.train("--task", "summarisation")],
        2,
        "no task 'summarisation'",
        "--task",
        "did you mean 'summarization'?",
    ),
    Case(
        "from scratch and from a model",
        lambda s: scratch(s, "--from-scratch", "tiny", "--model", str(tiny("LLaMA"))),
        2,
        "exclude each other: a new model has no name",
        "[model]",
        "change one",
    ),
    Case(
        "near architecture",
        lambda s: scratch(s, "--from-scratch", "tiny", "--set", "architecture=lama"),
        2,
        "cannot create a new model of the architecture 'lama'",
        "--set architecture",
        "did you mean 'llama'?",
    ),
    Case(
        "architecture of another family",
        lambda s: scratch(s, "--from-scratch", "tiny", "--set", "architecture=t5"),
        2,
        "t5",
        "--set architecture",
        "decoder",
    ),
    Case(
        "architecture without from scratch",
        lambda s: scratch(s, "--set", "architecture=llama"),
        2,
        "architecture applies only to a new model",
        "[model]",
        "change one",
    ),
    Case(
        "near size",
        lambda s: scratch(s, "--from-scratch", "tinny"),
        2,
        "must be 'tiny', 'small' or 'base', got 'tinny'",
        "--from-scratch",
        "did you mean 'tiny'?",
    ),
    Case(
        "no answer is left of any conversation",
        on("chat", "--set", "max_length=8"),
        3,
        "no target left",
        "rows.jsonl",
        "max_length",
    ),
    *[Case(f"no rows for {task}", on(task, n=0), 3, "the file is empty", "rows.jsonl", "with rows") for task in MODELS],
]

ODD = [
    Odd("five rows have lost a tag", on(NER, ner_tags=first_rows_lose_a_tag(5)), 55, {"length-mismatch": 5}),
    Odd(
        "tags that continue nothing",
        on(NER, ner_tags=lambda i, row: [tag.replace("B-", "I-" if i < 4 else "B-") for tag in row["ner_tags"]]),
        60,
        findings=("invalid-tags",),
    ),
    Odd(
        "three spans of whitespace",
        spans(lambda i, row: [span(0, first(row)) if i > 2 else span(first(row), first(row) + 1)]),
        57,
        {"empty-span": 3},
        ("skipped-rows",),
    ),
    Odd("CoNLL with Windows' line ends", lambda s: training(s, conll(s, end="\r\n"), NER), 60),
    Odd("CoNLL in UTF-16", lambda s: training(s, conll(s, encoding="utf-16"), NER), 60),
    Odd("CoNLL with lines without a tag", lambda s: training(s, conll(s, ragged=2), NER), 58, {"field-count": 2}),
    Odd("one context is missing", lambda s: training(s, squad(s, lambda i: i == 3), QA), 59, {"missing-context": 1}),
    Odd("ten answers are nowhere", on(QA, answers=nowhere(50)), 50, {"answer-not-in-context": 10}),
    Odd("ten calls of tools are broken", on("chat", messages=calling("{", 50)), 50, {"bad-tool-call": 10}),
    Odd("twenty summaries are empty", on("summarization", summary=every_third_empty), 40, {"missing-label": 20}),
    Odd("no chat template", on("chat"), 60),
    Odd("no end token, allowed", on("text-generation", "--allow", "no-end", model=ENDLESS), 60, findings=("no-end",)),
    Odd("languages named by hand", lambda s: nameless(s, "mBART", "--set", "shape=en-de"), 60),
    Odd("more shared than a window has", on(NER, "--set", "max_length=4", "--set", "stride=99"), 60),
    *[Odd(f"{n} of {task}", on(task, n=n), n, findings=("few-rows", "no-held-out")) for task in MODELS for n in (1, 2)],
    *[
        Odd(f"equal rows of {task}", partial(equal, task=task), 40, findings=("duplicates",))
        for task in ("text-generation", "chat", NER)
    ],
    Odd("emoji for words", spelled(NER, EMOJI), 60, findings=("unknown-tokens",)),
    Odd("emoji for conversations", spelled("chat", EMOJI), 60),
    Odd("right to left in entities", spelled(NER, HEBREW), 60, findings=("unknown-tokens",)),
    Odd("right to left in answers", spelled(QA, HEBREW), 60, findings=("unknown-tokens",)),
    Odd("right to left in translations", spelled("translation", HEBREW), 60),
    Odd("a document of a million characters", long_row("text-generation", text=MILLION), 61),
    Odd("a sentence of a million characters", long_row(NER, tokens=LONG_WORDS, ner_tags=LONG_TAGS), 61),
]
