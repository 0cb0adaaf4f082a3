"""The report of a run: one HTML file that starts with the result and opens offline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from luthier import text
from luthier.learning_curves.plot import figures
from luthier.reporting import averaging, lengths, names
from luthier.reporting.content import Content
from luthier.reporting.drawing.blocks import blocks
from luthier.reporting.drawing.passages import passage
from luthier.reporting.headline import headline
from luthier.reporting.panels import Panel, Reliability
from luthier.reporting.render import render
from luthier.reporting.scores import score_table
from luthier.reporting.task_words import Snippet, TaskWords
from luthier.run_directory.run import Run
from luthier.storage.atomic import write_text

Fact = tuple[str, str]


def write_report(run: Run, words: TaskWords, panels: Sequence[Panel] = ()) -> Path:
    """Write `report.html`; for an unfinished run, it covers what is available so far.

    Args:
        run: The run.
        words: The task's texts for reports.
        panels: The task's panels, in display order.
    Returns:
        The file.
    Raises:
        DamagedError: A file of the run is damaged.
        ResourceError: The file cannot be written.
    """
    write_text(run.report_file, report_page(Content.read(run, words), panels))
    return run.report_file


def report_page(content: Content, panels: Sequence[Panel] = ()) -> str:
    """The report as HTML."""
    curves = figures(
        content.curves,
        content.result.get("best_step"),
        metric_name=lambda name: names.capital(names.metric(name, content.words.metrics)),
        loss_unit="squared error" if content.shape.endswith("number") else "nats",
    )
    scored_on = content.metrics.get("split")
    evidence = blocks([_of_fitted_rows(panel) if scored_on == "validation" else panel for panel in panels])
    long = lengths.histogram(content.data.get("lengths") or {}, content.words.long_rows)
    return render(
        "report.html",
        charts=bool(curves or long or any(found.kind == "figure" for found in evidence)),
        content=content,
        headline=headline(content),
        scores=score_table(content.metrics, content.words.metrics),
        facts=_facts(content),
        waiting=_waiting(content),
        curves=curves,
        blocks=evidence,
        sources=_sources(content.data),
        rows=_rows(content.data),
        labels=_label_table(content),
        lengths=long,
        targets=[passage("", target) for target in content.data.get("targets") or []],
        environment=_environment(content.environment),
        recipe=content.run.recipe_file.read_text(encoding="utf-8-sig"),
        commands=_commands(content),
        usage=content.words.snippets if content.run.model.is_dir() else (),
    )


def _of_fitted_rows(panel: Panel) -> Panel:
    """A panel of validation rows; a calibration that was fitted on them says so."""
    if not isinstance(panel, Reliability) or panel.before is None:
        return panel
    return replace(panel, note=f"{panel.note} These are the scored rows, so the error is slightly optimistic.".lstrip())


def _waiting(content: Content) -> list[str]:
    """Names of the parts that are not available yet; empty when the run is complete."""
    if content.state == "done":
        return []
    missing = [
        ("the data report", content.data),
        ("learning curves", content.curves),
        ("final scores", content.metrics),
        ("the model", content.run.model.is_dir()),
    ]
    return [name for name, found in missing if not found]


def _facts(content: Content) -> list[Fact]:
    """Key facts about the run."""
    result, recipe = content.result, content.recipe
    splits = content.data.get("splits") or {}
    facts: list[Fact | None] = [
        ("Task", " · ".join(part for part in (content.task, content.shape) if part)) if content.task else None,
        ("Model", _model(content)),
        ("Rows", ", ".join(f"{text.count(n)} {name}" for name, n in splits.items())) if splits else None,
        _fact(
            result,
            "steps",
            "Training",
            lambda n: f"{text.plural(n, 'step')}, {text.epochs(result.get('epochs') or 0.0)}",
        ),
        _fact(result, "best_step", "Weights from", lambda n: f"step {text.count(n)}"),
        _fact(result, "not_separated", "Statistically tied", lambda found: _not_separated(found, content)),
        _fact(result, "averaging", "Weights", lambda found: names.capital(averaging.in_words(found))),
        _fact(result, "seconds", "Time", text.duration),
        _fact(result, "time", "Time limit", _limit),
        _fact(result, "tokens_per_second", "Speed", lambda n: text.quantity(n, "tokens/s")),
        _fact(result, "padding_share", "Padding", lambda n: f"{text.share(n)} of all tokens"),
        _fact(result, "peak_memory_bytes", "Peak memory", text.size),
        _fact(result, "training_memory", "Training memory", _memory),
        ("Engine", f"{recipe.training.engine}, {recipe.training.precision}, seed {recipe.seed}"),
        _fact(result, "stopped", "Ended", str),
    ]
    return [fact for fact in facts if fact and fact[1]]


def _fact(result: Mapping[str, Any], key: str, name: str, words: Any) -> Fact | None:
    return (name, words(result[key])) if result.get(key) is not None else None


def _not_separated(found: Mapping[str, Any], content: Content) -> str:
    """The evaluations that the validation rows cannot tell from the best step; empty if there are none."""
    if not found["steps"]:
        return ""
    name = content.metrics.get("metric_for_best") or content.recipe.evaluation.metric_for_best
    metric = names.metric(name or "metric", content.words.metrics)
    steps = f"{'step' if len(found['steps']) == 1 else 'steps'} {text.listing([*map(text.count, found['steps'])], 10)}"
    rows = text.plural(found["rows"], "validation row")
    return f"{steps}: a paired 95 % interval on {rows} does not separate the {metric} from that of the best step"


def _limit(time: Mapping[str, float]) -> str:
    """What was planned for a limited time, and what was used of it."""
    limit, planned, used = (text.duration(time[key]) for key in ("max", "planned", "used"))
    return f"{limit}; {planned} planned, {used} used"


def _memory(memory: Mapping[str, Any]) -> str:
    """What the training steps needed, as estimated before and as measured."""
    estimated, measured = memory["estimated"], memory["measured_bytes"]
    known = [
        f"{text.size(estimated['total'])} estimated" if estimated else "",
        f"{text.size(measured)} measured" if measured is not None else "",
    ]
    return ", ".join(filter(None, known))


def _model(content: Content) -> str:
    parameters = content.result.get("parameters")
    return f"{content.model}, {text.quantity(parameters, 'parameters')}" if parameters else content.model


def _sources(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The sources, each with the decisions that apply to it alone."""
    said = data.get("decisions") or []
    return [
        {
            "name": source.get("path") or source.get("name"),
            "about": ", ".join(str(source[key]) for key in ("split", "format") if source.get(key)),
            "decisions": [decision for decision in source.get("decisions") or [] if decision not in said],
        }
        for source in data.get("sources") or []
    ]


