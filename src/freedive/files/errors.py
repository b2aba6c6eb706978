"""What can be wrong with a file: one exception for a model file that is refused, two for a write that failed, one
for a folder that somebody else writes."""

from __future__ import annotations

import errno
import os

from ..errors import nearest, unknown

CODES: dict[str, str] = {
    "TRUNCATED": "the file ends before what it announces",
    "NOT_A_MODEL": "the file is of another kind",
    "VERSION": "the format version is missing, malformed or newer than this program",
    "HEADER_LENGTH": "the length of the header is impossible",
    "HEADER_SYNTAX": "the header is no JSON object of tensors",
    "DUPLICATE_TENSOR": "one tensor name stands twice",
    "BAD_NAME": "a tensor has a name that is not allowed",
    "BAD_OFFSETS": "the tensors do not lie side by side over all the data",
    "BAD_SHAPE": "a tensor's type, shape and size disagree",
    "BAD_VALUE": "a tensor holds bytes that its type does not have",
    "BAD_METADATA": "the metadata is not text by text",
    "CHECKSUM": "the content changed since it was written",
    "CONFIG_SYNTAX": "the configuration is no JSON object",
    "CONFIG_LIMIT": "the configuration is too large, too deep or ambiguous",
    "UNKNOWN_CLASS": "the configuration names something that is not registered",
    "PATH_IN_CONFIG": "the configuration names a path or an address",
    "BAD_FIELD": "a field of the configuration is unknown, missing or out of range",
    "BAD_GRAPH": "the layers are not connected in a possible way",
    "BAD_VOCAB": "a vocabulary is malformed",
    "BAD_STATE": "a training state is malformed",
    "TENSOR_MISMATCH": "the tensors are not those that the configuration builds",
    "ANOTHER_RUN": "the checkpoint is of another model, other data or other settings",
    "TOO_LARGE": "the file asks for more than it could hold",
    "EXTERNAL_REFERENCE": "the file refers to something outside itself",
}


class ModelFileError(ValueError):
    """A model file was refused.

    Args:
        path: the file.
        code: one of `CODES`, for programs.
        detail: what is wrong, for people.

    >>> print(ModelFileError("a.safetensors", "TRUNCATED", "2 bytes of at least 8"))
    a.safetensors: 2 bytes of at least 8 [TRUNCATED: the file ends before what it announces]
    """

    def __init__(self, path: str | os.PathLike[str], code: str, detail: str):
        if code not in CODES:
            raise unknown("model file error code", code, CODES)
        super().__init__(path, code, detail)
        self.path = os.fspath(path)
        self.code = code
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.path}: {self.detail} [{self.code}: {CODES[self.code]}]"


class FileNotWrittenError(OSError):
    """A write failed; what stood at the path before is untouched. `errno` and `filename` say why and where."""


class FileNotDurableError(OSError):
    """The new file is in its place and whole, but the system could not promise that it survives a power failure."""


class FolderInUseError(OSError):
    """Another process writes in the folder. `filename` says which folder, the text which process."""


def missing_file(path: str | os.PathLike[str]) -> FileNotFoundError:
    """The error for a path where nothing is, with the files of that folder that look most like it.

    >>> print(missing_file("no/such/folder/model.safetensors"))
    [Errno 2] no such file; there is no folder 'no/such/folder' either: 'no/such/folder/model.safetensors'
    """
    folder, name = os.path.split(os.fspath(path))
    shown = folder or os.curdir
    try:
        names = os.listdir(shown)
    except FileNotFoundError:
        hint = f"there is no folder {shown!r} either"
    except OSError as error:
        hint = f"the folder {shown!r} cannot be listed ({error.strerror})"
    else:
        close = nearest(name, names)
        likely = close or sorted(n for n in names if not n.startswith("."))[:5]
        listed = ", ".join(map(repr, likely)) or "nothing"
        hint = f"did you mean {listed}?" if close else f"the folder {shown!r} holds {listed}"
    return FileNotFoundError(errno.ENOENT, f"no such file; {hint}", os.fspath(path))
