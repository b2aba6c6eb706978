"""BLEU and chrF agree with sacrebleu."""

import numpy as np
import pytest
import sacrebleu

from freedive.datasets import poems_zh, reviews
from freedive.metrics import bleu, chrf
from freedive.metrics.translation import TOKENIZERS, bleu_counts, bleu_of

REFERENCES = [
    "The cat sat on the mat.",
    "He paid $3,141.50 (about 2-3 weeks' pay), didn't he?",
    "She said: &quot;It is &lt;5 km&gt; &amp; uphill&quot; - and left.",
    "Zwei junge weiße Männer sind im Freien, in der Nähe vieler Büsche.",
    "a b c",
    "",
    "word",
    "我有3.5本book。他说：“你好——世界！”（2024年）𠀀字",
    "<skipped>one-\ntwo\nthree  four",
]
PREDICTIONS = [
    "the cat sat on a mat .",
    "He paid $3,141.50 (about 23 weeks pay) did he?",
    'He said: "It is <5 km> & uphill" and left -',
    "Zwei weiße Männer sind draußen in der Nähe von Büschen.",
    "x y z",
    "something",
    "",
    "我有 3.5 本书。他说“你好世界”(2024年)𠀀",
    "onetwo three four",
]
SECOND = [text.upper() if i % 2 else text + " yes" for i, text in enumerate(REFERENCES)]


def noisy(texts, seed=0):
    """Texts with words left out, twice, or changed for each other."""
    rng = np.random.default_rng(seed)

    def one(text):
        words = text.split()
        kept = [w for w in words for _ in range(rng.choice([0, 1, 1, 1, 2]))]
        if len(kept) > 3:
            i = rng.integers(len(kept) - 1)
            kept[i], kept[i + 1] = kept[i + 1], kept[i]
        return " ".join(kept)

    return [one(text) for text in texts]


@pytest.mark.parametrize("tokenize", TOKENIZERS)
def test_words_are_the_peers(tokenize):
    peer = sacrebleu.BLEU(tokenize=tokenize).tokenizer
    for text in (*REFERENCES, *PREDICTIONS, *map(chr, range(32, 0x3400)), *map(chr, range(0xF900, 0x10000))):
        if not 0xD800 <= ord(text[:1] or " ") < 0xE000:
            assert TOKENIZERS[tokenize](text.rstrip()) == peer(text.rstrip()).split(), text


@pytest.mark.parametrize("options", [{}, {"lowercase": True}, {"tokenize": "zh"}, {"tokenize": "char"}], ids=str)
@pytest.mark.parametrize("smooth", ["exp", "floor", "add-k", "none"])
@pytest.mark.parametrize(
    "rows", [slice(None), slice(0, 1), slice(4, 5), slice(5, 6), slice(6, 7), slice(0, 2)], ids=str
)
def test_bleu_is_the_peers(rows, smooth, options):
    mine = bleu(PREDICTIONS[rows], REFERENCES[rows], smooth_method=smooth, **options)
    theirs = sacrebleu.corpus_bleu(PREDICTIONS[rows], [REFERENCES[rows]], smooth_method=smooth, **options)
    np.testing.assert_allclose(mine.score, theirs.score, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(mine.precisions, theirs.precisions, rtol=1e-9)
    np.testing.assert_allclose(mine.brevity_penalty, theirs.bp)
    assert (mine.length, mine.reference_length) == (theirs.sys_len, theirs.ref_len)


def test_several_references():
    both = list(zip(REFERENCES, SECOND, strict=True))
    theirs = sacrebleu.corpus_bleu(PREDICTIONS, [REFERENCES, SECOND])
    np.testing.assert_allclose(bleu(PREDICTIONS, both).score, theirs.score, rtol=1e-9)
    theirs = sacrebleu.corpus_chrf(PREDICTIONS, [REFERENCES, SECOND])
    np.testing.assert_allclose(chrf(PREDICTIONS, both), theirs.score, rtol=1e-9)


@pytest.mark.parametrize(
    "options", [{}, {"word_order": 2}, {"beta": 1}, {"char_order": 3}, {"lowercase": True}], ids=str
)
@pytest.mark.parametrize("rows", [slice(None), slice(4, 5), slice(5, 6), slice(6, 7)], ids=str)
def test_chrf_is_the_peers(rows, options):
    theirs = sacrebleu.CHRF(**options).corpus_score(PREDICTIONS[rows], [REFERENCES[rows]])
    np.testing.assert_allclose(chrf(PREDICTIONS[rows], REFERENCES[rows], **options), theirs.score, rtol=1e-9)


def test_real_texts():
    english = [str(text) for text in reviews.load_raw()[0][:300]]
    table = poems_zh.load_raw()
    poems = [" ".join(str(text)) for text in table.columns["text"][:100]]
    for texts, tokenize in ((english, "13a"), (poems, "zh")):
        said = noisy(texts)
        theirs = sacrebleu.corpus_bleu(said, [texts], tokenize=tokenize)
        np.testing.assert_allclose(bleu(said, texts, tokenize).score, theirs.score, rtol=1e-9)
        np.testing.assert_allclose(chrf(said, texts), sacrebleu.corpus_chrf(said, [texts]).score, rtol=1e-9)
    assert bleu(english, english).score == pytest.approx(100)


def test_counts_of_parts_add_up():
    words = TOKENIZERS["13a"]
    counts = [bleu_counts(words(p), [words(r)]) for p, r in zip(PREDICTIONS, REFERENCES, strict=True)]
    assert bleu_of(sum(counts[:4]) + sum(counts[4:])) == bleu(PREDICTIONS, REFERENCES)


@pytest.mark.parametrize(
    "predictions, references, options, message",
    [
        ("one text", ["a"], {}, "expected a list of texts"),
        (["a", "b"], ["a"], {}, "2 predictions and 1 references"),
        (["a"], [[]], {}, "row 0: expected texts"),
        ([3], ["a"], {}, "row 0: expected texts"),
        (["a"], ["a"], {"tokenize": "moses"}, "expected one of '13a'"),
        (["a"], ["a"], {"smooth_method": "more"}, "expected one of 'exp'"),
    ],
)
def test_wrong_arguments(predictions, references, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        bleu(predictions, references, **options)
