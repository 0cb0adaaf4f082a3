"""The model card: README.md of a model directory, with the front matter that the Hugging Face Hub reads."""

import re
from pathlib import Path
from typing import Any

from luthier import text
from luthier.recipe import ADAPTER_TITLES
from luthier.reporting import lengths, names
from luthier.reporting.content import Content
from luthier.reporting.headline import headline
from luthier.reporting.task_words import TaskWords
from luthier.reporting.verdict import strongest
from luthier.run_directory.run import Run

TRANSFORMERS, PEFT = "transformers", "peft"
USAGE = "## Usage"
ADAPTER_ALONE = ", which holds the adapter alone: the code loads its base model too, and `luthier merge` makes them one"

# Names of metrics on the Hub, where they differ from ours.
_HUB_METRICS = {
    "f1_macro": "f1",
    "f1_micro": "f1",
    "f1_weighted": "f1",
    "mcc": "matthews_correlation",
    "pearson": "pearsonr",
    "spearman": "spearmanr",
    "rouge1": "rouge",
    "rouge2": "rouge",
    "rougeL": "rouge",
    "rougeLsum": "rouge",
    "bleu": "sacrebleu",
    "f1_answerable": "f1",
    "exact_match_answerable": "exact_match",
    "no_answer_accuracy": "accuracy",
}


