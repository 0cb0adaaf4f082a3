"""Rows as they were read, and rows that were skipped."""

from luthier.data.records import Fault, Record, Skipped, all_sound


def test_a_record_is_skipped_with_its_own_source_and_number() -> None:
    skipped = Fault("missing-label", "the label is empty").of(Record("t.csv", 7, {"text": "fine"}))
    assert skipped == Skipped("t.csv", 7, "missing-label", "the label is empty")


def test_a_reader_says_where_in_the_file_a_fault_is() -> None:
    fault = Fault("field-count", "3 fields instead of 2")
    assert fault.at("t.csv", 4, "line 9") == Skipped("t.csv", 4, "field-count", "line 9: 3 fields instead of 2")
    assert fault.at("t.csv", 4).detail == "3 fields instead of 2"


def test_a_skipped_row_is_written_with_all_that_is_known() -> None:
    assert Skipped("t.csv", 4, "encoding", "a NUL byte").to_dict() == {
        "source": "t.csv",
        "row": 4,
        "reason": "encoding",
        "detail": "a NUL byte",
    }


def test_one_fault_makes_all_of_a_row_unusable_and_the_first_is_told() -> None:
    first, second = Fault("empty-text", "nothing is said"), Fault("not-text", "a picture")
    assert all_sound(iter(["a", "b"])) == ["a", "b"]
    assert all_sound(["a", first, second]) == first
