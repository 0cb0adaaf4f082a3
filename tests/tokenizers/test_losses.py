"""What a text has lost after encoding and decoding, by kind."""

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from luthier.tokenizers.losses import KINDS_OF_LOSS, losses_of, lost
from luthier.tokenizers.measures import unknown_words
from luthier.tokenizers.suitability import encode


@pytest.mark.parametrize(
    ("text", "decoded", "kinds"),
    [
        ("as it was", "as it was", []),
        ("as it was", " as it was", []),
        (" as it was", "as it was", ["spacing"]),
        ("Für Elise", "für elise", ["case"]),
        ("Für Elise", "Fur Elise", ["accents"]),
        ("Für Elise", "fur elise", ["case", "accents"]),
        ("a  b", "a b", ["spacing"]),
        ("a\tb", "a b", ["spacing"]),
        ("don't", "don ' t", ["spacing"]),
        ("it 's so , so", "it ' s so, so", ["spacing"]),  # as many spaces, elsewhere
        ("a\nb", "a b", ["line breaks"]),
        ("a \n\n b", "a b", ["line breaks"]),
        ("a\r\nb", "a\nb", ["spacing"]),
        ("a\n", "a", ["line breaks"]),
        ("A\n b  c", "a b c", ["case", "spacing", "line breaks"]),
        ("ﬁne", "fine", ["characters"]),
        ("e\u0301", "é", ["characters"]),
        ("½ A", "1/2 a", ["case", "characters"]),
        ("a\u200bb", "ab", ["characters"]),
        ("so 😂", "so", ["characters"]),
    ],
)
def test_the_kinds_of_loss(text: str, decoded: str, kinds: list[str]) -> None:
    assert lost(text, decoded) == kinds


def test_the_rest_of_a_text_with_unknown_words_is_seen_without_them() -> None:
    backend = Tokenizer(models.WordLevel({"[UNK]": 0, "the": 1, "film": 2}, "[UNK]"))
    backend.normalizer = normalizers.Lowercase()
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.decoder = decoders.WordPiece()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]")
    texts = ["the film", "The film", "odd film", "odd The film", "the  odd\nfilm", "odd"]
    unknown = unknown_words(tokenizer, {word: 1 for text in texts for word in text.split()})
    assert unknown == {"odd"}
    found = losses_of(tokenizer, texts, encode(tokenizer, texts), unknown)
    assert list(found) == list(KINDS_OF_LOSS)
    assert found == {
        "unknown": 4 / 6,
        "case": 2 / 6,
        "accents": 0,
        "spacing": 0,
        "line breaks": 1 / 6,
        "characters": 0,
    }
