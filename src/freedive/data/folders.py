"""A folder of class folders: how picture and sound collections lie on disks.

flowers/daisy/1.jpg
flowers/daisy/2.jpg
flowers/rose/1.jpg
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import warn
from ..files.errors import missing_file
from .errors import DataFileError
from .opening import Path
from .writing import composed


@dataclasses.dataclass
class ClassFolder:
    """What a folder of class folders holds.

    Attributes:
        x: the items: an array with one row each, or a list where their sizes differ.
        y: (n,) int64, the place of each item's class in `class_names`.
        class_names: the names of the class folders, in alphabetical order.
        files: the file of each item.
        skipped: the errors of the files that were left out.
    """

    x: Any
    y: np.ndarray
    class_names: list[str]
    files: list[str]
    skipped: list[DataFileError]

    def __len__(self) -> int:
        return len(self.files)


def list_class_folder(
    folder: Path, extensions: Sequence[str], follow_links: bool = False
) -> tuple[list[str], np.ndarray, list[str]]:
    """The files of a folder of class folders.

    Args:
        folder: holds one folder a class; hidden files and other extensions are passed over.
        extensions: as (".png", ".jpg"), in small letters; either case is found.
        follow_links: whether links may lead out of the folder; else one that does is an error, since a folder from
            others could then show files of yours.

    Returns:
        (files, labels, class_names): sorted by class and name, so that every machine finds the same order.

    Raises:
        DataFileError: no such folders, one without files, a link out of it, or two folders of one name that is written
            in two ways of Unicode.
    """
    if not os.path.exists(folder):
        raise missing_file(folder)
    if not os.path.isdir(folder):
        raise DataFileError(folder, "a file, expected a folder of class folders")
    names = sorted(e.name for e in os.scandir(folder) if e.is_dir() and not e.name.startswith("."))
    refuse_twins(folder, names)
    files: list[str] = []
    labels: list[int] = []
    for label, name in enumerate(names):
        found = files_in(os.path.join(folder, name), extensions)
        if not found:
            detail = f"no files in this class folder. Expected {', '.join(extensions)}; remove it if it is no class"
            raise DataFileError(os.path.join(folder, name), detail)
        files += found
        labels += [label] * len(found)
    if not follow_links:
        refuse_outside(folder, files)
    if not files:
        raise DataFileError(folder, f"no folders in it. Expected FOLDER/CLASS/FILE with {', '.join(extensions)}")
    return files, np.array(labels, np.int64), names


def read_class_folder(
    folder: Path,
    extensions: Sequence[str],
    read: Callable[[str], Any],
    on_error: str = "raise",
    follow_links: bool = False,
) -> ClassFolder:
    """Read every file of a folder of class folders by `read`.

    Args:
        on_error: "raise" at the first file that cannot be read, or "skip" such files with one warning that counts
            and names them.
        follow_links: whether links may lead out of the folder.
    """
    if on_error not in ("raise", "skip"):
        raise ValueError(f"on_error={on_error!r}: expected 'raise' or 'skip'")
    files, labels, names = list_class_folder(folder, extensions, follow_links)
    items, kept, skipped = [], [], []
    for place, file in enumerate(files):
        try:
            items.append(read(file))
            kept.append(place)
        except DataFileError as error:
            if on_error == "raise":
                raise
            skipped.append(error)
    if skipped:
        listed = "; ".join(map(str, skipped[:3])) + ("; ..." if len(skipped) > 3 else "")
        warn(f"{os.fspath(folder)}: {len(skipped)} of {len(files)} files skipped: {listed}")
    if not items:
        raise DataFileError(folder, f"none of its {len(files)} files can be read, the first because of: {skipped[0]}")
    return ClassFolder(items, labels[kept], names, [files[place] for place in kept], skipped)


def stack(items: list[np.ndarray], files: list[str], advice: str) -> np.ndarray:
    """Items of one shape as one array; another shape names its file."""
    for item, file in zip(items, files, strict=True):
        if item.shape != items[0].shape:
            raise DataFileError(file, f"shape {item.shape}, but {files[0]} has {items[0].shape}. {advice}")
    return np.stack(items)


def refuse_twins(folder: Path, names: Sequence[str], called: Callable[[str], str] = composed) -> None:
    """Refuse files or folders that would be one class; of names that look alike, the letters are told by number.

    Args:
        folder: that they lie in.
        names: of them.
        called: name -> what the class is called.
    """
    firsts: dict[str, str] = {}
    for name in names:
        first = firsts.setdefault(called(name), name)
        if first is not name:
            detail = f"{first!a} and {name!a} would be one class, {called(name)!r}"
            raise DataFileError(folder, f"{detail}. Put what they hold together, or rename one")


def refuse_outside(folder: Path, files: list[str]) -> None:
    """Refuse files that links lead to, out of the folder."""
    root = os.path.join(os.path.realpath(folder), "")
    folders = {where: os.path.realpath(where) for where in {os.path.dirname(file) for file in files}}
    for file in files:
        where, name = os.path.split(file)
        target = os.path.realpath(file) if os.path.islink(file) else os.path.join(folders[where], name)
        if not target.startswith(root):
            detail = f"a link leads out of the folder, to {target}. Copy what it shows, or pass follow_links=True"
            raise DataFileError(file, detail)


def files_in(folder: Path, extensions: Sequence[str]) -> list[str]:
    """The files of these endings in a folder and the folders in it, sorted."""
    return sorted(
        os.path.join(where, name)
        for where, _, names in os.walk(folder)
        for name in names
        if name.lower().endswith(tuple(extensions)) and not name.startswith(".")
    )
