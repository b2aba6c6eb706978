"""freedive: deep learning where the whole training run is one compiled program, with the words of Keras."""

from . import (
    activations,
    callbacks,
    constraints,
    data,
    datasets,
    files,
    initializers,
    layers,
    losses,
    methods,
    metrics,
    models,
    optimizers,
    preprocessing,
    regularizers,
    utils,
)
from .config import register
from .core import cache
from .core.graph import Input
from .core.variables import set_seed
from .files import ModelFileError
from .methods import Ensemble, cross_validate, distill, lr_find, repeat, tune
from .models import Model, Sequential
from .models.loop import gradients, train_step, update

cache.switch_on()

__version__ = "0.1.0"
__all__ = [
    "Ensemble",
    "Input",
    "Model",
    "ModelFileError",
    "Sequential",
    "activations",
    "callbacks",
    "constraints",
    "cross_validate",
    "data",
    "datasets",
    "distill",
    "files",
    "gradients",
    "initializers",
    "layers",
    "losses",
    "lr_find",
    "methods",
    "metrics",
    "models",
    "optimizers",
    "preprocessing",
    "register",
    "regularizers",
    "repeat",
    "set_seed",
    "train_step",
    "tune",
    "update",
    "utils",
]
