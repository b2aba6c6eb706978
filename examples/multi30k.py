"""English to German: Multi30k's 29,000 captions of pictures, and BLEU on its 1,000 test sentences of 2016.

    python examples/multi30k.py FOLDER [--network attention] [--epochs 15] [--units 256] [--pairs 29000] [--seed 1]

FOLDER holds train, val and test_2016_flickr as .en.gz and .de.gz files with a sentence in every line. It prints the
seconds of wall clock and of processors, BLEU of the validation sentences after every few epochs, and at the end, once,
of the test sentences; it writes the model and twenty translations beside it.
"""

import argparse
import gzip
import os
import time

from freedive.callbacks import Callback
from freedive.metrics import bleu
from freedive.tasks import Translator


def lines(folder, name):
    """The lines of a gzipped file."""
    with gzip.open(os.path.join(folder, f"{name}.gz"), "rt", encoding="utf-8") as file:
        return [line.strip() for line in file]


class Watch(Callback):
    """Prints the time and how validation sentences are translated, the likeliest piece always; saves what is there."""

    edge = "epoch"

    def __init__(self, translator, source, target, every, out):
        self.translator, self.source, self.target, self.every = translator, source[:200], target[:200], every
        self.out, self.began = out, time.time()

    def on_epoch_end(self, epoch, logs=None):
        told = f"epoch {epoch + 1}: {time.time() - self.began:.0f} s, {time.process_time():.0f} s of processors, "
        told += ", ".join(f"{name} {value:.3f}" for name, value in (logs or {}).items())
        if (epoch + 1) % self.every == 0:
            said = self.translator.translate(self.source, "greedy")
            told += f", BLEU of 200 validation sentences {bleu(said, self.target).score:.1f}"
            self.translator.save(self.out)
        print(told, flush=True)


def main(folder, network="transformer", epochs=15, units=256, pairs=29000, seed=0, out="multi30k.safetensors"):
    """Train and test; returns BLEU of the test sentences."""
    train, validation, test = (
        [lines(folder, f"{name}.{language}") for language in ("en", "de")]
        for name in ("train", "val", "test_2016_flickr")
    )
    train = [side[:pairs] for side in train]
    translator = Translator(network=network, epochs=epochs, units=units, seed=seed, verbose=0)
    watch = Watch(translator, *validation, every=2, out=out)
    translator.fit(*train, validation_data=validation, callbacks=[watch])
    translator.save(out)
    for name, (source, target) in (("validation", validation), ("test 2016", test)):
        result = translator.evaluate(source, target)
        print(f"{name}: BLEU {result['bleu']:.2f}, chrF {result['chrf']:.2f}, brevity {result['brevity']:.3f}")
    for source, said, target in zip(test[0][:20], translator.translate(test[0][:20]), test[1], strict=False):
        print(f"{source}\n  {said}\n  ({target})")
    print(f"{time.time() - watch.began:.0f} s in all, {time.process_time():.0f} s of processors")
    return result["bleu"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--network", default="transformer")
    parser.add_argument("--out", default="multi30k.safetensors")
    for name, value in (("epochs", 15), ("units", 256), ("pairs", 29000), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=value)
    main(**vars(parser.parse_args()))
