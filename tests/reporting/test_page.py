import base64
import hashlib
import itertools
import json
import re

import pytest
from lxml import html

from luthier.reporting import page as module
from luthier.reporting.panels import Confusion, Example, Examples, Reliability, Scatter, Score, Table
from luthier.reporting.task_words import TaskWords
from luthier.storage.atomic import write_json
from luthier.text import number
from tests.reporting.conftest import cut_short
from tests.reporting.words import write_report

LIMIT = 3_000_000
RMSE = {"value": 1.24, "low": 1.1, "high": 1.3, "n": 300, "split": "test", "greater_is_better": False}


def read(path):
    content = path.read_text(encoding="utf-8")
    assert len(content.encode()) < LIMIT
    return html.document_fromstring(content.encode(), parser=html.HTMLParser(encoding="utf-8")), content


def words(element):
    return " ".join(element.text_content().split())


def cells(row):
    return [words(cell) for cell in row.xpath("./th|./td")]


def policy(document):
    (found,) = document.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    return dict(part.strip().split(" ", 1) for part in found.split(";"))


def specs(document):
    return [json.loads(script.text) for script in document.xpath("//script[@type='application/json']")]


@pytest.fixture(scope="module")
def page(make_runs, bbc_panels):
    return read(write_report(make_runs(), bbc_panels))


def test_the_answer_comes_first(page):
    document, _ = page
    (headline,) = document.xpath("//h1")
    assert words(headline) == (
        "Accuracy 0.953 (0.933-0.971) on 445 test rows, 0.027 (0.009-0.045) above TF-IDF: significant (95 %)."
    )
    assert "good" in document.xpath("//section[contains(@class,'answer')]/@class")[0]
    sections = [words(title) for title in document.xpath("//h2")]
    assert sections == [
        "Findings",
        "Learning curves",
        "Evidence",
        "Data",
        "Use this model",
        "Reproduce this run",
    ]


def test_every_number_of_the_headline_stands_in_the_metrics(make_run):
    run = make_run()
    document, _ = read(write_report(run))
    metrics = json.loads(run.metrics_file.read_text())
    entry, difference = metrics["metrics"]["accuracy"], metrics["differences"]["tfidf"]["accuracy"]
    known = {number(found[key]) for found in (entry, difference) for key in ("value", "low", "high")}
    known.add(str(entry["n"]))
    sentence = re.fullmatch(r"(.+): significant \(95 %\)\.", words(document.xpath("//h1")[0]))[1]
    said = re.findall(r"\d+(?:\.\d+)?", sentence)
    assert set(said) == known


def test_findings_stand_worst_first_with_evidence_and_action(page):
    document, _ = page
    findings = document.xpath("//li[contains(@class,'finding')]")
    severities = [re.search("error|warning|info", finding.get("class"))[0] for finding in findings]
    assert severities == sorted(severities, key=["error", "warning", "info"].index)
    first = words(findings[0])
    assert "3 test rows also stand in the training data." in first
    assert "Remove them, or pass --allow leak." in first and "7, 9, 13" in first
    assert any("training overfitting" in words(finding) for finding in findings)


def test_the_curves_and_panels_are_drawn_from_the_data(page):
    document, _ = page
    found = specs(document)
    titles = [words(title) for title in document.xpath("//figure/h3")]
    assert titles == [
        "Loss",
        "Accuracy",
        "Macro F1",
        "Learning rate",
        "Gradient norm",
        "Speed",
        "Calibration",
        "Lengths",
    ]
    assert len(found) == len(titles)
    assert all(spec["description"].startswith(title) for spec, title in zip(found, titles, strict=True))


def test_confusion_is_sorted_and_has_shares_with_counts(page):
    document, _ = page
    (matrix,) = document.xpath("//table[@class='matrix']")
    heads = [words(head) for head in matrix.xpath(".//thead//th")]
    assert heads == ["business", "politics", "tech", "entertainment", "sport"]
    assert [words(head) for head in matrix.xpath(".//tbody//th")] == heads
    first = [words(cell) for cell in matrix.xpath(".//tbody/tr[1]/td")]
    assert first == ["94.3 %99", "2.9 %3", "1.9 %2", "1.0 %1", "0"]
    assert "21 of 445 examples are off the diagonal." in words(document.xpath("//main")[0])


def test_examples_can_be_filtered_and_say_what_is_left_out(page):
    document, _ = page
    examples = document.xpath("//article")
    options = {option.get("value"): words(option) for option in document.xpath("//select[@name='gold']/option")}
    assert [options[article.get("data-gold")] for article in examples] == [
        "business", "tech", "business", "entertainment", "tech", "sport",
    ]  # fmt: skip
    assert "21 rows, the first 6 shown." in words(document.xpath("//main")[0])
    assert words(examples[0].xpath(".//summary")[0]).endswith("characters")
    assert "Labour plans maternity pay rise.\n\nMaternity" in examples[0].xpath(".//p[@class='text']")[0].text
    assert all(text.get("dir") == "auto" for text in document.xpath("//p[@class='text']"))
    assert "empty text" in words(examples[5])


