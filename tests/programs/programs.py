"""The articles' programs in the articles' words: texts that say `tensorflow.keras` or `tf.keras`, as people type them.

`in_words_of(text, package)` changes nothing but where the names come from. What a text does not load itself (`given`)
it finds among its variables; the data are small portions of the embedded sets.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from freedive.datasets import digits, emoji, poems_zh, reviews, vowels  # noqa: F401


class Program(NamedTuple):
    """A text in three parts, and the variables it begins with."""

    name: str
    prepare: str  # data
    model: str  # up to compile
    train: str  # fit and after
    given: Callable[[], dict[str, Any]] = dict

    @property
    def text(self) -> str:
        return self.prepare + self.model + self.train


def in_words_of(text: str, package: str) -> str:
    """The text with `package` wherever it says tensorflow.keras or tf.keras: plain replacement of words."""
    for old, new in (
        ("import tensorflow as tf", f"import {package}"),
        ("from tensorflow import keras", f"import {package} as keras"),
        ("tensorflow.keras", package),
        ("tf.keras", package),
    ):
        text = text.replace(old, new)
    return text


def sequences() -> dict[str, Any]:
    (x_train, y_train), (x_test, y_test) = vowels.load_data()
    return {"x_train": x_train[::3], "y_train": y_train[::3], "x_test": x_test[::3], "y_test": y_test[::3]} | {
        "timesteps": x_train.shape[1],
        "input_dim": x_train.shape[2],
        "num_classes": len(vowels.class_names),
    }


def sentences() -> dict[str, Any]:
    (texts, labels), (test_texts, test_labels) = reviews.load_data()
    return {"train_texts": list(texts[:320]), "train_labels": labels[:320].astype("float32")} | {
        "test_texts": list(test_texts[:64]),
        "test_labels": test_labels[:64].astype("float32"),
    }


def numbered_words() -> dict[str, Any]:
    """Sentences as numbers, as programs that begin after the tokenizer expect them."""
    words = np.array(
        [[hash_of(word) for word in [*text.split(), *[""] * 20][:20]] for text in sentences()["train_texts"]]
    )
    return {"x_train": words, "y_train": sentences()["train_labels"], "vocab_size": 1000, "max_length": 20}


def hash_of(word: str) -> int:
    return sum(ord(letter) * 31**i for i, letter in enumerate(word)) % 1000


def couplets() -> dict[str, Any]:
    """First and second lines of poems, five characters each, as one of 200 numbers."""
    poems = [p for p in poems_zh.load_data()[0] if len(p) == 24][:128]
    numbers = np.array([[ord(c) % 200 for c in poem] for poem in poems])
    return {"source": numbers[:, :5], "target": numbers[:, 5:11], "vocabulary": 200}


P1 = Program(
    "P1",
    prepare="""
import numpy as np

x = np.linspace(-1, 1, 100)
y = x ** 2 + np.random.default_rng(0).normal(0, 0.1, 100)
""",
    model="""
import tensorflow as tf

model = tf.keras.Sequential([
    tf.keras.layers.Dense(1, input_shape=(1,)),
    tf.keras.layers.Dense(1),
    tf.keras.layers.Dense(1)
])
model.compile(optimizer='sgd', loss='mean_squared_error')
""",
    train="""
model.fit(x, y, epochs=1000, verbose=0)
result = model.predict(x)
assert result.shape == (100, 1)
assert np.abs(np.diff(result[:, 0], 2)).max() < 1e-5                # a line
""",
)

P2 = Program(
    "P2",
    prepare="""
import tensorflow as tf

(x_train, y_train), (x_test, y_test) = tf.keras.datasets.mnist.load_data()
x_train = x_train.reshape(-1, 784).astype('float32') / 255.0
x_test = x_test.reshape(-1, 784).astype('float32') / 255.0
""",
    model="""
from tensorflow import keras
from tensorflow.keras import layers

model = keras.Sequential([
    layers.Dense(64, activation='relu', input_shape=(784,)),
    layers.Dense(64, activation='relu'),
    layers.Dense(10, activation='softmax')
])
model.compile(optimizer=keras.optimizers.Adam(),
              loss=keras.losses.SparseCategoricalCrossentropy(),
              metrics=['accuracy'])
""",
    train="""
model.fit(x_train, y_train, epochs=10, batch_size=32)
loss, result = model.evaluate(x_test, y_test)
assert result > 0.7
""",
)

PICTURES = """
from tensorflow.keras.datasets import mnist
from tensorflow.keras.utils import to_categorical

