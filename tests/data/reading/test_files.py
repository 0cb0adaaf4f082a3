"""The bytes of a source: decompressed, hashed as they lie there, refused where they hold no rows."""

import bz2
import gzip
import hashlib
import io
import lzma
import os
import pickle
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pyarrow
import pyarrow.parquet
import pytest

from luthier.data.reading.files import REFUSED, DataFile, find_file, missing, reading, refuse_binary, spool
from luthier.data.reading.sources import open_source
from luthier.errors import SourceError
from tests.data.reading.rows import rows, write

KINDS = {"gz": "gzip", "bz2": "bzip2", "xz": "xz", "zst": "zstd"}
CONTENT = b"text,label\nfine,1\nbad,0\n"


def pack(name: str, content: bytes) -> bytes:
    if name == "zst":
        buffer = pyarrow.BufferOutputStream()
        with pyarrow.CompressedOutputStream(buffer, "zstd") as stream:
            stream.write(content)
        packed: bytes = buffer.getvalue().to_pybytes()
        return packed
    packers: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
    return packers[name](content)


@pytest.mark.parametrize("name", KINDS)
def test_compressed_files(tmp_path: Path, name: str) -> None:
    content = pack(name, CONTENT)
    for file in (f"t.csv.{name}", "t.csv", "t"):  # the content says that it is compressed, not the name
        source = open_source(write(tmp_path, file, content))
        assert rows(source) == [["fine", "1"], ["bad", "0"]]
        assert source.decisions[0].what == "compression"


@pytest.mark.parametrize("name", KINDS)
def test_damaged_compressed_files(tmp_path: Path, name: str) -> None:
    content = pack(name, "".join(f"text {n * n},{n % 7}\n" for n in range(20_000)).encode())
    # A zstd frame need not hold a checksum, so of its faults only a missing end is certain to be seen.
    changed = [] if name == "zst" else [content[:40] + b"\x00\xff\x55" * 20 + content[100:]]
    for damaged in (content[: len(content) // 2], content[:-1], *changed):
        with pytest.raises(SourceError, match="damaged"):
            list(open_source(write(tmp_path, f"t.csv.{name}", damaged)).records())


def test_compressed_parquet(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pyarrow.table({"text": ["a", "b"]}), tmp_path / "t.parquet")
    packed = write(tmp_path, "u.parquet.gz", gzip.compress((tmp_path / "t.parquet").read_bytes()))
    assert rows(open_source(packed)) == [["a"], ["b"]]


@pytest.mark.parametrize("name", ["", *KINDS])
def test_a_file_is_read_decompressed_and_hashed_as_it_lies_there(tmp_path: Path, name: str) -> None:
    packed = pack(name, CONTENT) if name else CONTENT
    file = find_file("mine", write(tmp_path, "t", packed))
    assert (file.name, file.compression) == ("mine", KINDS.get(name, ""))
    assert file.head(4) == b"text"
    for _ in range(2):  # from its start as often as wanted
        with file.open() as stream:
            assert stream.read() == CONTENT
    with file.open_seekable() as stream:
        stream.seek(-7, io.SEEK_END)
        assert stream.read() == b"\nbad,0\n"
    assert file.digest() == hashlib.sha256(packed).hexdigest()


@pytest.mark.parametrize(
    ("name", "path", "suffix"),
    [
        ("x", Path("Reviews.CSV.gz"), ".csv"),
        ("x", Path("a.b.jsonl"), ".jsonl"),
        ("x", Path("data.zst"), ""),
        ("x", Path("README"), ""),
        ("https://example.org/t.csv.xz?download=a.json", None, ".csv"),
    ],
)
def test_the_extension_is_that_below_a_compression(name: str, path: Path | None, suffix: str) -> None:
    assert DataFile(name, path).suffix == suffix


@pytest.mark.parametrize("path", [Path(os.devnull), Path("/")])
def test_a_device_and_a_folder_are_no_file(path: Path) -> None:
    with pytest.raises(SourceError, match="not a file") as caught:
        find_file("mine", path)
    assert caught.value.where == "mine"


def tar() -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as opened:
        opened.addfile(tarfile.TarInfo("t.csv"), io.BytesIO())
    return archive.getvalue()


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        *((magic + bytes(300), kind) for magic, kind in REFUSED.items()),
        *((pickle.dumps({"a": 1}, protocol), "pickle") for protocol in (2, 3, 4, 5)),
        (tar(), "tar"),
        ((64).to_bytes(8, "little") + b'{"__metadata__": {}}', "safetensors"),
    ],
)
def test_what_holds_no_rows_is_named_and_refused(head: bytes, kind: str) -> None:
    with pytest.raises(SourceError) as caught:
        refuse_binary(head, "t.csv")
    assert kind in caught.value.what
    assert (caught.value.where, bool(caught.value.hint)) == ("t.csv", True)


