"""Family 23: vocabularies of layers that take text, in files whose checksums are right."""

from .files import changed


def words(**fields):
    """A file whose TextVectorization has these fields too."""
    return changed(lambda found, told: told["model"]["config"]["layers"][0]["config"].update(fields), "words")


def instead(name, **fields):
    """A file that begins with another layer."""
    layer = {"kind": "layer", "class": name, "config": {"name": "text_vectorization", **fields}}
    return changed(lambda found, told: told["model"]["config"]["layers"].__setitem__(0, layer), "words")


FAMILIES = {
    23: {
        "a path": ("PATH_IN_CONFIG", words(vocabulary="/etc/passwd")),
        "an address": ("PATH_IN_CONFIG", words(vocabulary="http://example.org/words.txt")),
        "a name of a file": ("BAD_VOCAB", words(vocabulary="words.txt")),
        "a number": ("BAD_VOCAB", words(vocabulary=["good", 3])),
        "a list in it": ("BAD_VOCAB", words(vocabulary=["good", ["bad"]])),
        "nothing in it": ("BAD_VOCAB", words(vocabulary=["good", None])),
        "an object": ("BAD_VOCAB", words(vocabulary={"good": 0})),
        "a word twice": ("BAD_VOCAB", words(vocabulary=["good", "bad", "good"])),
        "a reserved word": ("BAD_VOCAB", words(vocabulary=["good", "[UNK]"])),
        "a word of 100,000 letters": ("BAD_VOCAB", words(vocabulary=["a" * 100_000])),
        "530,000 words": ("BAD_VOCAB", words(vocabulary=[f"{i:x}" for i in range(530_000)])),
        "2,100,000 words": ("CONFIG_LIMIT", words(vocabulary=["a"] * 2_100_000)),
        "more than max_tokens": ("BAD_VOCAB", words(vocabulary=["a", "b", "c"], max_tokens=3)),
        "no weights": ("BAD_VOCAB", words(output_mode="tf_idf")),
        "too few weights": ("BAD_VOCAB", words(output_mode="tf_idf", idf_weights=[1.0])),
        "weights of text": ("BAD_VOCAB", words(output_mode="tf_idf", idf_weights=["a", "b", "c"])),
        "a function of nowhere": ("UNKNOWN_CLASS", words(standardize={"kind": "function", "class": "os.system"})),
        "a function's name": ("BAD_FIELD", words(standardize="os.system")),
        "a regular expression": ("BAD_FIELD", words(split="(a+)+$")),
        "a length of 2**31": ("TOO_LARGE", words(output_sequence_length=2**31)),
        "numbers twice": ("BAD_VOCAB", instead("IntegerLookup", vocabulary=[1, 1])),
        "numbers of text": ("BAD_VOCAB", instead("IntegerLookup", vocabulary=["a"])),
        "bins of 2**40": ("TOO_LARGE", instead("Hashing", num_bins=2**40)),
    },
}