def _rows(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Row counts of each input split: read = kept + skipped."""
    found = []
    for split, rows in (data.get("rows") or {}).items():
        reasons = rows.get("skipped") or {}
        found.append(
            {
                "split": split,
                "read": rows["read"],
                "kept": rows["kept"],
                "skipped": sum(reasons.values()),
                "reasons": ", ".join(f"{reason} {text.count(n)}" for reason, n in reasons.items()),
            }
        )
    return found


def _label_table(content: Content) -> dict[str, Any] | None:
    """Row counts of each label in each split and its share of the training rows, most frequent label first."""
    data = content.data
    counts = data.get("label_counts") or ({"train": data["labels"]} if data.get("labels") else {})
    first: Mapping[str, int] = next(iter(counts.values()), {})
    if not first:
        return None
    names = {name for split in counts.values() for name in split}
    ordered = sorted(names, key=lambda name: (-first.get(name, 0), name))
    most = max(first.values())
    # Rows may have several labels, or none.
    whole = (data.get("splits") or {}).get(next(iter(counts))) if content.words.of_rows else None
    rows = [
        {
            "name": name,
            "counts": [split.get(name, 0) for split in counts.values()],
            "share": first.get(name, 0) / max(1, whole or sum(first.values())),
            "bar": round(100 * first.get(name, 0) / max(1, most), 1),
        }
        for name in ordered
    ]
    head, title = content.words.counted
    return {"title": title, "head": head, "splits": list(counts), "rows": rows}


def _environment(found: Mapping[str, Any]) -> list[Fact]:
    """The environment as (name, value) pairs."""
    words = {
        "luthier": "Luthier",
        "python": "Python",
        "platform": "Platform",
        "processor": "Processor",
        "cores": "Cores",
        "threads": "Threads",
        "memory_bytes": "Memory",
        "devices": "Devices",
        "git_commit": "Git commit",
        "started": "Started",
    }
    facts = []
    for key, name in words.items():
        value = found.get(key)
        if value in (None, "", []):
            continue
        if key == "memory_bytes":
            value = text.size(value)
        elif isinstance(value, list):
            value = ", ".join(_device(item) for item in value)
        facts.append((name, str(value)))
    if versions := found.get("versions"):
        facts.append(("Libraries", ", ".join(f"{name} {version}" for name, version in versions.items())))
    return facts


def _device(item: Any) -> str:
    return " ".join(str(value) for value in item.values()) if isinstance(item, dict) else str(item)


@dataclass(frozen=True, slots=True)
class Commands:
    """Shell commands to resume the run and to update the page (`again`), and all commands that the page lists."""

    resume: str
    again: str
    snippets: tuple[Snippet, ...]


def _commands(content: Content) -> Commands:
    resume, again = (f"luthier {command} {text.typed(content.run.path)}" for command in ("resume", "report"))
    found = []
    if command := content.environment.get("command"):
        words = command if isinstance(command, str) else " ".join(command)
        found.append(Snippet("Command line", "shell", words))
    if content.state == "stopped":
        found.append(Snippet("Resume from the latest checkpoint", "shell", resume))
    found.append(
        Snippet(
            "Repeat this run from its recipe",
            "shell",
            f"luthier train {text.typed(content.run.recipe_file)}",
        )
    )
    found.append(Snippet("Update this page", "shell", again))
    return Commands(resume, again, tuple(found))
