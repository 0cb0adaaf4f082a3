"""What a tokenizer does with a text."""

from transformers import AutoTokenizer

from luthier.models.sources import locate
from luthier.tracing.text import Tokens, cut


def test_normalizing_and_cutting() -> None:
    tokenizer = AutoTokenizer.from_pretrained(locate("minilm"))
    found = cut("Héllo, WORLD!", tokenizer)
    assert (found.text, found.normalized) == ("Héllo, WORLD!", "hello, world!")
    assert found.pieces == ("hello", ",", "world", "!")


def test_tokens_know_what_they_say() -> None:
    tokenizer = AutoTokenizer.from_pretrained(locate("minilm"))
    found = Tokens.of(tokenizer("unbelievable")["input_ids"], tokenizer)
    assert found.tokens[0] == "[CLS]" and found.tokens[-1] == "[SEP]"
    assert [found.special[0], *found.special[1:-1], found.special[-1]] == [True, *[False] * len(found.ids[1:-1]), True]
    assert tokenizer.convert_tokens_to_ids(list(found.tokens)) == list(found.ids)