def test_data_of_others_never_becomes_markup(page):
    document, content = page
    scripts = document.xpath("//script[not(@type)]")
    assert len(scripts) == 2
    assert not document.xpath("//article//script | //article//img | //article//b | //main//img")
    assert words(document.xpath("//article[2]")[0]).count("<script>alert('x')</script>") == 1
    assert "{{ 7 * 7 }}" in content and " 49 " not in words(document.xpath("//article[2]")[0])
    assert not [name for element in document.iter() for name in element.attrib if name.startswith("on")]
    assert not document.xpath("//*[@style]")


def test_nothing_is_loaded_from_anywhere(page):
    document, content = page
    assert [link for link in document.xpath("//@href") if not link.startswith(("#", "data:"))] == []
    assert document.xpath("//@src") == []
    assert not re.search(r"url\(|@import", document.xpath("//style")[0].text)
    assert policy(document)["default-src"] == "'none'"
    assert "unsafe" not in content.split("<style>")[0]
    assert not any("http" in json.dumps(spec) for spec in specs(document))


def test_the_policy_allows_exactly_the_scripts_and_the_style_of_the_page(page):
    document, content = page
    allowed = policy(document)
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        blocks = re.findall(f"<{tag}>(.*?)</{tag}>", content, re.DOTALL)
        digests = [base64.b64encode(hashlib.sha256(block.encode()).digest()).decode() for block in blocks]
        assert allowed[rule].split() == [f"'sha256-{digest}'" for digest in digests]


def test_headings_are_in_order_and_landmarks_are_there(page):
    document, _ = page
    levels = [int(heading.tag[1]) for heading in document.xpath("//h1|//h2|//h3|//h4")]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    for landmark in ("header", "main", "nav", "footer"):
        assert document.xpath(f"//body//{landmark}")
    assert document.get("lang") == "en"
    ids = document.xpath("//@id")
    assert len(ids) == len(set(ids))
    for anchor in document.xpath("//nav//@href"):
        assert anchor[1:] in ids
    for region in document.xpath("//*[@role='region']"):
        assert region.get("tabindex") == "0" and region.get("aria-label")


def test_it_says_how_to_do_it_again_and_how_to_use_the_model(page):
    document, _ = page
    code = "\n".join(block.text_content() for block in document.xpath("//pre"))
    assert 'pipeline("text-classification", model="' in code
    assert "luthier.load(" in code and "luthier predict" in code and "recipe.toml" in code
    assert 'task = "text-classification"' in code
    assert "9f" * 32 in words(document.xpath("//section[@id='redo']")[0])
    assert "luthier train bbc --task text-classification" in code


def test_the_data_report_adds_up(page):
    document, _ = page
    data = words(document.xpath("//section[@id='data']")[0])
    rows = document.xpath("//div[@aria-label='Rows read, kept and skipped']//tbody/tr")
    assert [cells(row) for row in rows] == [["train", "2,225", "2,219", "6", "empty-text 2, missing-label 4"]]
    assert "1,677 train, 97 validation, 445 test" in data
    assert "Rows are truncated at 256 tokens: 87.1 % of them are longer." in data
    assert "bf16 measured 14 times slower" in data


@pytest.mark.parametrize(
    ("upto", "missing"),
    [
        ("recipe", "the data report, learning curves, final scores, the model"),
        ("data", "learning curves, final scores, the model"),
        ("curves", "final scores, the model"),
        ("metrics", "the model"),
    ],
)
def test_a_run_that_is_not_done_gets_a_page_of_what_there_is(make_run, upto, missing):
    run = make_run(upto=upto)
    document, _ = read(write_report(run))
    banner = words(document.xpath("//p[@role='status']")[0])
    assert "This run stopped before it was complete." in banner
    assert f"Not yet available: {missing}." in banner
    assert f"luthier resume {run.path.as_posix()}" in banner
    with run.lock():
        document, _ = read(write_report(run))
    assert "This run is still training." in words(document.xpath("//p[@role='status']")[0])
    if upto == "curves":
        assert words(document.xpath("//h1")[0]) == (
            "The run is still training: it is at step 315; accuracy was 0.955 on the validation rows at step 315."
        )


def test_a_run_without_charts_carries_no_chart_library(make_run):
    path = write_report(make_run(upto="recipe"))
    assert path.stat().st_size < 60_000


