"""The arguments of layers, and what they are called on."""

import numpy as np

import freedive as fd
from freedive.layers import (
    LSTM,
    Add,
    BatchNormalization,
    Bidirectional,
    Concatenate,
    Conv2D,
    Cropping2D,
    Dense,
    Dot,
    Dropout,
    Embedding,
    GroupNormalization,
    Lambda,
    LayerNormalization,
    MaxPooling2D,
    MultiHeadAttention,
    Normalization,
    Permute,
    RepeatVector,
    Rescaling,
    Reshape,
    Resizing,
    TimeDistributed,
    ZeroPadding2D,
)

from .models import NAN, PICTURES, STEPS, X


def made(kind, *args, **kwargs):
    return lambda: kind(*args, **kwargs)


def called(layer, *args):
    """What calls a layer that is made by `layer`."""
    return lambda: layer()(*args)


HUGE = 10**13
REFUSED = {
    "units 0": (made(Dense, 0), r"Dense\(units=0\): expected more than 0"),
    "units text": (made(Dense, "3"), r"Dense\(units='3'\): expected a whole number"),
    "units 3.5": (made(Dense, 3.5), r"Dense\(units=3.5\): expected a whole number"),
    "units True": (made(Dense, True), r"Dense\(units=True\): expected a whole number"),
    "units missing": (made(Dense), "Dense: missing a required argument: 'units'"),
    "units twice": (made(Dense, 3, units=4), "Dense: multiple values for argument 'units'"),
    "units 10**13": (called(lambda: Dense(HUGE), X), "takes .* GiB, more than there is"),
    "a slip of an argument": (made(Dense, 3, activaton="relu"), "Did you mean 'activation'"),
    "a slip of an activation": (made(Dense, 3, activation="rleu"), "Did you mean 'relu'"),
    "a slip of an initializer": (made(Dense, 3, kernel_initializer="glorot"), "Did you mean 'GlorotNormal'"),
    "a slip of a constraint": (made(Dense, 3, kernel_constraint="maxnorm"), "Did you mean 'MaxNorm'"),
    "an unknown regularizer": (made(Dense, 3, kernel_regularizer="l3"), "unknown regularizer 'l3'"),
    "a name with a slash": (made(Dense, 3, name="a/b"), "a layer's name has 1 to 100 letters"),
    "dtype float23": (made(Dense, 3, dtype="float23"), "dtype: expected one of float32"),
    "trainable 'yes'": (made(Dense, 3, trainable="yes"), "trainable='yes': expected True or False"),
    "Dense on a number": (called(lambda: Dense(3), 3.0), "Dense: expected an array with features"),
    "Dense on text": (called(lambda: Dense(3), ["a"]), "expected numbers"),
    "Dense on None": (called(lambda: Dense(3), None), "Dense: expected an array. Received None"),
    "rate 1.5": (made(Dropout, 1.5), r"Dropout\(rate=1.5\): expected a number from 0 to 1"),
    "dropout of nan": (made(Dropout, NAN), r"Dropout\(rate=nan\): expected a number. Received: NaN"),
    "kernel 0": (made(Conv2D, 3, 0), r"Conv2D\(kernel_size=0\)"),
    "kernel of three": (made(Conv2D, 3, (3, 3, 3)), r"or 2 of them, one for each axis"),
    "strides 0": (made(Conv2D, 3, 3, strides=0), r"Conv2D\(strides=0\)"),
    "padding 'sam'": (made(Conv2D, 3, 3, padding="sam"), "expected one of 'valid', 'same'"),
    "filters 0": (made(Conv2D, 0, 3), r"Conv2D\(filters=0\)"),
    "convolution of rows": (called(lambda: Conv2D(3, 3), X), r"expected 4 axes, \(batch, height, width, channels\)"),
    "kernel too large": (
        called(lambda: Conv2D(3, 9), PICTURES),
        "kernel_size of 9 x 9 does not fit into an input of 8 x 8",
    ),
    "groups": (called(lambda: Conv2D(3, 3, groups=2), PICTURES), "groups=2 must divide the 1 channels"),
    "recurrence of rows": (called(lambda: LSTM(3), X), "A sequence of single numbers needs a feature axis"),
    "recurrence of 0 units": (made(LSTM, 0), r"LSTM\(units=0\)"),
    "no ids": (made(Embedding, 0, 3), r"Embedding\(input_dim=0\)"),
    "no vectors": (made(Embedding, 3, 0), r"Embedding\(output_dim=0\)"),
    "id 10 of 5": (called(lambda: Embedding(5, 2), np.array([10])), "received 1 ids that are no whole numbers in 0..4"),
    "id -1": (called(lambda: Embedding(5, 2), np.array([-1])), "received 1 ids"),
    "id 0.5": (called(lambda: Embedding(5, 2), np.array([0.5])), "received 1 ids"),
    "reshape": (called(lambda: Reshape((5,)), X), r"target_shape=\(5,\) holds 5 values"),
    "concatenate": (called(lambda: Concatenate(axis=1), [X, STEPS]), "may differ in axis 1 only"),
    "add": (called(Add, [X, X[:, :3]]), r"do not fit each other. Received \(40, 4\), \(40, 3\)"),
    "dot": (called(lambda: Dot(axes=1), [X, X[:, :3]]), "choose axes of equal size"),
    "momentum 2": (made(BatchNormalization, momentum=2), "expected a number from 0 to 1"),
    "axis 7 of batches": (called(lambda: BatchNormalization(axis=7), X), r"axis=\(7,\) is outside an input of shape"),
    "axis 7 of layers": (called(lambda: LayerNormalization(axis=7), X), r"axis=\(7,\) is outside an input of shape"),
    "epsilon of layers": (
        made(LayerNormalization, epsilon=-1),
        r"LayerNormalization\(epsilon=-1\): expected 0 or more",
    ),
    "groups of channels": (called(lambda: GroupNormalization(3), X), "groups=3 must divide the 4 channels"),
    "no heads": (made(MultiHeadAttention, 0, 2), r"MultiHeadAttention\(num_heads=0\)"),
    "attention to rows": (called(lambda: MultiHeadAttention(2, 3), X, X), r"expected query \(batch, time, size\)"),
    "input -1": (made(fd.Input, (-1,)), "expects the shape of one sample in whole numbers"),
    "input text": (made(fd.Input, "ab"), "expects the shape of one sample in whole numbers"),
    "input of nothing": (made(fd.Input), "Input expects the shape of one sample"),
    "pool 0": (made(MaxPooling2D, 0), r"MaxPooling2D\(pool_size=0\)"),
    "pool too large": (called(lambda: MaxPooling2D(9), PICTURES), "pool_size of 9 x 9 does not fit"),
    "permute": (made(Permute, (1, 1)), r"Permute\(dims=\(1, 1\)\): expected 1 to 2, each once"),
    "permute of rows": (called(lambda: Permute((2, 1)), X), r"dims=\(2, 1\) is for 3 axes"),
    "repeat 0": (made(RepeatVector, 0), r"RepeatVector\(n=0\)"),
    "repeat of steps": (called(lambda: RepeatVector(3), STEPS), r"expected 2 axes, \(batch, features\)"),
    "rescale text": (made(Rescaling, "a"), r"Rescaling\(scale='a'\): expected a number"),
    "resize to 0": (made(Resizing, 0, 3), r"Resizing\(height=0\)"),
    "crop all": (called(lambda: Cropping2D(9), PICTURES), r"cropping 9 \+ 9 leaves nothing of a height of 8"),
    "pad -1": (made(ZeroPadding2D, -1), r"ZeroPadding2D\(padding=-1\)"),
    "adapt to nan": (lambda: Normalization().adapt(X * NAN), "adapt got 160 values that are NaN or infinite"),
    "adapt to nothing": (lambda: Normalization().adapt(X[:0]), "adapt got no data"),
    "time of no layer": (made(TimeDistributed, 3), "TimeDistributed expects a layer. Received: 3"),
    "both ways of Dense": (lambda: Bidirectional(Dense(3)), "expects a recurrent layer"),
    "Lambda of a number": (made(Lambda, 3), "expected a function of the input"),
    "Lambda gives None": (called(lambda: Lambda(lambda x: None), X), "its function gave None"),
}
