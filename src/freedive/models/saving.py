"""A model in one safetensors file: weights as tensors named by path, the configuration as JSON in the metadata.

Loading reads names that are registered and nothing else: no code, no import, no pickle. What the configuration asks
for is counted and compared with what the file holds before anything is built.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..config import Configured, Family, from_json, functions, to_json
from ..core.forward import BATCH
from ..core.paths import paths
from ..core.variables import gather, leaves
from ..files import ModelFileError, read_json, read_tensors, write_tensors
from ..train.checkpoint import refuse_misfits

FORMAT = 1
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


def like(tree: Any, flat: Mapping[str, Any], prefix: str = "") -> Any:
    """The nested dicts of the shape of `tree`, with the values of `flat`."""
    if not isinstance(tree, Mapping):
        return jnp.asarray(flat[prefix.rstrip("/")], tree.dtype)
    return {key: like(value, flat, f"{prefix}{key}/" if key else prefix) for key, value in tree.items()}


# models -------------------------------------------------------------------------------------------------------------
def save_model(model: Any, filepath: Path, overwrite: bool = True, include_optimizer: bool = True) -> None:
    """Write a model as one file: configuration, weights, what it was compiled with, and the optimizer's state.

    Args:
        model: a built model.
        filepath: the file, by convention ending in .safetensors.
        overwrite: whether a file that is there may be replaced. It is replaced whole or not at all.
        include_optimizer: whether what it was compiled with is kept, so that training can go on from the file.

    Raises:
        ValueError: something in the model cannot be written: a function or class that is not registered.
    """
    path = _checked_path(filepath, overwrite)
    values, training = _weights(model), model._training
    metadata = {"freedive": json.dumps({"format": FORMAT}), "model": json.dumps(to_json(model, "model"))}
    if model._seen is not None:
        metadata["inputs"] = json.dumps(model._seen)
    if training.compiled and include_optimizer:
        metadata["compile"] = json.dumps(training.get_config())
        if training.slots is not None:
            values |= flatten(training.slots, "optimizer:")
            metadata["step"] = str(int(np.max(training.step)))
    write_tensors(path, {name: np.asarray(value) for name, value in values.items()}, metadata)


def load_model(filepath: Path, custom_objects: Any = None, compile: bool = True) -> Any:
    """The model that `save` wrote.

    Args:
        filepath: the file.
        custom_objects: your own classes and functions that the file names: a list, or a dict by name.
        compile: whether it is compiled as it was when saved.

    Raises:
        FileNotFoundError: no such file; names those that look like it.
        ModelFileError: the file is refused; says why.
    """
    path = os.fspath(filepath)
    tensors, metadata = read_tensors(path)
    version = _json(path, metadata, "freedive").get("format")
    if not isinstance(version, int) or isinstance(version, bool) or not 1 <= version <= FORMAT:
        raise ModelFileError(path, "VERSION", f"format {version!r}; this version of freedive reads up to {FORMAT}")
    with registered(custom_objects), refusals(path):
        model = from_json(_json(path, metadata, "model"))
        settings = from_json(_json(path, metadata, "compile")) if compile and "compile" in metadata else None
        if not model.built:  # a subclassed model: its shapes follow from its first data
            model._plan_for((structs(_json(path, metadata, "inputs")),), {})
    weights = {name: value for name, value in tensors.items() if not name.startswith("optimizer:")}
    put_weights(model, weights, path)
    if settings is not None:
        model.compile(**settings)
        slots = {name: value for name, value in tensors.items() if name.startswith("optimizer:")}
        if slots:
            put_slots(model, slots, int(metadata.get("step", 0)), path)
    return model


def put_weights(model: Any, weights: Mapping[str, np.ndarray], path: Path) -> None:
    """Give a planned model its weights, none missing and none left over."""
    where = paths(model)
    want = {_label(where[l], name): spec for l in where for kind in l._specs for name, spec in l._specs[kind].items()}
    refuse_misfits(path, weights, want)
    for layer, place in where.items():
        for kind, specs in layer._specs.items():
            for name in specs:
                layer._values[kind][name] = jax.device_put(weights[_label(place, name)])


def put_slots(model: Any, slots: Mapping[str, np.ndarray], step: int, path: Path) -> None:
    """Let training go on from a saved optimizer state."""
    training = model._training
    trained = {p: v for p, v in gather(model).params.items() if p not in training.frozen}
    fresh = jax.eval_shape(training.optimizer.init, trained)
    refuse_misfits(path, slots, flatten(fresh, "optimizer:"))
    training.slots, training.step = like(fresh, slots, "optimizer:"), step


def save_weights(model: Any, filepath: Path, overwrite: bool = True) -> None:
    """Write the weights alone."""
    path = _checked_path(filepath, overwrite)
    values = {name: np.asarray(value) for name, value in _weights(model).items()}
    write_tensors(path, values, {"freedive": json.dumps({"format": FORMAT, "weights": True})})


def load_weights(model: Any, filepath: Path) -> None:
    """Read weights into a model of the same architecture; from a file of weights or of a whole model."""
    tensors, _ = read_tensors(filepath)
    model.build()
    put_weights(model, {n: v for n, v in tensors.items() if not n.startswith("optimizer:")}, filepath)


def clone_model(model: Any) -> Any:
    """A new model of the same configuration, with first values of its own.

    >>> import freedive as fd
    >>> model = fd.Sequential([fd.Input((2,)), fd.layers.Dense(1)])
    >>> fd.models.clone_model(model).count_params()
    3
    """
    with registered([type(layer) for layer in paths(model)]):
        copy = from_json(to_json(model, "model"))
    if model.built and not copy.built:
        copy._plan_for((structs(model._seen),), {})
    return copy


# what stands in a file ----------------------------------------------------------------------------------------------
def _weights(model: Any) -> dict[str, Any]:
    model.build()
    variables = gather(model)
    return {_label(p, n): v for tree in (variables.params, variables.state) for p, n, v in leaves(tree)}


def seen(tree: Any) -> Any:
    """The shapes of first data, as JSON: what a subclassed model needs to be built again."""
    return jax.tree.map(lambda a: {"shape": [None, *a.shape[1:]], "dtype": jnp.dtype(a.dtype).name}, tree)


def structs(written: Any) -> Any:
    """What `seen` wrote, as shapes that can be traced."""
    if isinstance(written, Mapping) and set(written) == {"shape", "dtype"}:
        return jax.ShapeDtypeStruct((BATCH, *written["shape"][1:]), jnp.dtype(written["dtype"]))
    if isinstance(written, Mapping):
        return {key: structs(value) for key, value in written.items()}
    return [structs(value) for value in written]


def _label(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _checked_path(filepath: Path, overwrite: bool) -> str:
    path = os.fspath(filepath)
    if path.endswith((".keras", ".h5", ".hdf5", ".pkl", ".pt")):
        ending = os.path.splitext(path)[1]
        raise ValueError(f"{path}: freedive writes .safetensors files, not {ending}: give the file that ending")
    if not overwrite and os.path.exists(path):
        raise FileExistsError(f"{path} exists, and overwrite=False was given")
    return path


def _json(path: str, metadata: Mapping[str, str], key: str) -> Any:
    if key not in metadata:
        code = "VERSION" if key == "freedive" else "CONFIG_SYNTAX"
        raise ModelFileError(path, code, f"its metadata has no {key!r}: it holds no freedive model, or weights alone")
    return read_json(path, metadata[key])


@contextlib.contextmanager
def refusals(path: Path) -> Iterator[None]:
    """What goes wrong while a configuration is read, as one kind of error."""
    try:
        yield
    except ModelFileError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        code = "UNKNOWN_CLASS" if str(error).startswith("unknown ") else "BAD_FIELD"
        raise ModelFileError(path, code, str(error)) from error


@contextlib.contextmanager
def registered(custom_objects: Any) -> Iterator[None]:
    """Let names of one's own be found for a while."""
    named = custom_objects if isinstance(custom_objects, Mapping) else {c.__name__: c for c in _some(custom_objects)}
    added: list[tuple[Family, str]] = []
    for name, thing in named.items():
        family = (
            getattr(thing, "family", None) if isinstance(thing, type) and issubclass(thing, Configured) else functions
        )
        if family is not None and name not in family.members:
            family.members[name] = thing
            added.append((family, name))
    try:
        yield
    finally:
        for family, name in added:
            del family.members[name]


def _some(things: Any) -> Iterable[Any]:
    return things if things is not None else ()