@pytest.mark.parametrize(
    ("difference", "begins", "verdict"),
    [
        (
            {"value": -0.01, "low": -0.03, "high": 0.011},
            "Not better than TF-IDF: accuracy 0.953 (0.933-0.971) on 445 test rows against 0.926",
            "not significant",
        ),
        (
            {"value": -0.05, "low": -0.08, "high": -0.021},
            "TF-IDF is significantly better: accuracy 0.926 against this model's 0.953 (0.933-0.971) on 445 test rows",
            "significantly worse",
        ),
    ],
)
def test_a_model_that_does_not_beat_the_baseline_says_so_first(make_run, difference, begins, verdict):
    run = cut_short(make_run(differences={"tfidf": {"accuracy": difference}}))
    document, _ = read(write_report(run))
    (command,) = document.xpath("//section[contains(@class,'answer')]//p[@class='lede']/code")
    assert words(command) == f"luthier train {run.recipe_file} --epochs 9"
    assert words(command.getparent()).startswith("The run took only")
    headline = words(document.xpath("//h1")[0])
    assert headline.startswith(begins)
    assert "bad" in document.xpath("//section[contains(@class,'answer')]/@class")[0]
    assert words(document.xpath("//span[contains(@class,'verdict')]")[0]) == verdict


def test_without_an_interval_of_the_difference_nothing_is_claimed(make_run):
    document, _ = read(write_report(make_run(differences={})))
    assert words(document.xpath("//h1")[0]).endswith("against 0.926 for TF-IDF; the difference was not tested.")


def test_a_score_on_validation_rows_says_that_they_picked_the_checkpoint(make_run):
    document, _ = read(write_report(make_run(split="validation")))
    assert "on 445 validation rows" in words(document.xpath("//h1")[0])
    assert "also picked the checkpoint" in words(document.xpath("//main")[0])


def test_averaged_weights_are_named_with_the_scores_of_both(make_run):
    run = make_run()
    scores = {"checkpoint": {"steps": [280], "value": 0.951}, "ema": {"steps": [315], "value": 0.958}}
    averaging = {"chosen": "ema", "metric": "accuracy", "scores": scores}
    write_json(run.result_file, json.loads(run.result_file.read_text()) | {"averaging": averaging})
    _, content = read(write_report(run))
    assert "the moving average of the weights (EMA) at step 315: 0.958 (accuracy on the validation rows)" in content
    assert "the weights of the best checkpoint at step 280: 0.951" in content


def test_numbers_and_metrics_that_are_not_defined(make_run):
    run = make_run(
        metric_for_best="pearson",
        metrics={"pearson": None, "rmse": RMSE},
        baselines={"mean": {"pearson": None, "rmse": 1.9}},
        differences={"mean": {"rmse": {"value": -0.66, "low": -0.8, "high": -0.5}}},
    )
    gold = [0.0, 2.5, 5.0]
    document, content = read(write_report(run, [Scatter(gold, [0.5, float("nan"), 4.0], unit="points")]))
    assert words(document.xpath("//h1")[0]) == "Pearson correlation is not defined on these test rows."
    rows = [cells(row) for row in document.xpath("//table[@class='scores']/tbody/tr")]
    assert rows[0] == ["Pearson correlation", "not defined", "", "not defined", "not tested"]
    # The metrics share no unit: each drawing says where it begins and ends.
    assert rows[1][1:] == ["1.240 (1.100-1.300)", "1.11.9", "1.900", "-0.660 (-0.800 to -0.500) significantly better"]
    assert "NaN" not in "".join(json.dumps(spec) for spec in specs(document))
    assert ">nan<" not in content


def test_less_is_better_for_errors(make_run):
    run = make_run(
        metric_for_best="rmse",
        metrics={"rmse": RMSE},
        baselines={"mean": {"rmse": 1.9}, "worse": {"rmse": 2.4}},
        differences={"mean": {"rmse": {"value": -0.66, "low": -0.8, "high": -0.5}}},
    )
    document, _ = read(write_report(run))
    assert words(document.xpath("//h1")[0]) == (
        "Root mean squared error 1.240 (1.100-1.300) on 300 test rows, 0.660 (0.500-0.800) below the mean: "
        "significant (95 %)."
    )


def test_a_hundred_classes_stay_readable_and_small(make_run):
    labels = [f"class {i}" for i in range(100)]
    counts = [[20 if i == j else int((i * 7 + j) % 97 == 0) for j in range(100)] for i in range(100)]
    texts = [Example([("text", "long " * 4000)], labels[i], labels[i + 1], 0.9, "x.csv", i) for i in range(99)]
    table = Table("Classes", ("class", "F1"), [(name, Score(0.5, 0.4, 0.6)) for name in labels])
    run = make_run(labels=labels)
    document, _ = read(write_report(run, [Confusion(labels, counts), table, Examples(texts, 500)]))
    (matrix,) = document.xpath("//table[@class='matrix']")
    assert len(matrix.xpath(".//tbody/tr")) == 12
    assert words(matrix.xpath(".//thead//th[last()]")[0]) == "others"
    shown = words(document.xpath("//main")[0])
    assert "88 less confused classes are not shown" in shown and "Most frequent confusions" in shown
    assert "500 rows, the first 99 shown." in shown
    assert "Truncated on this page: 5,050 of 20,000 characters shown." in shown


