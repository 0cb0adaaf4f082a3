"""The fields of lines that have a word each, in any order."""

from hypothesis import given
from hypothesis import strategies as st

from luthier.data.reading.formats.words.fields import find_fields

WORDS = st.lists(st.text("abcdeé#", min_size=1, max_size=5), min_size=2, max_size=6)
TAGS = ["B-PER", "I-PER", "O", "B-LOC"]


@given(
    st.lists(WORDS, min_size=3, max_size=6),
    st.permutations(["word", "tag", "sign", "annotator"]),
    st.booleans(),
    st.sampled_from(["\t", " ", ",", ";"]),
)
def test_words_and_tags_are_found_in_any_order(
    sentences: list[list[str]], order: list[str], numbered: bool, separator: str
) -> None:
    lines, place = [], 0
    for words in [["ada", "b"], *sentences]:
        rows = []
        for number, word in enumerate(words, start=1):
            cells = {"word": word, "tag": TAGS[place % len(TAGS)], "sign": "-", "annotator": "_"}
            kept = [name for name in order if name != "sign" or order.index("sign") > order.index("word")]
            kept = [name for name in kept if name != "annotator" or order.index(name) > order.index("word")]
            rows.append(separator.join([*([str(number)] if numbered else []), *(cells[name] for name in kept)]))
            place += 1
        lines.append(rows)
    fields = find_fields(lines, named=False, gap=True)
    hashes = [row for rows in lines for row in rows if row.startswith("#")]
    assert fields is not None
    assert (fields.index == 0) == numbered
    assert not any(fields.is_comment(row, first=True) for row in hashes)
    split = [dict(zip(fields.names, fields.split(row), strict=True)) for rows in lines for row in rows]
    assert [one["tokens"] for one in split] == ["ada", "b", *(word for words in sentences for word in words)]
    assert [one["tags"] for one in split] == [TAGS[number % len(TAGS)] for number in range(len(split))]
