"""What people write must be right to a type checker too: pyright reads this file, nobody runs it."""

import numpy as np

import freedive as fd
from freedive import callbacks, layers, losses, metrics, optimizers
from freedive.tasks import ImageClassifier, TabularClassifier


class Scale(layers.Layer):
    """A layer of one's own."""

    factor: float = 1.0

    def call(self, x):
        return x * self.factor * self.param("scale", (x.shape[-1],), "ones")


class Network(fd.Model):
    """A model class."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(3)

    def call(self, x, training=False):
        return self.dense(x)


def layers_by_names_numbers_and_functions() -> fd.Sequential:
    """Arguments as Keras takes them."""
    return fd.Sequential(
        [
            fd.Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.RandomRotation((-0.1, 0.2)),
            layers.Conv2D(4, (3, 3), strides=(2, 2), padding="same", kernel_initializer="he_normal"),
            layers.Conv2D(4, 3, dilation_rate=2, kernel_regularizer="l2", bias_constraint=None),
            layers.MaxPooling2D((2, 2)),
            layers.LayerNormalization(axis=[1, 2]),
            layers.Reshape((-1, 4)),
            layers.Bidirectional(layers.GRU(4, recurrent_initializer="orthogonal"), merge_mode="concat"),
            layers.Dense(8, activation="relu", kernel_initializer=fd.initializers.HeNormal(seed=1)),
            layers.Lambda(lambda x: x * 2),
            Scale(2.0),
            layers.Dense(3, activation=None),
        ]
    )


def train(model: fd.Model, x: np.ndarray, y: np.ndarray) -> float:
    """Compile, fit, evaluate and predict."""
    rate = optimizers.schedules.CosineDecay(0.1, 100)
    model.compile("adam", "mse", metrics=["accuracy"])
    model.compile(
        optimizers.SGD(rate, momentum=0.9, clipnorm=1.0),
        losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[metrics.SparseCategoricalAccuracy()],
    )
    kept = [callbacks.EarlyStopping(patience=2), callbacks.ModelCheckpoint("best.safetensors", save_best_only=True)]
    history = model.fit(x, y, batch_size=4, epochs=2, validation_split=0.1, callbacks=kept, verbose=0)
    model.save("model.safetensors")
    again = fd.models.load_model("model.safetensors")
    again.set_weights(model.get_weights())
    again.predict(x).argmax(-1)
    return history.history["loss"][-1] + model.evaluate(x, y, return_dict=True)["loss"]


def methods_and_tasks(x: np.ndarray, y: np.ndarray) -> None:
    """Models, methods and tasks side by side."""
    inputs = fd.Input((28, 28, 1))
    fd.Model(inputs, layers.Dense(2)(layers.Flatten()(inputs))).summary()
    fd.Ensemble(Network(), n=4).compile("adam", "mse")
    fd.cross_validate(Network(), x, y, folds=3)
    ImageClassifier(epochs=2, size=64).fit(x, y).predict(x)
    TabularClassifier(epochs=3, learning_rate=0.1).fit(x, y).predict_proba(x)
