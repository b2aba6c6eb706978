"""Convolutions: the lowering for CPUs is the reference, in values and in every kind of derivative."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from freedive.ops import conv as module
from freedive.ops import native
from freedive.ops.conv import conv, conv_transpose, explicit_padding

RNG = np.random.default_rng(0)
CASES = {  # x, kernel, options
    "1d": ((2, 7, 3), (3, 3, 4), {}),
    "1d strided same": ((2, 7, 3), (4, 3, 2), {"strides": 3, "padding": "same"}),
    "1d causal dilated": ((2, 9, 3), (3, 3, 2), {"padding": "causal", "dilation": 2}),
    "2d": ((2, 6, 5, 3), (3, 2, 3, 4), {}),
    "2d deep": ((1, 5, 6, 16), (3, 3, 16, 5), {}),
    "2d strided same": ((2, 7, 6, 3), (3, 3, 3, 4), {"strides": (2, 3), "padding": "same"}),
    "2d even kernel same": ((1, 5, 5, 2), (4, 2, 2, 3), {"padding": "same"}),
    "2d dilated": ((1, 7, 8, 2), (3, 2, 2, 3), {"dilation": (2, 3), "padding": "same"}),
    "2d stride over the kernel": ((1, 9, 9, 2), (2, 1, 2, 3), {"strides": (4, 3)}),
    "2d one by one": ((2, 4, 3, 5), (1, 1, 5, 3), {"strides": 2}),
    "2d groups": ((2, 5, 5, 6), (3, 3, 2, 9), {"groups": 3, "padding": "same"}),
    "2d depthwise": ((2, 5, 6, 3), (3, 3, 1, 6), {"groups": 3, "strides": 2, "padding": "same"}),
    "3d": ((1, 4, 5, 3, 2), (2, 3, 2, 2, 3), {"padding": "same"}),
    "3d strided": ((2, 5, 4, 6, 1), (2, 2, 3, 1, 2), {"strides": (2, 1, 3)}),
}
TRANSPOSED = {
    "1d": ((2, 4, 3), (3, 2, 3), {}),
    "1d strided": ((2, 4, 3), (3, 2, 3), {"strides": 2}),
    "1d short kernel": ((1, 4, 3), (2, 2, 3), {"strides": 5}),
    "1d short kernel same": ((1, 4, 3), (2, 2, 3), {"strides": 5, "padding": "same"}),
    "1d dilated same": ((1, 4, 2), (3, 2, 2), {"dilation": 3, "padding": "same"}),
    "2d same": ((2, 3, 4, 2), (3, 4, 3, 2), {"strides": (2, 3), "padding": "same"}),
    "2d output padding": ((1, 3, 4, 2), (3, 4, 3, 2), {"strides": 3, "output_padding": (1, 2)}),
    "2d output padding same": ((1, 3, 4, 2), (4, 3, 3, 2), {"strides": 3, "output_padding": (2, 0), "padding": "same"}),
    "3d": ((1, 2, 3, 2, 2), (3, 2, 3, 3, 2), {"strides": (2, 1, 2), "padding": "same"}),
}


@pytest.fixture(params=["loops", "patches"])
def lowering(request, monkeypatch):
    """Both lowerings for CPUs, one after the other."""
    if request.param == "patches":
        monkeypatch.setattr(module, "looped", lambda *_: False)
    elif not native.available():
        pytest.skip("freedive was built without a C++ compiler")


def arrays(case, dtype="float32"):
    x, kernel, options = case
    return [jnp.asarray(RNG.normal(size=shape), dtype) for shape in (x, kernel)], options


def both(monkeypatch, function, name, options):
    """(our function, the same with the reference on this platform)."""

    def of(choice):
        def chosen(*operands, **by_platform):
            return by_platform[choice](*operands)

        def call(*operands):
            with monkeypatch.context() as patch:
                patch.setattr(module.lax, "platform_dependent", chosen)
                return function(*operands, **options)

        return call

    return of("cpu"), of("default")


@pytest.mark.parametrize("case", CASES)
def test_it_is_the_convolution(case, lowering, monkeypatch):
    check(conv, *arrays(CASES[case]), monkeypatch)


@pytest.mark.parametrize("case", TRANSPOSED)
def test_it_is_the_transposed_convolution(case, lowering, monkeypatch):
    check(conv_transpose, *arrays(TRANSPOSED[case]), monkeypatch)


def check(function, operands, options, monkeypatch, tolerance=1e-5):
    ours, reference = both(monkeypatch, function, function.__name__, options)

    @jax.jit
    def computed(x, kernel):
        results = []
        for f in (ours, reference):
            y, pull = jax.vjp(f, x, kernel)
            weights = jnp.asarray(np.random.default_rng(1).normal(size=y.shape), "float32")
            results.append((y, pull(weights), jax.jvp(f, (x, kernel), (x + 1, kernel - 1))[1]))
        return results

    mine, expected = computed(*operands)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=tolerance, atol=2 * tolerance), mine, expected)


@pytest.mark.parametrize("case", ["1d strided same", "1d causal dilated", "2d", "2d strided same", "2d dilated", "3d"])
def test_the_first_places_alone(case, lowering):
    operands, options = arrays(CASES[case])
    bias = jnp.linspace(-1, 1, operands[1].shape[-1])
    sizes = [n - 1 for n in conv(*operands, **options).shape[1:-1]]

    def whole(x, kernel):
        y = module.conv_layer(x, kernel, bias, True, **options)
        return y[(slice(None), *map(slice, sizes))]

    def part(x, kernel):
        return module.conv_layer(x, kernel, bias, True, first=sizes, **options)

    @jax.jit
    def computed(*operands):
        return [(f(*operands), jax.grad(lambda *o, f=f: jnp.sum(f(*o) ** 2), (0, 1))(*operands)) for f in (part, whole)]

    mine, expected = computed(*operands)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), mine, expected)


@pytest.mark.skipif(not native.available(), reason="freedive was built without a C++ compiler")
@pytest.mark.parametrize("case", ["2d", "2d strided same", "2d dilated"])
def test_before_a_pooling_it_is_xlas_until_something_is_differentiated(case):
    (_, *shape), kernel, options = CASES[case]
    x, kernel = arrays(((64, *shape), kernel, {}))[0]
    bias = jnp.linspace(-1, 1, kernel.shape[-1])

    def forward(pooled, x, kernel, bias):
        return module.conv_layer(x, kernel, bias, True, pooled, **options)

    def slopes(pooled, *operands):
        return jax.grad(lambda *o: jnp.sum(forward(pooled, *o) ** 2), (0, 1, 2))(*operands)

    for f, called in ((forward, [False, True]), (slopes, [True, True])):
        programs = [jax.jit(functools.partial(f, pooled)).lower(x, kernel, bias) for pooled in (True, False)]
        assert ["freedive_conv" in program.as_text() for program in programs] == called
        mine, expected = (program.compile()(x, kernel, bias) for program in programs)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), mine, expected)
    several = jax.vmap(functools.partial(forward, True), (None, 0, None))(x, jnp.stack([kernel, -kernel]), bias)
    np.testing.assert_allclose(several[0], forward(False, x, kernel, bias), rtol=1e-4, atol=1e-4)


WIDE = {  # enough channels, pictures and places for every path of the native loops
    "same": ((5, 19, 17, 21), (3, 3, 21, 37), {"padding": "same"}),
    "valid": ((3, 20, 20, 32), (3, 3, 32, 64), {}),
    "strided": ((4, 16, 15, 16), (5, 4, 16, 48), {"strides": (2, 3), "padding": "same"}),
    "dilated": ((2, 17, 18, 8), (3, 3, 8, 33), {"dilation": (2, 3), "padding": "same"}),
    "one channel": ((9, 28, 28, 1), (3, 3, 1, 32), {}),
}


@pytest.mark.parametrize("case", WIDE)
def test_large_ones_too(case, monkeypatch):
    operands, options = arrays(WIDE[case])
    check(conv, operands, options, monkeypatch, 5e-4)  # sums of thousands of products


@pytest.mark.parametrize("case", ["2d", "2d deep", "2d depthwise", "2d groups"])
def test_bfloat16(case, monkeypatch):
    operands, options = arrays(CASES[case], "bfloat16")
    ours, reference = both(monkeypatch, conv, "conv", options)
    exact = reference(*(v.astype("float32") for v in operands))
    y = ours(*operands)
    assert y.dtype == jnp.bfloat16
    np.testing.assert_allclose(y.astype("float32"), exact, atol=0.02 * float(jnp.abs(exact).max()))


def test_second_derivatives_and_vmap(lowering, monkeypatch):
    (x, kernel), options = arrays(CASES["2d deep"])
    ours, reference = both(monkeypatch, conv, "conv", options)

    def energy(f):
        slope = jax.grad(lambda x, k: jnp.sum(jnp.tanh(f(x, k))), (0, 1))
        return jax.grad(lambda x, k: sum(jnp.sum(jnp.square(g)) for g in slope(x, k)), (0, 1))

    many = jax.jit(lambda k: [jax.vmap(energy(f), (None, 0))(x, k) for f in (ours, reference)])
    mine, expected = many(jnp.stack([kernel, 0.1 * kernel]))
    scale = max(float(jnp.abs(e).max()) for e in expected)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5 * scale), mine, expected)


def test_large_inputs_are_convolved_in_parts(monkeypatch):
    (x, kernel), options = arrays(((7, 6, 6, 3), (3, 3, 3, 4), {"padding": "same"}))

    def gradients():
        return jax.value_and_grad(lambda x, k: jnp.sum(jnp.sin(conv(x, k, **options))), (0, 1))(x, kernel)

    monkeypatch.setattr(module, "looped", lambda *_: False)
    whole = gradients()
    monkeypatch.setattr(module, "LARGEST_PATCHES", 2 * 6 * 6 * 27 * 4)
    assert "scan" in str(jax.make_jaxpr(functools.partial(conv, **options))(x, kernel))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), gradients(), whole)


@pytest.mark.parametrize("size", [4, 5, 6, 7])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_same_gives_a_place_for_every_stride(size, stride):
    ((before, after),) = explicit_padding("same", (size,), (3,), (stride,), (1,))
    assert 0 <= after - before <= 1
    assert module.output_size(size, 3, stride, (before, after)) == -(-size // stride)
