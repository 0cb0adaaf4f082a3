"""The groups and the schedule of a run, as lines."""

from typing import Any

from luthier.reporting.terminal.plan import WIDTH, drawn, plan_lines


def group(name: str, parameters: int, learning_rate: float, weight_decay: float) -> dict[str, Any]:
    return {"name": name, "parameters": parameters, "learning_rate": learning_rate, "weight_decay": weight_decay}


def test_groups_are_a_table_with_the_schedule_below() -> None:
    lines = list(plan_lines([group("head", 1234, 1e-3, 0.01), group("model, no decay", 5, 5e-5, 0.0)], [0.0, 1.0, 0.5]))
    assert lines[0].split() == ["group", "parameters", "learning", "rate", "weight", "decay"]
    assert lines[2].split() == ["head", "1,234", "0.001", "0.01"]
    assert lines[3].split() == ["model,", "no", "decay", "5", "5e-05", "0"]
    assert lines[-1] == "schedule  ▁█▅  0 -> 1 -> 0.5 over 3 steps"
    assert all(len(line) <= 80 for line in lines)


def test_a_schedule_that_follows_a_metric_is_not_drawn() -> None:
    assert list(plan_lines([], []))[-1] == "schedule  follows the validation loss"


def test_a_short_peak_of_a_long_schedule_is_seen() -> None:
    rates = [0.1] * 5000
    rates[2503] = 1.0
    bars = drawn(rates).split()[0]
    assert len(bars) == WIDTH and bars.count("█") == 1 and bars[25] == "█"
    assert drawn([0.0, 0.0]).startswith("▁▁  0 over 2 steps")
    assert "0.1 -> 1 -> 0.1" not in drawn([0.1, 0.1])
