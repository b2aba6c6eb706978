"""freedive: deep learning where the whole training run is one compiled program, with the words of Keras."""

from typing import Any

from . import (
    activations,
    callbacks,
    constraints,
    data,
    datasets,
    federated,
    files,
    generative,
    initializers,
    layers,
    losses,
    methods,
    metrics,
    models,
    networks,
    optimizers,
    preprocessing,
    regularizers,
    tasks,
    utils,
)
from .config import register
from .core import cache
from .core.graph import Input
from .core.variables import set_seed
from .files import ModelFileError
from .generative import GAN, VAE, Autoencoder, Diffusion, ImageToImage
from .methods import Ensemble, cross_validate, distill, lr_find, mix, private, repeat, transfer, tune, unfreeze
from .models import Model, Sequential
from .models.loop import gradients, train_step, update
from .tasks import (
    Forecaster,
    ImageClassifier,
    SequenceClassifier,
    SpeechClassifier,
    TabularClassifier,
    TabularRegressor,
    TextClassifier,
    Transcriber,
    Translator,
)

cache.switch_on()

__version__ = "0.1.0"


def doctor() -> dict[str, dict[str, Any]]:
    """What this machine is, what the bits of a run depend on here beside its seed, and whether a small network learns.

    Returns:
        What `freedive doctor --json` writes: "versions", "machine", "bits", "cache", "extras" and "trial", each a dict.
        Machines with equal "bits" give the same numbers from the same program and seed; a saved model and a checkpoint
        hold those of the machine that made them.

    >>> import freedive as fd
    >>> sorted(fd.doctor())
    ['bits', 'cache', 'extras', 'machine', 'trial', 'versions']
    """
    from .cli.doctor import checked, examine

    return {**examine(), "trial": checked()}


__all__ = [
    "GAN",
    "VAE",
    "Autoencoder",
    "Diffusion",
    "Ensemble",
    "Forecaster",
    "ImageClassifier",
    "ImageToImage",
    "Input",
    "Model",
    "ModelFileError",
    "SequenceClassifier",
    "Sequential",
    "SpeechClassifier",
    "TabularClassifier",
    "TabularRegressor",
    "TextClassifier",
    "Transcriber",
    "Translator",
    "activations",
    "callbacks",
    "constraints",
    "cross_validate",
    "data",
    "datasets",
    "distill",
    "doctor",
    "federated",
    "files",
    "generative",
    "gradients",
    "initializers",
    "layers",
    "losses",
    "lr_find",
    "methods",
    "metrics",
    "mix",
    "models",
    "networks",
    "optimizers",
    "preprocessing",
    "private",
    "register",
    "regularizers",
    "repeat",
    "set_seed",
    "tasks",
    "train_step",
    "transfer",
    "tune",
    "unfreeze",
    "update",
    "utils",
]
