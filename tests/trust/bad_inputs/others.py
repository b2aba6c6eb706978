"""Models, their weights and files, seeds, labels."""

import numpy as np

import freedive as fd
from freedive import utils
from freedive.layers import Dense

from .models import NAN, X, classifier


def twice(layer):
    return lambda: fd.Sequential([layer, layer])


def weights(*arrays):
    return lambda: classifier().set_weights(list(arrays))


REFUSED = {
    "Sequential of 3": (lambda: fd.Sequential([3]), "Sequential expects layers. Received: 3"),
    "Sequential of text": (lambda: fd.Sequential("abc"), "Sequential expects layers. Received: 'a'"),
    "Sequential of a class": (lambda: fd.Sequential([Dense]), "Sequential expects layers. Received: <class"),
    "Sequential of one layer twice": (twice(Dense(3)), "a layer used twice needs a functional Model"),
    "pop of nothing": (lambda: fd.Sequential().pop(), "there is no layer to pop"),
    "Model of arrays": (lambda: fd.Model(X, X), "Model expects symbols"),
    "Model of two pieces": (
        lambda: fd.Model(fd.Input((4,)), Dense(3)(fd.Input((4,)))),
        "which is not among the model's inputs",
    ),
    "Model without outputs": (lambda: fd.Model(fd.Input((4,)), None), "at least one input and one output"),
    "Model without inputs": (lambda: fd.Model([], fd.Input((4,))), "at least one input and one output"),
    "get_layer": (lambda: classifier().get_layer("dens"), "Did you mean 'dense'"),
    "build with a text": (lambda: fd.Sequential([Dense(1)]).build("a"), "expects|size that is not known"),
    "call on text": (lambda: classifier()(["a"]), "expected numbers|expected shape"),
    "call on 2 features": (lambda: classifier()(X[:, :2]), r"expected shape \(None, 4\). Received: \(None, 2\)"),
    "call on None": (lambda: classifier()(None), "expected an array. Received None|received 0 arrays"),
    "set_weights None": (
        lambda: classifier().set_weights(None),
        "set_weights: expected a list of 2 arrays. Received: No",
    ),
    "set_weights of one": (weights(np.ones((4, 3))), "set_weights: this model has 2 arrays, received 1"),
    "set_weights of other shapes": (
        weights(np.ones((3, 4)), np.zeros(3)),
        r"set_weights: array 0 \(dense/kernel\) has shape \(3, 4\), expected \(4, 3\)",
    ),
    "set_weights nan": (
        weights(np.ones((4, 3)), np.array([0, NAN, 0])),
        r"set_weights: array 1 \(dense/bias\) holds nan at index \(1,\)",
    ),
    "set_weights text": (weights(np.full((4, 3), "a"), np.zeros(3)), "holds <U1, expected numbers"),
    "set_weights of None": (weights(None, None), "holds object, expected numbers"),
    "save as hdf5": (lambda: classifier().save("m.h5"), "freedive writes .safetensors files, not .h5"),
    "save as keras": (lambda: classifier().save("m.keras"), "not .keras: give the file that ending"),
    "load nothing": (lambda: fd.models.load_model("/nowhere/m.safetensors"), "no such file; there is no folder"),
    "load weights of nothing": (lambda: classifier().load_weights("/nowhere/m.safetensors"), "no such file"),
    "set_seed -1": (lambda: fd.set_seed(-1), "set_seed expects a whole number, 0 or more"),
    "seed 1.5": (lambda: fd.set_seed(1.5), "set_seed expects a whole number"),
    "label -1": (lambda: utils.to_categorical([-1]), "label -1 at index 0"),
    "label 5 of 3": (lambda: utils.to_categorical([5], 3), "label 5 at index 0 is no whole number from 0 to 2"),
    "labels as text": (lambda: utils.to_categorical(["a"]), "expected whole numbers. Received: <U1"),
}
