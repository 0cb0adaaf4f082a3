"""The samples of a run as evidence: a series for each prompt."""

from typing import Any

from luthier.reporting.samples import MOST_PROMPTS, sample_panels


def sample(step: int, row: int, written: str = "", **asked: object) -> dict[str, Any]:
    return {"step": step, "row": row, "asked": asked, "text": written}


def test_samples_become_a_series_for_each_of_the_first_prompts() -> None:
    samples = [
        sample(step, row, f"{row} at {step}", text=f"prompt {row}") for step in (0, 10) for row in (7, 3, 9, 1, 5)
    ]
    found = sample_panels(samples)
    assert [(one.asked, list(one.steps), list(one.texts)) for one in found] == [
        (f"prompt {row}", [0, 10], [f"{row} at 0", f"{row} at 10"]) for row in (7, 3, 9, 1)
    ]
    assert len(found) == MOST_PROMPTS


def test_of_several_inputs_each_is_named() -> None:
    (several,) = sample_panels([sample(1, 2, question="Q", context="C")])
    assert several.asked == "question: Q\n\ncontext: C"


def test_what_was_written_twice_at_a_step_counts_once_as_it_was_last() -> None:
    (found,) = sample_panels(
        [sample(5, 2, "old", text="a"), sample(6, 2, "x", text="a"), sample(5, 2, "new", text="a")]
    )
    assert (list(found.steps), list(found.texts)) == ([5, 6], ["new", "x"])


def test_two_rows_with_the_same_text_stay_apart() -> None:
    found = sample_panels([sample(0, 1, "one", text="same"), sample(0, 2, "two", text="same")])
    assert [list(one.texts) for one in found] == [["one"], ["two"]]


def test_what_is_no_text_is_written_as_one() -> None:
    assert [one.asked for one in sample_panels([sample(0, 1, "ok", number=7)])] == ["7"]


def test_series_of_one_run_stand_under_one_heading() -> None:
    found = sample_panels([sample(0, row, text=f"{row}") for row in range(3)])
    assert len({one.title for one in found}) == 1 and found[0].title
    assert sample_panels([]) == []
