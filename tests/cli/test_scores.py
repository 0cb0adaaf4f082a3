"""The verdict, the table of scores, and the lines below it."""

import json
from types import SimpleNamespace
from typing import Any

from luthier.cli import main
from luthier.cli.output import Output
from luthier.cli.scores import print_result
from luthier.learning_curves.advice import Advice
from luthier.reporting.terminal.score_table import score_pieces
from luthier.run_directory.run import COMPLETED
from tests.cli.conftest import CapSys, Stub

BARE: dict[str, Any] = {"metrics": {}, "baselines": {}, "differences": {}, "next": "luthier predict runs/a"}


def finished(values: dict[str, Any]) -> Any:
    return SimpleNamespace(to_dict=lambda: values, advice=None)


def test_the_table_names_score_interval_baselines_and_what_comes_next(
    stub: Stub, result: SimpleNamespace, capsys: CapSys
) -> None:
    stub("train", train=result)
    assert main(["train", "a.csv"]) == 0
    shown = capsys.readouterr().out
    assert "0.942 (0.917-0.963)" in shown
    assert "445 test rows" in shown
    assert "0.978" in shown
    assert "not defined" in shown
    assert shown.splitlines()[-3] == "120 steps in 4 min 10 s, 12.3 k tokens/s"
    assert shown.splitlines()[-2] == "report  runs/a/report.html"
    assert shown.splitlines()[-1] == "next    luthier chat runs/a"
    verdict = " ".join(shown.split())
    assert verdict.startswith("TF-IDF is significantly better: accuracy 0.978 against this model's 0.942 (0.917-0.963)")
    assert max(map(len, shown.splitlines())) <= 80


def test_advice_is_a_sentence_after_the_verdict_and_a_command_at_the_end(
    result: SimpleNamespace, capsys: CapSys
) -> None:
    result.advice = Advice("The training had only 45 optimizer steps.", f"luthier train {'a' * 90}.toml --epochs 9")
    print_result(Output(), result)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == [f"retrain luthier train {'a' * 90}.toml --epochs 9", "next    luthier chat runs/a"]
    assert lines.index(result.advice.why) < next(i for i, line in enumerate(lines) if line.startswith(" metric"))


def test_a_signature_stands_below_the_scores(stub: Stub, result: SimpleNamespace, capsys: CapSys) -> None:
    result.to_dict()["metrics"]["accuracy"]["signature"] = "nrefs:1|tok:13a"
    stub("train", train=result)
    assert main(["train", "a.csv"]) == 0
    assert "accuracy  nrefs:1|tok:13a" in capsys.readouterr().out.splitlines()


def test_a_run_without_scores_says_so_and_what_comes_next(capsys: CapSys) -> None:
    print_result(Output(), finished(BARE))
    assert capsys.readouterr().out == "not scored: there are no held-out rows\nnext    luthier predict runs/a\n"


def test_a_speed_alone_or_a_time_alone_is_a_line(capsys: CapSys) -> None:
    print_result(Output(), finished(BARE | {"steps": 1200, "seconds": 42.0}))
    assert capsys.readouterr().out.splitlines()[1] == "1,200 steps in 42 s"
    print_result(Output(), finished(BARE | {"steps": 0, "seconds": 0.0, "tokens_per_second": 950.0}))
    assert capsys.readouterr().out.splitlines()[1] == "950 tokens/s"


def test_one_step_is_a_step_and_a_training_that_stopped_early_says_why(capsys: CapSys) -> None:
    why = "accuracy did not improve in 5 evaluations"
    print_result(Output(), finished(BARE | {"steps": 1, "seconds": 2.0, "stopped": why}))
    assert capsys.readouterr().out.splitlines()[1:3] == ["1 step in 2.0 s", f"stopped early: {why}"]
    print_result(Output(), finished(BARE | {"steps": 2, "seconds": 2.0, "stopped": COMPLETED}))
    assert "early" not in capsys.readouterr().out


def test_scores_of_an_evaluation_have_no_lines_below(result: SimpleNamespace, capsys: CapSys) -> None:
    Output().show(score_pieces(result.to_dict()))
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    lines = lines[next(i for i, line in enumerate(lines) if line[0] == "metric") :]  # the verdict is above
    assert lines[0] == ["metric", "model,", "445", "test", "rows", "majority", "tfidf"]
    assert lines[2:] == [["accuracy", "0.942", "(0.917-0.963)", "0.230", "0.978"], ["mcc", "not", "defined"]]


def test_as_json_the_result_is_printed_as_it_is(stub: Stub, result: SimpleNamespace, capsys: CapSys) -> None:
    stub("resume", resume=result)
    assert main(["resume", "runs/a", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == result.to_dict()