def test_no_errors_at_all(make_run):
    panels = [Confusion(["a", "b"], [[5, 0], [0, 7]]), Examples([], 0), Reliability([], 0.0)]
    document, _ = read(write_report(make_run(), panels))
    shown = words(document.xpath("//main")[0])
    assert "All 12 examples are on the diagonal." in shown
    assert "There are no such rows." in shown


@pytest.mark.parametrize("split", ["test", "validation"])
def test_a_calibration_that_was_fitted_on_the_scored_rows_says_so(make_run, split):
    run = make_run()
    write_json(run.metrics_file, {**run.read_json(run.metrics_file), "split": split})
    panel = Reliability([], 0.0, note="Temperature 1.40.", before=Reliability([], 0.1))
    shown = words(read(write_report(run, [panel]))[0].xpath("//main")[0])
    assert ("These are the scored rows" in shown) == (split == "validation")
    plain = words(read(write_report(run, [Reliability([], 0.0)]))[0].xpath("//main")[0])
    assert "These are the scored rows" not in plain


@pytest.mark.parametrize(("of_rows", "share"), [(True, "60.0 %"), (False, "75.0 %")])
def test_the_share_of_a_label_is_of_the_rows_which_may_have_several_or_none(make_run, of_rows, share):
    run = make_run()
    counts = {"label_counts": {"train": {"joy": 600, "love": 200}}, "splits": {"train": 1000}}
    write_json(run.data_file, {**run.read_json(run.data_file), **counts})
    document, _ = read(module.write_report(run, TaskWords("x", of_rows=of_rows)))
    (row, _) = document.xpath("//div[@aria-label='Labels of each split']//tbody/tr")
    assert cells(row)[:3] == ["joy", "600", share]


def test_several_labels_a_row(make_run):
    example = Example([("text", "so happy")], ["joy", "love"], [], None, "x.csv", 3)
    document, _ = read(write_report(make_run(), [Examples([example], 1)]))
    card = words(document.xpath("//article")[0])
    assert card == "true joy love predicted none x.csv, row 3 so happy"


@pytest.mark.parametrize(("labels", "offered"), [(("0", "1"), 3), (("4.2", "1.17"), 0), (("a", "b.c"), 3)])
def test_examples_are_filtered_by_classes_not_by_measurements(make_run, labels, offered):
    example = Example([("text", "x")], *labels, 0.5, "/home/somebody/data/set/x.csv", 3)
    document, _ = read(write_report(make_run(), [Examples([example], 1)]))
    assert len(document.xpath("//select[@name='gold']/option")) == offered
    assert words(document.xpath("//span[@class='where']")[0]) == "…/set/x.csv, row 3"


def test_a_damaged_file_is_named(make_run):
    run = make_run()
    run.metrics_file.write_text("{", encoding="utf-8")
    with pytest.raises(Exception, match="damaged") as caught:
        write_report(run)
    assert caught.value.where == str(run.metrics_file)


def test_writing_again_gives_the_same_page(make_run, bbc_panels):
    run = make_run()
    first = write_report(run, bbc_panels).read_text()
    write_json(run.data_file, json.loads(run.data_file.read_text()))
    assert write_report(run, bbc_panels).read_text() == first


def test_a_time_limit_is_among_the_facts_if_there_was_one(make_run):
    run = make_run()
    assert "Time limit" not in words(read(write_report(run))[0].xpath("//main")[0])
    result = json.loads(run.result_file.read_text())
    result["time"] = {"max": 600.0, "planned": 571.2, "planned_steps": 412, "used": 588.0}
    run.result_file.write_text(json.dumps(result))
    shown = words(read(write_report(run))[0].xpath("//main")[0])
    assert "Time limit10 min 0 s; 9 min 31 s planned, 9 min 48 s used" in shown


@pytest.mark.parametrize(
    ("steps", "said"),
    [([], None), ([40], "step 40: a paired 95 % interval"), ([40, 1200], "steps 40, 1,200: a paired 95 % interval")],
)
def test_evaluations_that_are_not_separated_from_the_best_are_named(make_run, steps, said):
    run = make_run()
    result = json.loads(run.result_file.read_text())
    run.result_file.write_text(json.dumps(result | {"not_separated": {"steps": steps, "rows": 222}}))
    found = words(read(write_report(run))[0].xpath("//main")[0])
    assert ("Statistically tied" in found) == (said is not None)
    if said:
        assert f"{said} on 222 validation rows does not separate the accuracy from that of the best step" in found