@pytest.mark.parametrize("head", [b"", CONTENT, b"\x80", "größer".encode("utf-16"), b"12345678{9 and more"])
def test_text_is_not_refused(head: bytes) -> None:
    refuse_binary(head, "t.csv")


@pytest.mark.parametrize(
    "first",
    [
        "ID3,label",
        "RIFF\tlabel",
        "GGUF is a format,1",
        "GIF8 is,1",
        "GIF89a,1",
        "OggS,1",
        "fLaC,1",
        "Rar!,1",
        "BZh,label",
        "BZh9,1",
        "%PDF,1",
        "ID3,größer",
    ],
)
def test_a_table_may_begin_with_the_words_that_other_files_begin_with(tmp_path: Path, first: str) -> None:
    separator = "\t" if "\t" in first else ","
    text = "".join(f"{line}\n" for line in [first, *(f"a text {i}{separator}{i % 2}" for i in range(20))])
    source = open_source(write(tmp_path, "t.csv", text))
    assert not any(decision.what == "compression" for decision in source.decisions)
    assert rows(source)[-1] == ["a text 19", "1"]


def test_an_empty_bzip2_file_is_one(tmp_path: Path) -> None:
    assert find_file("t", write(tmp_path, "t", bz2.compress(b""))).compression == "bzip2"


@pytest.mark.skipif(sys.platform == "darwin", reason="file names are UTF-8 there")
def test_a_file_name_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "caf\udce9.csv"
    path.write_text("text,label\na,b\n")
    with pytest.raises(SourceError, match="the file name is not valid UTF-8") as caught:
        find_file(str(path), path)
    assert caught.value.where == str(tmp_path / "caf\\udce9.csv")


def test_a_stream_is_kept_in_a_file(tmp_path: Path) -> None:
    spool(io.BytesIO(CONTENT), tmp_path / "kept")
    assert (tmp_path / "kept").read_bytes() == CONTENT
    with pytest.raises(SourceError):
        spool(io.BytesIO(CONTENT), tmp_path / "no" / "folder")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv", CONTENT)
    path.chmod(0)
    with pytest.raises(SourceError, match="permission"):
        find_file("t.csv", path)


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (PermissionError(13, "Permission denied"), "permission"),
        (gzip.BadGzipFile("not one"), "the compressed file is damaged: not one"),
        (EOFError("too short"), "the compressed file is damaged: too short"),
        (OSError("Invalid data stream"), "the file is damaged: Invalid data stream"),
        (OSError(5, "Input/output error"), "Input/output error"),
    ],
)
def test_errors_of_the_system_say_what_where_and_how(error: Exception, what: str) -> None:
    with pytest.raises(SourceError) as caught, reading("mine"):
        raise error
    assert what in caught.value.what
    assert (caught.value.where, bool(caught.value.hint)) == ("mine", True)


def test_a_missing_file_is_answered_with_what_is_there(tmp_path: Path) -> None:
    assert missing("mine", tmp_path / "t.csv").hint == f"check the path; {tmp_path} is empty"
    write(tmp_path, "reviews.csv", CONTENT)
    assert missing("mine", tmp_path / "review.csv").hint == "did you mean 'reviews.csv'?"
    assert missing("mine", tmp_path / "zzz").hint == f"check the path; {tmp_path} has reviews.csv"
    assert missing("mine", tmp_path / "deep" / "er" / "t.csv").hint == f"check the path; {tmp_path} has reviews.csv"
    assert missing("https://example.org/t.csv", None).where == "https://example.org/t.csv"


