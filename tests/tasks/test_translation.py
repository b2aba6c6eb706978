"""From pairs of sentences to a translator: numbers read aloud, in small."""

import json

import numpy as np
import pytest

from freedive.metrics import bleu
from freedive.networks import Beam, Greedy
from freedive.preprocessing.batches import LengthBatches, bucket_lengths
from freedive.preprocessing.vocabulary import CharacterVocabulary
from freedive.tasks import Translator
from freedive.tasks.parallel import parallel_text
from freedive.tasks.recognisers import RECOGNISERS
from freedive.tasks.sources import Told
from freedive.tasks.translation import Said, Translations
from freedive.tasks.translation_pictures import surest

ENGLISH = ["zero", "one", "two", "three", "four", "five"]
CHINESE = "零一二三四五"


def spoken(count, seed=0):
    """Digits in English words, and in Chinese characters."""
    rng = np.random.default_rng(seed)
    digits = [rng.integers(0, 6, rng.integers(1, 5)) for _ in range(count)]
    return [" ".join(ENGLISH[d] for d in row) for row in digits], ["".join(CHINESE[d] for d in row) for row in digits]


@pytest.fixture(scope="module")
def translator():
    options = {"network": "attention", "units": 64, "epochs": 12, "learning_rate": 0.01, "pieces": 300}
    return Translator(**options, dropout=0.0, seed=1, verbose=0).fit(*spoken(600))


def test_it_translates_what_it_never_saw(translator):
    source, target = spoken(40, seed=5)
    result = translator.evaluate(source, target)
    assert result["bleu"] > 80 and result["chrf"] > 80 and translator.score(source, target) == result["bleu"]
    assert translator.target.tokenize == "zh"
    assert translator.baselines(*spoken(600), source, target) == []
    said = translator.predict(source[:5])
    assert said == translator.translate(source[:5]) and translator.translate(source[0]) == said[0]
    assert len(translator.translate(source, Beam(1))) == len(translator.translate(source, "sample")) == 40


def test_translations_are_compared_with_the_texts_themselves():
    target = Translations(CharacterVocabulary.learned(["我要喂狗。"], size=20), length=4, tokenize="zh")
    outputs = [Said(row, 1.0) for row in target.vocabulary.rows(["我要喂狗。"])]
    found = target.scored(outputs, target.asked([" 他要喂猫。"]))
    assert found["bleu"] == bleu(["我要喂狗。"], ["他要喂猫。"], "zh").score < 50
    assert target.scored(outputs, target.asked(["我要喂狗。"]))["bleu"] == pytest.approx(100)
    told = target.told({"rows": 7, "bleu": 0.7927}, "sentences")
    assert told == ("test BLEU 0.8 of 100", "on 7 sentences", "BLEU 0.8 of 100 on the 7 test sentences")
    assert target.tiles({"bleu": 0.7927}) == [("test BLEU (of 100)", "0.7927")]


def test_an_empty_sentence_is_translated_by_an_empty_one(translator):
    said = translator.translate(["", "one two", " "])
    assert said == ["", translator.translate("one two"), ""] and translator.translate("") == ""


def test_translations_that_are_cut_keep_their_end():
    target = Translations(CharacterVocabulary(list(CHINESE)), length=4)
    assert target.encoded(["零一二三", "零一", "五"]).tolist() == [[2, 4, 5, 3], [2, 4, 5, 3], [2, 9, 3, 0]]
    assert target.encoded(["五"]).tolist() == [[2, 9, 3]]


def test_translations_are_compared_in_one_normal_form():
    target = Translations(CharacterVocabulary.learned(["caf\u00e9 noir et blanc"]))
    outputs = [Said(row, 1.0) for row in target.vocabulary.rows(["cafe\u0301 noir et blanc"])]
    assert target.scored(outputs, target.asked(["cafe\u0301 noir et blanc"]))["bleu"] == pytest.approx(100)


