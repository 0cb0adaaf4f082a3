"""Find training, validation and test data in files, folders and datasets."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from luthier.data.reading.files import COMPRESSION_SUFFIXES, reading, suffix_of
from luthier.data.reading.formats.folders import find_classes, refuse_classes_in_names, unlabelled
from luthier.data.reading.formats.parallel import FileGroup, group_languages
from luthier.data.reading.formats.registry import registered
from luthier.data.reading.reader import Reading
from luthier.data.reading.sources import (
    STANDARD_INPUT,
    Source,
    is_saved,
    is_stream,
    open_classes,
    open_hub,
    open_parallel,
    open_saved,
    open_source,
)
from luthier.errors import SourceError, UsageError
from luthier.findings import Decision
from luthier.text import listing

SPLITS = ("train", "validation", "test")
_SPLIT_WORD = re.compile(
    r"(?<![a-z])(?:(train(?:ing|set)?)|(dev(?:elopment|set)?|val(?:id(?:ation)?|set)?|eval(?:uation)?)"
    r"|(test(?:ing|set)?))(?![a-z])"
)
_OTHER_SUFFIXES = (".hdf5", ".h5", ".log", ".lock", ".py", ".sh", ".md", ".toml", ".yaml", ".yml")
# Text files that often accompany data but are not data.
_NOT_DATA = re.compile(r"(readme|licen[cs]e|source|changelog|citation|notes?|requirements|dataset_infos?)\b", re.I)
OTHER_KIND = "not the same format as the data files"
Splits = dict[str, list[Source]]


def discover(
    specs: Sequence[str | Path],
    *,
    validation: Sequence[str | Path] = (),
    test: Sequence[str | Path] = (),
    stdin_to: Path | None = None,
    training: bool = True,
) -> Splits:
    """Open everything the user named and sort it into splits.

    Args:
        specs: Files go to `train`; folders and datasets are searched for splits.
        validation: Validation data named by the user.
        test: Test data named by the user.
        stdin_to: File to keep streams in, see `open_source`.
        training: Whether validation data is used for training if there is no training split; test data never is.
    Returns:
        The sources under `train`, `validation` and `test`; those from one folder are sorted by name.
    Raises:
        SourceError: A spec is missing or contains no data.
        UsageError: A stream is named twice.
    """
    streams = Counter(str(spec) for spec in (*specs, *validation, *test) if is_stream(str(spec)))
    if twice := [name for name, n in streams.items() if n > 1]:
        raise UsageError("a stream can be read only once", where=twice[0], hint="save it to a file, and pass the file")
    splits = _sorted_in(specs, stdin_to)
    splits = _with_train(splits) if training else splits
    for split, named in (("validation", validation), ("test", test)):
        inside = _sorted_in(named, stdin_to)
        # A folder given as test data may have a split of that name; if not, all its data is used.
        splits[split] += inside[split] or [source for sources in inside.values() for source in sources]
    return splits


def split_of(name: str) -> str:
    """The split indicated by a file name: `validation` for `dialogsum.dev.jsonl`; empty for none."""
    found = _SPLIT_WORD.search(name.lower())
    return next(split for split, word in zip(SPLITS, found.groups(), strict=True) if word) if found else ""


def _sorted_in(specs: Sequence[str | Path], stdin_to: Path | None) -> Splits:
    """Sort everything named into splits; files that differ only in their language form one source."""
    splits = _splits()
    groups = {group.files[0]: group for group in group_languages([Path(spec) for spec in specs]) if group.languages}
    in_group = {file: group for group in groups.values() for file in group.files}
    for spec in specs:
        group = in_group.get(Path(spec))
        if group is None:
            for split, sources in _look_into(spec, stdin_to).items():
                splits[split] += sources
        elif group.files[0] == Path(spec):
            splits["train"].append(open_parallel(str(Path(spec).parent), group))
    return splits


def _with_train(splits: Splits) -> Splits:
    """Use validation data for training if there is no training split."""
    validation = splits["validation"]
    if splits["train"] or not validation:
        return splits
    names = listing([Path(source.name).name for source in validation])
    kept = "; test data is kept separate" if splits["test"] else ""
    validation[0].decisions.append(Decision("train", names, f"nothing is called train{kept}"))
    return splits | {"train": validation, "validation": []}


def _look_into(spec: str | Path, stdin_to: Path | None) -> Splits:
    name, path = str(spec), Path(spec).expanduser()
    if name != STANDARD_INPUT and "://" not in name:
        with reading(name, path):
            if path.is_dir():
                return _in_folder(name, path)
            if not path.exists():
                return _named_splits(open_hub(name))
    return _splits(train=[open_source(spec, stdin_to=stdin_to)])


def _in_folder(name: str, path: Path) -> Splits:
    """Splits of a folder: a saved dataset, folders or files named after splits, class folders, or plain data files."""
    if is_saved(path):
        return _named_splits(open_saved(name, path))
    entries = sorted(entry for entry in path.iterdir() if not entry.name.startswith((".", "__")))
    folders = [entry for entry in entries if entry.is_dir()]
    files = [entry for entry in entries if entry.is_file()]
    if split_folders := {folder: split_of(folder.name) for folder in folders if split_of(folder.name)}:
        splits = _in_split_folders(name, split_folders)
        _say_ignored(splits, entries, split_folders, "not in the folder of a split")
        return splits
    groups = group_languages(files)
    named = [group for group in groups if split_of(group.name) and (_is_data(group) or _unknown(group))]
    if any(map(_is_data, named)):
        return _in_split_files(name, named, entries)
    if classes := find_classes(path):
        splits = _splits(train=[open_classes(name, path, classes)])
        read = [*(path / label for label in classes), *unlabelled(path)]
        _say_ignored(splits, entries, read, "not a folder of texts")
        return splits
    _refuse_beside(files, name)
    refuse_classes_in_names(files, name)
    if data := [group for group in groups if _is_data(group)]:
        chosen = _one_kind(data)
        splits = _splits(train=[_open_group(name, group) for group in chosen])
        _say_ignored(splits, entries, _files_of(chosen), OTHER_KIND)
        return splits
    if len(folders) == 1:
        return _in_folder(_inside(name, folders[0]), folders[0])
    held = listing([entry.name for entry in entries]) or "nothing"
    endings = listing([one.suffixes[0] for one in registered().formats if one.suffixes], 10)
    hint = f"it holds {held}; data files end in {endings}, or are in one folder per class"
    raise SourceError("no data in this folder", where=name, hint=hint)


def _refuse_beside(files: Sequence[Path], name: str) -> None:
    """Refuse texts whose annotations are in files of their own, as brat writes them: only the texts would be read."""
    texts = {file for file in files if file.suffix == ".txt"}
    annotated = (file for file in files if file.suffix == ".ann" and file.with_suffix(".txt") in texts)
    if first := next(annotated, None):
        what = f"annotations in files of their own, such as {first.name} (brat)"
        hint = 'convert them to JSON lines: {"text": ..., "entities": [{"start": 0, "end": 3, "label": "PER"}]}'
        raise SourceError(what, where=name, hint=hint)


def _in_split_folders(name: str, folders: dict[Path, str]) -> Splits:
    """Open folders named after splits (`train`, `test`, ...); everything inside belongs to the split."""
    splits = _splits()
    for folder, split in folders.items():
        inside = _in_folder(_inside(name, folder), folder)
        splits[split] += [source for sources in inside.values() for source in sources]
    return splits


def _in_split_files(name: str, named: list[FileGroup], entries: list[Path]) -> Splits:
    """Open files named after splits. Of several families (`{}.tsv`, `{}.meta.json`), use the one with most splits."""
    families: dict[str, list[FileGroup]] = {}
    for group in named:
        families.setdefault(_family(group), []).append(group)
    chosen = max(families.values(), key=_weight)
    held = {split_of(group.name) for group in chosen}
    first = chosen[0]
    # A split missing from the family may have a different extension: `test.annotated` next to `train.conll`.
    further = [group for group in named if suffix_of(group.name) == suffix_of(first.name) or _unknown(group)]
    chosen = chosen + [
        group for group in further if split_of(group.name) not in held and group.languages == first.languages
    ]
    splits = _splits()
    for group in chosen:
        splits[split_of(group.name)].append(_open_group(name, group))
    _say_ignored(splits, entries, _files_of(chosen), OTHER_KIND)
    return _same_header(splits)


def _same_header(splits: Splits) -> Splits:
    """Apply the header decision of the first file to all, since a short split may not show if it has a header."""
    sources = [source for split in SPLITS for source in splits[split]]
    first = sources[0]
    header = _has_header(first)
    if header is None:
        return splits
    changed: dict[str, Source] = {}
    for source in sources[1:]:
        other = _has_header(source)
        if other is None or other == header:
            continue
        again = open_source(source.name, how=Reading(header=header))
        if again.columns == first.columns:
            why = f"as in {Path(first.name).name}"
            again.decisions[:] = [replace(one, why=why) if one.what == "header" else one for one in again.decisions] + [
                one for one in source.decisions if one.what == "ignored"
            ]
            changed[source.name] = again
    return {split: [changed.get(source.name, source) for source in splits[split]] for split in SPLITS}


def _has_header(source: Source) -> bool | None:
    return next((one.value == "yes" for one in source.decisions if one.what == "header"), None)


def _named_splits(sources: dict[str, Source]) -> Splits:
    """Sort the splits of a dataset by their names; one with another name is ignored unless it is the only one."""
    splits = _splits()
    ignored = []
    for name, source in sources.items():
        split = split_of(name) or ("train" if len(sources) == 1 else "")
        if split:
            splits[split].append(source)
        else:
            ignored.append(name)
    opened = [source for split in SPLITS for source in splits[split]]
    if not opened:
        hint = "choose one of them"
        raise SourceError(f"no split is called train, validation or test: {listing(ignored)}", where=name, hint=hint)
    if ignored:
        opened[0].decisions.append(Decision("ignored", listing(ignored), "no split of this name is used"))
    return splits


def _family(group: FileGroup) -> str:
    """The name with placeholders for split and numbers, which is the same for all files of one dataset."""
    return re.sub(r"\d+", "#", _SPLIT_WORD.sub("{}", group.name.lower(), count=1))


def _weight(groups: list[FileGroup]) -> tuple[bool, int, bool, int]:
    splits = {split_of(group.name) for group in groups}
    return all(map(_is_data, groups)), len(splits), "train" in splits, sum(map(_size, groups))


def _one_kind(groups: list[FileGroup]) -> list[FileGroup]:
    """The files with the extension that has most bytes, since a list of labels next to the data is not data."""
    sizes: Counter[str] = Counter()
    for group in groups:
        sizes[suffix_of(group.name)] += _size(group)
    main = sizes.most_common(1)[0][0]
    return [group for group in groups if suffix_of(group.name) == main]


def _size(group: FileGroup) -> int:
    return sum(file.stat().st_size for file in group.files)


def _is_data(group: FileGroup) -> bool:
    known = suffix_of(group.name) in registered().suffixes or Path(group.name.lower()).suffix in COMPRESSION_SUFFIXES
    named = bool(_SPLIT_WORD.fullmatch(suffix_of(group.name)[1:]))  # cooking.train
    return bool(group.languages) or ((known or named) and not _NOT_DATA.match(group.name))


def _unknown(group: FileGroup) -> bool:
    """Whether only the content shows if this is data: the name is just a split and an extension, `test.annotated`."""
    path = Path(group.name.lower())
    return bool(_SPLIT_WORD.fullmatch(path.stem)) and path.suffix not in _OTHER_SUFFIXES


def _open_group(folder: str, group: FileGroup) -> Source:
    if group.languages:
        return open_parallel(folder, group)
    return open_source(_inside(folder, group.files[0]))


def _files_of(groups: list[FileGroup]) -> list[Path]:
    return [file for group in groups for file in group.files]


def _say_ignored(splits: Splits, entries: list[Path], used: Iterable[Path], why: str) -> None:
    """Note in the first source which entries of its folder are not read."""
    read = set(used)
    if ignored := [entry.name for entry in entries if entry not in read]:
        first = next(source for split in SPLITS for source in splits[split])
        first.decisions.append(Decision("ignored", listing(ignored), why))


def _inside(name: str, entry: Path) -> str:
    return f"{name.rstrip('/')}/{entry.name}"


def _splits(**held: list[Source]) -> Splits:
    return {split: held.get(split, []) for split in SPLITS}
