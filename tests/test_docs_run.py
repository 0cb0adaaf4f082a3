"""Every command that a page shows is typed as it stands there, on small files of the names that it uses."""

import io
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from luthier.cli import main
from luthier.models import sources
from tests.conftest import review, write_csv

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = {
    line.removeprefix(".venv/bin/"): page.name
    for page in PAGES
    for block in re.findall(r"^```[a-z]*\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
    if line.removeprefix(".venv/bin/").startswith("luthier ")
}
CHAT = "2026-11-24-instructions-chat-m4q8"
WITH_JSON = {
    "## train, resume": "resume runs/first",
    "## inspect": "inspect reviews.csv --text body --label stars --model minilm",
    "## evaluate": "evaluate runs/first",
    "## predict, chat": "predict runs/first hello",
    "| `runs` |": "runs",
    "| `compare` |": "compare runs/first runs/two-seeds",
    "| `curves` |": "curves runs/first",
    "| `watch` |": "watch runs/first",
    "| `report` |": "report runs/first",
    "| `trace` |": "trace runs/first hello",
    "| `track` |": "track runs/first --to csv",
    "| `prune` |": "prune runs/first",
    "| `merge` |": "merge runs/adapter --output merged-for-json",
    "| `tasks` |": "tasks",
    "| `doctor` |": "doctor",
    "| `tokenizer train` |": "tokenizer train reviews.csv --text body --label stars --kind char --output for-json",
    "| `tokenizer compare` |": "tokenizer compare reviews.csv char word --text body --label stars",
    "| `lr-find` |": "lr-find reviews.csv --text body --label stars --model minilm --steps 20",
}
QUICK = {"training.max_steps": 3, "evaluation.resamples": 100}


def rows(n: int, start: int = 0) -> list[dict[str, object]]:
    labels = ["good" if i % 2 else "bad" for i in range(start, start + n)]
    return [
        {"title": f"{label} number {i}", "body": review(label, i), "stars": 5 if label == "good" else 1}
        for i, label in enumerate(labels, start)
    ]


@pytest.fixture(scope="module")
def place(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the files and the runs that the pages speak of."""
    import luthier

    directory = tmp_path_factory.mktemp("docs")
    reviews = write_csv(directory / "reviews.csv", rows(60))
    write_csv(directory / "new.csv", rows(20, 500))
    coded = [{"text": review("good" if i % 2 else "bad", i), "label": i % 2} for i in range(60)]
    write_csv(directory / "sentiment.csv", coded)
    for name, start in (("train", 0), ("dev", 100), ("test", 200)):
        table = [{**row, "title": str(row["title"])} for row in rows(40, start)]
        lines = ["\t".join(table[0]), *("\t".join(map(str, row.values())) for row in table)]
        (directory / f"{name}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    pairs = [{"sentence1": review("good", i), "sentence2": review("bad", i + i % 2), "same": i % 2} for i in range(60)]
    (directory / "elsewhere").mkdir()
    runs = {
        "2026-11-23-reviews-text-classification-k3f9": reviews,
        "2026-11-23-pairs-text-classification-x2m7": write_csv(directory / "pairs.csv", pairs),
        "first": reviews,
        "second": reviews,
    }
    overrides = {**QUICK, "model.name": str(tiny_model)}
    for name, data in runs.items():
        luthier.train([str(data)], run_dir=directory / "runs" / name, **overrides)
    for name, rate in (("two-seeds", 1e-4), ("two-others", 1e-3)):
        luthier.train([str(reviews)], seeds=2, run_dir=directory / "runs" / name, learning_rate=rate, **overrides)
    luthier.train([str(reviews)], run_dir=directory / "runs" / "adapter", **overrides, adapter={"rank": 2})
    chats = [{"instruction": review("good", i), "output": review("bad", i)} for i in range(60)]
    (directory / "instructions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in chats))
    luthier.train_tokenizer(reviews, directory / "tokenizer", kind="char")
    articles = [{"article": review("good", i), "summary": review("bad", i)} for i in range(60)]
    (directory / "articles.jsonl").write_text("".join(json.dumps(row) + "\n" for row in articles))
    new = {**QUICK, "model.from_scratch": "tiny", "generation.max_new_tokens": 4, "evaluation.generated_rows": 2}
    luthier.train(directory / "instructions.jsonl", run_dir=directory / "runs" / CHAT, **new)
    shutil.copy(ROOT / "docs" / "recipe.toml", directory)
    return directory


def test_there_are_commands_to_type():
    assert len(COMMANDS) >= 20


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: f"{COMMANDS[command]}: {command[8:60]}")
def test_command(command, place, tiny_model, monkeypatch, capsys):
    monkeypatch.chdir(place)
    models = {"minilm": tiny_model, "smollm2": place / "runs" / CHAT / "model"}
    monkeypatch.setattr(
        sources, "packaged_directory", lambda name, console=None: str(models[name]) if name in models else None
    )
    monkeypatch.setattr("sys.stdin", io.StringIO("hello\n"))
    words = shlex.split(command)[1:]
    if words[0] == "train":
        quick = QUICK | ({"generation.max_new_tokens": 4} if "chat" in words else {})
        words += [part for key, value in quick.items() for part in ("--set", f"{key}={value}")]
    if words[0] == "datasize":
        words += ["--at", "20,40", "--repeats", "1", "--max-steps", "1"]
    if words[:2] == ["tokenizer", "train"]:
        shutil.rmtree(place / words[words.index("--output") + 1], ignore_errors=True)  # commands run in any order
    code = main(words)
    captured = capsys.readouterr()
    assert code == 0, captured.err
    assert captured.out


@pytest.mark.parametrize("place_on_page", WITH_JSON)
def test_keys_of_json_are_documented(place_on_page, place, tiny_model, monkeypatch, capsys):
    monkeypatch.chdir(place)
    monkeypatch.setattr(sources, "packaged_directory", lambda name, console=None: str(tiny_model))
    page = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
    part = page.split(f"\n{place_on_page}", 1)[1]
    part = part.split("\n## ")[0] if place_on_page.startswith("#") else part.split("\n", 1)[0]
    assert main([*WITH_JSON[place_on_page].split(), "--json"]) == 0
    keys = json.loads(capsys.readouterr().out)
    assert [key for key in keys if f"`{key}`" not in part and key != "text"] == []  # the input's own field


@pytest.mark.slow
def test_the_python_of_the_first_page_runs(place, tiny_model, monkeypatch, capsys):
    monkeypatch.chdir(place)
    monkeypatch.setattr(sources, "packaged_directory", lambda name, console=None: str(tiny_model))
    page = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 4
    names: dict[str, object] = {}
    for block in blocks:
        exec(block, names)
    score, paths = capsys.readouterr().out.splitlines()
    assert len(score.split()) == 4
    assert paths.endswith("report.html")
