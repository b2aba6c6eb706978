"""Arguments of the layers: the peer's names, in the peer's order, with the peer's defaults."""

import inspect

import keras
import pytest

from freedive import layers
from freedive.config import snake
from freedive.core.layer import COMMON, Layer

NOT_OURS = {  # the peer's arguments for other engines, for quantisation, adapters and serving
    *("lora_rank", "lora_alpha", "quantization_config", "gptq_unpacked_column_size"),
    *("renorm", "renorm_clipping", "renorm_momentum", "weights", "sparse", "ragged", "input_tensor", "optional"),
    "batch_shape",
    *("unroll", "use_cudnn", "zero_output_for_mask", "flash_attention", "reversible", "reverse_dtype"),
}
OTHER_ORDER = {  # arguments late in the list, which people give by name
    "Conv3DTranspose": "the peer's has data_format before output_padding, unlike its ranks one and two",
    **dict.fromkeys(
        ("GRU", "LSTM", "SimpleRNN", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"),
        "activity_regularizer stands behind the constraints",
    ),
    "ReversibleEmbedding": "tie_weights stands behind the arguments of Embedding",
}
NEEDED = {("CategoryEncoding", "num_tokens")}  # the peer's default is refused by the peer
SAME = sorted(
    name
    for name in layers.__all__
    if isinstance(getattr(layers, name), type) and hasattr(keras.layers, name) and name != "Layer"
)


def parameters(cls):
    """name -> default, in order; only positional ones."""
    found = inspect.signature(cls.__init__).parameters.values()
    return {
        p.name: p.default
        for p in list(found)[1:]
        if p.kind is p.POSITIONAL_OR_KEYWORD and p.name not in {*COMMON, *NOT_OURS}
    }


def plain(value):
    """A default in a form in which the peer's and ours compare."""
    if isinstance(value, str):
        return snake(value)
    if isinstance(value, (list, tuple)) and value and all(plain(v) == plain(value[0]) for v in value):
        return plain(value[0])
    return value


@pytest.mark.parametrize("name", SAME)
def test_arguments_are_the_peers(name):
    ours, theirs = parameters(getattr(layers, name)), parameters(getattr(keras.layers, name))
    missing = [argument for argument in theirs if argument not in ours]
    assert not missing
    shared = [argument for argument in ours if argument in theirs]
    assert (shared == list(theirs)) == (getattr(layers, name).__name__ not in OTHER_ORDER), "order"
    for argument in shared:
        if theirs[argument] is not inspect.Parameter.empty and (name, argument) not in NEEDED:
            assert plain(ours[argument]) == plain(theirs[argument]), argument


@pytest.mark.parametrize("name", SAME)
def test_layers_are_found_by_name(name):
    assert Layer.family.find(name) is getattr(layers, name)
    assert Layer.family.find(snake(getattr(layers, name).__name__)) is getattr(layers, name)
