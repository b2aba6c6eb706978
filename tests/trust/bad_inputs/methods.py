"""What is handed to methods: generative models, private and federated learning, transfer, searches, calibration."""

import numpy as np

import freedive as fd
from freedive import methods
from freedive.layers import BatchNormalization, Concatenate, Dense, MixUp

from .models import NAN, X, Y, classifier, put

PROBABILITIES = np.full((4, 3), 1 / 3)
LABELS = np.array([0, 1, 2, 0])


# models that make data ------------------------------------------------------------------------------------------
def row(inputs, *layers):
    return fd.Sequential([fd.Input((inputs,)), *layers])


def autoencoder(**options):
    model = fd.Autoencoder(row(4, Dense(2)), row(2, Dense(4)), **options)
    model.compile("adam")
    return model


def vae(units=4, **options):
    model = fd.VAE(row(4, Dense(4)), row(2, Dense(units)), **options)
    model.compile("adam")
    return model


def joined(units, *sizes):
    inputs = [fd.Input((size,)) for size in sizes]
    return fd.Model(inputs if len(sizes) > 1 else inputs[0], Dense(units)(Concatenate()(inputs)))


def gan(units=4, labels=False, **options):
    parts = (joined(units, 2, 1), joined(1, 4, 1)) if labels else (row(2, Dense(units)), row(4, Dense(1)))
    model = fd.GAN(*parts, **options)
    model.compile()
    return model


def diffusion(classes=None, **options):
    network = joined(4, 4, 1) if classes is None else joined(4, 4, 1, 1)
    model = fd.Diffusion(network, classes=classes, **({"steps": 20} | options))
    model.compile()
    return model


def generate(make, n=2, **options):
    return lambda: make().generate(n, **options)


def labelled(label, **options):
    return lambda: diffusion(3).generate(1, labels=[label], steps=5, **options)


def fits(make, x=X, y=None):
    return lambda: make().fit(x, y, verbose=0)


# private and federated --------------------------------------------------------------------------------------------
def private(**terms):
    return lambda: fd.private(classifier(), **({"noise_multiplier": 1.0} | terms))


def learning(x=X, y=Y, terms=None, **options):
    return lambda: private(**(terms or {}))().fit(x, y, verbose=0, **options)


def normalised():
    model = row(4, BatchNormalization(), Dense(3, "softmax"))
    model.compile("sgd", "sparse_categorical_crossentropy")
    fd.private(model, noise_multiplier=1.0).fit(X, Y, verbose=0)


def dealt(clients=4, x=X, y=Y, **options):
    return lambda: fd.federated.partition(x, y, clients, **options)


def federated(clients=None, **options):
    def act():
        given = dealt()() if clients is None else clients
        fd.federated.simulate(classifier(), given, **({"rounds": 1, "verbose": 0} | options))

    return act


# others -----------------------------------------------------------------------------------------------------------
def deep():
    model = row(4, Dense(5, name="a"), Dense(3, name="b"))
    model.compile("sgd", "mse")
    return model


def line(rate=0.1):
    model = row(4, Dense(1))
    model.compile(fd.optimizers.SGD(rate), "mse")
    return model


def tuned(build=line, space=None, **options):
    given = {"trials": 1, "epochs": 1, "verbose": 0} | options
    return lambda: fd.tune(build, {"rate": [0.1]} if space is None else space, X, X[:, :1], **given)


def rates(x=X, **options):
    return lambda: fd.lr_find(line(), x, X[: len(x), :1], **options)


def folds(**options):
    return lambda: fd.cross_validate(classifier(), X, Y, **({"folds": 2, "verbose": 0} | options))


def calibrated(p=PROBABILITIES, y=LABELS, **options):
    return lambda: methods.calibration(p, y, **options)


