"""Files: written whole or not at all, read strictly. One safetensors file holds a model or a checkpoint."""

from .appending import append_whole, sync_file
from .atomic import (
    AtomicFile,
    atomic_file,
    make_folders,
    move_file,
    remove_stale_temporaries,
    write_atomic,
    write_text_atomic,
)
from .errors import CODES, FileNotDurableError, FileNotWrittenError, FolderInUseError, ModelFileError, missing_file
from .header import Header, TensorEntry
from .lock import FolderLock, only_writer
from .strict_json import read_json
from .tensors import read_file_header, read_tensors, write_tensors

__all__ = [
    "CODES",
    "AtomicFile",
    "FileNotDurableError",
    "FileNotWrittenError",
    "FolderInUseError",
    "FolderLock",
    "Header",
    "ModelFileError",
    "TensorEntry",
    "append_whole",
    "atomic_file",
    "make_folders",
    "missing_file",
    "move_file",
    "only_writer",
    "read_file_header",
    "read_json",
    "read_tensors",
    "remove_stale_temporaries",
    "sync_file",
    "write_atomic",
    "write_tensors",
    "write_text_atomic",
]
