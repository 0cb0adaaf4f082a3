"""Checks of what is learned where it is no label: what each finds, how it says so, and when it is silent."""

import pytest

from luthier.data.checks import targets as checks
from tests.data.checks.findings import named, only, sound


@pytest.mark.parametrize(("lost", "severity"), [(2, "warning"), (3, "error")])
def test_more_than_one_lost_target_in_a_hundred_stops_a_training(lost: int, severity: str) -> None:
    assert named(checks.lost_targets([7, 8, 9][:lost], 200)) == [("lost-targets", severity)]


def test_lost_targets_are_counted_and_their_rows_named() -> None:
    finding = only(checks.lost_targets([12], 40))
    assert finding.message == (
        "1 of 40 training rows (2.5 %) has no target left after truncation and cannot be trained on."
    )
    assert finding.rows == (12,)
    assert len(only(checks.lost_targets(range(500), 1000)).rows) == 30
    assert checks.lost_targets([], 40) == []


def test_lost_targets_of_held_out_rows_say_which_split_they_are_in() -> None:
    finding = only(checks.lost_targets([3, 4], 40, "test"))
    assert finding.message == "2 of 40 test rows (5.0 %) have no target left after truncation and are not scored."
    assert finding.severity == "error"


@pytest.mark.parametrize("counts", [{}, {"PER": 0, "LOC": 0}])
def test_tags_that_are_all_o_hold_no_entity(counts: dict[str, int]) -> None:
    assert named(checks.no_entities(counts)) == [("no-entities", "error")]


def test_one_entity_is_enough() -> None:
    assert checks.no_entities({"PER": 0, "LOC": 1}) == []


def test_questions_without_any_answer_stop() -> None:
    assert named(checks.no_answers({"answer": 0, "no answer": 4})) == [("no-answers", "error")]
    assert checks.no_answers({"answer": 1, "no answer": 4}) == checks.no_answers({"answer": 0, "no answer": 0}) == []


def test_tags_that_are_numbers_are_refused() -> None:
    finding = only(checks.numbered_tags({"0": 90, "3": 5}))
    assert (finding.id, finding.severity) == ("numbered-tags", "error")
    assert finding.message == "The tags are numbers without names: 0, 3."


@pytest.mark.parametrize("counts", [{}, {"PER": 3}, {"0": 90, "PER": 3}, {"1a": 2}])
def test_tags_with_a_name_among_them_are_not_numbered(counts: dict[str, int]) -> None:
    assert checks.numbered_tags(counts) == []


def test_what_would_end_a_text_is_named() -> None:
    finding = only(checks.no_end(["</s>", "<|im_end|>"]))
    assert (finding.id, finding.severity) == ("no-end", "error")
    assert "'</s>', '<|im_end|>'" in finding.message
    assert "which the tokenizer lacks" in only(checks.no_end([])).message


def test_marks_of_the_chat_template_in_a_message_are_named() -> None:
    finding = only(checks.control_tokens([4], 10, ["<|user|>"]))
    assert (finding.id, finding.severity, finding.rows) == ("control-tokens", "warning", (4,))
    assert "1 of 10 training rows has" in finding.message
    assert "'<|user|>'" in finding.message
    many = only(checks.control_tokens(range(1, 41), 50, [f"<{n}>" for n in range(6)]))
    assert "40 of 50 training rows have" in many.message
    assert "'<3>' and 2 more" in many.message
    assert len(many.rows) == 30
    assert checks.control_tokens([], 10, ["<|user|>"]) == []


def test_turns_that_are_not_learned_are_counted() -> None:
    finding = only(checks.masked_turns(3, 12, [2, 5]))
    assert (finding.id, finding.severity, finding.rows) == ("masked-turns", "info", (2, 5))
    assert "3 of 12 assistant turns (25.0 %) are read but excluded from the loss" in finding.message
    assert "1 of 12 assistant turns (8.3 %) is read" in only(checks.masked_turns(1, 12, [2])).message
    assert checks.masked_turns(0, 12, []) == []


def test_each_rule_that_mended_rows_is_a_finding() -> None:
    trimmed, shifted = sound(
        checks.mended(
            {
                "answer-trimmed": ("whitespace around an answer is ignored", [9]),
                "answer-dropped": ("an answer that is not in the context is left out", []),
                "answer-shifted": ("an answer may be 3 characters away", [2, 4]),
            },
            20,
        )
    )
    assert (trimmed.id, trimmed.severity, trimmed.rows) == ("answer-trimmed", "info", (9,))
    assert trimmed.message.startswith("1 of 20 training rows was ")
    assert trimmed.message.endswith(": whitespace around an answer is ignored.")
    assert (shifted.id, shifted.severity, shifted.rows) == ("answer-shifted", "warning", (2, 4))  # above 5 %
    assert shifted.message.startswith("2 of 20 training rows were ")
