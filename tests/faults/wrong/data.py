"""Data that cannot be read or cannot be trained on."""

import io
import pickle
import zipfile

from tests.faults.scene import Rows, Scene, pickled_call
from tests.faults.wrong.case import Case

GIVE = "pass CSV, TSV, JSON"


def zipped() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("reviews.csv", "text,label\n")
    return sink.getvalue()


def folder(scene: Scene, **files: str) -> str:
    (scene.folder / "folder").mkdir()
    for name, content in files.items():
        scene.file(f"folder/{name.replace('_', '.')}", content)
    return "folder"


def other_rows(**values: str) -> Rows:
    return [
        {key: f"{value} {i}" if key in ("text", "body") else value for key, value in values.items()} for i in range(9)
    ]


DATA = [
    Case(
        "missing file", lambda s: s.train("reviws.csv"), 3, "no such file", "reviws.csv", "did you mean 'reviews.csv'?"
    ),
    Case("missing dataset", lambda s: s.train("reviws"), 3, "no such file or folder", "reviws", "'reviews.csv'"),
    Case(
        "second file missing",
        lambda s: s.train("reviews.csv", "more.csv"),
        3,
        "no such file",
        "more.csv",
        "reviews.csv",
    ),
    Case(
        "no such scheme",
        lambda s: s.train("s4://bucket/r.csv"),
        3,
        "cannot be downloaded",
        "s4://bucket",
        "check the address",
    ),
    Case("empty file", lambda s: s.train(s.file("e.csv", "")), 3, "the file is empty", "e.csv", "with rows"),
    Case(
        "header only",
        lambda s: s.train(s.file("h.csv", "text,label\n")),
        3,
        "a header but no rows",
        "h.csv",
        "with rows",
    ),
    Case("blank lines", lambda s: s.train(s.file("b.csv", "\n\n  \n")), 3, "the file is blank", "b.csv", "with rows"),
    Case(
        "empty folder",
        lambda s: s.train(folder(s)),
        3,
        "no data in this folder",
        "folder",
        "it holds nothing; data files end in",
    ),
    Case(
        "folder of notes",
        lambda s: s.train(folder(s, notes_md="x")),
        3,
        "no data in this",
        "folder",
        "it holds notes.md",
    ),
    Case(
        "test data only",
        lambda s: s.train(folder(s, test_csv="text,label\n" + "fine,good\n" * 9)),
        3,
        "only test data",
        "folder",
        "pass the training files",
    ),
    Case(
        "picture",
        lambda s: s.train(s.file("r.png", b"\x89PNG\r\n\x1a\n" + bytes(99))),
        3,
        "a PNG picture",
        "r.png",
        GIVE,
    ),
    Case(
        "picture as csv",
        lambda s: s.train(s.file("r.csv", b"\x89PNG\r\n\x1a\n" + bytes(99))),
        3,
        "a PNG",
        "r.csv",
        GIVE,
    ),
    Case("zip archive", lambda s: s.train(s.file("r.zip", zipped())), 3, "a zip archive: unpack it", "r.zip", GIVE),
    Case(
        "pickle", lambda s: s.train(s.file("r.pkl", pickle.dumps([1]))), 3, "pickle, which can run code", "r.pkl", GIVE
    ),
    Case(
        "hostile pickle as csv",
        lambda s: s.train(s.file("r.csv", pickled_call(s.folder / "canary"))),
        3,
        "pickle, which can run code: never opened",
        "r.csv",
        GIVE,
    ),
    Case(
        "bytes",
        lambda s: s.train(s.file("n.csv", bytes(range(256)) * 20)),
        3,
        "binary file, not text",
        "n.csv",
        "save it as",
    ),
    Case(
        "NUL bytes",
        lambda s: s.train(s.file("n.csv", b"text,label\n" + b"a\0b,c\n" * 60)),
        3,
        "not text",
        "n.csv",
        "save it as",
    ),
    Case(
        "damaged gzip",
        lambda s: s.train(s.file("r.csv.gz", b"\x1f\x8b\x08" + bytes(20))),
        3,
        "is damaged",
        "r.csv.gz",
        "again",
    ),
    Case(
        "damaged parquet",
        lambda s: s.train(s.file("r.parquet", b"PAR1" + bytes(50) + b"PAR1")),
        3,
        "is damaged",
        "r.p",
        "again",
    ),
    Case(
        "damaged json",
        lambda s: s.train(s.file("r.json", '[{"text": "a"},')),
        3,
        "not valid JSON",
        "r.json",
        "fix the file",
    ),
    Case(
        "damaged json lines",
        lambda s: s.train(s.file("r.jsonl", '{"text": "a"\n' * 9)),
        3,
        "not valid JSON",
        "r.jsonl",
        "fix the file",
    ),
    Case(
        "wrong column",
        lambda s: s.train("--text", "body"),
        3,
        "no column 'body'",
        "reviews.csv",
        "choose one of the columns text, label",
    ),
    Case(
        "near-miss column",
        lambda s: s.train("--label", "lable"),
        3,
        "no column 'lable'",
        "reviews.csv",
        "did you mean 'label'?",
    ),
    Case(
        "column for two roles",
        lambda s: s.train("--label", "text", "--text", "text"),
        2,
        "the column 'text' is named twice",
        "--text, --label",
        "once",
    ),
    Case(
        "label is the text",
        lambda s: s.train("--label", "text"),
        3,
        "no classes to learn",
        "reviews.csv",
        "with --label",
    ),
    Case(
        "text is the label",
        lambda s: s.train("--text", "label"),
        3,
        "60 different values",
        "reviews.csv",
        "--text and --label",
    ),
    Case(
        "one class",
        lambda s: s.train(s.rows(lambda i, row: row | {"label": "good"})),
        3,
        "have the label 'good': there is nothing to learn",
        "changed.csv",
        "--allow one-class",
    ),
    Case(
        "texts empty",
        lambda s: s.train(s.rows(lambda i, row: row | {"text": " "}), "--text", "text"),
        3,
        "none is usable (60 empty-text): column 'text' is empty",
        "changed.csv",
        "--text",
    ),
    Case(
        "labels empty",
        lambda s: s.train(s.rows(lambda i, row: row | {"label": ""})),
        3,
        "'label' is empty",
        "changed.csv",
        "--label",
    ),
    Case(
        "label missing in half of the rows",
        lambda s: s.train(s.rows(lambda i, row: row if i % 4 < 2 else row | {"label": ""})),
        3,
        "30 of 60 rows (50.0 %) are skipped: missing-label 30",
        "changed.csv",
        "--allow mostly-skipped",
    ),
    Case(
        "leak into validation",
        lambda s: s.train("--valid", "reviews.csv"),
        3,
        "exactly the training rows",
        "reviews.csv",
        "--allow leak",
    ),
    Case(
        "leak into test",
        lambda s: s.train("--test", "reviews.csv"),
        3,
        "a text that is also in the training rows",
        "rows 1, 2",
        "--allow leak",
    ),
    Case(
        "new label in test",
        lambda s: s.train("--test", s.csv("t.csv", other_rows(text="so so", label="middling"))),
        3,
        "in no training row: 'middling' (9 rows). The training labels are 'bad', 'good'",
        "t.csv, rows 1, 2",
        "--allow unseen-labels",
    ),
    Case(
        "test of other columns",
        lambda s: s.train("--test", s.csv("t.csv", other_rows(body="so so", mark="good"))),
        3,
        "of 9 rows to test on none is usable (9 missing-text): column 'text' is not there",
        "t.csv",
        "--text and --label",
    ),
    Case(
        "test without labels",
        lambda s: s.train("--test", s.csv("t.csv", other_rows(text="so so"))),
        3,
        "missing-label",
        "t.csv",
        "--text and --label",
    ),
    Case(
        "test empty",
        lambda s: s.train("--test", s.file("t.csv", "text,label\n")),
        3,
        "a header but no rows",
        "t.csv",
        "rows",
    ),
    Case(
        "unknown splits",
        lambda s: s.train(s.rows(lambda i, row: row | {"fold": "a"}), "--set", "data.columns.split=fold"),
        3,
        "60 unknown-split): column 'fold' is 'a'",
        "changed.csv",
        "check the file",
    ),
    Case(
        "words in a number",
        lambda s: s.train(
            s.rows(lambda i, row: row | {"label": "high" if i % 3 else i}), "--set", "shape=single/number"
        ),
        3,
        "40 of 60 rows (66.7 %) are skipped: bad-label 40",
        "changed.csv",
        "--label",
    ),
    Case(
        "texts equal",
        lambda s: s.train(s.rows(lambda i, row: row | {"text": "the same"})),
        3,
        "All 60 rows have the same text in the column 'text'",
        "changed.csv",
        "--allow constant-text",
    ),
    Case("no data", lambda s: ["train"], 2, "missing argument 'DATA", "luthier train", "luthier train --help"),
    Case("inspect missing data", lambda s: ["inspect", "reviws.csv"], 3, "no such file", "reviws.csv", "'reviews.csv'"),
]
