"""Networks that read and write: a step is the whole pass, writing is the plain rule, padding counts nowhere."""

import contextlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import freedive as fd
from freedive.core.forward import Pass
from freedive.core.variables import gather
from freedive.networks import AttentionNetwork, Beam, Sample, TransformerNetwork
from freedive.preprocessing.vocabulary import END, START

RNG = np.random.default_rng(0)
TOKENS = 12
KINDS = {
    "transformer": lambda **more: TransformerNetwork(
        TOKENS, TOKENS, **({"units": 16, "depth": 1, "num_heads": 2, "shared": True} | more)
    ),
    "learned positions": lambda **more: TransformerNetwork(
        TOKENS + 3, TOKENS, units=16, depth=1, num_heads=2, positions="learned", longest=40, **more
    ),
    "luong lstm": lambda **more: AttentionNetwork(TOKENS, TOKENS, units=16, embedding=8, **more),
    "bahdanau gru": lambda **more: AttentionNetwork(
        TOKENS, TOKENS, units=16, embedding=8, cell="gru", attention_kind="bahdanau", **more
    ),
}
SOURCE = np.array([[5, 6, 7, 8, 0, 0], [9, 10, 4, 5, 6, 7]])
TARGET = np.array([[START, 7, 6, 5, 8], [START, 4, 9, 0, 0]])


@pytest.fixture(scope="module", params=KINDS)
def network(request):
    """A network with weights large enough that tokens matter."""
    network = KINDS[request.param]()
    network([SOURCE, TARGET])
    rng = np.random.default_rng(1)
    network.set_weights([w + 0.3 * rng.normal(size=w.shape).astype("float32") for w in network.get_weights()])
    return network


def within(network, function, *args):
    """A function of the network, compiled, with its values."""

    @jax.jit
    def run(variables, *args):
        with Pass(network, variables):
            return function(network, *args)

    return run(gather(network), *args)


def test_a_step_with_caches_is_the_whole_pass(network):
    whole = network([SOURCE, TARGET])

    def stepwise(network, source, target):
        memory = network.encode(source)

        def body(state, now):
            logits, state = network.step(now[0], state, memory, now[1])
            return state, logits

        return jax.lax.scan(body, network.begin(memory, 9), (target.T, jnp.arange(target.shape[1])))[1]

    steps = np.swapaxes(within(network, stepwise, SOURCE, TARGET), 0, 1)
    np.testing.assert_allclose(steps[0], whole[0], atol=2e-5)
    np.testing.assert_allclose(steps[1, :3], whole[1, :3], atol=2e-5)


def test_padding_counts_nowhere(network):
    wide = np.pad(SOURCE, ((0, 0), (0, 3)))
    np.testing.assert_allclose(network([wide, TARGET]), network([SOURCE, TARGET]), atol=2e-5)
    loss = fd.losses.SparseCategoricalCrossentropy(from_logits=True)
    y = np.array([[7, 6, 5, 8, END], [4, 9, END, 0, 0]])
    network.compile("adam", loss)
    both = network.test_on_batch([SOURCE, TARGET], y)
    logits = np.asarray(network([SOURCE, TARGET]))
    np.testing.assert_allclose(both, loss(y[y > 0], logits[y > 0]), rtol=1e-5)


def test_looks_are_shares_of_the_source(network):
    shares = network.attention(SOURCE, TARGET)
    assert shares.shape == (2, 5, 6)
    np.testing.assert_allclose(shares.sum(-1), 1, atol=1e-5)
    assert (shares[0, :, 4:] == 0).all()


def test_greedy_is_the_plain_rule_whatever_else_is_in_the_batch(network):
    written = network.generate(SOURCE, length=6)
    for row, tokens in enumerate(written.tokens):
        said = [START]
        while len(said) < 7 and said[-1] != END:
            padded = np.pad(said, (0, 7 - len(said)))
            logits = np.array(network([SOURCE[row : row + 1], padded[None]])[0, len(said) - 1])
            logits[[0, START]] = -np.inf
            said.append(int(logits.argmax()))
        assert tokens.tolist() == [t for t in said[1:] if t != END]
    one = network.generate(SOURCE, Beam(1), length=6)
    assert [t.tolist() for t in one.tokens] == [t.tolist() for t in written.tokens]
    alone = network.generate([SOURCE[0, :4].tolist()], length=6)
    assert alone.tokens[0].tolist() == written.tokens[0].tolist()


def test_samples_follow_their_seed(network):
    drawn = [network.generate(np.repeat(SOURCE, 8, 0), Sample(2.0), length=6, seed=seed) for seed in (3, 3, 4)]
    tokens = [[t.tolist() for t in texts.tokens] for texts in drawn]
    assert tokens[0] == tokens[1] != tokens[2]