WRONG_NAN = r"nan at index \(0, 0\)"
REFUSED = {
    "autoencoder of 3": (lambda: fd.Autoencoder(3, row(2, Dense(4))), r"Autoencoder\(encoder=...\): expected a model"),
    "autoencoder noise -1": (lambda: autoencoder(noise=-1), r"Autoencoder\(noise=-1\): expected 0 or more"),
    "autoencoder dropped 2": (lambda: autoencoder(dropped=2.0), r"Autoencoder\(dropped=2.0\)"),
    "autoencoder loss": (lambda: autoencoder(loss="msee"), "Did you mean 'mse'"),
    "autoencoder nan": (fits(autoencoder, X * NAN), WRONG_NAN),
    "autoencoder targets": (fits(autoencoder, X, X[:, :2]), r"the decoder gives \(None, 4\), the data are \(None, 2\)"),
    "autoencoder encodes text": (lambda: autoencoder().encode(["a"]), "expected numbers. Received text"),
    "vae beta -1": (lambda: vae(beta=-1), r"VAE\(beta=-1\)"),
    "vae likelihood": (lambda: vae(likelihood="x"), "expected one of 'bernoulli', 'gaussian'"),
    "vae decoder of 5": (fits(lambda: vae(5), X**2), r"the decoder gives \(None, 5\), the data are \(None, 4\)"),
    "vae of probabilities 7": (
        fits(vae, np.full((40, 4), 7.0)),
        r"fit\(x=...\): value 7 at index \(0, 0\) is outside 0..1. Scale the data, or take likelihood='gaussian'",
    ),
    "vae with targets": (fits(vae, X, Y), "has no use for targets"),
    "vae makes -1": (generate(vae, -1), r"generate\(n=-1\): expected a whole number, 1 or more"),
    "vae makes 1.5": (generate(vae, 1.5), r"generate\(n=1.5\)"),
    "vae encoder of 3": (lambda: fd.VAE(row(4, Dense(3)), row(2, Dense(4))), "expected a mean and a log variance"),
    "gan loss": (lambda: gan(loss="hingee"), "expected one of 'original'"),
    "gan penalty nan": (lambda: gan(gradient_penalty=NAN), r"GAN\(gradient_penalty=nan\)"),
    "gan steps 0": (lambda: gan(discriminator_steps=0), r"GAN\(discriminator_steps=0\)"),
    "gan smoothing": (lambda: gan(label_smoothing=0.7), "expected a number from 0 to below 0.5"),
    "gan of other shapes": (fits(lambda: gan(5)), r"the generator gives \(None, 5\), the data are \(None, 4\)"),
    "gan without labels": (fits(lambda: gan(labels=True)), "makes what a label says: give one for every row"),
    "gan labels of text": (fits(lambda: gan(labels=True), X, ["a"] * 40), "Received text"),
    "gan labels for none": (generate(gan, labels=[1, 2]), "is not conditional"),
    "diffusion schedule": (lambda: diffusion(schedule="x"), "expected one of 'cosine', 'linear'"),
    "diffusion inputs": (lambda: fd.Diffusion(row(4, Dense(4))), r"expected one of \[x, t\]. It has 1 inputs"),
    "diffusion nan": (fits(diffusion, X * NAN), WRONG_NAN),
    "diffusion label 9": (fits(lambda: diffusion(3), X / 9, put(Y, 2, 9)), "label 9 at index 2 is outside 0..2"),
    "diffusion label 0.5": (fits(lambda: diffusion(3), X / 9, Y + 0.5), "label .*5 at index 0 is no whole number"),
    "diffusion makes label 7": (labelled(7), r"generate\(labels=...\): label 7 at index 0 is outside 0..2"),
    "diffusion makes label -1": (labelled(-1), "label -1 at index 0 is outside"),
    "diffusion makes label 0.5": (labelled(0.5), "label 0.5 at index 0 is no whole number"),
    "diffusion makes label text": (labelled("a"), r"generate\(labels=...\): expected numbers"),
    "diffusion eta nan": (generate(diffusion, steps=5, eta=NAN), r"generate\(eta=nan\): expected a number"),
    "diffusion eta 2": (generate(diffusion, steps=5, eta=2), r"generate\(eta=2\): expected a number from 0 to 1"),
    "diffusion guidance nan": (labelled(1, guidance=NAN), r"generate\(guidance=nan\)"),
    "diffusion steps 99": (generate(diffusion, steps=99), "was made with 20 steps"),
    "diffusion makes -1": (generate(diffusion, -1, steps=5), r"generate\(n=-1\)"),
    "diffusion seed -1": (generate(diffusion, seed=-1, steps=5), r"generate\(seed=-1\): expected a whole number, 0"),
    "frechet nan": (lambda: fd.generative.frechet_distance(X * NAN, X), r"\(real=...\): NaN or infinity"),
    "frechet text": (lambda: fd.generative.frechet_distance(["a"], X), r"\(real=...\): expected numbers"),
    "unet of a row": (lambda: fd.networks.unet((7,)), r"expected \(height, width, channels\) that divide by 4"),
    "unet of text": (lambda: fd.networks.unet("abc"), r"unet\(shape=...\) expects the shape"),
    # private
    "private both terms": (private(epsilon=1.0), "expected one of the two"),
    "private epsilon 0": (lambda: fd.private(classifier(), epsilon=0.0), "it cannot be reached"),
    "private epsilon nan": (
        lambda: fd.private(classifier(), epsilon=NAN),
        r"private\(epsilon=nan\): expected a number",
    ),
    "private epsilon text": (
        lambda: fd.private(classifier(), epsilon="1"),
        r"private\(epsilon='1'\): expected a number",
    ),
    "private noise -1": (private(noise_multiplier=-1), r"private\(noise_multiplier=-1\)"),
    "private clip nan": (private(clip_norm=NAN), r"private\(clip_norm=nan\)"),
    "private delta 1": (private(delta=1.0), "expected a probability between 0 and 1"),
    "private model 3": (lambda: fd.private(3, epsilon=1.0), r"private\(model=...\): expected a model"),
    "private layers that mix rows": (normalised, "keeps something of the rows from step to step"),
    "private batch of 99": (learning(batch_size=99), r"fit\(batch_size=99\) of 40 rows"),
    "private rows in order": (learning(shuffle=False), "the guarantee is of rows that are sampled"),
    "private delta of rows": (learning(terms={"delta": 0.1}), "that lets one be published whole"),
    "private nan": (learning(X * NAN), WRONG_NAN),
    "ledger of text": (lambda: methods.Ledger("abc"), "a ledger holds noise, rate, steps of every kind"),
    "ledger of -1": (lambda: methods.Ledger([(1.0, 0.1, -1)]), "a number of steps. Received"),
    # federated
    "partition to 0": (dealt(0), "40 rows are enough for 1 to 40 clients"),
    "partition to 2.5": (dealt(2.5), r"partition\(clients=2.5\): expected a whole number"),
    "partition by": (dealt(by="x"), "expected one of 'iid', 'dirichlet'"),
    "partition alpha inf": (dealt(by="dirichlet", alpha=float("inf")), r"partition\(alpha=inf\): expected a finite"),
    "partition alpha text": (dealt(by="dirichlet", alpha="a"), r"partition\(alpha='a'\): expected a number"),
    "partition seed -1": (dealt(seed=-1), r"partition\(seed=-1\)"),
    "partition of lengths": (dealt(y=Y[:3]), "partition: x has 40 rows and y has 3"),
    "partition of nothing": (dealt(x=None, y=None), r"partition\(x=...\): there is no data"),
    "partition by no labels": (dealt(y=None, by="dirichlet"), "y must be one array of labels"),
    "simulate rounds 0": (federated(rounds=0), r"simulate\(rounds=0\): expected a whole number, 1 or more"),
    "simulate strategy": (federated(strategy="fedavgg"), "expected one of 'fedavg'"),
    "simulate strategy 3": (federated(strategy=3), "expected one of 'fedavg'"),
    "simulate mu nan": (federated(strategy=fd.federated.Strategy(mu=NAN)), r"Strategy\(mu=nan\)"),
    "simulate fraction 2": (federated(fraction=2), "expected a share of the clients"),
    "simulate fraction nan": (federated(fraction=NAN), r"simulate\(fraction=nan\): expected a number"),
    "simulate clients 3": (federated(3), "clients: expected what `partition` gives"),
    "simulate clients of rows": (federated([X]), r"a list of \(x, y\), one a client"),
    "simulate an empty client": (federated([(X, Y), (X[:0], Y[:0])]), "client 1 has no data"),
    "simulate a client's lengths": (federated([(X, Y), (X, Y[:3])]), r"clients\[1\]: x has 40 rows and y has 3"),
    "simulate a client's shapes": (federated([(X, Y), (X[:, :2], Y)]), "the rows of client 1 have the shapes"),
    "simulate a client's nan": (federated([(X, Y), (X * NAN, Y)]), r"nan at index \(40, 0\)"),
    "simulate failures 3": (federated(failures=3), r"simulate\(failures=3\): expected a Failures"),
    "simulate dropouts 2": (federated(failures=fd.federated.Failures(2.0)), r"Failures\(dropouts=2.0\)"),
    "simulate privacy 3": (federated(privacy=3), r"simulate\(privacy=3\): expected a ClientPrivacy"),
    "simulate a slip": (federated(batchsize=3), "Did you mean 'batch_size'"),
    "client privacy": (
        lambda: fd.federated.ClientPrivacy(noise_multiplier=-1),
        r"ClientPrivacy\(noise_multiplier=-1\)",
    ),
    "federated evaluate nan": (lambda: fd.federated.evaluate(classifier(), [(X * NAN, Y)]), WRONG_NAN),
    "federated evaluate batch": (
        lambda: fd.federated.evaluate(classifier(), dealt()(), batch_size=0),
        r"evaluate\(batch_size=0\)",
    ),
    "secure sum of one": (lambda: fd.federated.SecureSum(1), "Expected 2 or more"),
    # transfer
    "transfer 3": (lambda: fd.transfer(3, Dense(2)), r"transfer\(model=...\): expected a model"),
    "transfer head 3": (lambda: fd.transfer(deep(), 3), r"transfer\(head=...\): expected a layer"),
    "transfer cut": (lambda: fd.transfer(deep(), Dense(2), cut="x"), "unknown layer 'x'"),
    "transfer cut 0.5": (
        lambda: fd.transfer(deep(), Dense(2), cut=0.5),
        r"transfer\(cut=0.5\): expected a whole number",
    ),
    "transfer frozen": (lambda: fd.transfer(deep(), Dense(2), frozen="yes"), r"transfer\(frozen='yes'\)"),
    "unfreeze -1": (lambda: fd.unfreeze(deep(), last=-1), "the model has 2 layers with weights"),
    "unfreeze 1.5": (lambda: fd.unfreeze(deep(), last=1.5), r"unfreeze\(last=1.5\): expected a whole number"),
    "rates by text": (lambda: methods.discriminative_rates(deep(), "a"), r"discriminative_rates\(decay='a'\)"),
    # searches and comparisons
    "ensemble of 0": (lambda: fd.Ensemble(classifier(), 0), r"Ensemble\(n=0\): expected a whole number"),
    "repeat nan": (lambda: fd.repeat(classifier(), X * NAN, Y, 2, verbose=0), WRONG_NAN),
    "folds 1": (folds(folds=1), r"cross_validate\(folds=1\)"),
    "folds by 3 labels": (folds(stratify=[1, 2, 3]), r"expected \(40,\) labels"),
    "folds with a scaler 3": (folds(scaler=3), r"cross_validate\(scaler=...\): expected something with fit and transf"),
    "tune search": (tuned(search="x"), "unknown search 'x'"),
    "tune trials 0": (tuned(trials=0), r"tune\(trials=0\): expected a whole number, 1 or more"),
    "tune space": (tuned(space={"rat": [1]}), "Did you mean 'rate'"),
    "tune nothing": (tuned(space={}), "expected a dict, parameter ->"),
    "tune monitor": (tuned(monitor="zz"), "does not say whether less is better"),
    "tune resumed": (tuned(resume="runs"), "a study is kept in a file: resume='runs.json'"),
    "rates resumed": (rates(resume="runs"), "lr_find has no argument 'resume'"),
    "tune a number": (tuned(build=3), "expected a function that gives a compiled model"),
    "range backwards": (lambda: methods.Real(2, 1), "expected low < high"),
    "range of logs from 0": (lambda: methods.Real(0, 1, log=True), "expected low < high above 0"),
    "rates from 0": (rates(low=0), "expected 0 < low < high"),
    "rates from text": (rates(low="a"), r"lr_find\(low='a'\): expected a number"),
    "rates in no steps": (rates(steps="a"), r"lr_find\(steps='a'\): expected a whole number"),
    "rates of nothing": (rates(X[:0]), r"lr_find\(x=...\): there is no data"),
    "mix by 3": (lambda: fd.mix(classifier(), 3, X, Y), r"mix\(layer=...\): expected a layer"),
    "mix labels": (lambda: fd.mix(classifier(), MixUp(), X, Y), "cannot be mixed; expected floats"),
    "distill 3": (
        lambda: fd.distill(3, classifier(), X, Y),
        r"distill\(teacher=...\): expected an array with a batch axis",
    ),
    "distill at 0": (lambda: fd.distill(classifier(), classifier(), X, Y, temperature=0), "a temperature above 0"),
    "calibration nan": (calibrated(PROBABILITIES * NAN), "numbers from 0 to 1 that add up to 1"),
    "calibration of logits": (calibrated(PROBABILITIES * 3), "logits go through a softmax first"),
    "calibration label 7": (calibrated(y=[0, 1, 2, 7]), "there are 3 classes, from 0. Received 7"),
    "calibration label -1": (calibrated(y=[0, 1, 2, -1]), "there are 3 classes, from 0. Received -1"),
    "calibration of text": (calibrated("a", "b"), r"calibration\(probabilities=...\): expected numbers"),
    "calibration bins 0": (calibrated(bins=0), r"calibration\(bins=0\): expected more than 0"),
    "temperature label 7": (lambda: methods.temperature(PROBABILITIES, [0, 1, 2, 7]), r"temperature\(y=...\)"),
    "tempered by 0": (lambda: methods.tempered(PROBABILITIES, 0), r"tempered\(t=0\): expected more than 0"),
    "importance of a model": (
        lambda: methods.permutation_importance(classifier(), X, Y),
        r"permutation_importance\(score=...\): expected a function of \(x, y\), such as lambda",
    ),
    "importance repeats 0": (
        lambda: methods.permutation_importance(lambda x, y: 0.0, X, Y, repeats=0),
        r"permutation_importance\(repeats=0\)",
    ),
}
WARNED = {
    "diffusion of large numbers": (fits(diffusion, X * 100), "a Diffusion makes data from -1 to 1: scale them"),
}