def test_a_file_at_an_address_is_read_like_one_that_lies_here() -> None:
    packed = gzip.compress(CONTENT)
    with fsspec.open("memory://files/t.csv.gz", "wb") as stream:
        stream.write(packed)
    file = find_file("memory://files/t.csv.gz", None)
    assert (file.compression, file.suffix, file.head(4)) == ("gzip", ".csv", b"text")
    assert file.digest() == hashlib.sha256(packed).hexdigest()
    with pytest.raises(SourceError) as caught:
        find_file("memory://files/none.csv", None)
    assert caught.value.where == "memory://files/none.csv"
    with pytest.raises(SourceError, match="nosuchprotocol"):
        find_file("nosuchprotocol://t.csv", None)


@pytest.mark.parametrize(
    ("message", "package"),
    [
        ('HTTPFileSystem requires "requests" and "aiohttp" to be installed', "aiohttp"),
        ("Install s3fs to access S3", "s3fs"),
    ],
)
def test_an_address_whose_package_is_missing_names_it(
    monkeypatch: pytest.MonkeyPatch, message: str, package: str
) -> None:
    def missing(url: str, mode: str) -> None:
        raise ImportError(message)

    monkeypatch.setattr("fsspec.open", missing)
    with pytest.raises(SourceError, match="reading https:// needs a package that is not installed") as caught:
        find_file("https://example.org/reviews.csv", None)
    assert caught.value.hint == f"pip install {package}; or download the file first"


class Site(SimpleHTTPRequestHandler):
    """Serves a folder; some names are refused."""

    def do_GET(self) -> None:
        if self.path == "/secret.csv":
            self.send_error(403, "Forbidden")
        elif self.path == "/broken.csv":
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT) + 1000))
            self.end_headers()
            self.wfile.write(CONTENT)
        else:
            super().do_GET()

    def log_message(self, *words: object) -> None:
        """Nothing."""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The address of a server on this machine that serves `tmp_path`."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Site, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_file_on_a_server_is_read(address: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(CONTENT)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(CONTENT))
    for name in ("t.csv", "t.csv.gz"):
        source = open_source(f"{address}/{name}")
        assert (source.columns, rows(source)) == (["text", "label"], [["fine", "1"], ["bad", "0"]])
        assert source.digest == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()


def test_a_download_that_fails_says_why(address: str) -> None:
    with pytest.raises(SourceError, match="not found at this address") as caught:
        find_file(f"{address}/none.csv", None)
    assert (caught.value.where, caught.value.exit_code) == (f"{address}/none.csv", 3)
    with pytest.raises(SourceError, match="cannot be downloaded: 403 Forbidden\n"):
        find_file(f"{address}/secret.csv", None)
    with pytest.raises(SourceError, match="cannot be downloaded: Connection refused\n") as caught:
        find_file("http://127.0.0.1:9/t.csv", None)
    assert caught.value.hint == "check the address and the network, or download the file first"
    with pytest.raises(SourceError, match=r"cannot be downloaded: .*[Nn]ame"):
        find_file("http://no-such-host.invalid/t.csv", None)


def test_a_download_that_breaks_off_is_no_data(address: str) -> None:
    with pytest.raises(SourceError, match="the download broke off: ") as caught:
        rows(open_source(f"{address}/broken.csv"))
    assert caught.value.hint == "repeat the command; or download the file first"


@pytest.mark.parametrize("page", [b"<!DOCTYPE html>\n<p>Sign in</p>", b"\xef\xbb\xbf\n <html lang='en'>"])
def test_a_page_is_no_data(address: str, tmp_path: Path, page: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(page)
    with pytest.raises(SourceError, match="looks like an HTML page, not data"):
        open_source(f"{address}/t.csv")
