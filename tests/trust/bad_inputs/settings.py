"""The arguments of compile, fit, evaluate and predict, optimizers and callbacks."""

import numpy as np

import freedive as fd
from freedive import callbacks, losses, metrics
from freedive.layers import Dense
from freedive.optimizers import SGD, Adam, AdamW, schedules

from .models import NAN, X, Y, classifier, fit, regress, two_by_two


def one_unit():
    model = fd.Sequential([fd.Input((4,)), Dense(1, "softmax")])
    model.compile("sgd", "binary_crossentropy")
    return model


def measured(metric):
    return lambda: classifier(metrics=[metric]).fit(X, Y, verbose=0)


def losing(loss):
    return regress(model={"loss": loss})


def watched(callback, **options):
    return fit(callbacks=[callback], **options)


def rated(schedule):
    return watched(callbacks.LearningRateScheduler(schedule))


REFUSED = {
    # counts
    "batch_size 0": (fit(batch_size=0), r"fit\(batch_size=0\): expected a whole number, 1 or more"),
    "batch_size 2.5": (fit(batch_size=2.5), r"fit\(batch_size=2.5\)"),
    "batch_size text": (fit(batch_size="32"), r"fit\(batch_size='32'\)"),
    "batch_size True": (fit(batch_size=True), r"fit\(batch_size=True\)"),
    "epochs -1": (fit(epochs=-1), r"fit\(epochs=-1\): expected a whole number, 0 or more"),
    "epochs 1.5": (fit(epochs=1.5), r"fit\(epochs=1.5\)"),
    "epochs None": (fit(epochs=None), r"fit\(epochs=None\)"),
    "epochs nan": (fit(epochs=NAN), r"fit\(epochs=nan\)"),
    "initial_epoch -1": (fit(initial_epoch=-1), r"fit\(initial_epoch=-1\)"),
    "initial_epoch 1.5": (fit(initial_epoch=1.5, epochs=2), r"fit\(initial_epoch=1.5\)"),
    "initial_epoch behind epochs": (
        fit(initial_epoch=3),
        r"fit\(initial_epoch=3, epochs=1\): epochs is the epoch to sto",
    ),
    "steps_per_epoch -1": (fit(steps_per_epoch=-1), r"fit\(steps_per_epoch=-1\): expected a whole number, 1 or more"),
    "validation_freq 0": (fit(validation_freq=0), r"fit\(validation_freq=0\)"),
    "validation_batch_size 0": (fit(validation_batch_size=0), r"fit\(validation_batch_size=0\)"),
    "seed -1": (fit(seed=-1), r"fit\(seed=-1\)"),
    "seed 2**40": (fit(seed=2**40), r"fit\(seed=1099511627776\)"),
    "evaluate batch_size 0": (lambda: classifier().evaluate(X, Y, batch_size=0), r"evaluate\(batch_size=0\)"),
    "evaluate steps 0": (lambda: classifier().evaluate(X, Y, steps=0), r"evaluate\(steps=0\)"),
    "predict batch_size -3": (lambda: classifier().predict(X, batch_size=-3), r"predict\(batch_size=-3\)"),
    "predict steps -1": (lambda: classifier().predict(X, steps=-1), r"predict\(steps=-1\)"),
    # words
    "verbose": (lambda: classifier().fit(X, Y, verbose="loud"), "verbose='loud': expected \"auto\", 0, 1 or 2"),
    "shuffle": (fit(shuffle="yes"), r"fit\(shuffle='yes'\): expected True or False"),
    "on_bad": (fit(on_bad="ignore"), r"fit\(on_bad='ignore'\): expected one of 'error', 'skip', 'keep'"),
    "predict on_bad": (
        lambda: classifier().predict(X, on_bad="skip"),
        r"predict\(on_bad='skip'\): expected one of 'error'",
    ),
    "unknown loss": (lambda: classifier(loss="mss"), "Did you mean 'm"),
    "unknown metric": (measured("acuracy"), "Did you mean 'accuracy'"),
    "unknown optimizer": (lambda: classifier(optimizer="adm"), "Did you mean 'adam'"),
    "unknown precision": (lambda: classifier(precision="float8"), "mixed_bfloat16"),
    # compile
    "optimizer 3": (lambda: classifier(optimizer=3), "as optimizer. Received: 3"),
    "optimizer None": (lambda: classifier(optimizer=None), "as optimizer. Received: None"),
    "loss 3": (lambda: classifier(loss=3), "as loss. Received: 3"),
    "loss of an unknown output": (lambda: two_by_two().compile("sgd", {"sise": "mse"}), "Did you mean 'size'"),
    "two losses for one output": (lambda: classifier(loss=["mse", "mse"]), "expected one for each of the 1 outputs"),
    "metric 3": (measured(3), "3"),
    "loss_weights text": (
        lambda: classifier(loss_weights="a"),
        r"compile\(loss_weights=...\): expected finite numbers",
    ),
    "loss_weights nan": (lambda: classifier(loss_weights=NAN), r"compile\(loss_weights=...\): expected finite numbers"),
    "loss_weights of two": (lambda: classifier(loss_weights=[1, 2]), "expected one for each of the 1 outputs"),
    "not compiled, fit": (lambda: fd.Sequential([fd.Input((4,)), Dense(1)]).fit(X, Y), "not compiled"),
    "not compiled, evaluate": (lambda: fd.Sequential([fd.Input((4,)), Dense(1)]).evaluate(X, Y), "not compiled"),
    "not built, predict": (lambda: fd.Sequential([Dense(1)]).predict(X), "no weights yet"),
    "softmax of one unit": (lambda: one_unit().fit(X, Y % 2, verbose=0), "is a softmax of one unit, which is always 1"),
    "loss gives None": (losing(lambda y, p: None), "the loss function .* gave None. Does it end with a return"),
    "loss gives text": (losing(lambda y, p: "x"), "the loss function .* gave a str. Expected an array"),
    "loss gives a pair": (losing(lambda y, p: (y, p)), "gave a tuple. Expected an array"),
    "loss gives 5 numbers": (
        losing(lambda y, p: (y - p)[:5]),
        r"gave shape \(5, 1\) for predictions of shape \(\d+, 1\)",
    ),
    "metric gives None": (measured(lambda y, p: None), "the metric function .* gave None"),
    "metric gives text": (measured(lambda y, p: "x"), "the metric function .* gave a str"),
    "metric gives 3 rows": (measured(lambda y, p: p[:3]), r"the metric function .* gave shape \(3, 3\)"),
    # optimizers
    "rate nan": (lambda: Adam(NAN), r"Adam\(learning_rate=nan\): expected a finite number of 0 or more"),
    "rate -0.1": (lambda: SGD(-0.1), r"SGD\(learning_rate=-0.1\)"),
    "rate inf": (lambda: SGD(np.inf), r"SGD\(learning_rate=inf\)"),
    "rate text": (lambda: SGD("0.1"), r"SGD\(learning_rate='0.1'\)"),
    "rate None": (lambda: SGD(None), r"SGD\(learning_rate=None\)"),
    "rate set to nan": (lambda: setattr(classifier().optimizer, "learning_rate", NAN), r"SGD\(learning_rate=nan\)"),
    "momentum -1": (lambda: SGD(momentum=-1), r"SGD\(momentum=-1\)"),
    "beta 1.5": (lambda: Adam(beta_1=1.5), r"Adam\(beta_1=1.5\)"),
    "epsilon -1": (lambda: Adam(epsilon=-1), r"Adam\(epsilon=-1\)"),
    "clipnorm -1": (lambda: Adam(clipnorm=-1), r"Adam\(clipnorm=-1\)"),
    "decay -1": (lambda: AdamW(weight_decay=-1), r"AdamW\(weight_decay=-1\)"),
    "schedule of 0 steps": (lambda: schedules.CosineDecay(0.1, 0), r"CosineDecay\(decay_steps=0\)"),
    # callbacks
    "callbacks 3": (fit(callbacks=[3]), "expected a freedive.callbacks.Callback. Received 3"),
    "callbacks a class": (watched(callbacks.EarlyStopping), r"write EarlyStopping\(\)"),
    "monitor of nothing": (watched(callbacks.EarlyStopping("val_los"), epochs=2), "there is no validation in this run"),
    "patience -1": (lambda: callbacks.EarlyStopping(patience=-1), r"EarlyStopping\(patience=-1\)"),
    "mode up": (lambda: callbacks.EarlyStopping(mode="up"), "expected one of 'auto', 'min', 'max'"),
    "factor 2": (lambda: callbacks.ReduceLROnPlateau(factor=2.0), "expected less than 1"),
    "schedule gives None": (rated(lambda epoch: None), "the schedule must give a number. For epoch 0 it gave None"),
    "schedule gives nan": (rated(lambda epoch: NAN), r"SGD\(learning_rate=nan\)"),
    "schedule is a number": (lambda: callbacks.LearningRateScheduler(3), "schedule must be a function"),
    # losses and metrics
    "shapes of a loss": (
        lambda: losses.MeanSquaredError()(np.ones((4, 3)), np.ones((4, 2))),
        "nothing is repeated to fit",
    ),
    "delta -1": (lambda: losses.Huber(delta=-1), r"Huber\(delta=-1\): expected more than 0"),
    "smoothing 2": (lambda: losses.BinaryCrossentropy(label_smoothing=2), "expected a number from 0 to 1"),
    "no classes": (lambda: metrics.MeanIoU(0), r"MeanIoU\(num_classes=0\)"),
    "one threshold": (lambda: metrics.AUC(num_thresholds=1), r"AUC\(num_thresholds=1\)"),
    "threshold 2": (lambda: metrics.Precision(thresholds=2.0), r"Precision\(thresholds=2.0\)"),
    "metric called loss": (measured(metrics.MeanSquaredError(name="loss")), "in the place of another result, 'loss'"),
    "metric called epoch": (
        measured(metrics.MeanSquaredError(name="epoch")),
        "in the place of another result, 'epoch'",
    ),
    "top 0": (lambda: metrics.TopKCategoricalAccuracy(0), r"TopKCategoricalAccuracy\(k=0\)"),
}
