import json

from lxml import html

from luthier.learning_curves.record import Series
from luthier.reporting.comparison import write_comparison

RUNS = ["first run", "second <b>run</b>", "third run"]


def comparison(**given):
    first, second, third = RUNS
    score = {"value": 0.9, "low": 0.88, "high": 0.92, "n": 445, "greater_is_better": True}
    return {
        "runs": RUNS,
        "metrics": {"accuracy": {first: score, second: score | {"value": 0.91}, third: score}, "rmse": {first: score}},
        "differences": {"accuracy": {second: {"value": 0.01, "low": 0.002, "high": 0.018}}},
        "notes": ["third run was scored on different rows than first run: no paired difference"],
        "recipes": {"training.learning_rate": {first: 5e-5, second: 2e-5, third: None}},
        "curves": {
            first: {"eval/loss": Series([10, 20, 30], [0.9, 0.5, 0.4]), "train/loss": Series([1, 2], [1.0, 0.9])},
            second: {"eval/loss": Series([10, 20, 30], [0.8, 0.5, 0.3])},
            third: {},
        },
    } | given


def read(path):
    return html.document_fromstring(path.read_bytes(), parser=html.HTMLParser(encoding="utf-8"))


def words(element):
    return " ".join(element.text_content().split())


def test_the_answer_comes_first(tmp_path):
    document = read(write_comparison(tmp_path / "page.html", comparison()))
    assert words(document.xpath("//h1")[0]) == "On accuracy, B beats A by 0.010 (0.002-0.018): significant (95 %)."
    rows = [words(row) for row in document.xpath("//table[contains(@class,'scores')][1]/tbody/tr")]
    assert rows[1] == "B 0.910 (0.880-0.920) 445 0.010 (0.002-0.018) significantly better"
    assert rows[2] == "C 0.900 (0.880-0.920) 445 not tested"
    assert "no paired difference" in words(document.xpath("//main")[0])
    assert not document.xpath("//main//b")


def test_a_difference_that_chance_can_make(tmp_path):
    differences = {"accuracy": {RUNS[1]: {"value": 0.01, "low": -0.002, "high": 0.018}}}
    document = read(write_comparison(tmp_path / "page.html", comparison(differences=differences)))
    assert words(document.xpath("//h1")[0]) == "On accuracy, no run differs significantly (95 %) from A."
    document = read(write_comparison(tmp_path / "page.html", comparison(differences={})))
    assert words(document.xpath("//h1")[0]) == "On accuracy, the differences were not tested for significance."


def test_for_errors_less_is_better(tmp_path):
    first, second, _ = RUNS
    score = {"value": 1.2, "low": 1.1, "high": 1.3, "n": 445, "greater_is_better": False}
    given = {
        "metrics": {"rmse": {first: score, second: score}},
        "differences": {"rmse": {second: {"value": -0.1, "low": -0.2, "high": -0.05}}},
    }
    document = read(write_comparison(tmp_path / "page.html", comparison(**given)))
    assert words(document.xpath("//h1")[0]) == (
        "On root mean squared error, B beats A by 0.100 (0.050-0.200): significant (95 %)."
    )


def test_without_a_direction_nothing_is_better(tmp_path):
    first, second, _ = RUNS
    score = {"value": 0.2, "low": 0.1, "high": 0.3, "n": 445, "greater_is_better": None}
    given = {
        "metrics": {"wer": {first: score, second: score}},
        "differences": {"wer": {second: {"value": -0.1, "low": -0.2, "high": -0.05}}},
    }
    document = read(write_comparison(tmp_path / "page.html", comparison(**given)))
    assert words(document.xpath("//h1")[0]) == "On wer, B differs from A by 0.100 (0.050-0.200): significant (95 %)."
    assert words(document.xpath("//tbody/tr")[1]).endswith("-0.100 (-0.200 to -0.050) significant")
    assert not document.xpath("//*[contains(@class, 'better') or contains(@class, 'worse')]")


def test_scores_have_the_names_and_digits_of_their_metrics(tmp_path):
    first, second, _ = RUNS
    score = {"value": 27.41, "low": 26.9, "high": 28.0, "n": 1000, "greater_is_better": True}
    given = {
        "words": {"f1": "F1 of entities"},
        "metrics": {"bleu": {first: score, second: score}, "f1": {first: score}},
        "differences": {"bleu": {second: {"value": 2.04, "low": 1.1, "high": 3.0}}},
    }
    document = read(write_comparison(tmp_path / "page.html", comparison(**given)))
    assert words(document.xpath("//h1")[0]) == "On BLEU, B beats A by 2.0 (1.1-3.0): significant (95 %)."
    assert [words(title) for title in document.xpath("//section[@id='scores']/h3")] == ["BLEU", "F1 of entities"]
    assert "27.4 (26.9-28.0)" in words(document.xpath("//tbody/tr")[0])


def test_curves_of_all_runs_share_a_picture_in_their_colours(tmp_path):
    document = read(write_comparison(tmp_path / "page.html", comparison()))
    assert [words(title) for title in document.xpath("//figure/h3")] == ["Evaluation loss", "Training loss"]
    spec = json.loads(document.xpath("//script[@type='application/json']")[0].text)
    labels = [layer["data"]["values"][0]["label"] for layer in spec["layer"] if layer["mark"]["type"] == "text"]
    colours = {layer["mark"]["color"] for layer in spec["layer"] if layer["mark"]["type"] == "line"}
    assert labels == ["A", "B"] and colours == {"#0072B2", "#D55E00"}


def test_keys_that_differ(tmp_path):
    document = read(write_comparison(tmp_path / "page.html", comparison()))
    cells = document.xpath("//section[@id='recipes']//tbody/tr/*")
    assert [words(cell) for cell in cells] == ["training.learning_rate", "5e-05", "2e-05", "not set"]


def test_runs_with_nothing_in_common(tmp_path):
    given = {"metrics": {}, "differences": {}, "recipes": {}, "curves": {}, "notes": []}
    document = read(write_comparison(tmp_path / "page.html", comparison(**given)))
    assert words(document.xpath("//h1")[0]) == "These runs have no metric in common."
