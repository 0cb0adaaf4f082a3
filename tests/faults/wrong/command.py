"""Commands on runs, models and files that are not what the command needs."""

import shutil
from collections.abc import Callable
from pathlib import Path

from tests.faults.scene import Scene, flipped, truncated
from tests.faults.wrong.case import Case, spoiled


def on_spoiled(scene: Scene, name: str, spoil: Callable[[Path], None], command: str, *words: str) -> list[str]:
    return [command, str(spoiled(scene.run(), name, spoil)), *words]


def into(scene: Scene, run_dir: Path | str) -> list[str]:
    return [*scene.train()[:-1], str(run_dir)]


def beside_notes(scene: Scene) -> list[str]:
    scene.file("out/notes.txt", "mine")
    return scene.train()


def damaged_checkpoints(scene: Scene) -> list[str]:
    run = scene.unfinished_run()
    for weights in run.glob("checkpoints/*/model.safetensors"):
        flipped(weights, 1000)
    return ["resume", str(run)]


def changed_data(scene: Scene) -> list[str]:
    run = scene.unfinished_run()
    for name in ("recipe.toml", "data.json"):
        (run / name).write_text((run / name).read_text().replace(str(scene.done.parent), str(scene.folder)))
    with (scene.folder / "reviews.csv").open("a") as file:
        file.write("one more,good\n")
    return ["resume", str(run)]


def run_and(scene: Scene, *words: str) -> list[str]:
    scene.run()
    return list(words)


def rows(scene: Scene, **values: str) -> str:
    return scene.csv("o.csv", [dict(values) for _ in range(9)])


def predict(scene: Scene, *words: str) -> list[str]:
    return ["predict", str(scene.done), *words]


def folder(scene: Scene, name: str) -> str:
    (scene.folder / name).mkdir()
    return name


def two_runs(scene: Scene) -> list[str]:
    shutil.copytree(scene.done, scene.folder / "other")
    return [str(scene.unfinished_run()), "other"]


