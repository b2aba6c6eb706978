"""A model from its file: names that are registered and nothing else, bounded before it is built, refused in one voice.

No code, no import, no pickle. What the configuration asks for is counted and compared with what the file holds before
a single weight is made; whatever is wrong is a `ModelFileError` with a code for programs and a detail for people.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..config import Configured, Family, check_names, from_json, functions, to_json
from ..core.arguments import checked_dtype, checked_shape
from ..core.bounds import bounded
from ..core.forward import BATCH
from ..core.paths import paths
from ..core.variables import gather
from ..errors import GraphError, TooLargeError, UnknownNameError, VocabularyError, warn
from ..files import ModelFileError, read_json, read_tensors
from ..losses.weighting import PLACE
from ..train.checkpoint import refuse_misfits
from .configuration import OutsideError, check_configuration
from .saving import CONFIGURATION, FORMAT, OPTIMIZER, Path, flatten, label, together

ENTRIES = frozenset(("freedive", "model", "inputs", "compile", "step", "about", "made"))  # what a model file may say
CODE_OF: dict[type[Exception], str] = {
    TooLargeError: "TOO_LARGE",
    UnknownNameError: "UNKNOWN_CLASS",
    GraphError: "BAD_GRAPH",
    OutsideError: "PATH_IN_CONFIG",
    VocabularyError: "BAD_VOCAB",
    MemoryError: "TOO_LARGE",
    RecursionError: "TOO_LARGE",
    SystemError: "TOO_LARGE",  # how recursion through XLA's bindings ends
    ValueError: "BAD_FIELD",
    TypeError: "BAD_FIELD",
    LookupError: "BAD_FIELD",
    ArithmeticError: "BAD_FIELD",
    AttributeError: "BAD_FIELD",
    AssertionError: "BAD_FIELD",
    RuntimeError: "BAD_FIELD",
}


def load_model(filepath: Path, custom_objects: Any = None, compile: bool = True, check_finite: bool = False) -> Any:
    """The model that `save` wrote.

    Args:
        filepath: the file.
        custom_objects: your own classes and functions that the file names: a list, or a dict by name.
        compile: whether it is compiled as it was when saved.
        check_finite: refuse weights that are NaN or infinite, rather than warn of them.

    Raises:
        FileNotFoundError: no such file; names those that look like it.
        ModelFileError: the file is refused; says why.

    >>> import freedive as fd
    >>> model = fd.Sequential([fd.Input((2,)), fd.layers.Dense(1)])
    >>> model.save("line.safetensors")
    >>> fd.models.load_model("line.safetensors").count_params()
    3
    """
    return read_model(os.fspath(filepath), custom_objects, compile, check_finite)[0]


def read_model(
    path: str, custom_objects: Any = None, compile: bool = True, check_finite: bool = False
) -> tuple[Any, Mapping[str, str]]:
    """What `load_model` gives, and the metadata of the same bytes."""
    tensors, metadata = read_tensors(path)
    weights, slots, arrays = divided(tensors)
    told = {key: _read(path, metadata, key) for key in ("freedive", "model", "inputs", "compile") if key in metadata}
    _check_version(path, told.get("freedive"))
    if "model" not in told:
        raise ModelFileError(path, "CONFIG_SYNTAX", "its metadata has no 'model': it holds weights alone")
    for key in metadata.keys() - ENTRIES:
        raise ModelFileError(path, "BAD_METADATA", f"an entry {key!r:.80} that no model file has")
    with registered(custom_objects), refusals(path), bounded(sum(tensor.size for tensor in weights.values())):
        for key in told.keys() - {"freedive"}:
            check_configuration(told[key], key)
            told[key] = together(told[key], arrays)
        if arrays:
            raise ModelFileError(path, "TENSOR_MISMATCH", f"no configuration has the array {next(iter(arrays))!r:.80}")
        model = from_json(told["model"])
        if not hasattr(model, "_training"):
            raise ModelFileError(path, "NOT_A_MODEL", f"it describes a {type(model).__name__}, and no model")
        if not model.built:  # a subclassed model: its shapes follow from its first data
            model._plan_for((structs(told.get("inputs")),), {})
        settings = from_json(told["compile"]) if compile and "compile" in told else None
        if settings is not None:
            model.compile_from_config(settings)
    put_weights(model, weights, path, check_finite)
    if settings is not None and slots:
        put_slots(model, slots, _step(path, metadata), path)
    return model, metadata


def load_weights(model: Any, filepath: Path, check_finite: bool = False) -> None:
    """Read weights into a model of the same architecture; from a file of weights or of a whole model."""
    tensors, _ = read_tensors(filepath)
    model.build()
    put_weights(model, divided(tensors)[0], filepath, check_finite)


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


# values -------------------------------------------------------------------------------------------------------------
def divided(tensors: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], ...]:
    """(weights, the optimizer's slots, arrays of the configuration)."""
    parts: dict[str, dict[str, np.ndarray]] = {"": {}, OPTIMIZER: {}, CONFIGURATION: {}}
    for name, value in tensors.items():
        parts[next((start for start in (OPTIMIZER, CONFIGURATION) if name.startswith(start)), "")][name] = value
    return tuple(parts.values())


def put_weights(model: Any, weights: Mapping[str, np.ndarray], path: Path, check_finite: bool = False) -> None:
    """Give a planned model its weights, none missing and none left over."""
    where = paths(model)
    want = {label(where[l], name): spec for l in where for kind in l._specs for name, spec in l._specs[kind].items()}
    weights = {name: w for name, w in weights.items() if name in want or not name.startswith(f"{PLACE}/")}
    refuse_misfits(path, weights, want)
    _look_for_nan(weights, path, check_finite)
    for layer, place in where.items():
        for kind, specs in layer._specs.items():
            for name in specs:
                layer._values[kind][name] = jax.device_put(weights[label(place, name)])


def put_slots(model: Any, slots: Mapping[str, np.ndarray], step: int, path: Path) -> None:
    """Let training go on from a saved optimizer state."""
    training = model._training
    trained = {p: v for p, v in gather(model).params.items() if p not in training.frozen}
    fresh = jax.eval_shape(training.optimizer.init, trained)
    refuse_misfits(path, slots, flatten(fresh, OPTIMIZER))
    training.slots, training.step = like(fresh, slots, OPTIMIZER), step


def like(tree: Any, flat: Mapping[str, Any], prefix: str = "") -> Any:
    """The nested dicts of the shape of `tree`, with the values of `flat`."""
    if not isinstance(tree, Mapping):
        return jnp.asarray(flat[prefix.rstrip("/")], tree.dtype)
    return {key: like(value, flat, f"{prefix}{key}/" if key else prefix) for key, value in tree.items()}


def _look_for_nan(weights: Mapping[str, np.ndarray], path: Path, refuse: bool) -> None:
    found = [
        name
        for name, value in weights.items()
        if jnp.issubdtype(value.dtype, jnp.inexact) and not np.isfinite(value).all()
    ]
    if not found:
        return
    at = np.argwhere(~np.isfinite(weights[found[0]]))[0].tolist()
    detail = f"{len(found)} of {len(weights)} weights hold NaN or infinity, the first is {found[0]} at {tuple(at)}"
    if refuse:
        raise ModelFileError(path, "BAD_VALUE", detail)
    warn(f"{os.fspath(path)}: {detail}. Its answers mean nothing; the training diverged")


# what a file says ---------------------------------------------------------------------------------------------------
def _read(path: str, metadata: Mapping[str, str], key: str) -> Any:
    if key == "inputs":  # may be a list
        return read_json(path, f'{{"inputs":{metadata[key]}}}', "shape of its inputs")["inputs"]
    return read_json(path, metadata[key])


def _check_version(path: str, told: Any) -> None:
    version = told.get("format") if isinstance(told, dict) else None
    if not isinstance(version, int) or isinstance(version, bool) or not 1 <= version <= FORMAT:
        raise ModelFileError(path, "VERSION", f"format {version!r}; this version of freedive reads up to {FORMAT}")


def _step(path: str, metadata: Mapping[str, str]) -> int:
    written = metadata.get("step", "")
    if not (written.isascii() and written.isdigit() and len(written) <= 10 and int(written) < 2**31):
        raise ModelFileError(path, "BAD_STATE", f"step {written!r:.40}: expected a whole number from 0 to 2**31 - 1")
    return int(written)


def structs(written: Any) -> Any:
    """What `seen` wrote, as shapes that can be traced."""
    if isinstance(written, Mapping) and set(written) == {"shape", "dtype"}:
        check_names(written, ("shape", "dtype"), (), "an input")
        if not isinstance(written["shape"], (list, tuple)) or not written["shape"]:
            raise ValueError(f"inputs: expected a shape with a batch axis. Received: {written['shape']!r:.80}")
        sizes = checked_shape(written["shape"][1:], "inputs")
        if None in sizes:
            raise ValueError(f"inputs: expected known sizes. Received: {sizes!r:.80}")
        return jax.ShapeDtypeStruct((BATCH, *sizes), jnp.dtype(checked_dtype(written["dtype"])))
    if isinstance(written, Mapping):
        return {key: structs(value) for key, value in written.items()}
    if not isinstance(written, (list, tuple)):
        raise ValueError(f"inputs: expected the shapes of first data. Received: {written!r:.80}")
    return [structs(value) for value in written]


@contextlib.contextmanager
def refusals(path: Path) -> Iterator[None]:
    """What goes wrong while a configuration is read, as one kind of error."""
    try:
        yield
    except ModelFileError:
        raise
    except tuple(CODE_OF) as error:
        code = next(code for kind, code in CODE_OF.items() if isinstance(error, kind))
        said = str(error).strip().partition("\n")[0][:500]
        detail = f"it lacks the entry {said}" if isinstance(error, KeyError) else said or type(error).__name__
        raise ModelFileError(path, code, detail) from error


@contextlib.contextmanager
def registered(custom_objects: Any) -> Iterator[None]:
    """Let names of one's own be found for a while; they go before names of the same spelling."""
    things = custom_objects if custom_objects is not None else ()
    named = things if isinstance(things, Mapping) else {thing.__name__: thing for thing in things}
    before: list[tuple[Family, str, Any]] = []
    for name, thing in named.items():
        family = _family_of(thing)
        before.append((family, name, family.members.get(name)))
        family.members[name] = thing
    try:
        yield
    finally:
        for family, name, member in reversed(before):
            if member is None:
                del family.members[name]
            else:
                family.members[name] = member


def _family_of(thing: Any) -> Family:
    family = thing.family if isinstance(thing, type) and issubclass(thing, Configured) else None
    return family or functions
