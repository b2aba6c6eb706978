"""freedive: deep learning where the whole training run is one compiled program, with the words of Keras.

A part is imported when it is first named (PEP 562), so that a command or a script waits only for what it uses.
"""

import importlib
from typing import TYPE_CHECKING, Any

from .config import Family, register

if TYPE_CHECKING:
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
        report,
        tasks,
        utils,
    )
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

_PLACES = {
    "core.graph": ("Input",),
    "core.variables": ("set_seed",),
    "files": ("ModelFileError",),
    "generative": ("GAN", "VAE", "Autoencoder", "Diffusion", "ImageToImage"),
    "methods": (
        *("Ensemble", "cross_validate", "distill", "lr_find", "mix", "private", "repeat", "transfer", "tune"),
        "unfreeze",
    ),
    "models": ("Model", "Sequential"),
    "models.loop": ("gradients", "train_step", "update"),
    "tasks": (
        *("Forecaster", "ImageClassifier", "SequenceClassifier", "SpeechClassifier", "TabularClassifier"),
        *("TabularRegressor", "TextClassifier", "Transcriber", "Translator"),
    ),
}  # module -> the names that stand here too; every other public name is a package or module itself
_HOMES = {name: module for module, names in _PLACES.items() for name in names}
_WITH_MEMBERS = ("federated", "generative", "methods", "models", "networks", "preprocessing", "tasks")
Family.rest += [f"{__name__}.{package}" for package in _WITH_MEMBERS]
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
    "report",
    "set_seed",
    "tasks",
    "train_step",
    "transfer",
    "tune",
    "unfreeze",
    "update",
    "utils",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = globals()[name] = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
        return value
    if name in __all__:
        return importlib.import_module(f".{name}", __name__)
    if name.startswith("_"):  # tools ask for such names; nothing is imported for them
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    raise importlib.import_module(".core.habits", __name__).absent_from(__name__, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
