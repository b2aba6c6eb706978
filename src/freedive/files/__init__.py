"""Files: written whole or not at all, read strictly. One safetensors file holds a model or a checkpoint."""

from .atomic import (
    AtomicFile,
    atomic_file,
    make_folders,
    remove_stale_temporaries,
    write_atomic,
    write_text_atomic,
)
from .errors import CODES, FileNotDurableError, FileNotWrittenError, ModelFileError, missing_file
from .header import Header, TensorEntry
from .strict_json import read_json
from .tensors import read_file_header, read_tensors, write_tensors

__all__ = [
    "CODES",
    "AtomicFile",
    "FileNotDurableError",
    "FileNotWrittenError",
    "Header",
    "ModelFileError",
    "TensorEntry",
    "atomic_file",
    "make_folders",
    "missing_file",
    "read_file_header",
    "read_json",
    "read_tensors",
    "remove_stale_temporaries",
    "write_atomic",
    "write_tensors",
    "write_text_atomic",
]