RUNS = "`luthier runs` lists"
CARD = "model/luthier.json"
MANIFEST = "the file does not match its checksum"
COMMAND = [
    Case(
        "unknown command",
        lambda s: ["trian", "reviews.csv"],
        2,
        "no such command 'trian'",
        "luthier",
        "did you mean 'train'",
    ),
    Case(
        "unknown option",
        lambda s: s.train("--bach-size", "3"),
        2,
        "no such option: --bach-size",
        "luthier train",
        "--batch-size",
    ),
    Case(
        "run below a file",
        lambda s: into(s, "reviews.csv/run"),
        2,
        "cannot be created: Not a directory",
        "reviews.csv/run",
        "--run-dir",
    ),
    Case("run is a file", lambda s: into(s, "reviews.csv"), 2, "cannot be created", "reviews.csv", "--run-dir"),
    Case("run beside notes", beside_notes, 2, "it is not empty", "out", "choose another directory"),
    Case("run of a run", lambda s: into(s, s.run()), 2, "it already contains a run", "run", "`luthier resume"),
    Case("resume nothing", lambda s: ["resume", "rnu"], 2, "no such directory", "rnu", RUNS),
    Case(
        "resume near miss", lambda s: run_and(s, "resume", "rnu"), 2, "no such directory", "rnu", "did you mean 'run'?"
    ),
    Case("resume no run", lambda s: ["resume", folder(s, "d")], 2, "it has no recipe.toml", "d", RUNS),
    Case(
        "resume damaged checkpoints",
        damaged_checkpoints,
        3,
        "no intact checkpoint",
        "model.safetensors",
        "luthier train",
    ),
    Case("resume changed data", changed_data, 2, "the data has changed", "reviews.csv", "restore the file"),
    Case(
        "resume a damaged result",
        lambda s: on_spoiled(s, "result.json", truncated, "resume"),
        3,
        "is damaged",
        "result.json",
        "delete it",
    ),
    Case("evaluate nothing", lambda s: ["evaluate", "nothing"], 2, "no data to evaluate on", "nothing", "add the data"),
    Case(
        "evaluate near miss",
        lambda s: run_and(s, "evaluate", "rnu"),
        2,
        "no such run or model",
        "rnu",
        "did you mean 'run'?",
    ),
    Case(
        "evaluate a model alone",
        lambda s: ["evaluate", str(s.run() / "model")],
        2,
        "no data to evaluate on",
        "model",
        "DATA",
    ),
    Case(
        "evaluate an untuned model",
        lambda s: ["evaluate", str(s.tiny), "reviews.csv"],
        2,
        "not fine-tuned for a task",
        "tiny-bert",
        "luthier train",
    ),
    Case(
        "evaluate an unfinished run",
        lambda s: ["evaluate", str(s.unfinished_run())],
        2,
        "no score yet",
        "run",
        "luthier resume",
    ),
    Case(
        "evaluate a damaged recipe",
        lambda s: on_spoiled(s, "recipe.toml", truncated, "evaluate"),
        2,
        "the recipe is truncated",
        "recipe.toml",
        "from a backup",
    ),
    Case(
        "evaluate otherwise",
        lambda s: ["evaluate", str(s.done), "--set", "threshold=0.3"],
        2,
        "evaluation.threshold",
        "run",
        "remove them",
    ),
    Case(
        "evaluate missing data",
        lambda s: ["evaluate", str(s.done), "reviws.csv"],
        3,
        "no such file",
        "reviws.csv",
        "'reviews.csv'",
    ),
    Case(
        "evaluate other columns",
        lambda s: ["evaluate", str(s.run()), rows(s, body="a b", how="so")],
        3,
        "no column looks like a label: 'body' is the text; 'how' is the same in all rows",
        "o.csv",
        "--text and --label",
    ),
    Case(
        "evaluate wrong names",
        lambda s: ["evaluate", str(s.run()), "reviews.csv", "--label", "lable"],
        3,
        "no column 'lable'",
        "reviews.csv",
        "'label'",
    ),
    Case(
        "evaluate unknown labels",
        lambda s: ["evaluate", str(s.run()), rows(s, text="a b", label="so")],
        3,
        "9 unknown-label",
        "o.csv",
        "bad, good",
    ),
    Case(
        "evaluate without labels",
        lambda s: ["evaluate", str(s.run()), rows(s, text="a b")],
        3,
        "no column looks like a label",
        "o.csv",
        "columns: text",
    ),
    Case(
        "evaluate a damaged model",
        lambda s: on_spoiled(s, "model/config.json", truncated, "evaluate"),
        3,
        MANIFEST,
        "model/config.json",
        "from a backup",
    ),
    Case(
        "predict without a model",
        lambda s: ["predict", str(s.unfinished_run()), "a"],
        2,
        "the run has no model yet",
        "run",
        "luthier resume",
    ),
    Case(
        "predict with an untuned model",
        lambda s: ["predict", str(s.tiny), "a"],
        2,
        "not fine-tuned for a task",
        "tiny-bert",
        "luthier train",
    ),
    Case("predict nothing", predict, 2, "nothing to predict", "luthier predict", "--file"),
    Case(
        "predict near miss",
        lambda s: run_and(s, "predict", "rnu", "a"),
        2,
        "no such run or model",
        "rnu",
        "did you mean 'run'?",
    ),
    Case(
        "predict other columns",
        lambda s: predict(s, "--file", rows(s, first="a b", other="c d")),
        3,
        "no column 'text'",
        "o.csv",
        "choose one: luthier predict",
    ),
    Case(
        "predict missing file",
        lambda s: predict(s, "--file", "reviws.csv"),
        3,
        "no such file",
        "reviws.csv",
        "'reviews.csv'",
    ),
    Case(
        "predict to nowhere",
        lambda s: predict(s, "--file", "reviews.csv", "--output", "none/o.jsonl"),
        2,
        "no such directory",
        "none",
        "create it",
    ),
    Case(
        "predict to a folder",
        lambda s: predict(s, "--file", "reviews.csv", "--output", "."),
        2,
        "is a directory",
        ".",
        "pass a file",
    ),
    Case(
        "predict onto the input",
        lambda s: predict(s, "--file", "reviews.csv", "--output", "reviews.csv"),
        2,
        "overwrite the input",
        "reviews.csv",
        "another --output",
    ),
    Case(
        "predict with damaged weights",
        lambda s: on_spoiled(s, "model/model.safetensors", lambda f: flipped(f, 5000), "predict", "a"),
        3,
        MANIFEST,
        "model.safetensors",
        "from a backup",
    ),
    Case(
        "predict with a damaged card",
        lambda s: on_spoiled(s, CARD, truncated, "predict", "a"),
        3,
        MANIFEST,
        CARD,
        "from a backup",
    ),
    Case(
        "predict with a damaged tokenizer",
        lambda s: on_spoiled(s, "model/tokenizer.json", truncated, "predict", "a"),
        3,
        MANIFEST,
        "tokenizer.json",
        "from a backup",
    ),
    Case(
        "predict with a lost file",
        lambda s: on_spoiled(s, "model/tokenizer.json", Path.unlink, "predict", "a"),
        3,
        "is missing",
        "tokenizer.json",
        "from a backup",
    ),
    Case(
        "predict pairs",
        lambda s: predict(s, "a", "--pair", "b"),
        2,
        "takes 1 text per row, not 2",
        "a | b",
        "pass one text",
    ),
    Case("compare one", lambda s: ["compare", str(s.done)], 2, "at least two runs", "run", "add another run"),
    Case("compare twice", lambda s: ["compare", str(s.done), str(s.done)], 2, "two different runs", "run", RUNS),
    Case("compare none", lambda s: ["compare", str(s.done), "none"], 2, "no such directory", "none", RUNS),
    Case("compare unfinished", lambda s: ["compare", *two_runs(s)], 2, "no score yet", "run", "luthier resume"),
    Case("report on nothing", lambda s: ["report", "none"], 2, "no such directory", "none", RUNS),
    Case(
        "report on damaged metrics",
        lambda s: on_spoiled(s, "metrics.json", truncated, "report"),
        3,
        "is damaged",
        "metrics.json",
        "from a backup",
    ),
    Case(
        "report on damaged predictions",
        lambda s: on_spoiled(s, "predictions.parquet", truncated, "report"),
        3,
        "is damaged",
        "predictions.parquet",
        "from a backup",
    ),
    Case("runs of nowhere", lambda s: ["runs", "none"], 2, "no such runs directory", "none", "luthier train DATA"),
]