def test_it_is_saved_whole(network, tmp_path):
    network.save(tmp_path / "network.safetensors")
    again = fd.models.load_model(tmp_path / "network.safetensors")
    assert type(again) is type(network) and again.get_config() == network.get_config()
    for mine, theirs in zip(network.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


# one program a shape ------------------------------------------------------------------------------------------------
def test_a_shape_compiles_once_and_numbers_compile_nothing():
    network = KINDS["luong lstm"]()
    network([SOURCE, TARGET])
    with compilations() as first:
        network.generate(SOURCE, Beam(2, penalty=0.5), length=6)
    with compilations() as again:
        network.generate(SOURCE[:, ::-1], Beam(2, penalty=1.0), length=6)
        network.generate(np.pad(SOURCE, ((0, 0), (0, 2))), Beam(2), length=6)
    assert first and not again


@contextlib.contextmanager
def compilations():
    """Counts what XLA compiles meanwhile."""
    found = []

    def listen(event, duration, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            found.append(duration)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        yield found
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)


# scheduled sampling -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["transformer", "luong lstm", "bahdanau gru"])
def test_scheduled_sampling_tells_the_network_its_own_choices(kind):
    network = KINDS[kind](sampling=0.5, dropout=0.0)
    y = network([SOURCE, TARGET])
    told = {}
    for sampling in (1e-12, 1.0):
        network.sampling = sampling
        told[sampling] = np.asarray(network([SOURCE, TARGET], training=True))
    np.testing.assert_allclose(told[1e-12], y, atol=2e-5)  # as good as never
    chosen = np.asarray(y if kind == "transformer" else told[1.0]).argmax(-1)
    own = np.concatenate([TARGET[:, :1], chosen[:, :-1]], axis=1)
    own = np.where(TARGET == 0, TARGET, own) if kind == "transformer" else own
    np.testing.assert_allclose(told[1.0], network([SOURCE, own]), atol=2e-5)


def test_scheduled_sampling_may_grow_in_a_run():
    network = KINDS["luong lstm"](sampling=0.01)
    network.compile("adam", fd.losses.SparseCategoricalCrossentropy(from_logits=True))
    seen = []

    def more(epoch, logs=None):
        network.sampling = 0.1 + 0.2 * epoch
        seen.append(network.sampling)

    callback = fd.callbacks.LambdaCallback(on_epoch_begin=more)
    history = network.fit([SOURCE, TARGET], np.roll(TARGET, -1, 1), epochs=3, verbose=0, callbacks=[callback])
    assert len(seen) == 3 and np.isfinite(history.history["loss"]).all()


# learning -----------------------------------------------------------------------------------------------------------
def reversals(count, seed):
    """Words of two to six letters, and the same from the end."""
    rng = np.random.default_rng(seed)
    words = [rng.integers(4, TOKENS, rng.integers(2, 7)) for _ in range(count)]
    source, target, following = (np.zeros((count, 8), int) for _ in range(3))
    for i, word in enumerate(words):
        source[i, : len(word)], target[i, : len(word) + 1] = word, [START, *word[::-1]]
        following[i, : len(word) + 1] = [*word[::-1], END]
    return words, source, target, following


def test_it_learns_to_turn_words_round():
    network = AttentionNetwork(TOKENS, TOKENS, units=64, embedding=32, dropout=0.0)
    _, source, target, following = reversals(2000, 0)
    network.compile(fd.optimizers.Adam(0.01), fd.losses.SparseCategoricalCrossentropy(from_logits=True))
    network.fit([source, target], following, epochs=8, batch_size=64, verbose=0, seed=0)
    words, source, *_ = reversals(100, 1)
    written = network.generate(source, "beam")
    assert np.mean([w[::-1].tolist() == t.tolist() for w, t in zip(words, written.tokens, strict=True)]) > 0.9


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: TransformerNetwork(9, 9, units=10, num_heads=4), "number of heads that divides the units"),
        (lambda: TransformerNetwork(9, 8, shared=True), "expected one vocabulary"),
        (lambda: AttentionNetwork(9, 9, units=7), "expected an even number"),
        (lambda: AttentionNetwork(9, 9, cell="rnn"), "expected one of 'lstm', 'gru'"),
    ],
)
def test_wrong_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# how much is written ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("sampler", ["greedy", Beam(3, penalty=1.0)])
def test_a_row_is_as_long_as_it_would_be_alone(sampler):
    network = KINDS["transformer"]()
    network([SOURCE, TARGET])
    rng = np.random.default_rng(3)
    network.set_weights([w + 0.3 * rng.normal(size=w.shape).astype("float32") for w in network.get_weights()])
    short, long = [4, 5], rng.integers(4, TOKENS, 40).tolist()
    alone, beside = network.generate([short], sampler), network.generate([short, long, []], sampler)
    assert len(alone.tokens[0]) == 2 + 1 + 10  # it never ends by itself
    assert beside.tokens[0].tolist() == alone.tokens[0].tolist() and len(beside.tokens[1]) > 13
    np.testing.assert_allclose(beside.scores[0], alone.scores[0], rtol=1e-4)


def test_of_nothing_nothing_is_written():
    network = KINDS["luong lstm"]()
    for source in ([[]], [[0, 0]], np.zeros((1, 0), int)):
        written = network.generate(source, Beam(2))
        assert [t.tolist() for t in written.tokens] == [[]] and written.scores.tolist() == [0]
