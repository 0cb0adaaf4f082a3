"""The commands that look and tell: inspect, predict, report, runs, compare, tasks, doctor, and the help."""

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from luthier.cli import main
from luthier.cli.app import COMMANDS, build

NAMES = [command.__name__ for commands in COMMANDS.values() for command in commands]
INSPECTION = {
    "task": "text-classification",
    "shape": "pair/one",
    "columns": {"text": "#1 String", "text_pair": "#2 String", "label": "Quality"},
    "rows": {"train": {"read": 4076, "kept": 4070, "skipped": {"empty text": 6}}},
    "labels": {"1": 2749, "0": 1321},
    "lengths": {"median": 53, "p95": 77, "max": 103, "truncated_share": 0.0},
    "findings": [],
    "decisions": [],
    "cost": {"seconds": 250.0, "peak_memory_bytes": 1_200_000_000},
}


def predictor(answers) -> SimpleNamespace:
    """What `load` gives back; `answers` are what it says to any texts, or what makes them of the texts."""

    def fields(item):
        return {"text": item} if isinstance(item, str) else dict(zip(("text", "text_pair"), item, strict=True))

    return SimpleNamespace(predict=answers if callable(answers) else lambda texts: answers, fields=fields)


def test_what_a_model_wrote_stands_whole_below_what_it_was_asked(stub, capsys):
    stub("predict", load=lambda target, device: predictor([{"prediction": "One line.\nAnother."}]))
    assert main(["predict", "runs/a", "Tell me."]) == 0
    assert capsys.readouterr().out == "> Tell me.\nOne line.\nAnother.\n\n"


def test_entities_are_named_with_their_types(stub, capsys):
    found = [{"text": "Ada", "type": "person", "start": 0, "end": 3}, {"text": "Bath", "type": "place"}]
    stub("predict", load=lambda target, device: predictor([{"prediction": found, "score": 0.5}]))
    assert main(["predict", "runs/a", "Ada in Bath"]) == 0
    assert capsys.readouterr().out == "Ada (person), Bath (place)  0.500  Ada in Bath\n"


def inspection(stops: bool) -> SimpleNamespace:
    return SimpleNamespace(to_dict=lambda: INSPECTION, stops=stops)


def test_the_commands_are_those_of_the_design():
    assert {panel: [command.__name__ for command in commands] for panel, commands in COMMANDS.items()} == {
        "Train": ["train", "resume"],
        "Understand": ["inspect", "evaluate", "compare", "report"],
        "Use": ["predict", "chat"],
        "Look around": ["runs", "tasks", "doctor"],
    }
    assert len(build().registered_commands) == len(NAMES)


@pytest.mark.parametrize("command", NAMES)
def test_each_command_has_help_and_the_three_common_options(command, capsys):
    assert main([command, "--help"]) == 0
    shown = capsys.readouterr().out
    for option in ("--json", "--quiet", "--verbose"):
        assert option in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_help_lines_have_at_most_nine_words():
    root = typer.main.get_command(build())
    for command in root.commands.values():
        lines = [command.help.partition("\n")[0], *(param.help for param in command.params)]
        assert [line for line in lines if len(line.split()) > 9] == [], command.name


def test_the_panels_of_a_command_fit_a_glance():
    for command in typer.main.get_command(build()).commands.values():
        panels = Counter(param.rich_help_panel for param in command.params)
        assert max(panels.values()) <= 10, command.name


def test_without_a_command_the_help_is_shown(capsys):
    assert main([]) == 0
    bare = capsys.readouterr().out
    assert all(command in bare for command in NAMES)
    assert main(["-h"]) == 0


@pytest.mark.parametrize(("stops", "code"), [(False, 0), (True, 3)])
def test_inspect_says_whether_train_would_stop(stub, stops, code, capsys):
    calls = stub("inspect", inspect=inspection(stops))
    words = ["inspect", "a.tsv", "--task", "text-classification", "--no-cost", "--allow", "leak", "--device", "cpu"]
    assert main([*words, "--json"]) == code
    assert json.loads(capsys.readouterr().out) == INSPECTION
    assert calls["inspect"].args == (["a.tsv"],)
    assert calls["inspect"].kwargs["cost"] is False
    assert calls["inspect"].settings == {
        "task": "text-classification",
        "device": "cpu",
        "data.allow": ["leak"],
    }
    assert main(words) == code
    shown = capsys.readouterr().out
    for part in ("pair/one", "4,076", "4,070", "6 empty text", "67.5 %", "median 53", "4 min 10 s", "1.2 GB"):
        assert part in shown


def test_inspect_folds_many_labels(stub, capsys):
    many = INSPECTION | {"labels": {f"label-{n}": 1 for n in range(40)}, "lengths": None, "cost": None}
    stub("inspect", inspect=SimpleNamespace(to_dict=lambda: many, stops=False))
    assert main(["inspect", "a.tsv"]) == 0
    shown = capsys.readouterr().out
    assert "and 28 more" in shown
    assert "label-12" not in shown


def test_predict_texts(stub, capsys):
    answers = [{"prediction": "yes", "score": 0.98765}, {"prediction": [], "score": 0.1}]
    stub("predict", load=lambda target, device: predictor(answers))
    assert main(["predict", "runs/a", "good", "bad"]) == 0
    assert capsys.readouterr().out == "yes  0.988  good\n(none)  0.100  bad\n"
    assert main(["predict", "runs/a", "good", "bad", "--json"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"text": "good"} | answers[0],
        {"text": "bad"} | answers[1],
    ]


