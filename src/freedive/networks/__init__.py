"""Networks by name: functions that make a model for the shape of some data, out of layers; and models that read a
sequence and write another."""

from . import pictures, series, tables
from .recurrent import AttentionNetwork
from .samplers import Beam, Greedy, Sample, Sampler
from .sequences import SequenceToSequence
from .to_pictures import patches, unet
from .transformer import TransformerNetwork

__all__ = [
    "AttentionNetwork",
    "Beam",
    "Greedy",
    "Sample",
    "Sampler",
    "SequenceToSequence",
    "TransformerNetwork",
    "patches",
    "pictures",
    "series",
    "tables",
    "unet",
]
