import warnings

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from seqeval.metrics import sequence_labeling as seqeval
from sklearn.metrics import accuracy_score
from sklearn.metrics import f1_score as macro_f1

from luthier.metrics.bootstrap import resample_counts, score
from luthier.metrics.classification import class_table
from luthier.metrics.entities import (
    Entity,
    each_tag,
    entities,
    entity_errors,
    entity_metrics,
    entity_types,
    most_frequent_tags,
    tag_metrics,
    type_counts,
    valid_tags,
)

TAG = st.sampled_from(["O", "O", "B-per", "I-per", "B-loc", "I-loc", "B-sub-loc", "I-sub-loc"])
PAIRS = st.lists(st.lists(st.tuples(TAG, TAG), max_size=8), min_size=1, max_size=8)


def value(metric):
    return float(metric.on(np.ones((1, metric.n)))[0])


def both(pairs):
    return [[p for p, _ in sentence] for sentence in pairs], [[g for _, g in sentence] for sentence in pairs]


def theirs(predicted, gold):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "f1": seqeval.f1_score(gold, predicted),
            "precision": seqeval.precision_score(gold, predicted),
            "recall": seqeval.recall_score(gold, predicted),
            "f1_macro": seqeval.f1_score(gold, predicted, average="macro"),
            "accuracy": seqeval.accuracy_score(gold, predicted),
        }


@given(st.lists(TAG, max_size=20))
def test_entities_equal_to_seqeval(tags):
    assert entities(tags) == [(kind, start, end + 1) for kind, start, end in seqeval.get_entities(tags)]


def test_entities_by_hand():
    tags = ["I-per", "I-per", "B-per", "O", "B-loc", "I-per", "I-loc"]
    spans = [("per", 0, 2), ("per", 2, 3), ("loc", 4, 5), ("per", 5, 6), ("loc", 6, 7)]
    assert entities(tags) == [Entity(*span) for span in spans]
    assert entities([]) == []
    assert entities(["B", "I", "I-per"]) == [("_", 0, 2), ("per", 2, 3)]  # as seqeval calls what has no type


@given(PAIRS)
def test_equal_to_seqeval(pairs):
    predicted, gold = both(pairs)
    assume(entity_types(predicted, gold))
    ours = {metric.name: value(metric) for metric in entity_metrics(predicted, gold)}
    assert ours == pytest.approx(theirs(predicted, gold))


def test_every_resample_equals_seqeval_on_its_sentences():
    rng = np.random.default_rng(0)
    tags = np.array(["O", "B-per", "I-per", "B-loc", "I-loc"])
    gold = [list(tags[rng.integers(5, size=6)]) for _ in range(20)]
    predicted = [[tag if rng.random() < 0.8 else "O" for tag in sentence] for sentence in gold]
    (counts,) = resample_counts(20, 30, 0)
    ours = {metric.name: metric.on(counts) for metric in entity_metrics(predicted, gold)}
    for row in range(30):
        drawn = np.repeat(np.arange(20), counts[row].astype(int))
        expected = theirs([predicted[i] for i in drawn], [gold[i] for i in drawn])
        assert {name: values[row] for name, values in ours.items()} == pytest.approx(expected)


def test_table_of_types():
    gold = [["B-per", "I-per", "O"], ["B-loc", "O", "B-per"], ["O", "O", "O"]]
    predicted = [["B-per", "I-per", "O"], ["B-loc", "O", "O"], ["B-loc", "O", "B-org"]]
    types = entity_types(predicted, gold)
    table = class_table(type_counts(predicted, gold, types), types)
    precision, recall, f1, support = seqeval.precision_recall_fscore_support(gold, predicted, zero_division=0)
    assert [row.name for row in table] == types == ["loc", "org", "per"]
    assert [row.precision.value for row in table] == pytest.approx(precision)
    assert [row.recall.value for row in table] == pytest.approx(recall)
    assert [row.f1.value for row in table] == pytest.approx(f1)
    assert [row.support for row in table] == list(support)
    assert [row.predicted for row in table] == [2, 1, 1]