def test_predict_pairs(stub, capsys):
    seen = []

    def answer(pairs):
        seen.extend(pairs)
        return [{"prediction": 3.25} for _ in pairs]

    stub("predict", load=lambda target, device: predictor(answer))
    assert main(["predict", "runs/a", "one", "--pair", "two"]) == 0
    assert seen == [("one", "two")]
    assert capsys.readouterr().out == "3.250  one | two\n"
    assert main(["predict", "runs/a", "one", "--pair", "two", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"text": "one", "text_pair": "two", "prediction": 3.25}


def test_predict_a_file_streams_lines(stub, capsys):
    rows = [{"text": "ä", "prediction": "x", "score": 1.0}, {"text": "b", "prediction": "y", "score": 0.5}]
    calls = stub("predict", predict=lambda target, source, device: iter(rows))
    assert main(["predict", "runs/a", "--file", "-", "--device", "cuda:1"]) == 0
    assert calls["predict"].args == ("runs/a", "-")
    assert calls["predict"].kwargs["device"] == "cuda:1"
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == rows


def test_predict_a_file_to_a_file(stub, capsys):
    calls = stub("predict", predict_file=1_000_000)
    assert main(["predict", "runs/a", "--file", "f.csv", "--output", "o.jsonl"]) == 0
    assert calls["predict_file"].args == ("runs/a", "f.csv", Path("o.jsonl"))
    assert capsys.readouterr().out == "1,000,000 rows written to o.jsonl\n"
    assert main(["predict", "runs/a", "--file", "f.csv", "--output", "o.jsonl", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"rows": 1_000_000, "output": "o.jsonl"}


def test_report_names_the_page(stub, capsys):
    stub("report", report=Path("runs/a/report.html"))
    assert main(["report", "runs/a"]) == 0
    assert capsys.readouterr().out == "runs/a/report.html\n"


def test_runs_lists_scores(stub, capsys):
    metric = {"name": "accuracy", "value": 0.9, "low": 0.8, "high": 0.95}
    found = [
        {"run": "runs/a", "state": "done", "task": "text-classification", "model": "minilm", "metric": metric},
        {"run": "runs/b", "state": "running", "task": None, "model": None, "metric": None},
        {"run": "runs/c", "state": "damaged: the file is damaged", "started": None},
    ]
    calls = stub("runs", runs=found)
    assert main(["runs"]) == 0
    assert calls["runs"].args == (Path("runs"),)
    shown = capsys.readouterr().out
    assert "0.900 (0.800-0.950)" in shown
    assert "running" in shown
    assert main(["runs", "elsewhere", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"runs": found}


def test_no_runs_says_how_to_make_one(stub, capsys):
    stub("runs", runs=[])
    assert main(["runs"]) == 0
    assert "luthier train DATA" in capsys.readouterr().out


def test_compare_judges_differences(stub, capsys):
    found = {
        "runs": ["a", "b"],
        "metrics": {
            "accuracy": {
                "a": {"value": 0.9, "low": 0.85, "high": 0.95},
                "b": {"value": 0.93, "low": 0.9, "high": 0.96},
            },
            "f1": {"b": None},
        },
        "differences": {
            "accuracy": {"b": {"value": 0.03, "low": -0.01, "high": 0.07}},
            "f1": {"b": {"value": 0.05, "low": 0.01, "high": 0.09}},
        },
        "notes": ["b was cut"],
        "recipes": {"training.learning_rate": {"a": 5e-5, "b": None}},
        "page": "compare.html",
    }
    calls = stub("compare", compare=SimpleNamespace(to_dict=lambda: found))
    assert main(["compare", "runs/a", "runs/b", "--output", "compare.html"]) == 0
    assert calls["compare"].args == ([Path("runs/a"), Path("runs/b")],)
    shown = capsys.readouterr().out
    for part in ("0.030 (-0.010 to 0.070)", "not significant", "significant (95 %)", "b was cut", "5e-05", "not set"):
        assert part in shown
    assert shown.splitlines()[-1] == "page  compare.html"


def test_tasks_come_from_the_registry(monkeypatch, capsys):
    from luthier.tasks import registry

    told = {"name": "t", "family": "encoder", "auto_class": "TokenClassification", "about": "does [this]", "row": "a"}
    task = SimpleNamespace(**told, metric_names=("f1",))
    monkeypatch.setattr(registry, "registry", lambda: {"t": task})
    assert main(["tasks", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tasks"] == [told | {"metrics": ["f1"]}]
    assert main(["tasks"]) == 0
    assert "does [this]" in capsys.readouterr().out


def test_doctor_prints_rates(stub, capsys):
    found = {
        "luthier": "0.1.0",
        "python": "3.11",
        "platform": "Linux",
        "cores": 2,
        "threads": 1,
        "threads_why": "1 physical core",
        "set_before_torch": {"OMP_NUM_THREADS": "1"},
        "memory_bytes": 24e9,
        "memory_available_bytes": 20e9,
        "disk": {"path": "/here", "free_bytes": 5e9, "total_bytes": 9e9},
        "devices": [{"device": "cpu", "precisions": {"fp32": 101.2, "bf16": 0.9}, "precision": "fp32", "why": "w"}],
        "versions": {"torch": "2.13"},
        "models": {"minilm": None},
        "hub": {"endpoint": "https://hub", "offline": True, "reachable": False},
    }
    stub("doctor", doctor=found)
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    for part in (
        "101 GFLOP/s",
        "chosen",
        "1 thread (1 physical core)",
        "torch, as the command does: OMP_NUM_THREADS=1",
        "20 GB of 24 GB",
        "not installed",
        "offline (HF_HUB_OFFLINE)",
    ):
        assert part in shown
    assert main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == found
