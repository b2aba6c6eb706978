"""P10: an encoder-decoder with attention translates the names of emoji from English to Chinese.

From article a4: an LSTM reads English words; its last states begin a second LSTM, which writes Chinese characters and
looks back at the words through `Attention`. With only 1,600 pairs to learn from, expect about half of the characters
of unseen names right, each told the ones before it, and translations that are better at flags than at fingerprints.
"""

import numpy as np

from freedive.datasets import emoji
from freedive.layers import LSTM, Attention, Concatenate, Dense, Embedding, Input
from freedive.models import Model
from freedive.preprocessing.sequence import pad_sequences
from freedive.preprocessing.text import Tokenizer


def make_model(words, characters, units):
    """[English words (batch, n), Chinese so far (batch, m)] -> the next characters (batch, m, characters)."""
    encoder_inputs, decoder_inputs = Input((None,)), Input((None,))
    read = Embedding(words, units, mask_zero=True)(encoder_inputs)
    encoded, h, c = LSTM(units, return_sequences=True, return_state=True)(read)
    written = Embedding(characters, units, mask_zero=True)(decoder_inputs)
    decoded = LSTM(units, return_sequences=True)(written, initial_state=[h, c])
    found = Attention()([decoded, encoded])  # query, value
    outputs = Dense(characters, activation="softmax")(Concatenate()([decoded, found]))
    return Model([encoder_inputs, decoder_inputs], outputs)


def translate(model, chinese, x, longest=16):
    """Write one character after the other, always the likeliest."""
    y = np.full((len(x), longest), chinese.word_index["\t"])
    for i in range(1, longest):
        y[:, i] = model.predict([x, y], verbose=0)[:, i - 1].argmax(-1)
    return ["".join(chinese.index_word.get(c, "") for c in line[1:]).split("\n")[0] for line in y]


def main(epochs=25, units=128, verbose=1):
    """Train; returns the fraction of the characters of unseen names that are right."""
    names, english, chinese = emoji.load_raw(), Tokenizer(), Tokenizer(char_level=True, filters="")
    order = np.random.default_rng(0).permutation(len(names["name_en"]))
    source, target = names["name_en"][order], ["\t" + name + "\n" for name in names["name_zh"][order]]
    english.fit_on_texts(source[:1600])
    chinese.fit_on_texts(target[:1600])
    x = pad_sequences(english.texts_to_sequences(source), padding="post")
    y = pad_sequences(chinese.texts_to_sequences(target), padding="post")
    known, following = y[:, :-1], y[:, 1:]  # what the decoder has seen, and what comes next

    model = make_model(len(english.word_index) + 1, len(chinese.word_index) + 1, units)
    model.compile("adam", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    model.fit([x[:1600], known[:1600]], following[:1600], epochs=epochs, batch_size=32, verbose=verbose)
    loss, accuracy = model.evaluate([x[1600:], known[1600:]], following[1600:], verbose=0)
    print(f"unseen names: loss {loss:.3f}, {accuracy:.1%} of the characters right")
    for i, text in enumerate(translate(model, chinese, x[1600:1612])):
        print(f"{source[1600 + i]} -> {text} (people: {target[1600 + i].strip()})")
    return accuracy


if __name__ == "__main__":
    main()