def test_attention_finds_the_word_that_is_translated(translator):
    looked = translator.attention("one two three")
    assert looked.weights.shape == (len(looked.target), len(looked.source))
    np.testing.assert_allclose(looked.weights.sum(1), 1, atol=1e-4)
    assert "".join(looked.source) == "one two three" and looked.svg().count("<rect") == looked.weights.size
    given = translator.attention("one two", "五四")
    assert given.target == ["五", "四"]


def test_it_is_saved_with_its_vocabularies(translator, tmp_path):
    translator.save(tmp_path / "numbers.safetensors")
    again = Translator.load(tmp_path / "numbers.safetensors")
    source, _ = spoken(20, seed=6)
    assert again.translate(source) == translator.translate(source)
    assert again.get_params() == translator.get_params()


def test_the_report_shows_sentences_and_attention(translator):
    source, target = spoken(20, seed=7)
    outputs = translator.outputs(source)
    shown, drawn = translator.sections(source, outputs, target)
    assert 'class="sentences"' in shown.body and source[0] in shown.body and target[0] in shown.body
    assert drawn.body.count("<svg") == 2
    json.dumps(translator.target.as_json(source, outputs))
    many, surest, trust, _ = translator.sections(source * 3, outputs * 3, target * 3)
    assert many.body.count("<tr>") == 21 and source[-1] in many.body.rsplit("<tr>", 1)[1]
    assert surest.body.count("<tr>") <= 21 and trust.body.count("<tr>") == 5


def test_the_surest_translations_are_long_and_different():
    texts = ["a", "a bb", "a bb", "cc ddd", "e ff ggg", "h"]
    sure = [0.9, 0.2, 0.4, 0.8, 0.3, 0.99]
    assert surest(texts, [Said(np.array([5]), part) for part in sure]) == [3, 2, 4]


def test_it_says_how_sure_it_is(translator):
    known, unknown = translator.outputs(["one two", "one one one one one one one one one one"])
    assert 0 < unknown.sure < known.sure <= 1
    headers, rows = translator.target.table(["one two"], [known])
    assert headers == ["sentence", "translation", "sure"] and rows == [["one two", "一二", f"{known.sure:.1%}"]]
    assert translator.target.as_json(["-"], [known])[0]["sure"] == pytest.approx(known.sure, abs=1e-6)
    (narrow,) = translator.answer(translator.reader.encoded(["one two"]), Beam(1))
    (likeliest,) = translator.answer(translator.reader.encoded(["one two"]), Greedy())
    assert narrow.sure == pytest.approx(likeliest.sure, rel=1e-4)  # ranking by length is no part of it


def test_one_vocabulary_for_two_alphabets_and_two_for_chinese():
    source, target = spoken(60)
    both = Translator(pieces=280).learn_vocabularies(source, [text.upper() for text in source])
    assert both[0] is both[1]
    assert [type(v).__name__ for v in Translator().learn_vocabularies(source, target)] == [
        "BytePairVocabulary",
        "CharacterVocabulary",
    ]


