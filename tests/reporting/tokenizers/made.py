"""A comparison of made-up tokenizers."""

from luthier.reporting.tokenizers.comparison import Rows, Sentence, TokenizerComparison
from luthier.tokenizers.advice import advise
from luthier.tokenizers.measures import LabelMeasures
from luthier.tracing.text import Tokens
from tests.tokenizers.made import measured

WORD = measured(
    "word",
    unknown_words_share=0.07,
    unknown_words=(("Forsyth", 22), ("<script>alert(1)</script>", 17)),
    tokens_per_word=1.2,
    labels=(LabelMeasures("tech & <b>", 90, 1.5, 0.2),),
    spacing=1.0,
    unknown=0.6,
)
UNIGRAM = measured("unigram", tokens_per_word=1.3, efficiency=0.52)
MODEL = measured("minilm", families=("encoder",), vocabulary=30522, tokens_per_word=1.6, case=1.0)
TOKENIZERS = [WORD, UNIGRAM, MODEL]


def _tokens(*texts: str) -> Tokens:
    special = [text.startswith("[") for text in texts]
    return Tokens(list(range(len(texts))), [text.replace(" ", "▁") for text in texts], list(texts), special)


SENTENCE = Sentence(
    "The prime movers <wait>",
    tokens={
        "word": _tokens("The", "prime", "[UNK]", "<", "wait", ">"),
        "unigram": _tokens("The", "prime", "move", "rs", "", "<", "wait", ">"),
        "minilm": _tokens("the", "prime", "move", "##rs", "<", "wait", ">"),
    },
    starts={"word": [1, 2, 3], "unigram": [1, 2, 4], "minilm": []},
)
COMPARISON = TokenizerComparison(
    "text-classification",
    "encoder",
    Rows(1779, 200, 223, "validation"),
    TOKENIZERS,
    [SENTENCE],
    advise(TOKENIZERS, "text-classification", "encoder"),
    ["luthier train a.csv --from-scratch tiny --tokenizer unigram", "luthier train a.csv --model minilm"],
)
