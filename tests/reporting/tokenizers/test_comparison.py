"""The result of a comparison of tokenizers."""

import json

import pytest

from tests.reporting.tokenizers.made import COMPARISON, WORD


def test_a_tokenizer_is_found_by_its_name() -> None:
    assert COMPARISON["word"] is WORD
    with pytest.raises(KeyError):
        COMPARISON["nowhere"]


def test_json_has_every_measure() -> None:
    found = json.loads(json.dumps(COMPARISON.to_dict()))
    assert found["tokenizers"][0]["measures"]["harder"] == ["tech & <b>"]
    assert found["tokenizers"][0]["measures"]["losses"]["spacing"] == 1.0
    assert found["sentences"][0]["tokens"]["minilm"]["tokens"][3] == "##rs"
    assert found["advice"]["models"][0]["keep"] is True


def test_the_repr_is_what_the_command_prints() -> None:
    assert "unigram" in repr(COMPARISON) and "&lt;script&gt;" in COMPARISON._repr_html_()
