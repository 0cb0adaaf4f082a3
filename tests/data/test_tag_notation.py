"""How tags are written: the notation of a dataset, and what is none."""

import pytest

from luthier.data.tag_notation import STANDARD, Notation, notation_of


@pytest.mark.parametrize(
    ("tags", "notation"),
    [
        ("", STANDARD),
        ("O", STANDARD),
        ("O B-PER I-PER", STANDARD),
        ("O B_PER I_PER", STANDARD),
        ("O NOUN B-PER I-PER", STANDARD),
        ("o B-PER I-PER", Notation(outside=("o",))),
        ("O o 0 B-PER I-PER", Notation(outside=("O", "o", "0"))),
        ("O OTHER B-PER I-PER", STANDARD),  # a type of entity, since O is there
        ("SONSTIGES B-PER I-PER", Notation(outside=("SONSTIGES",))),
        ("O b-PER i-PER", Notation("b:PER")),
        ("O B-PER I-PER b-PER", Notation("b:PER")),
        ("O B:PER I:PER", Notation("b:PER")),
        ("O PER-B PER-I", Notation("PER-B")),
        ("other PER_b PER_i PER_e PER_s", Notation("PER-B", ("other",))),
        ("B I O", Notation("B")),
        ("B M E S", Notation("B")),
        # The types of these begin or end in letters that are no marks.
        ("O E-MAIL", Notation("PER")),
        ("O E-MAIL PHONE NAME", Notation("PER")),
        ("O e-mail s-bahn", Notation("PER")),
        ("O VITAMIN-B NAME PLACE", Notation("PER")),
        ("OTHER PER LOC", Notation("PER", ("OTHER",))),
        ("0 1 2", Notation("PER")),
        ("NOUN VERB X _", Notation("PER")),
        ("A B C", Notation("PER")),
        ("NN VB -LRB- S-ADJ", Notation("PER")),
    ],
)
def test_notation(tags: str, notation: Notation) -> None:
    counts = {tag: 9 - place for place, tag in enumerate(tags.split())}
    assert notation_of(counts) == notation
    assert bool(notation.decisions()) == (notation.style in ("b:PER", "PER-B", "B") or notation.outside != ("O",))


def test_a_tag_in_parts() -> None:
    assert STANDARD.split("B-per-son") == ("B", "per-son")
    assert STANDARD.split("person") == ("", "person")
    assert Notation("PER-B").split("per-son_i") == ("I", "per-son")
    assert Notation("B").split("i") == ("I", "ENTITY")
    assert Notation("PER").split("E-MAIL") == ("", "E-MAIL")
    assert Notation(outside=("-",)).split("-") == ("", "")
