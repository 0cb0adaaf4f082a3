from luthier.reporting.lengths import sentences
from luthier.storage.atomic import write_json
from luthier.tasks.long_rows import BLOCKS, CUT, WINDOWS
from tests.reporting.conftest import HOSTILE
from tests.reporting.test_page import read, words
from tests.reporting.words import model_card, write_report

LENGTHS = {
    "median": 14.0,
    "p95": 29.0,
    "max": 61,
    "truncated_share": 0.0,
    "max_length": 64,
    "histogram": {"edges": [3, 20, 40, 61], "counts": [90, 40, 2]},
    "target": {"median": 12.0, "max": 55, "truncated_share": 0.021, "max_length": 48},
}


def test_rows_are_cut_or_read_in_windows_or_in_blocks():
    lengths = {"max_length": 256, "truncated_share": 0.25}
    assert sentences(lengths, CUT.fate) == ["Rows are truncated at 256 tokens: 25.0 % of them are longer."]
    assert sentences(lengths, WINDOWS.fate) == ["Rows are read in windows of 256 tokens: 25.0 % need more than one."]
    assert sentences(lengths | {"truncated_share": 0.0}, BLOCKS.fate) == [
        "Rows are concatenated into blocks of 256 tokens: all fit into one."
    ]
    assert sentences({}, CUT.fate) == []


def test_an_encoder_decoder_also_has_the_lengths_of_its_targets():
    assert sentences(LENGTHS, CUT.fate) == [
        "Rows are truncated at 64 tokens: none is longer.",
        "Targets have a median of 12 tokens, the longest has 55.",
        "Targets are truncated at 48 tokens: 2.1 % of them are longer.",
    ]


def test_the_data_of_a_task_that_writes(make_run):
    run = make_run()
    targets = ["Ein Mann\n  singt.</s>", HOSTILE, "word " * 300]
    data = {
        "task": "translation",
        "shape": "en-de",
        "labels": {},
        "label_counts": {"train": {}},
        "splits": {"train": 3},
    }
    write_json(run.data_file, data | {"lengths": LENGTHS, "targets": targets})
    run.skipped_file.unlink()
    document, _ = read(write_report(run))
    shown = words(document.xpath("//section[@id='data']")[0])
    assert "the longest has 55. Targets are truncated at 48 tokens" in shown
    found = document.xpath("//ol[@class='targets']/li")
    assert [item.xpath(".//p[@class='text']")[0].text_content() for item in found] == targets
    assert found[2].xpath(".//summary") and not found[0].xpath(".//summary")
    assert not document.xpath("//section[@id='data']//h3[text()='Labels']")
    card = model_card(run)
    assert "Targets have a median of 12 tokens" in card and "language:\n- en\n- de\n" in card
