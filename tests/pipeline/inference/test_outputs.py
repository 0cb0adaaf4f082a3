"""`compute_metrics` gets what the Hugging Face `Trainer` gives it: its numbers on the same rows are the same."""

import gc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import EvalPrediction, Seq2SeqTrainer, Seq2SeqTrainingArguments, Trainer, TrainingArguments

from luthier.api.evaluate import evaluate
from luthier.console import Console
from luthier.errors import UsageError
from luthier.metrics.bootstrap import score
from luthier.metrics.custom import custom_metrics, load
from luthier.pipeline.inference.outputs import RawOutputs
from luthier.pipeline.inference.score import quick_metrics, score_split
from luthier.pipeline.preparation.prepare import Prepared, prepare
from luthier.pipeline.recipes import build_recipe
from luthier.pipeline.training.assemble import fresh_model
from luthier.tasks.registry import find, shapes_using
from tests.conftest import review_rows
from tests.engines.helpers import prepared_data
from tests.matrix.data import write
from tests.tasks.by_hand import recipe_of
from tests.tasks.conftest import built as built  # noqa: PLC0414  # fixtures, for this folder too
from tests.tasks.conftest import tuned as tuned  # noqa: PLC0414

TEXTS = {"generation.do_sample": False, "generation.max_new_tokens": 8}
SOURCE = """
import numpy as np
from sacrebleu import corpus_chrf
from seqeval.metrics import f1_score as entity_f1
from sklearn.metrics import accuracy_score, f1_score, mean_squared_error, roc_auc_score
from transformers import AutoTokenizer

NAMES = ["O", "B-ANIMAL", "I-ANIMAL"]


def one(p):  # of run_glue.py
    preds = p.predictions[0] if isinstance(p.predictions, tuple) else p.predictions
    preds = np.argmax(preds, axis=1)
    return {"macro": f1_score(p.label_ids, preds, average="macro"), "right": accuracy_score(p.label_ids, preds)}

def number(p):
    return {"squares": mean_squared_error(p.label_ids, np.squeeze(p.predictions)), "first": p.predictions[0, 0]}

def several(p):
    shares = 1 / (1 + np.exp(-p.predictions))
    assert p.label_ids.dtype == np.float32
    return roc_auc_score(p.label_ids, shares, average="micro")

def tokens(eval_pred):  # of the course of Hugging Face
    logits, labels = eval_pred
    predictions = np.argmax(logits, axis=2)
    names = lambda rows: [[NAMES[i] for i, l in zip(r, ls) if l != -100] for r, ls in zip(rows, labels)]
    share = (predictions == labels)[labels != -100].mean()
    return {"entities": entity_f1(names(labels), names(predictions)), "share": share}

def spans(p):
    (starts, ends), (start_positions, end_positions) = p.predictions, p.label_ids
    starts, ends = starts.argmax(1), ends.argmax(1)
    whole = (starts == start_positions) & (ends == end_positions)
    return {"whole": whole.mean(), "far": abs(starts - start_positions).mean()}

def next_tokens(eval_preds):  # of run_clm.py
    preds, labels = eval_preds
    labels, preds = labels[:, 1:].reshape(-1), preds[:, :-1].reshape(-1)
    labels, preds = labels[labels != -100], preds[labels != -100]
    return {"hits": accuracy_score(labels, preds), "mean_id": preds.mean()}

def texts(eval_preds):  # of run_summarization.py
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    preds, labels = eval_preds
    preds[preds == -100] = tokenizer.pad_token_id  # in place, as many do
    labels[labels == -100] = tokenizer.pad_token_id
    written, gold = (tokenizer.batch_decode(ids, skip_special_tokens=True) for ids in (preds, labels))
    lengths = [np.count_nonzero(row != tokenizer.pad_token_id) for row in preds]
    return {"chrf_own": corpus_chrf(written, [gold]).score, "gen_len": np.mean(lengths)}
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "mine.py").write_text(SOURCE, encoding="utf-8")
    return tmp_path / "mine.py"


def shape_of(shape: str, folder: Path, model: Path, spec: str) -> Prepared:
    settings: dict[str, Any] = {"evaluation.metrics": [spec], "data.validation_share": 0.4}
    return prepared_data(folder, model, shape, n=60, **settings)


def task_of(task: str, folder: Path, model: Path, spec: str, **settings: Any) -> Prepared:
    held = {
        "task": task,
        "model.name": str(model),
        "model.dropout": 0.0,
        "data.validation_share": 0.3,
        "data.test_share": 0.0,
        "training.precision": "fp32",
        "evaluation.metrics": [spec],
        **(TEXTS if shapes_using(find(task), "generation") else {}),
        **settings,
    }
    return prepare(build_recipe(write(folder / "rows.jsonl", task), held, folder, Console()), Console())


def by_trainer(prepared: Prepared, model: Any, function: Callable[[Any], Any], folder: Path) -> dict[str, float]:
    """The numbers of a function in the `Trainer`, on the validation rows of prepared data."""
    encoded, task = prepared.encoded["validation"], prepared.task
    collate = task.collator(model)
    kind: type[Trainer] = Trainer
    values: type[TrainingArguments] = TrainingArguments
    settings: dict[str, Any] = {"use_cpu": True, "per_device_eval_batch_size": 4, "report_to": "none"}
    more: dict[str, Any] = {"label_names": ["labels"]}
    if task.kind.family == "encoder-decoder":
        kind, values = Seq2SeqTrainer, Seq2SeqTrainingArguments
        settings["predict_with_generate"] = True
    options: dict[str, Any] = {}
    if task.kind.family == "decoder":
        options["preprocess_logits_for_metrics"] = lambda logits, labels: logits.argmax(-1)
    if task.kind.auto_class == "QuestionAnswering":
        more = {"label_names": ["start_positions", "end_positions"]}

    def batch_of(rows: Sequence[Any]) -> dict[str, Any]:
        batch: dict[str, Any] = collate(rows)
        if task.kind.auto_class == "QuestionAnswering":
            batch["start_positions"], batch["end_positions"] = batch.pop("labels").unbind(1)
        return batch

    args = values(output_dir=str(folder / "hf"), remove_unused_columns=False, disable_tqdm=True, **settings, **more)
    trainer = kind(
        model=model,
        args=args,
        eval_dataset=encoded.rows,
        data_collator=batch_of,
        processing_class=task.tokenizer,
        compute_metrics=lambda p: numbers(function(in_unit(task, p))),
        **options,
    )
    return {name.removeprefix("eval_"): value for name, value in trainer.evaluate().items()}


def in_unit(task: Any, p: Any) -> Any:
    """What the `Trainer` gives to a function, of a number in the unit of the data: it is learned without."""
    if task.shape is None or not task.shape.endswith("/number"):
        return p
    found, gold = (np.asarray(one, float) * task.learned.scale + task.learned.mean for one in p)
    return EvalPrediction(predictions=found, label_ids=gold)


def numbers(result: Any) -> dict[str, float]:
    return result if isinstance(result, dict) else {"several": result}


def check(prepared: Prepared, spec: str, folder: Path, names: Sequence[str]) -> None:
    model = fresh_model(prepared).eval()
    torch.manual_seed(0)
    for parameter in model.parameters():  # an untrained model would say the same of every row
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    ours = quick_metrics(prepared, model, "validation").values
    theirs = by_trainer(prepared, model, load(spec), folder)
    assert {name: ours[name] for name in names} == pytest.approx({name: theirs[name] for name in names}, rel=1e-5)
    assert any(ours[name] not in (0, 1) for name in names), "a number that says something"


@pytest.mark.parametrize(
    ("shape", "function", "names"),
    [
        ("single/one", "one", ["macro", "right"]),
        ("single/several", "several", ["several"]),
        ("pair/number", "number", ["squares", "first"]),
    ],
)
def test_rows(shape: str, function: str, names: list[str], source: Path, tmp_path: Path, tiny_model: Path) -> None:
    spec = f"{source}:{function}"
    check(shape_of(shape, tmp_path, tiny_model, spec), spec, tmp_path, names)


@pytest.mark.parametrize(
    ("task", "model", "function", "names"),
    [
        ("token-classification", "BERT", "tokens", ["entities", "share"]),
        ("question-answering", "BERT", "spans", ["whole", "far"]),
        ("text-generation", "GPT-2", "next_tokens", ["hits", "mean_id"]),
        ("summarization", "T5", "texts", ["chrf_own", "gen_len"]),
        ("translation", "BART", "texts", ["chrf_own", "gen_len"]),
    ],
)
def test_tokens_and_texts(
    task: str, model: str, function: str, names: list[str], source: Path, tmp_path: Path, built: Callable[[str], Path]
) -> None:
    source.write_text(f"{SOURCE}\nMODEL = {str(built(model))!r}\n", encoding="utf-8")
    spec = f"{source}:{function}"
    windows: dict[str, Any] = {} if function == "texts" else {"data.max_length": 14}
    samples = {"evaluation.samples": 99} if shapes_using(find(task), "evaluation.samples") else {}
    prepared = task_of(task, tmp_path, built(model), spec, **samples, **windows)
    if windows:
        assert len(prepared.encoded["validation"].rows) > len(prepared.splits["validation"]), "some are in windows"
    check(prepared, spec, tmp_path, names)


# -- resamples -------------------------------------------------------------------------------------------------------


def raw_of(rows: list[dict[str, Any]], values: list[list[float]], batches: Sequence[Sequence[int]]) -> RawOutputs:
    """Outputs of rows of several widths; the label of a row is its number."""
    raw = RawOutputs(rows)
    for chosen in batches:
        width = max(len(values[i]) for i in chosen)
        logits = np.array([values[i] + [0.0] * (width - len(values[i])) for i in chosen], dtype=np.float32)
        raw.add(np.array(chosen), [logits], [np.array(chosen)])
    return raw


def test_arrays_are_padded_like_those_of_the_trainer_whatever_the_order_of_the_batches() -> None:
    rows: list[dict[str, Any]] = [{}, {}, {}]
    values = [[1.0], [2.0, 3.0, 4.0], [5.0, 6.0]]
    for order in ([[0], [1], [2]], [[1], [2], [0]]):
        predictions, label_ids = raw_of(rows, values, order).on(np.arange(3))
        assert predictions.tolist() == [[1, -100, -100], [2, 3, 4], [5, 6, -100]]
        assert label_ids.tolist() == [0, 1, 2]


def test_a_resample_of_examples_holds_all_windows_of_each() -> None:
    rows = [{"examples": [1]}, {"examples": [0]}, {"examples": [1]}]
    raw = raw_of(rows, [[10.0], [0.0], [11.0]], [[0, 1, 2]])
    assert raw.n == 2
    for _ in range(2):  # the second call uses the same file
        predictions, label_ids = raw.on(np.array([1, 1, 0, 1]))
        assert predictions[:, 0].tolist() == [10, 11, 10, 11, 0, 10, 11]
        assert label_ids.tolist() == [0, 2, 0, 2, 1, 0, 2]
    assert raw.on(np.array([0]))[0].tolist() == [[0]]


def test_changes_in_place_are_not_seen_by_the_next_call() -> None:
    raw = raw_of([{}, {}], [[1.0], [2.0, 3.0]], [[0, 1]])
    for indices in (np.arange(2), np.array([1, 0])):
        before = [array.tolist() for array in raw.on(indices)]
        for array in raw.on(indices):
            array[...] = 7
        assert [array.tolist() for array in raw.on(indices)] == before


def test_generated_ids_are_the_predictions_of_their_examples_only() -> None:
    raw = RawOutputs([{}] * 3)
    raw.add(np.arange(3), [], [np.array([[1, 2], [3, -100], [5, 6]])])
    raw.generated([0, 2], [(0, 8), (0, 9, 9)])
    predictions, label_ids = raw.on(np.arange(2))
    assert raw.n == 2
    assert predictions.tolist() == [[0, 8, -100], [0, 9, 9]]
    assert label_ids.tolist() == [[1, 2], [5, 6]]
    logits = raw_of([{}], [[1.0]], [[0]])
    logits.generated([0], [(4,)])
    assert logits.on(np.arange(1))[0].tolist() == [[1]], "a decoder's texts are not its predictions"


def test_nothing_is_kept_where_no_metric_asks_for_it(source: Path) -> None:
    (source.parent / "pair.py").write_text("def pair(predictions, references): return 1\n")
    assert RawOutputs.wanted(recipe_of(), [{}]) is None
    assert RawOutputs.wanted(recipe_of(evaluation__metrics=[f"{source.parent / 'pair.py'}:pair"]), [{}]) is None
    assert RawOutputs.wanted(recipe_of(evaluation__metrics=[f"{source}:one:max"]), [{}]) is not None


def test_intervals_are_those_of_the_same_metric_on_labels(source: Path, tmp_path: Path, tiny_model: Path) -> None:
    """The same resamples are drawn: an interval does not depend on what the function is given."""
    spec = f"{source}:one:max"
    prepared = shape_of("single/one", tmp_path, tiny_model, spec)
    _, scored = score_split(prepared, fresh_model(prepared), "validation", Console())
    right = scored.metrics["right"]
    assert right.n == len(prepared.splits["validation"]) and right.low is not None
    said, gold = (scored.predictions[name] for name in ("prediction", "gold"))
    (own,) = custom_metrics("sklearn.metrics:accuracy_score", said, gold)
    assert (right.value, right.low, right.high) == pytest.approx((score(own).value, score(own).low, score(own).high))
    assert scored.directions["right"] is True


def test_the_files_are_gone_with_the_outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    raw = raw_of([{}, {}], [[1.0], [2.0]], [[0, 1]])
    raw.on(np.array([1, 1]))
    assert list(tmp_path.iterdir()) == [], "a process that is killed leaves none"
    assert _open_in(tmp_path)
    del raw
    assert not _open_in(tmp_path)


def _open_in(folder: Path) -> list[Path]:
    """The open files of this process that are, or were, in a folder."""
    gc.collect()
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return [link for link in links if str(folder) in str(link.readlink())]


def test_the_functions_are_tried_before_training(tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / "broken.py").write_text("def metric(p): return p.predictions.argmax(5)\n")
    with pytest.raises(UsageError, match=r"broken\.py:metric failed with AxisError"):
        shape_of("single/one", tmp_path, tiny_model, f"{tmp_path / 'broken.py'}:metric")


def test_data_of_its_own_is_evaluated_with_the_same_function(
    source: Path, tmp_path: Path, tuned: Callable[[str], Path]
) -> None:
    rows = review_rows(20)
    found = evaluate(tuned("single/one"), rows, metrics=[f"{source}:one"], baselines=False, resamples=100)
    assert found.metrics["right"].value == found.metrics["accuracy"].value
    assert found.metrics["right"].n == 20
