"""Vocabularies: numbers for texts and texts for numbers, from every kind, kept as JSON, refused when hostile."""

import itertools
import json
import random
import unicodedata

import numpy as np
import pytest

from freedive import datasets
from freedive.config import from_json, to_json
from freedive.errors import VocabularyError
from freedive.preprocessing.vocabulary import (
    RESERVED,
    BytePairVocabulary,
    CharacterVocabulary,
    TokenizersVocabulary,
    WordVocabulary,
)
from freedive.preprocessing.vocabulary.byte_pairs import CHUNK, joined

TEXTS = ["A deep dive.", "a deep breath, a deep dive", "深潜是一种运动。", "Don't panic!", ""]


def definition(**model):
    model = {"type": "WordLevel", "vocab": {"[UNK]": 0, "deep": 1, "dive": 2, "class": 3, "kind": 4}, **model}
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None,
        "model": {"unk_token": "[UNK]", **model},
    }  # fmt: skip


def lines(described):
    return json.dumps(described, indent=0).splitlines()


KINDS = {
    "words": lambda: WordVocabulary.learned(TEXTS),
    "words of jieba": lambda: WordVocabulary.learned(TEXTS, segmenter="jieba"),
    "characters": lambda: CharacterVocabulary.learned(TEXTS),
    "byte pairs": lambda: BytePairVocabulary.learned(TEXTS * 3, 330),
    "tokenizers": lambda: TokenizersVocabulary(lines(definition())),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_keeps_what_a_vocabulary_promises(kind):
    vocabulary = KINDS[kind]()
    assert vocabulary.tokens[:4] == RESERVED and vocabulary.size == len(vocabulary.tokens)
    for text in TEXTS:
        numbers = vocabulary.encode(text)
        assert all(0 < n < vocabulary.size for n in numbers)
        assert vocabulary.encode(text, start=True, end=True) == [2, *numbers, 3]
        assert vocabulary.decode([2, *numbers, 3, 0, 5]) == vocabulary.decode(numbers)
        assert len(vocabulary.pieces(text)) == len(numbers)
    rows = vocabulary.rows(TEXTS[:2], 3, end=True)
    assert rows.dtype == np.int32 and rows.shape == (2, 3) and (rows[:, -1] == 3).all()
    assert vocabulary.rows(TEXTS[-1:], 2).tolist() == [[0, 0]]
    same = from_json(json.loads(json.dumps(to_json(vocabulary))))
    assert [same.encode(t) for t in TEXTS] == [vocabulary.encode(t) for t in TEXTS]
    with pytest.raises(TypeError, match=r"expected a text\. Received: 3"):
        vocabulary.encode(3)
    with pytest.raises(TypeError, match="put it into a list"):
        vocabulary.rows("deep")
    with pytest.raises(ValueError, match="is none of the numbers"):
        vocabulary.decode([vocabulary.size])


@pytest.mark.parametrize("kind, unchanged", [("words of jieba", TEXTS[2]), ("words", "a deep breath, a deep dive")])
def test_words_come_back_with_their_spaces(kind, unchanged):
    vocabulary = KINDS[kind]()
    assert vocabulary.decode(vocabulary.encode(unchanged)) == unchanged


def test_chinese_words_are_characters_or_what_a_segmenter_finds():
    assert WordVocabulary([]).pieces("我爱深潜, ok") == ["我", "爱", "深", "潜", ",", "ok"]
    assert WordVocabulary([], segmenter="jieba").pieces("这种运动") == ["这种", "运动"]


def test_the_most_frequent_words_are_kept():
    assert WordVocabulary.learned(["a b", "b c", "b c"], size=6).words == ("b", "c")
    assert WordVocabulary.learned(["a b", "b c", "b c"], least=3).words == ("b",)
    with pytest.raises(ValueError, match="size=4: expected a whole number, 5 or more"):
        WordVocabulary.learned(["a"], size=4)


# marks ----------------------------------------------------------------------------------------------------------------
WRITTEN = {  # words of scripts whose letters bear marks
    "Hindi": "हिन्दी भाषा में लिखा",
    "Tamil": "தமிழ் மொழி எளிது",
    "Arabic": "مُحَمَّدٌ كِتَابٌ",
    "Hebrew": "שָׁלוֹם עוֹלָם",
    "Persian": "می\u200cروم خانه",
    "Vietnamese": "tiếng Việt",
    "Yoruba": "ọ̀rẹ́ mi",  # letters that have no form of their own with both marks
}


@pytest.mark.parametrize("language", WRITTEN)
def test_marks_are_of_their_letters(language):
    text = WRITTEN[language]
    words = WordVocabulary.learned([text])
    assert words.pieces(text + ".") == [unicodedata.normalize("NFC", word.lower()) for word in [*text.split(), "."]]
    assert words.decode(words.encode(text)) == unicodedata.normalize("NFC", text.lower())
    pairs = BytePairVocabulary.learned([text] * 9, 600)
    assert [piece.strip() for piece in pairs.pieces(text)] == unicodedata.normalize("NFC", text).split()


def test_scripts_without_spaces_are_read_letter_by_letter_with_their_marks():
    assert WordVocabulary([]).pieces("สวัสดี ๒๕ กำ") == ["ส", "วั", "ส", "ดี", "๒๕", "กำ"]
    assert WordVocabulary([]).pieces("ខ្មែរ ok") == ["ខ្មែ", "រ", "ok"]
    assert WordVocabulary([]).pieces("深\U000e0100潜❤\ufe0f!") == ["深\U000e0100", "潜", "❤\ufe0f", "!"]


@pytest.mark.parametrize("kind", ["words", "characters", "byte pairs"])
def test_both_normal_forms_are_one_text(kind):
    texts = [unicodedata.normalize(form, "Un café, İzmir, Ångström 한국어 हिन्दी") for form in ("NFC", "NFD")]
    for learned in texts:
        vocabulary = type(KINDS[kind]()).learned([learned] * 9, 400)
        numbers = vocabulary.encode(texts[0])
        assert numbers == vocabulary.encode(texts[1]) and 1 not in numbers
        assert vocabulary.tokens == type(vocabulary).learned([texts[0]] * 9, 400).tokens
    assert WordVocabulary([unicodedata.normalize("NFD", "café")]).encode("café") == [4]


def test_files_from_before_are_read_as_they_were_learned():
    """Their words are letters and marks by themselves, and only as they were written."""
    before = {"words": ["ह", "ि", "न", "cafe", "\u0301"], "lower": True, "segmenter": None}
    described = {"kind": "vocabulary", "class": "WordVocabulary", "config": before}
    old = from_json(described)
    assert not old.normal and old.encode("हिन cafe\u0301") == [4, 5, 6, 7, 8]
    assert from_json(to_json(old)).encode("हिन caf\u00e9") == [4, 5, 6, 1]
    described |= {"class": "CharacterVocabulary", "config": {"characters": ["e", "\u0301"]}}
    assert from_json(described).encode("e\u0301") == [4, 5]
    described |= {"class": "BytePairVocabulary", "config": {"characters": ["ह", "ि"], "merges": [[260, 261]]}}
    assert from_json(described).encode("हि") == [260, 261]  # a chunk each
    described["config"]["normal"] = True
    assert from_json(described).encode("हि") == [262]


# byte pairs -----------------------------------------------------------------------------------------------------------
def test_each_merge_joins_a_most_frequent_pair():
    texts = datasets.reviews.load_data()[0][0][:60]
    vocabulary = BytePairVocabulary.learned(map(str, texts), 420)
    numbers, counts = {c: 260 + i for i, c in enumerate(vocabulary.characters)}, {}
    for text in texts:
        for chunk in CHUNK.findall(str(text)):
            counts[chunk] = counts.get(chunk, 0) + 1
    words = [
        ([numbers[c] for c in chunk], count) for chunk, count in counts.items() if all(c in numbers for c in chunk)
    ]
    for place, pair in enumerate(vocabulary.merges[:80]):
        seen = {}
        for word, count in words:
            for found in itertools.pairwise(word):
                seen[found] = seen.get(found, 0) + count
        rare = len(counts) - len(words)  # chunks with a rare character, which this count leaves out
        assert seen[pair] >= max(seen.values()) - rare
        words = [(joined(word, {pair: 0}, 260 + len(numbers) + place), count) for word, count in words]


def test_every_text_comes_back():
    vocabulary = KINDS["byte pairs"]()
    draw = random.Random(0)
    alphabet = [*"ab  \n\t.'_0é深潜\u3000\u200c\u200d\x00\x1c", "\U0001f30a", "\U00020000", "\ud800"]
    alphabet += ["\u0301", "\u093f", "\u0e14", "\u0e35", "\u1780", "\u17d2", "\ufe0f", "\U000e0100", "क़"]
    for _ in range(1000):
        text = unicodedata.normalize("NFC", "".join(draw.choices(alphabet, k=draw.randrange(40))))
        assert vocabulary.decode(vocabulary.encode(text)) == text
        assert "".join(WordVocabulary([], lower=False).pieces(text)) == "".join(text.split())


@pytest.mark.parametrize("text", ["a" * 100_000, "a" + "\u0301" * 100_000, "x\u0301'" * 50_000])
def test_a_long_word_takes_no_long_time(text):
    assert len(KINDS["byte pairs"]().encode(text)) <= 300_000
    assert len(WordVocabulary([]).pieces(text)) <= 2


# refused --------------------------------------------------------------------------------------------------------------
GROWING = [[260, 260], *([261 + i, 261 + i] for i in range(40))]
HOSTILE = {
    "a path": (lambda: WordVocabulary("/etc/passwd"), "expected a list of words"),
    "twice": (lambda: WordVocabulary(["a", "b", "a"]), "word 2: 'a' stands twice"),
    "a number": (lambda: WordVocabulary(["a", 3]), "word 1: expected up to 256 characters. Received: 3"),
    "a long word": (lambda: WordVocabulary(["a" * 300]), "word 0: expected up to 256"),
    "too many": (lambda: WordVocabulary(list(map(str, range(2**19 + 1)))), r"524,289 words; at most 524,288"),
    "two letters": (lambda: BytePairVocabulary(["ab"]), "expected single characters"),
    "growing": (lambda: BytePairVocabulary(["a"], GROWING), "merge 8 makes a piece of more than 256 characters"),
    "a merge of what is not there": (lambda: BytePairVocabulary(["a"], [[260, 261]]), "merge 0: .* not there yet"),
    "a merge of bytes": (lambda: BytePairVocabulary(["a"], [[260, 5]]), "merge 0: .* not there yet"),
    "a merge of three": (lambda: BytePairVocabulary(["a"], [[260, 260, 260]]), "merge 0: expected two numbers"),
    "a merge of text": (lambda: BytePairVocabulary(["a"], [["260", 260]]), "expected a whole number"),
    "a merge twice": (lambda: BytePairVocabulary(["a"], [[260, 260]] * 2), "a pair stands twice"),
    "no JSON": (lambda: TokenizersVocabulary(["{oops}"]), "no JSON"),
    "nested": (lambda: TokenizersVocabulary(["[" * 100_000]), "no JSON"),
    "no model": (lambda: TokenizersVocabulary(["{}"]), "expected a JSON object with a 'model'"),
    "an unknown model": (lambda: TokenizersVocabulary(lines(definition(type="Pickle"))), "refuses it"),
    "a huge number": (
        lambda: TokenizersVocabulary(lines(definition(vocab={"[UNK]": 0, "a": 2**31}))).tokens, "a number 2,147,483,648"
    ),
    "a pattern that takes forever": (
        lambda: TokenizersVocabulary(
            lines(definition() | {"pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a+)+$"}}})
        ),
        "may take forever",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_vocabulary_is_refused(name):
    make, message = HOSTILE[name]
    with pytest.raises(VocabularyError, match=message) as caught:
        make()
    assert len(str(caught.value)) < 500


def test_a_tokenizers_file_is_read(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(definition()), encoding="utf-8")
    vocabulary = TokenizersVocabulary.read(path)
    assert vocabulary.encode("Deep class dive") == [5, 7, 6]
    assert vocabulary.decode([5, 6]) == "deep dive"
    path.write_text(json.dumps(definition(vocab={"[UNK]": 0, "a\u2028b": 1}), ensure_ascii=False), encoding="utf-8")
    assert TokenizersVocabulary.read(path).tokens[-1] == "a\u2028b"
    path.write_text("{", encoding="utf-8")
    with pytest.raises(VocabularyError, match=r"tokenizer.json: no JSON"):
        TokenizersVocabulary.read(path)


def test_bytes_that_are_no_text_are_decoded_all_the_same():
    """A network writes any numbers: what is no UTF-8 has a mark in its place."""
    words = BytePairVocabulary.learned(["ab ab"], 270)
    draw = np.random.default_rng(0)
    for numbers in ([4 + 0xED], [4 + 0xED, 4 + 0x41], [4 + 0xED, 4 + 0x9D, 4 + 0x90, 4 + 0xFF]):
        assert "\ufffd" in words.decode(numbers)
    for _ in range(300):
        assert isinstance(words.decode(draw.integers(0, words.size, 20)), str)
    for text in ("\ud800 a", "흥 a"):
        assert words.decode(words.encode(text)) == text
