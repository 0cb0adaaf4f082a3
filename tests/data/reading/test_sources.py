"""Sources: what is opened as what, what is refused and how, samples and digests."""

import hashlib
import io
import os
import pickle
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from datasets import Dataset, DatasetDict
from hypothesis import given
from hypothesis import strategies as st

from luthier.data.reading.sources import open_source, sample
from luthier.data.records import Record
from luthier.errors import SourceError


@pytest.fixture(autouse=True)
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may wait for a network."""
    import datasets

    def unreachable(*_: object) -> None:
        raise ConnectionError("the Hub cannot be reached")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(spec: str | Path) -> SourceError:
    with pytest.raises(SourceError) as caught:
        list(open_source(spec).records())
    error = caught.value
    assert error.what
    assert error.hint
    assert str(spec).split("/")[0] in error.where
    return error


def test_a_missing_file_names_its_neighbours(tmp_path: Path) -> None:
    write(tmp_path / "reviews.csv", "text,label\nfine,1\n")
    assert "did you mean 'reviews.csv'?" in refusal(tmp_path / "reviws.csv").hint
    assert "reviews.csv" in refusal(tmp_path / "zzz.jsonl").hint
    assert tmp_path.name in refusal(tmp_path / "nowhere" / "deep" / "t.csv").hint


def test_names_that_no_system_takes(tmp_path: Path) -> None:
    refusal(tmp_path / ("n" * 300 + ".csv"))
    refusal(write(tmp_path / "t.csv", "a,b\n1,2\n") / "below.csv")
    odd = write(tmp_path / "ein Ordner mit Ümläuten" / ("x" * 251 + ".csv"), "text,label\nfine,1\nbad,0\n")
    (tmp_path / "link.csv").symlink_to(odd)
    for path in (odd, tmp_path / "link.csv"):
        assert sum(1 for _ in open_source(path).records()) == 2


def test_permission_denied_by_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "t.csv", "text,label\nfine,1\n")

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    assert "permission" in refusal(path).what


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "empty"),
        (b" \n\n\t\n", "blank"),
        (b"text,label\n", "a header but no rows"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "PNG"),
        (pickle.dumps({"text": ["a"]}), "pickle"),
        (b"%PDF-1.7 more", "PDF"),
        (bytes(range(256)) * 10, "binary"),
        ((64).to_bytes(8, "little") + b'{"__metadata__": {}}' + bytes(100), "safetensors"),
    ],
)
def test_what_holds_no_rows_is_refused(tmp_path: Path, content: bytes, kind: str) -> None:
    assert kind in refusal(write(tmp_path / "t.csv", content)).what


def test_archives_are_refused(tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("t.csv", "text,label\n")
    assert "zip" in refusal(write(tmp_path / "t.csv.zip", archive.getvalue())).what
    assert "damaged" in refusal(write(tmp_path / "t.xlsx", archive.getvalue())).what
    assert "damaged" in refusal(write(tmp_path / "t.parquet", b"PAR1" + bytes(100) + b"PAR1")).what
    assert "damaged" in refusal(write(tmp_path / "t.arrow", b"ARROW1\0\0" + bytes(100))).what


def test_folder_without_data(tmp_path: Path) -> None:
    write(tmp_path / "model.bin", b"x")
    assert "folder" in refusal(tmp_path).what


def test_hub_names_without_a_hub() -> None:
    assert "Hub" in refusal("organisation/some-set").what
    assert "no such file" in refusal("reviews-that-are-not-here.csv").what


def test_hub_set(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    asked: list[tuple[str, str | None]] = []

    def load(name: str, configuration: str | None) -> DatasetDict:
        asked.append((name, configuration))
        return DatasetDict({"train": Dataset.from_dict({"text": ["fine", "bad"]})})

    monkeypatch.setattr(datasets, "load_dataset", load)
    source = open_source("organisation/some-set:part")
    assert asked == [("organisation/some-set", "part")]
    assert (source.name, source.path, sum(1 for _ in source.records())) == (
        "organisation/some-set:part [train]",
        None,
        2,
    )


@pytest.mark.parametrize("kept", [True, False])
def test_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: bool) -> None:
    stream = io.BytesIO(b'{"text": "fine"}\n{"text": "bad"}\n')
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=stream))
    source = open_source("-", stdin_to=tmp_path / "stdin" if kept else None)
    assert list(source.records()) == list(source.records())
    assert [one.values for one in source.records() if isinstance(one, Record)] == [{"text": "fine"}, {"text": "bad"}]
    assert source.name == "-"
    place = source.path
    assert place is not None
    assert (place == tmp_path / "stdin") is kept
    del source
    assert place.exists() is kept


def test_named_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_text("text,label\nfine,1\nbad,0\n"))
    writer.start()
    source = open_source(tmp_path / "pipe")
    writer.join()
    assert len(list(source.records())) == len(list(source.records())) == 2


def test_urls() -> None:
    import fsspec

    with fsspec.open("memory://folder/t.csv.gz", "wb", compression="gzip") as stream:
        stream.write(b"text,label\nfine,1\nbad,0\n")
    source = open_source("memory://folder/t.csv.gz")
    assert (source.path, source.format, sum(1 for _ in source.records())) == (None, "csv", 2)
    assert len(source.digest) == 64
    assert "not found at this address" in refusal("memory://folder/other.csv").what
    assert "cannot be downloaded" in refusal("nosuchprotocol://folder/other.csv").what


def test_file_that_goes_away(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "text,label\nfine,1\n")
    source = open_source(path)
    path.unlink()
    with pytest.raises(SourceError, match="no such file"):
        list(source.records())


def test_digest_is_that_of_the_bytes_and_taken_once(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "text,label\nfine,1\n")
    source = open_source(path)
    assert source.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_text("changed")
    assert source.digest != hashlib.sha256(path.read_bytes()).hexdigest()


def test_decisions_are_short_lines(tmp_path: Path) -> None:
    source = open_source(write(tmp_path / "t.csv", "\ufefftext;text\nfine;1\nbad;0\n"))
    assert [one.what for one in source.decisions] == [
        *("format", "encoding", "separator", "quoting", "header", "column names"),
    ]
    for one in source.decisions:
        assert one.value
        assert one.why
        assert len(f"{one.what}: {one.value} ({one.why})") < 120
        assert "\n" not in one.why


@given(st.integers(0, 30), st.integers(0, 40), st.integers(0, 1000))
def test_sample_is_repeatable_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, n: int, size: int, seed: int
) -> None:
    path = write(tmp_path_factory.mktemp("s") / "t.jsonl", '{"text": "first"}\n' + '{"text": "a"}\n{broken\n' * size)
    source = open_source(path)
    drawn = sample(source, n, seed)
    assert len(drawn) == min(n, size + 1)
    assert drawn == sample(source, n, seed)
    numbers = [record.row for record in drawn]
    assert numbers == sorted(set(numbers))


def test_sample_of_a_sorted_file_shows_every_label(tmp_path: Path) -> None:
    text = "".join(f"text {n}\t{'abcd'[n // 500]}\n" for n in range(2_000))
    drawn = sample(open_source(write(tmp_path / "t.tsv", text)), 100, 0)
    shares = [sum(record.values["column2"] == label for record in drawn) for label in "abcd"]
    assert min(shares) > 10


def test_standard_input_that_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(SourceError, match="standard input is closed"):
        open_source("-")


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="no /dev/fd")
def test_a_file_that_the_shell_has_opened_is_a_stream(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("text,label\nfine,1\nbad,0\n")
    with (tmp_path / "rows.csv").open() as file:
        source = open_source(f"/dev/fd/{file.fileno()}", stdin_to=tmp_path / "kept")
    assert source.path == tmp_path / "kept"
    assert source.columns == ["text", "label"]
