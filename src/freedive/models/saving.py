"""A model as one safetensors file: weights as tensors named by path, the configuration as JSON in the metadata."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..config import to_json
from ..core.variables import gather, leaves
from ..files import write_tensors
from ..train.checkpoint import surroundings
from .configuration import check_configuration

NOTHING: Mapping[str, str] = {}

FORMAT = 1
OPTIMIZER = "optimizer:"  # before the names of the optimizer's arrays
CONFIGURATION = "configuration:"  # before the names of arrays in the configuration, such as a Constant's
MARK = "$array"  # what stands in the configuration for an array: {MARK: its name}
Path = str | os.PathLike[str]


# trees and names ----------------------------------------------------------------------------------------------------
def flatten(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Nested dicts as one, keys joined: {"optimizer:m/dense/kernel": array}.

    >>> flatten({"dense": {"kernel": 1}}, "m/")
    {'m/dense/kernel': 1}
    """
    if not isinstance(tree, Mapping):
        return {prefix.rstrip("/"): tree}
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= flatten(value, f"{prefix}{key}/" if key else prefix)
    return flat


def apart(config: Any, arrays: dict[str, Any]) -> Any:
    """A configuration without its arrays: they are put among `arrays`, and their names in their places.

    >>> arrays = {}
    >>> apart({"value": np.ones(2), "seed": 1}, arrays), [*arrays]
    ({'value': {'$array': 'configuration:0'}, 'seed': 1}, ['configuration:0'])
    """
    if isinstance(config, np.ndarray):
        name = f"{CONFIGURATION}{sum(held.startswith(CONFIGURATION) for held in arrays)}"
        arrays[name] = config.astype(config.dtype.newbyteorder("="), copy=False)
        return {MARK: name}
    if isinstance(config, Mapping):
        return {key: apart(value, arrays) for key, value in config.items()}
    if isinstance(config, list):
        return [value if type(value) is str else apart(value, arrays) for value in config]  # vocabularies are long
    return config


def together(config: Any, arrays: dict[str, Any]) -> Any:
    """What `apart` was given; the arrays that it takes are taken from `arrays`."""
    if isinstance(config, Mapping):
        if config.keys() == {MARK}:
            return arrays.pop(config[MARK])
        return {key: together(value, arrays) for key, value in config.items()}
    if isinstance(config, list):
        return [value if type(value) is str else together(value, arrays) for value in config]  # vocabularies are long
    return config


# models -------------------------------------------------------------------------------------------------------------
def save_model(model: Any, filepath: Path, overwrite: bool = True, include_optimizer: bool = True) -> None:
    """Write a model as one file: configuration, weights, what it was compiled with, and the optimizer's state.

    Args:
        model: a built model.
        filepath: the file, by convention ending in .safetensors.
        overwrite: whether a file that is there may be replaced. It is replaced whole or not at all.
        include_optimizer: whether what it was compiled with is kept, so that training can go on from the file.

    Raises:
        ValueError: something in the model cannot be written: a function that is not registered, a path, a number
            beyond what is read again.

    >>> import numpy as np
    >>> import freedive as fd
    >>> model = fd.Sequential([fd.Input((2,)), fd.layers.Dense(1)])
    >>> fd.models.save_model(model, "line.safetensors")
    >>> same = fd.models.load_model("line.safetensors")
    >>> x = np.ones((1, 2))
    >>> bool(same.predict(x) == model.predict(x))
    True
    """
    write_model(model, _checked_path(filepath, overwrite), include_optimizer)


def write_model(model: Any, path: str, include_optimizer: bool = True, entries: Mapping[str, str] = NOTHING) -> None:
    """Write a model as one file, with further entries of its metadata."""
    values, training = _weights(model), model._training
    told = {"model": to_json(model, "model")}
    if model._seen is not None:
        told["inputs"] = model._seen
    if training.compiled and include_optimizer:
        told["compile"] = training.get_config()
    for key, config in told.items():
        told[key] = apart(config, values)
        check_configuration(told[key], key, by_name=False)  # so that what was written can be read
    told |= {"freedive": {"format": FORMAT}, "made": surroundings()}
    metadata = {key: json.dumps(value) for key, value in told.items()}
    if "compile" in told and training.slots is not None:
        values |= flatten(training.slots, OPTIMIZER)
        metadata["step"] = str(int(np.max(training.step)))
    write_tensors(path, {name: np.asarray(value) for name, value in values.items()}, metadata | dict(entries))


def save_weights(model: Any, filepath: Path, overwrite: bool = True) -> None:
    """Write the weights alone."""
    path = _checked_path(filepath, overwrite)
    values = {name: np.asarray(value) for name, value in _weights(model).items()}
    write_tensors(path, values, {"freedive": json.dumps({"format": FORMAT, "weights": True})})


# what stands in a file ----------------------------------------------------------------------------------------------
def _weights(model: Any) -> dict[str, Any]:
    model.build()
    variables = gather(model)
    return {label(p, n): v for tree in (variables.params, variables.state) for p, n, v in leaves(tree)}


def seen(tree: Any) -> Any:
    """The shapes of first data, as JSON: what a subclassed model needs to be built again."""
    return jax.tree.map(lambda a: {"shape": [None, *a.shape[1:]], "dtype": jnp.dtype(a.dtype).name}, tree)


def label(path: str, name: str) -> str:
    """The name of a value in a file."""
    return f"{path}/{name}" if path else name


def _checked_path(filepath: Path, overwrite: bool) -> str:
    path = os.fspath(filepath)
    if path.endswith((".keras", ".h5", ".hdf5", ".pkl", ".pt")):
        ending = os.path.splitext(path)[1]
        raise ValueError(f"{path}: freedive writes .safetensors files, not {ending}: give the file that ending")
    if not overwrite and os.path.exists(path):
        raise FileExistsError(f"{path} exists, and overwrite=False was given")
    return path
