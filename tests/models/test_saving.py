"""Large arrays in a configuration: kept in the file as tensors, and given back."""

import json

import numpy as np
import pytest

import freedive as fd
from freedive.files import ModelFileError, read_tensors, write_tensors
from freedive.initializers import Constant

VECTORS = np.random.default_rng(0).normal(size=(400, 50))  # of words, as GloVe's


def embedding():
    model = fd.Sequential([fd.Input((3,)), fd.layers.Embedding(400, 50, embeddings_initializer=Constant(VECTORS))])
    model.compile(fd.optimizers.SGD(0.1), "mse")
    return model


def test_given_vectors_are_kept_beside_what_was_learned(tmp_path):
    model = embedding()
    model.fit(np.arange(12).reshape(4, 3), np.ones((4, 3, 50), np.float32), verbose=0)
    model.save(tmp_path / "model.safetensors")
    tensors, metadata = read_tensors(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(tensors["configuration:0"], VECTORS)
    assert len(metadata["model"]) < 1000
    read = fd.models.load_model(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(read.get_weights()[0], model.get_weights()[0])
    read.load_weights(tmp_path / "model.safetensors")
    for made in (model, read):
        again = fd.models.clone_model(made)
        again.build((None, 3))
        np.testing.assert_array_equal(again.get_weights()[0], VECTORS.astype("float32"))


def test_arrays_of_few_numbers_stay_text(tmp_path):
    layer = fd.layers.Dense(2, bias_initializer=Constant(np.array([1.0, 2.0])))
    assert json.loads(json.dumps(layer.get_config()))["bias_initializer"]["config"] == {"value": [1.0, 2.0]}
    fd.Sequential([fd.Input((2,)), layer]).save(tmp_path / "model.safetensors")
    assert "configuration:0" not in read_tensors(tmp_path / "model.safetensors")[0]


@pytest.mark.parametrize(
    "given", [VECTORS.tolist(), VECTORS.astype(">f4"), VECTORS.astype("int32")], ids=["list", "swapped", "whole"]
)
def test_lists_and_other_types(given, tmp_path):
    layer = fd.layers.Embedding(400, 50, embeddings_initializer=Constant(given))
    fd.Sequential([fd.Input((3,)), layer]).save(tmp_path / "model.safetensors")
    read = fd.models.load_model(tmp_path / "model.safetensors").layers[0].embeddings_initializer.value
    np.testing.assert_array_equal(read, np.asarray(given))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda tensors, told: tensors.pop("configuration:0"), "BAD_FIELD"),
        (lambda tensors, told: tensors.update({"configuration:1": np.ones(3)}), "TENSOR_MISMATCH"),
        (lambda tensors, told: told.update({"$array": "configuration:1"}), "BAD_FIELD"),
        (lambda tensors, told: told.update({"$array": ["configuration:0"]}), "BAD_FIELD"),
        (lambda tensors, told: tensors.update({"configuration:0": np.ones((400, 49))}), None),
    ],
    ids=["missing", "one too many", "unknown", "no name", "of another shape"],
)
def test_arrays_that_do_not_fit_are_refused(change, code, tmp_path):
    path = tmp_path / "model.safetensors"
    embedding().save(path)
    tensors, metadata = read_tensors(path)
    told = json.loads(metadata["model"])
    change(tensors, told["config"]["layers"][-1]["config"]["embeddings_initializer"]["config"]["value"])
    kept = {name: text for name, text in metadata.items() if name in ("freedive", "made", "step")}
    write_tensors(path, tensors, kept | {"model": json.dumps(told)})
    if code is None:  # the weights have their values; only a clone would ask for these
        with pytest.raises(ValueError, match=r"the values have shape \(400, 49\)"):
            fd.models.clone_model(fd.models.load_model(path)).build((None, 3))
        return
    with pytest.raises(ModelFileError) as refused:
        fd.models.load_model(path)
    assert refused.value.code == code
