"""Folders of sounds (or pictures) and what is said in them: a table of files and texts, or a text beside each file."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence

from .errors import DataFileError
from .folders import refuse_outside
from .opening import Path, read_lines, read_text

TABLES = ("transcripts", "metadata", "labels")  # names of tables, with .csv, .tsv or .txt
FILE_COLUMNS = ("file", "path", "file_name", "filename", "audio", "wav")
TEXT_COLUMNS = ("transcript", "text", "transcription", "sentence", "label")
NAMED = 5  # files that something is wrong with are named in a message up to so many


def list_transcripts(
    folder: Path, extensions: Sequence[str], encoding: str = "utf-8"
) -> tuple[list[str], list[str]] | None:
    """The files of a folder and their transcripts, or None where it has none.

    Args:
        folder: holds `transcripts.csv` (or .tsv; or called metadata or labels) with a column of files and one of texts,
            or for every sound a .txt file of the same name.
        extensions: of the files, as (".wav", ".flac"), in small letters.
        encoding: of the texts.

    Raises:
        DataFileError: a table without these columns, a file that is not there, a sound without its text.
    """
    found = next((e.path for e in sorted(os.scandir(folder), key=lambda e: e.name) if is_table(e.name)), None)
    if found is not None:
        files, texts = of_table(found, os.fspath(folder), encoding)
    else:
        names = sorted(os.listdir(folder))
        sounds = [name for name in names if name.lower().endswith(tuple(extensions)) and not name.startswith(".")]
        beside = [os.path.splitext(name)[0] + ".txt" for name in sounds]
        if not sounds or not any(name in names for name in beside):
            return None
        silent = [sound for sound, text in zip(sounds, beside, strict=True) if text not in set(names)]
        if silent:
            detail = f"a sound without its text: expected a .txt beside it{in_all(silent, len(sounds))}"
            raise DataFileError(os.path.join(folder, silent[0]), detail)
        files = [os.path.join(folder, name) for name in sounds]
        texts = [" ".join(read_text(os.path.join(folder, name), encoding).split()) for name in beside]
    refuse_outside(folder, files)
    return files, texts


def is_table(name: str) -> bool:
    """Whether a file is called as tables of transcripts are."""
    stem, ending = os.path.splitext(name.lower())
    return stem in TABLES and ending in (".csv", ".tsv", ".txt")


def of_table(table: str, folder: str, encoding: str) -> tuple[list[str], list[str]]:
    """(files, texts) of a table, whose paths begin at the folder."""
    lines = read_lines(table, encoding)
    separator = next((mark for mark in "\t|,;" if lines and mark in lines[0]), ",")
    try:
        head, *rows = list(csv.reader(lines, delimiter=separator, strict=True)) or [[]]
    except csv.Error as error:
        raise DataFileError(table, f"{error}; is a quote left open?") from None
    names = [name.strip().lower() for name in head]
    columns = [next((names.index(n) for n in wanted if n in names), None) for wanted in (FILE_COLUMNS, TEXT_COLUMNS)]
    if None in columns:
        wanted = f"a column {' or '.join(FILE_COLUMNS[:2])}, and one {' or '.join(TEXT_COLUMNS[:2])}"
        raise DataFileError(table, f"its columns are {', '.join(names)}. Expected {wanted}")
    files, texts, absent = [], [], []
    for number, row in enumerate(rows, 2):
        if not row:
            continue
        if len(row) != len(head):
            raise DataFileError(table, f"{len(row)} cells, expected {len(head)}", number, "line")
        file, text = (row[column].strip() for column in columns if column is not None)
        place = os.path.join(folder, file)
        if "\0" in place or not os.path.isfile(place):
            absent.append((number, place))
        files.append(place)
        texts.append(text)
    if absent:
        number, place = absent[0]
        others = in_all([os.path.basename(place) for _, place in absent], len(files))
        raise DataFileError(table, f"there is no {place}{others}", number, "line")
    if not files:
        raise DataFileError(table, "no rows")
    return files, texts


def in_all(found: Sequence[str], count: int) -> str:
    """Words for the others, where something holds of several of some files.

    >>> in_all(["a", "b"], 9), in_all(["a"], 9)
    ('; so are 2 of 9 in all: a, b', '')
    """
    more = ", ..." if len(found) > NAMED else ""
    return f"; so are {len(found):,} of {count:,} in all: {', '.join(found[:NAMED])}{more}" if len(found) > 1 else ""
