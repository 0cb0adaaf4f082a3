"""What tags become for a model, whatever the rows that they are read from."""

from luthier.tasks.token_classification.tagset import Tags

SHORT = [["B-LOC", "I-LOC", "O"], ["O", "B-LOC", "O"]]


def test_longer_marks_in_other_rows_are_read_like_those_of_the_training_rows() -> None:
    learned = Tags.of(SHORT)
    assert learned.scheme == "IOB2"
    assert learned.valid(["S-LOC", "S-LOC", "O", "B-LOC", "M-LOC", "E-LOC"]) == [
        *("B-LOC", "B-LOC", "O", "B-LOC", "I-LOC", "I-LOC"),
    ]
    assert learned.valid(["U-LOC", "U-LOC", "B-LOC", "L-LOC"]) == ["B-LOC", "B-LOC", "B-LOC", "I-LOC"]


def test_words_that_begin_like_a_mark_stay_types_where_tags_have_no_marks() -> None:
    plain = Tags.of([["NOUN", "VERB", "E-MAIL"], ["VERB", "NOUN", "NOUN"]])
    assert plain.plain and plain.valid(["E-MAIL", "NOUN"]) == ["E-MAIL", "NOUN"]
