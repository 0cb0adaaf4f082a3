"""Which tokenizer is advised, for measures made by hand."""

from dataclasses import replace

from luthier.tokenizers.advice import Advice, Measured, advise
from tests.tokenizers.made import measured

WORD = measured("word", unknown_words_share=0.07, tokens_per_word=1.2, efficiency=0.44)
CHAR = measured("char", tokens_per_word=5.9, efficiency=0.57)
BPE = measured("bpe", efficiency=0.49)
UNIGRAM = measured("unigram", tokens_per_word=1.3, efficiency=0.52)


def advised(*tokenizers: Measured, family: str = "encoder") -> Advice:
    return advise(tokenizers, "a task", family)


def test_what_loses_words_or_makes_rows_long_is_dropped_and_the_most_efficient_is_chosen() -> None:
    found = advised(WORD, CHAR, BPE, UNIGRAM)
    assert found.name == "unigram" and not found.models
    assert found.dropped == {"word": "7.0 % unknown words", "char": "4.5 times as many tokens as unigram"}
    assert found.sentence == (
        "Best for a new model: unigram (no unknown words, 1.30 tokens per word, 50 ms per step of a tiny model,"
        " Rényi efficiency 0.520 (bpe 0.490))."
    )


def test_equal_efficiency_is_decided_by_the_tokens_per_word() -> None:
    assert advised(BPE, measured("other", efficiency=0.485, tokens_per_word=1.3)).name == "other"
    assert advised(BPE, measured("other", efficiency=0.475, tokens_per_word=1.3)).name == "bpe"


def test_a_model_that_writes_has_the_one_that_loses_less_if_efficiency_is_equal() -> None:
    exact, short = (
        measured("exact", efficiency=0.515),
        measured("short", efficiency=0.52, tokens_per_word=1.3, characters=0.005),
    )
    assert advised(exact, short).name == "short"
    assert advised(exact, short, family="decoder").name == "exact"


def test_longer_rows_and_dearer_steps_are_reasons() -> None:
    found = advised(BPE, measured("cutting", cut=0.3), measured("slow", seconds=0.2))
    assert found.dropped == {
        "cutting": "30.0 % of the rows are longer than 512 tokens (0.0 % with bpe)",
        "slow": "a step takes 200 ms (50 ms with bpe)",
    }


def test_a_model_that_writes_needs_a_tokenizer_that_decodes_what_it_encodes() -> None:
    lossy = measured("lossy", line_breaks=0.2, case=0.02, efficiency=0.6)
    assert advised(BPE, lossy).name == "lossy"
    for family in ("decoder", "encoder-decoder"):
        found = advised(BPE, lossy, family=family)
        assert found.name == "bpe"
        assert found.dropped == {"lossy": "20.0 % of the texts lose line breaks, so a model could not write them"}
    unknown = advised(BPE, measured("u", unknown=0.02), family="decoder").dropped["u"]
    assert unknown.startswith("2.0 % of the texts lose unknown words")


def test_if_none_fits_the_one_that_knows_most_words_is_named_so() -> None:
    found = advised(WORD, measured("worse", unknown_words_share=0.2))
    assert found.name == "word" and found.dropped.keys() == {"worse"}
    assert found.sentence.startswith("No tokenizer here fits these texts well; the best for a new model: word (7.0 %")


def test_a_model_keeps_its_tokenizer_if_it_fits() -> None:
    own = measured("minilm", families=("encoder",), tokens_per_word=1.6, case=1.0, unknown_words_share=0.0001)
    (advice,) = advised(UNIGRAM, own).models
    assert advice.keep and advice.sentence == (
        "For minilm, keep its own tokenizer, which it was pretrained with: fewer than 0.1 % unknown words,"
        " 1.60 tokens per word (1.30 with unigram), case lost."
    )
    (advice,) = advised(UNIGRAM, measured("minilm", families=("encoder",), tokens_per_word=2.1)).models
    assert advice.keep is False and "train a new tokenizer, or choose another model" in advice.sentence
    (advice,) = advised(UNIGRAM, measured("minilm", families=("encoder",), unknown_words_share=0.02)).models
    assert advice.keep is False and "2.0 % unknown words" in advice.sentence


def test_a_model_of_another_family_is_not_for_the_task() -> None:
    (advice,) = advised(UNIGRAM, measured("minilm", families=("encoder",), accents=0.6), family="decoder").models
    assert advice.keep is None and advice.sentence == (
        "minilm is an encoder, and a task needs a decoder; its tokenizer: no unknown words, 1.40 tokens per word"
        " (1.30 with unigram), accents lost."
    )


def test_a_model_alone_is_advised_too() -> None:
    found = advised(measured("minilm", families=("encoder",)))
    assert found.name == "minilm" and found.models[0].keep


def test_a_tokenizer_that_models_of_the_family_cannot_have_is_not_chosen() -> None:
    unfit = replace(measured("gpt", efficiency=0.7), unfit="it does not put cls_token around texts")
    found = advised(BPE, unfit)
    assert (found.name, found.dropped) == ("bpe", {"gpt": "it does not put cls_token around texts"})
    assert advised(WORD, unfit).name == "word"
    none = advised(unfit)
    assert (none.name, none.dropped) == (None, {"gpt": "it does not put cls_token around texts"})
    assert none.sentence == "None of these can be the tokenizer of a new encoder; compare kinds to train, such as bpe."


def test_what_is_against_the_best_is_said() -> None:
    found = advised(measured("uncased", case=0.833), family="decoder")
    assert found.sentence.startswith("No tokenizer here fits these texts well; the best for a new model: uncased (")
    assert found.sentence.endswith("83.3 % of the texts lose case, so a model could not write them).")


def test_what_a_pretrained_model_loses_is_said() -> None:
    found = advised(BPE, measured("m", families=("encoder",), case=1.0, characters=0.9))
    assert found.models[0].sentence.endswith(", case and characters lost.")
