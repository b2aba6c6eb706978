"""Public sets that are too large to embed: from a folder, from the cache, or from their public homes.

Where a set is looked for: the `path` given; else `~/.cache/freedive/datasets/NAME`, then where Keras keeps its copy,
then the public homes of the files, over the network. What is fetched is compared with its published checksum, written
whole or not at all, and kept in the cache.
"""

from __future__ import annotations

import dataclasses
import hashlib
import http.client
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ..files.atomic import make_folders, write_atomic
from ..files.errors import missing_file

HOME = Path(os.path.expanduser("~"))  # "~" itself for a user without a home
CACHE = HOME / ".cache" / "freedive" / "datasets"
KERAS_CACHE = HOME / ".keras" / "datasets"
TIMEOUT = 10  # seconds without an answer


class DatasetNotFoundError(FileNotFoundError):
    """A public set is neither on this machine nor could it be fetched; says what to do.

    Attributes:
        why: what was tried and failed.
        remedy: what to do.
    """

    def __init__(self, name: str, why: str, remedy: str):
        super().__init__(f"{name}: not found: {why}. {remedy}")
        self.why = why
        self.remedy = remedy


@dataclasses.dataclass(frozen=True)
class PublicFile:
    """One file of a public set.

    Attributes:
        name: in its folder and at its homes.
        homes: addresses of the folders that have it, tried in this order.
        md5: as published; "" where nobody published one, then the content is checked when it is read.
        megabytes: about how large it is.
    """

    name: str
    homes: tuple[str, ...]
    md5: str
    megabytes: int


def find_files(
    name: str, files: Sequence[PublicFile], path: str | os.PathLike[str] | None, download: bool
) -> list[Path]:
    """Where the files of a set are on this machine, after fetching them if they are not and may be.

    Args:
        name: of the set.
        files: which it consists of.
        path: their folder; None looks in the caches.
        download: whether to fetch what is missing.

    Raises:
        DatasetNotFoundError: with what is missing, why it could not be fetched, and what to do.
    """
    if path is not None:
        folder = Path(path)
        if not folder.is_dir():
            raise missing_file(folder)
        if found := _in_folder(folder, files):
            return found
        raise _not_found(name, files, f"{folder} lacks one of {', '.join(file.name for file in files)}")
    for folder in (CACHE / name, KERAS_CACHE / name.replace("_", "-")):
        if found := _in_folder(folder, files):
            return found
    if not download:
        raise _not_found(name, files, f"it is not in {CACHE / name}, and download=False")
    try:
        return [fetch(file, CACHE / name) for file in files]
    except OSError as error:
        raise _not_found(name, files, f"it is not in {CACHE / name}, and fetching it failed ({error})") from error


def fetch(file: PublicFile, folder: Path) -> Path:
    """Fetch one file into a folder, if it is not there; what came is checked before it gets its name.

    Raises:
        OSError: none of its homes gave the right content; says what each of them answered.
    """
    target = folder / file.name
    if target.exists():
        return target
    refused = []
    for home in file.homes:
        try:
            content = get(home + file.name, file.megabytes)
        except (OSError, http.client.HTTPException) as error:
            refused.append(f"{home}: {getattr(error, 'reason', None) or error}")
            continue
        found = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if file.md5 and found != file.md5:
            refused.append(f"{home}: what came has the md5 {found}, published is {file.md5}")
            continue
        make_folders(folder)
        write_atomic(target, content)
        return target
    raise OSError("; ".join(refused))


def get(address: str, megabytes: int) -> bytes:
    """The content of an address, which has about so many megabytes."""
    most = 2 * megabytes * 10**6 + 10**6
    import urllib.request  # brings mail and encryption along, and most programs load nothing from afar

    request = urllib.request.Request(address, headers={"User-Agent": "freedive"})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        print(f"freedive: fetching {address} (about {megabytes} MB)", file=sys.stderr)
        content = response.read(most + 1)
    if len(content) > most:
        raise OSError(f"more than {most:,} bytes came, expected about {megabytes} MB")
    return content


def _in_folder(folder: Path, files: Sequence[PublicFile]) -> list[Path]:
    """The files in a folder, unpacked or not; nothing if one is missing."""
    found = []
    for file in files:
        both = (folder / file.name, folder / file.name.removesuffix(".gz"))
        found += [path for path in both if path.is_file()][:1]
    return found if len(found) == len(files) else []


def _not_found(name: str, files: Sequence[PublicFile], why: str) -> DatasetNotFoundError:
    names = ", ".join(file.name for file in files)
    remedy = (
        f"To have it: run once with a network; or get {names} from {files[0].homes[0]} and pass the folder: "
        f"freedive.datasets.{name}.load_data(path='...')"
    )
    return DatasetNotFoundError(name, why, remedy)