def model_card(run: Run, words: TaskWords) -> str:
    """The card of a run's model, as Markdown.

    Args:
        run: The run; scores and data are included as far as they are available.
        words: The task's texts for reports.
    Raises:
        DamagedError: A file of the run is damaged.
    """
    content = Content.read(run, words)
    parts = [
        f"---\n{_front_matter(content)}\n---",
        f"# {content.name}",
        headline(content).sentence if content.metrics else "The model has no final score yet.",
        _what_it_is(content),
        _scores(content),
        _findings(content),
        _data(content),
        _use(content),
        _training(content),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(content: Content) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    entries = content.metrics.get("metrics") or {}
    metrics = {name: entry for name, entry in entries.items() if entry and entry.get("value") is not None}
    split = content.metrics.get("split") or "test"
    results = [
        EvalResult(
            task_type=content.words.hub_tag,
            dataset_type=_data_name(content),
            dataset_name=_data_name(content),
            dataset_split=split,
            metric_type=_HUB_METRICS.get(name, name),
            metric_name=names.capital(names.metric(name, content.words.metrics)),
            metric_value=entry["value"],
        )
        for name, entry in metrics.items()
    ]
    data = ModelCardData(
        library_name=PEFT if content.recipe.model.adapter else TRANSFORMERS,
        language=list(content.words.languages) or None,
        pipeline_tag=content.words.hub_tag or None,
        base_model=_base_model(content.recipe.model.name),
        tags=["luthier"],
        metrics=list(dict.fromkeys(_HUB_METRICS.get(name, name) for name in metrics)) or None,
        # The Hub's schema requires a model name if there are results.
        model_name=content.name if results else None,
        eval_results=results or None,
    )
    return str(data.to_yaml())


def _base_model(name: str | None) -> str | None:
    """The base model's name on the Hub, which rejects anything else; None if it is not from the Hub."""
    if not name or Path(name).exists() or not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        return None
    return name


def _what_it_is(content: Content) -> str:
    kind = f" ({content.shape})" if content.shape else ""
    if content.recipe.model.from_scratch:
        return f"A new model ({content.model}), trained for {content.task}{kind} with Luthier."
    base = content.recipe.model.name or "a model"
    name = base if _base_model(base) else Path(base).name
    if content.recipe.model.adapter is not None:
        title = ADAPTER_TITLES[content.recipe.model.adapter.kind]
        return f"A {title} adapter on {name}, trained for {content.task}{kind} with Luthier."
    return f"{name}, fine-tuned for {content.task}{kind} with Luthier."


def _use(content: Content) -> str:
    if not content.words.snippets:
        return ""
    code = content.words.snippets[0].code.replace(f"{content.run.path.as_posix()}/model", ".")
    return _usage(code, ADAPTER_ALONE if content.recipe.model.adapter else "")


def _usage(code: str, more: str = "") -> str:
    return f"{USAGE}\n\n```python\n{code}\n```\n\n`.` is this directory{more}."


def merged_card(card: str, code: str) -> str:
    """The card of a whole model, from that of the adapter that was merged into it.

    Args:
        card: The card of the adapter.
        code: Code that uses the whole model.
    """
    card = card.replace(f"library_name: {PEFT}", f"library_name: {TRANSFORMERS}", 1)
    before, found, rest = card.partition(f"{USAGE}\n")
    return before + _usage(code) + rest[rest.index(f"{ADAPTER_ALONE}.") + len(f"{ADAPTER_ALONE}.") :] if found else card


def _scores(content: Content) -> str:
    entries = content.metrics.get("metrics") or {}
    if not entries:
        return ""
    baselines = content.metrics.get("baselines") or {}
    split = content.metrics.get("split") or "test"
    heads = ["Metric", "Score (95 % interval)", "n", *(names.baseline_head(name) for name in baselines), "Difference"]
    rows = [_score_row(content, name, entry or {}, baselines) for name, entry in entries.items()]
    lines = [heads, ["---", *(["---:"] * (len(heads) - 1))], *rows]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    note = "The difference is to the best baseline, with the 95 % interval of a paired bootstrap on the same rows."
    return f"## Scores\n\nOn the {split} rows.\n\n{table}\n\n{note if baselines else ''}".rstrip()


def _score_row(content: Content, name: str, entry: dict[str, Any], baselines: dict[str, Any]) -> list[str]:
    rival = strongest(content.metrics, name)
    found = ((content.metrics.get("differences") or {}).get(rival) or {}).get(name) or {}
    return [
        names.capital(names.metric(name, content.words.metrics)),
        names.scored(name, entry),
        text.count(entry["n"]) if entry.get("n") is not None else "",
        *(names.number(name, scores[name]) if name in (scores or {}) else "no score" for scores in baselines.values()),
        names.scored(name, found) if found else "not tested",
    ]


def _findings(content: Content) -> str:
    """Errors and warnings, which a user of the model must know."""
    worrying = [noted.finding for noted in content.findings if noted.finding.severity != "info"]
    if not worrying:
        return ""
    lines = [f"- {_plain(finding.message)}" for finding in worrying]
    return "## Limitations\n\n" + "\n".join(lines)


def _data(content: Content) -> str:
    splits = content.data.get("splits")
    if not splits:
        return ""
    rows = ", ".join(f"{text.count(n)} {name}" for name, n in splits.items())
    lines = [f"Rows: {rows}."]
    if labels := content.data.get("labels"):
        counted = [f"`{_plain(name)}` {text.count(n)}" for name, n in labels.items()]
        lines.append(f"{content.words.counted[1]} of the training rows: {text.listing(counted, 30)}.")
    lines += lengths.sentences(content.data.get("lengths") or {}, content.words.long_rows)
    return "## Data\n\n" + "\n".join(lines)


def _training(content: Content) -> str:
    recipe = content.recipe.training
    tokens = recipe.tokens_per_batch
    batch = f"batch size {recipe.batch_size}" if tokens is None else f"{text.count(tokens)} tokens per batch"
    lines = [
        f"Optimizer {recipe.optimizer}, learning rate {recipe.learning_rate:g} ({recipe.lr_scheduler_type}), "
        f"{batch}, precision {recipe.precision}, seed {content.recipe.seed}, "
        f"engine {recipe.engine}.",
    ]
    versions = content.environment.get("versions") or {}
    if versions:
        lines.append(f"{', '.join(f'{name} {version}' for name, version in versions.items())}.")
    return "## Training\n\n" + "\n".join(lines)


def _data_name(content: Content) -> str:
    sources = content.data.get("sources") or []
    names_of = [Path(str(source.get("name") or source.get("path"))).name for source in sources]
    return ", ".join(dict.fromkeys(names_of)) or "data"


def _plain(words: str) -> str:
    """Put text from user data on one line and escape Markdown and HTML in it."""
    line = " ".join(words.split()).replace("`", "'")
    return re.sub(
        r"([<>\[\]|*_#\\])", lambda found: f"&#{ord(found[0])};" if found[0] in "<>" else f"\\{found[0]}", line
    )