@pytest.mark.parametrize(
    "X, y, message",
    [
        ("one", ["eins"], "expected a list of texts"),
        (["one", " "], ["eins", "zwei"], "row 1: expected a text"),
        (["one"], [3], "row 0: expected a text"),
        (["one", "two"], ["eins"], "X has 2 rows, but y has 1"),
        ([], [], "there are no rows"),
    ],
)
def test_wrong_rows(X, y, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Translator().fit(X, y)


# batches --------------------------------------------------------------------------------------------------------------
def rows(count, seed=0):
    rng = np.random.default_rng(seed)
    found = np.zeros((2, count, 31), int)
    for side in found:
        for row in side:
            row[: rng.integers(3, 31)] = 7
    return found


def test_batches_have_few_shapes_and_about_as_many_tokens():
    sources, targets = rows(2000)
    batches = LengthBatches(sources, targets, 32)
    shapes = [(x.shape, said.shape, asked.shape) for (x, said), asked in batches(0)]
    assert len(shapes) == len(batches) and len(set(shapes)) <= 5
    assert all(x == said == asked for x, said, asked in shapes)
    tokens = [a * b for (a, b), *_ in shapes]
    assert max(tokens) < 1.3 * min(tokens)


def test_every_row_comes_whole_and_at_most_once_an_epoch():
    sources, targets = rows(300)
    sources[:, 0] = np.arange(300) + 10
    batches = LengthBatches(sources, targets, 16)
    for epoch in range(2):
        seen = [(x[i], asked[i]) for (x, _), asked in batches(epoch) for i in range(len(x))]
        numbers = [int(x[0]) - 10 for x, _ in seen]
        assert len(set(numbers)) == len(numbers) > 250
        for number, (x, asked) in zip(numbers, seen, strict=True):
            assert (x != 0).sum() == (sources[number] != 0).sum()
            assert (asked != 0).sum() == (targets[number] != 0).sum() - 1
    again = [x[0, 0] for (x, _), _ in batches(1)]
    assert again == [x[0, 0] for (x, _), _ in LengthBatches(sources, targets, 16)(1)]
    assert again != [x[0, 0] for (x, _), _ in batches(0)]


def test_lengths_of_buckets_hold_all():
    for lengths in (np.array([1]), np.arange(1, 100), np.full(50, 12)):
        found = bucket_lengths(lengths)
        assert max(lengths) <= found[-1] < max(lengths) + 4 and len(found) <= 5


# recognised -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "lines, known",
    [
        ([f"{a}\t{b}" for a, b in zip(*spoken(100), strict=True)], True),
        (["en\tzh", *(f"{a}\t{b}\t17\tme" for a, b in zip(*spoken(100), strict=True))], True),
        ([f"good\t{a} words {i}" for i, a in enumerate(spoken(100)[0])], False),
        ([f"{i}\t{a} words {i}" for i, a in enumerate(spoken(100)[0])], False),
        (["one two\teins zwei"] * 3, False),
        (["one two three"] * 50, False),
    ],
)
def test_parallel_text_is_recognised(lines, known, tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("\n".join(lines), encoding="utf-8")
    source = parallel_text(str(path), Told())
    assert (source is not None) == known and parallel_text in RECOGNISERS
    if source is not None:
        assert len(source.x_train) + len(source.x_test) == 100
        assert not set(source.x_train) & set(source.x_test)  # a sentence with two translations stays on one side


def test_its_vocabulary_is_of_the_rows_learned_from():
    pairs = [(f"one {'x' * (row + 2)}", f"eins {'y' * (row + 2)}") for row in range(40)]
    X, y = map(list, zip(*pairs, strict=True))
    task = Translator(validation=0.25, units=8, pieces=400, verbose=0)
    kept, held = task.parted(X, y)
    task.prepare(X, y)
    assert len(task.rows.y_validation) == len(held[0]) == 10
    known = task.learn_vocabularies(*kept)[0]
    assert task.reader.vocabulary.tokens == known.tokens
    assert task.reader.vocabulary.tokens != task.learn_vocabularies(X, y)[0].tokens


def test_all_translations_of_a_sentence_are_kept_aside_together():
    source = [ENGLISH[row % 6] + " " + ENGLISH[row // 6] for row in range(30) for _ in range(3)]
    prepared = Translator(validation=0.2, pieces=300, verbose=0).prepare(source, ["零一"] * 45 + ["二"] * 45)
    learned, held = ({tuple(row) for row in rows.tolist()} for rows in (prepared.rows.x, prepared.rows.x_validation))
    assert len(learned) == 24 and len(held) == 6 and not learned & held
    assert len(prepared.rows.y_validation) == 18


def test_a_long_sentence_does_not_make_all_others_padding():
    source, target = spoken(60)
    longest = " ".join(["five"] * 30)
    task = Translator(pieces=300, verbose=0).prepare(
        source, target, validation_data=([*source[:20], longest], [*target[:20], "五" * 30])
    )
    (told, _), asked = task.given()["validation_data"]
    assert len(told) == len(asked) == 20 and told.shape[1] < 30
    task = Translator(pieces=300, verbose=0).prepare(source, target, validation_data=([longest], ["五" * 30]))
    assert len(task.given()["validation_data"][1]) == 1