(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train = x_train.reshape((x_train.shape[0], 28, 28, 1)).astype('float32') / 255
x_test = x_test.reshape((x_test.shape[0], 28, 28, 1)).astype('float32') / 255
y_train, y_test = to_categorical(y_train), to_categorical(y_test)
"""

P3 = Program(
    "P3",
    prepare=PICTURES,
    model="""
from tensorflow.keras.models import Sequential
from tensorflow.keras.layers import Conv2D, MaxPooling2D, Flatten, Dense

model = Sequential()
model.add(Conv2D(32, (3, 3), activation='relu', input_shape=(28, 28, 1)))
model.add(MaxPooling2D((2, 2)))
model.add(Conv2D(64, (3, 3), activation='relu'))
model.add(MaxPooling2D((2, 2)))
model.add(Flatten())
model.add(Dense(10, activation='softmax'))
model.compile(optimizer='adam', loss='categorical_crossentropy', metrics=['accuracy'])
""",
    train="""
model.fit(x_train, y_train, epochs=10, batch_size=32)
loss, result = model.evaluate(x_test, y_test)
assert result > 0.7
""",
)

P4 = Program(
    "P4",
    prepare=PICTURES,
    model="""
from tensorflow.keras import layers, models

model = models.Sequential()
model.add(layers.Conv2D(32, (3, 3), activation='relu', input_shape=(28, 28, 1)))
model.add(layers.MaxPooling2D((2, 2)))
model.add(layers.Conv2D(64, (3, 3), activation='relu'))
model.add(layers.MaxPooling2D((2, 2)))
model.add(layers.Flatten())
model.add(layers.Dense(64, activation='relu'))
model.add(layers.Dense(10, activation='softmax'))
model.compile(optimizer='adam', loss='categorical_crossentropy', metrics=['accuracy'])
""",
    train="""
model.fit(x_train, y_train, epochs=5, batch_size=64, validation_data=(x_test, y_test))
test_loss, test_acc = model.evaluate(x_test, y_test)
print('Test accuracy:', test_acc)
result = test_acc
assert result > 0.6
""",
)

P5 = Program(
    "P5",
    prepare="",
    model="""
from tensorflow.keras.models import Sequential
from tensorflow.keras.layers import SimpleRNN, Dense

model = Sequential()
model.add(SimpleRNN(32, activation='relu', input_shape=(timesteps, input_dim)))
model.add(Dense(num_classes, activation='softmax'))
model.compile(optimizer='adam', loss='sparse_categorical_crossentropy', metrics=['accuracy'])
""",
    train="""
model.fit(x_train, y_train, epochs=50, batch_size=32)
loss, result = model.evaluate(x_test, y_test)
assert result > 0.3
""",
    given=sequences,
)

P6 = Program(
    "P6",
    prepare="""
from tensorflow.keras.utils import to_categorical

y_train, y_test = to_categorical(y_train, num_classes), to_categorical(y_test, num_classes)
""",
    model="""
from tensorflow.keras.models import Sequential
from tensorflow.keras.layers import LSTM, Dense

model = Sequential()
model.add(LSTM(128, input_shape=(timesteps, input_dim), return_sequences=True))
model.add(LSTM(128))
model.add(Dense(num_classes, activation='softmax'))
model.compile(loss='categorical_crossentropy', optimizer='adam', metrics=['accuracy'])
""",
    train="""
model.fit(x_train, y_train, batch_size=32, epochs=10, validation_data=(x_test, y_test))
loss, result = model.evaluate(x_test, y_test)
assert result > 0.3
""",
    given=sequences,
)

P7 = Program(
    "P7",
    prepare="",
    model="""
from tensorflow.keras.models import Sequential
from tensorflow.keras.layers import Embedding, LSTM, Dense

model = Sequential()
model.add(Embedding(vocab_size, 32, input_length=max_length))
model.add(LSTM(32))
model.add(Dense(1, activation='sigmoid'))
model.compile(optimizer='adam', loss='binary_crossentropy', metrics=['accuracy'])
""",
    train="""
model.fit(x_train, y_train, epochs=10, batch_size=32)
loss, result = model.evaluate(x_train, y_train)
assert result > 0.8
""",
    given=numbered_words,
)

P8 = Program(
    "P8",
    prepare="""
from tensorflow.keras.preprocessing.text import Tokenizer
from tensorflow.keras.preprocessing.sequence import pad_sequences

max_features, maxlen = 2000, 20
tokenizer = Tokenizer(num_words=max_features)
tokenizer.fit_on_texts(train_texts)
x_train = pad_sequences(tokenizer.texts_to_sequences(train_texts), maxlen=maxlen)
x_test = pad_sequences(tokenizer.texts_to_sequences(test_texts), maxlen=maxlen)
y_train, y_test = train_labels, test_labels
""",
    model="""
from tensorflow.keras.models import Sequential
from tensorflow.keras.layers import Dense, Embedding, LSTM

model = Sequential()
model.add(Embedding(max_features, 128))
model.add(LSTM(128, dropout=0.2, recurrent_dropout=0.2))
model.add(Dense(1, activation='sigmoid'))
model.compile(loss='binary_crossentropy', optimizer='adam', metrics=['accuracy'])
""",
    train="""
model.fit(x_train, y_train, batch_size=32, epochs=5, validation_data=(x_test, y_test))
score, acc = model.evaluate(x_test, y_test, batch_size=32)
result = model.evaluate(x_train, y_train)[1]
assert result > 0.8
""",
    given=sentences,
)

P9 = Program(
    "P9",
    prepare="",
    model="""
import tensorflow as tf

class SpeechRecognizer(tf.keras.Model):
    def __init__(self, hidden_size, num_classes):
        super().__init__()
        self.rnn = tf.keras.layers.SimpleRNN(hidden_size, return_sequences=True)
        self.fc = tf.keras.layers.Dense(num_classes)

    def call(self, x):
        out = self.rnn(x)
        return self.fc(out[:, -1, :])

model = SpeechRecognizer(50, num_classes)
model.compile(optimizer=tf.keras.optimizers.Adam(learning_rate=0.001),
              loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=['accuracy'])
""",
    train="""
model.fit(x_train, y_train, epochs=100)
loss, result = model.evaluate(x_test, y_test)
assert result > 0.5
""",
    given=sequences,
)

P10 = Program(
    "P10",
    prepare="",
    model="""
from tensorflow.keras.models import Model
from tensorflow.keras.layers import Input, LSTM, Dense, Embedding, Attention, Concatenate

encoder_inputs = Input(shape=(None,))
encoder_embedding = Embedding(vocabulary, 64)(encoder_inputs)
encoder_outputs, state_h, state_c = LSTM(64, return_sequences=True, return_state=True)(encoder_embedding)

decoder_inputs = Input(shape=(None,))
decoder_embedding = Embedding(vocabulary, 64)(decoder_inputs)
decoder_lstm = LSTM(64, return_sequences=True, return_state=True)
decoder_outputs, _, _ = decoder_lstm(decoder_embedding, initial_state=[state_h, state_c])

attention = Attention()([decoder_outputs, encoder_outputs])
outputs = Dense(vocabulary, activation='softmax')(Concatenate(axis=-1)([decoder_outputs, attention]))
model = Model([encoder_inputs, decoder_inputs], outputs)
model.compile(optimizer='adam', loss='sparse_categorical_crossentropy')
""",
    train="""
history = model.fit([source, target[:, :-1]], target[:, 1:], batch_size=32, epochs=30)
result = history.history['loss'][0] - history.history['loss'][-1]
assert result > 0.3
assert model.predict([source, target[:, :-1]]).shape == (len(source), 5, vocabulary)
""",
    given=couplets,
)

P11 = Program(
    "P11",
    prepare="""
import numpy as np
from tensorflow.keras.datasets import mnist

(x_train, _), _ = mnist.load_data()
x_train = x_train[:64].reshape(-1, 28, 28, 1).astype('float32') / 127.5 - 1
""",
    model="""
from tensorflow.keras import layers
from tensorflow.keras.models import Sequential
from tensorflow.keras.optimizers import Adam

def build_generator():
    model = Sequential()
    model.add(layers.Dense(7*7*256, use_bias=False, input_shape=(100,)))
    model.add(layers.BatchNormalization())
    model.add(layers.LeakyReLU())
    model.add(layers.Reshape((7, 7, 256)))
    model.add(layers.Conv2DTranspose(128, (5, 5), strides=(1, 1), padding='same', use_bias=False))
    model.add(layers.BatchNormalization())
    model.add(layers.LeakyReLU())
    model.add(layers.Conv2DTranspose(64, (5, 5), strides=(2, 2), padding='same', use_bias=False))
    model.add(layers.BatchNormalization())
    model.add(layers.LeakyReLU())
    model.add(layers.Conv2DTranspose(1, (5, 5), strides=(2, 2), padding='same', use_bias=False, activation='tanh'))
    return model

def build_discriminator():
    model = Sequential()
    model.add(layers.Conv2D(64, (5, 5), strides=(2, 2), padding='same', input_shape=(28, 28, 1)))
    model.add(layers.LeakyReLU())
    model.add(layers.Conv2D(128, (5, 5), strides=(2, 2), padding='same'))
    model.add(layers.BatchNormalization())
    model.add(layers.LeakyReLU())
    model.add(layers.Flatten())
    model.add(layers.Dense(1, activation='sigmoid'))
    return model

generator, discriminator = build_generator(), build_discriminator()
assert generator.output_shape == (None, 28, 28, 1)
discriminator.compile(loss='binary_crossentropy', optimizer=Adam(0.0002, beta_1=0.5), metrics=['accuracy'])
discriminator.trainable = False
gan = Sequential([generator, discriminator])
gan.compile(loss='binary_crossentropy', optimizer=Adam(0.0002, beta_1=0.5))
""",
    train="""
before = [w.copy() for w in discriminator.get_weights()], [w.copy() for w in generator.get_weights()]
fake = generator.predict(np.random.default_rng(0).normal(size=(64, 100)))
discriminator.train_on_batch(np.concatenate([x_train, fake]), np.concatenate([np.ones((64, 1)), np.zeros((64, 1))]))
changed = [w.copy() for w in discriminator.get_weights()]
assert not np.array_equal(before[0][0], changed[0])
gan.train_on_batch(np.random.default_rng(1).normal(size=(64, 100)), np.ones((64, 1)))
assert np.array_equal(discriminator.get_weights()[0], changed[0])
result = np.abs(generator.get_weights()[0] - before[1][0]).max()
assert result > 0
""",
)

PROGRAMS = [P1, P2, P3, P4, P5, P6, P7, P8, P9, P10, P11]
