"""`luthier predict`: predictions for texts or for a file of any size."""

from collections.abc import Mapping, Sequence
from json import loads
from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from luthier.cli.options import GENERAL, Target
from luthier.cli.output import Output, dumps
from luthier.cli.settings import BASE, SAMPLING, by_name, takes
from luthier.errors import UsageError
from luthier.text import amount, number, plural, shorten

COLUMNS = "data.columns."
ROW_HINT = 'write an object, such as --row \'{"text": "The strings are worn."}\''
Texts = Annotated[list[str] | None, Argument(metavar="TEXT", help="Texts to predict.")]


@takes("--text --label --column", *SAMPLING, BASE, "--device precision")
def predict(
    out: Output,
    target: Target,
    changes: dict[str, Any],
    texts: Texts = None,
    pair: Annotated[
        list[str] | None, Option(metavar="TEXT", help="Second text of each TEXT, in order; repeatable.")
    ] = None,
    row: Annotated[
        list[str] | None, Option(metavar="JSON", help="Row as a JSON object, column to value; repeatable.")
    ] = None,
    file: Annotated[str | None, Option(metavar="DATA", help="Data file to predict; - is standard input.")] = None,
    output: Annotated[
        Path | None, Option(metavar="FILE", help="Write the predictions for --file as JSON lines.")
    ] = None,
    precision: Annotated[
        str, Option(metavar="NAME", help="fp32, or faster: bf16 or fp16.", rich_help_panel=GENERAL)
    ] = "fp32",
) -> int:
    """Predict texts, or the rows of a file.

    Predictions for a file are JSON lines in the order of its rows; --json prints texts as JSON lines too.
    Columns may have other names than in training, if it is clear which is which.
    """
    columns = {key.removeprefix(COLUMNS): name for key, name in changes.items() if key.startswith(COLUMNS)}
    _check(texts, pair, row, file, output, columns)
    generate = by_name({key: value for key, value in changes.items() if not key.startswith(COLUMNS)})
    how = {"precision": precision} | {name: generate.pop(name) for name in ("device", "base_model") if name in generate}

    from luthier.api import predict as api
    from luthier.pipeline.inference.answered import with_answer
    from luthier.pipeline.inference.answers_file import Tally

    if file is not None and output is not None:
        rows = api.predict_file(target, file, output, **how, console=out.console, **columns, **generate)
        out.lines({"rows": rows, "output": str(output)}, [f"{plural(rows, 'row')} written to {output}"])
    elif file is not None:
        for answer in api.predict(target, file, **how, console=out.console, **columns, **generate):
            out.text(dumps(answer))
    else:
        inputs: Sequence[Any] = list(zip(texts or [], pair, strict=True)) if pair else texts or _rows(row or [])
        predictor = api.load(target, **how)
        predictor = predictor.generating(generate, out.console) if generate else predictor
        tally = Tally()
        for given, answer in zip(inputs, predictor.predict(inputs), strict=True):
            out.text(dumps(with_answer(predictor.fields(given), answer)) if out.as_json else _line(given, answer))
            tally.add(answer)
        tally.tell_truncated(out.console, "--json marks which")
    return 0


def _rows(rows: Sequence[str]) -> list[dict[str, Any]]:
    found = []
    for row in rows:
        try:
            value = loads(row)
        except ValueError as error:
            raise UsageError(f"--row is not JSON: {error}", where=f"--row {row!r}", hint=ROW_HINT) from None
        if not isinstance(value, dict):
            raise UsageError("--row is not a JSON object", where=f"--row {row!r}", hint=ROW_HINT)
        found.append(value)
    return found


def _check(
    texts: list[str] | None,
    pair: list[str] | None,
    row: list[str] | None,
    file: str | None,
    output: Path | None,
    columns: Mapping[str, Any],
) -> None:
    if texts and len(texts) == 1 and not pair and _is_file(texts[0]):
        raise UsageError("the text is the name of a file", where=texts[0], hint=f"--file {texts[0]} predicts its rows")
    if file is None and not texts and not row:
        raise UsageError("nothing to predict", where="luthier predict", hint="pass texts, --row or --file")
    if sum(map(bool, (file, texts or pair, row))) > 1:
        raise UsageError("texts, --row and --file cannot be combined", where="luthier predict", hint="use one of them")
    if file is None and columns:
        raise UsageError("columns belong to --file", where="luthier predict", hint="pass --file, or use --row")
    if file is None and output is not None:
        raise UsageError("--output requires --file", where="luthier predict", hint="remove --output, or pass --file")
    if pair and len(pair) != len(texts or []):
        numbers = f"{plural(len(texts or []), 'text')}, {len(pair)} --pair"
        raise UsageError("each TEXT needs its own --pair", where=numbers, hint="pass one --pair for each TEXT")


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except OSError:  # too long for a name
        return False


def _line(given: str | tuple[str, str] | Mapping[str, Any], answer: Mapping[str, Any]) -> str:
    """A prediction on one line; generated text is printed in full, below its input."""
    prediction, score = answer.get("prediction"), answer.get("score")
    parts = given.values() if isinstance(given, Mapping) else given
    text = given if isinstance(given, str) else " | ".join(map(str, parts))
    if isinstance(prediction, str) and "score" not in answer:
        return f"> {shorten(text, 76)}\n{prediction}\n"
    words = [_label(prediction, answer), number(score) if isinstance(score, float) else "", shorten(text, 60)]
    return "  ".join(word for word in words if word)


def _label(prediction: Any, answer: Mapping[str, Any]) -> str:
    if prediction is None:
        return str(answer.get("error", "no answer"))
    if isinstance(prediction, float):
        return amount(prediction)
    if isinstance(prediction, str):
        return prediction or "(no answer)"
    if not isinstance(prediction, list | tuple):
        return str(prediction)
    # A list holds entities with their types, or labels.
    names = [f"{one['text']} ({one['type']})" if isinstance(one, Mapping) else str(one) for one in prediction]
    return ", ".join(names) or "(none)"