def test_no_entities_and_no_sentences():
    found = {m.name: score(m).value for m in entity_metrics([["O", "O"]], [["O", "O"]])}
    assert found == {"f1": 0.0, "precision": 0.0, "recall": 0.0, "f1_macro": None, "accuracy": 1.0}
    assert [score(m).value for m in entity_metrics([], [])] == [None] * 5


def test_wrong_tags_are_refused():
    with pytest.raises(ValueError, match="1 sentences, gold tags of 2"):
        entity_metrics([["O"]], [["O"], ["O"]])
    with pytest.raises(ValueError, match="sentence 1 has 1 predicted tags and 2 gold tags"):
        entity_metrics([["O"], ["O"]], [["O"], ["O", "O"]])
    with pytest.raises(ValueError, match="'per', which is not in types"):
        type_counts([["B-per"]], [["O"]], ["loc"])


def test_tag_dictionary():
    tokens = [["New", "York", "is", "new"], ["New", "shoes", "in", "York"], ["may", "May", "May"]]
    tags = [["B-loc", "I-loc", "O", "O"], ["O", "O", "O", "B-loc"], ["O", "B-per", "B-per"]]
    # New: B-loc before O. York: I-loc before B-loc. MAY: only in lower case, mostly a person. Rome: not seen.
    found = most_frequent_tags(tokens, tags, [["New", "York"], ["in", "York", "MAY"], ["Rome"], []])
    assert found == [["B-loc", "I-loc"], ["O", "B-loc", "B-per"], ["O"], []]
    assert most_frequent_tags([], [], [["a", "b"]]) == [["O", "O"]]


def test_the_metrics_of_plain_tags_are_those_of_scikit_learn():
    gold, predicted = [["N", "N", "V"], ["D", "N"]], [["N", "V", "V"], ["X", "N"]]
    found = {metric.name: value(metric) for metric in tag_metrics(predicted, gold)}
    flat = [tag for tags in gold for tag in tags], [tag for tags in predicted for tag in tags]
    assert found == {
        "accuracy": pytest.approx(accuracy_score(*flat)),
        "f1_macro": pytest.approx(macro_f1(*flat, average="macro")),
    }
    assert each_tag(["N", "N"]) == [Entity("N", 0, 1), Entity("N", 1, 2)]


def test_an_unknown_word_gets_the_most_frequent_of_plain_tags():
    found = most_frequent_tags([["a", "dog", "dogs"]], [["D", "N", "N"]], [["A", "cat"]], alone=True)
    assert found == [["D", "N"]]
    assert most_frequent_tags([], [], [["a"]], alone=True) == [["O"]]


@given(st.lists(TAG, max_size=20))
def test_valid_tags_hold_the_same_entities(tags):
    valid = valid_tags(tags)
    assert entities(valid) == entities(tags)
    for before, tag in zip(["O", *valid], valid, strict=False):
        assert not tag.startswith("I-") or before[2:] == tag[2:]


def test_the_outcomes_of_entities_by_hand():
    gold = [["B-PER", "I-PER", "O", "B-LOC", "O", "B-ORG", "I-ORG", "O", "B-PER"]]
    predicted = [["B-PER", "I-PER", "O", "B-ORG", "O", "B-ORG", "O", "B-LOC", "O"]]
    assert entity_errors(predicted, gold) == {
        "right": 1,  # the first person
        "wrong type": 1,  # a place taken for an organisation
        "wrong span": 1,  # an organisation that ends too early
        "wrong type and span": 0,
        "missed": 1,  # the last person
        "spurious": 1,  # a place where there is none
    }


def test_an_entity_is_paired_once_and_with_the_closest():
    gold = [["B-PER", "I-PER", "I-PER"]]
    predicted = [["B-LOC", "B-PER", "O"]]
    found = entity_errors(predicted, gold)
    assert (found["wrong span"], found["spurious"], found["missed"]) == (1, 1, 0)


@given(PAIRS)
def test_every_entity_has_one_outcome(pairs):
    predicted, gold = both(pairs)
    found = entity_errors(predicted, gold)
    paired = sum(found[name] for name in ("right", "wrong type", "wrong span", "wrong type and span"))
    assert paired + found["missed"] == sum(len(entities(row)) for row in gold)
    assert paired + found["spurious"] == sum(len(entities(row)) for row in predicted)
