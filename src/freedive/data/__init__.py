"""Readers of public formats: numpy in, arrays out. Every error names the file and the record."""

from .audio import read_audio, read_audio_folder, resample, sound_header
from .cifar import read_cifar
from .errors import DataFileError
from .folders import ClassFolder, list_class_folder
from .frames import as_table
from .idx import read_idx, write_idx
from .images import fit_image, open_image, read_image, read_image_folder
from .parquet import read_parquet
from .table_files import open_table, read_json_lines
from .tables import Table, read_table
from .transcripts import list_transcripts
from .word_vectors import read_word_vectors

__all__ = [
    "ClassFolder",
    "DataFileError",
    "Table",
    "as_table",
    "fit_image",
    "list_class_folder",
    "list_transcripts",
    "open_image",
    "open_table",
    "read_audio",
    "read_audio_folder",
    "read_cifar",
    "read_idx",
    "read_image",
    "read_image_folder",
    "read_json_lines",
    "read_parquet",
    "read_table",
    "read_word_vectors",
    "resample",
    "sound_header",
    "write_idx",
]
