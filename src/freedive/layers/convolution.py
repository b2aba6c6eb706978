"""Convolution layers: the same small weights at every place of a sequence, an image or a volume."""

from __future__ import annotations

import functools
from typing import Annotated, Any, ClassVar

from ..activations import Activation, relu
from ..config import PositiveInt, non_negative, one_of
from ..constraints import ConstraintLike
from ..core.layer import Layer
from ..initializers import InitializerLike
from ..ops.conv import conv_layer, conv_transpose
from ..regularizers import RegularizerLike
from .spatial import DataFormat, Padding, expect_rank, expect_room, from_last, per_axis, to_last

CausalPadding = Annotated[str, str.lower, one_of("valid", "same", "causal")]


class _Filter(Layer):
    """What all of them do: find the channels, slide weights over the input, add a bias, activate."""

    rank: ClassVar[int]

    def __post_init__(self):
        super().__post_init__()
        per_axis(self, self.rank, "kernel_size", "strides", "dilation_rate")

    def call(self, x: Any) -> Any:
        expect_rank(self, x, self.rank)
        z = self.slide(to_last(self, x))
        bias = self._bias(z.shape[-1])
        return self.activate(from_last(self, z if bias is None else z + bias))

    def _bias(self, filters: int) -> Any:
        """(filters), or None."""
        rule = self.bias_initializer, "bias_regularizer", self.bias_constraint
        return self.param("bias", (filters,), *rule) if self.use_bias else None

    def slide(self, x: Any) -> Any:
        """The weighted sums at every place, channels last."""
        raise NotImplementedError

    def part(self, x: Any, kernel: Any, bias: Any = None, rectified: bool = False, **options: Any) -> Any:
        """One convolution with the layer's strides, padding and dilation, or those given; as `conv_layer` has it."""
        reach = tuple((k - 1) * d + 1 for k, d in zip(kernel.shape[:-2], self.dilation_rate, strict=True))
        if options.get("padding", self.padding) == "valid":
            expect_room(self, x, reach, "kernel_size")
        given = {"strides": self.strides, "padding": self.padding, "dilation": self.dilation_rate} | options
        return conv_layer(x.astype(kernel.dtype), kernel, bias, rectified, **given)


# convolution ---------------------------------------------------------------------------------------------------------
class _Convolution(_Filter):
    filters: PositiveInt
    kernel_size: Any
    strides: Any = 1
    padding: CausalPadding = "valid"
    data_format: DataFormat = None
    dilation_rate: Any = 1
    groups: PositiveInt = 1
    activation: Activation = None
    use_bias: bool = True
    kernel_initializer: InitializerLike = "glorot_uniform"
    bias_initializer: InitializerLike = "zeros"
    kernel_regularizer: RegularizerLike = None
    bias_regularizer: RegularizerLike = None
    activity_regularizer: RegularizerLike = None
    kernel_constraint: ConstraintLike = None
    bias_constraint: ConstraintLike = None

    def call(self, x: Any) -> Any:
        expect_rank(self, x, self.rank)
        given, x = x, to_last(self, x)
        kernel, bias = self._kernel(x.shape[-1]), self._bias(self.filters)
        rectified = self.activation is relu and not self.tapped
        run = functools.partial(self.part, x, kernel, bias, rectified, groups=self.groups)
        z = from_last(self, run())
        if not rectified:
            return self.activate(z)
        if x is given:
            self.offer_to_pool(z, run)
        return z

    def _kernel(self, channels: int) -> Any:
        """(*kernel_size, channels / groups, filters)."""
        if channels % self.groups or self.filters % self.groups:
            raise self.error(
                f"groups={self.groups} must divide the {channels} channels of the input and the {self.filters} filters"
            )
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        return self.param("kernel", shape, self.kernel_initializer, "kernel_regularizer", self.kernel_constraint)


class Conv1D(_Convolution):
    """Convolution along time: z[t, o] = sum over k, c of x[t * stride + k, c] W[k, c, o] + b[o].

    Args:
        filters: the number of outputs at each place.
        kernel_size: how many steps one output sees.
        strides: steps from one output to the next.
        padding: "valid" (only whole windows), "same" (zeros at both ends), "causal" (zeros before the first step, so
            that no output sees a later step).
        data_format: "channels_last", (batch, steps, channels), or "channels_first".
        dilation_rate: distance of the steps that one output sees.
        groups: parts of the channels that are convolved apart.
        activation: a = f(z).

    Input: (batch, steps, channels). Output: (batch, new steps, filters).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Conv1D(8, 3, padding="causal")(np.ones((2, 10, 4))).shape
    (2, 10, 8)
    """

    aliases: ClassVar[tuple[str, ...]] = ("Convolution1D",)
    rank: ClassVar[int] = 1


class Conv2D(_Convolution):
    """Convolution over an image: z[p, o] = sum over k, c of x[p * stride + k, c] W[k, c, o] + b[o].

    Args:
        filters: the number of outputs at each place.
        kernel_size: height and width of what one output sees; one number for both.
        strides: the step from one output to the next along each axis.
        padding: "valid" (only whole windows) or "same" (zeros all around).
        data_format: "channels_last", (batch, height, width, channels), or "channels_first".
        dilation_rate: distance of the places that one output sees.
        groups: parts of the channels that are convolved apart.
        activation: a = f(z).

    Input: (batch, height, width, channels). Output: (batch, new height, new width, filters).
    Reference: LeCun et al. 1998, "Gradient-based learning applied to document recognition".

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Conv2D(32, 3, activation="relu")(np.ones((1, 28, 28, 1))).shape
    (1, 26, 26, 32)
    """

    aliases: ClassVar[tuple[str, ...]] = ("Convolution2D",)
    rank: ClassVar[int] = 2


class Conv3D(_Convolution):
    """Convolution over a volume, or over the frames of a film; arguments as for `Conv2D`.

    Input: (batch, depth, height, width, channels). Output: (batch, *new sizes, filters).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Conv3D(4, 3)(np.ones((1, 5, 6, 7, 2))).shape
    (1, 3, 4, 5, 4)
    """

    aliases: ClassVar[tuple[str, ...]] = ("Convolution3D",)
    rank: ClassVar[int] = 3


# transposed ----------------------------------------------------------------------------------------------------------
class _Transposed(_Filter):
    filters: PositiveInt
    kernel_size: Any
    strides: Any = 1
    padding: Padding = "valid"
    output_padding: Any = None
    data_format: DataFormat = None
    dilation_rate: Any = 1
    activation: Activation = None
    use_bias: bool = True
    kernel_initializer: InitializerLike = "glorot_uniform"
    bias_initializer: InitializerLike = "zeros"
    kernel_regularizer: RegularizerLike = None
    bias_regularizer: RegularizerLike = None
    activity_regularizer: RegularizerLike = None
    kernel_constraint: ConstraintLike = None
    bias_constraint: ConstraintLike = None

    def __post_init__(self):
        super().__post_init__()
        per_axis(self, self.rank, "output_padding", check=non_negative)
        extra = self.output_padding
        if extra is not None and any(p >= s for p, s in zip(extra, self.strides, strict=True)):
            where = f"{type(self).__name__}(output_padding={extra})"
            raise ValueError(f"{where}: expected less than strides={self.strides} on every axis")

    def slide(self, x: Any) -> Any:
        shape = (*self.kernel_size, self.filters, x.shape[-1])
        kernel = self.param("kernel", shape, self.kernel_initializer, "kernel_regularizer", self.kernel_constraint)
        x = x.astype(kernel.dtype)
        return conv_transpose(x, kernel, self.strides, self.padding, self.output_padding, self.dilation_rate)


class Conv1DTranspose(_Transposed):
    """The transpose of `Conv1D`, which makes sequences longer: every input adds its kernel at its place.

    Args:
        filters: the number of outputs at each step.
        kernel_size: how many outputs one input adds to.
        strides: how far apart neighbouring inputs add; the output is about this many times longer.
        padding: "same" gives steps * strides outputs; "valid" all of them.
        output_padding: outputs beyond the fewest possible; less than strides.
        data_format, dilation_rate, activation: as for `Conv1D`.

    Input: (batch, steps, channels). Output: (batch, new steps, filters).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Conv1DTranspose(8, 3, strides=2, padding="same")(np.ones((2, 10, 4))).shape
    (2, 20, 8)
    """

    aliases: ClassVar[tuple[str, ...]] = ("Convolution1DTranspose",)
    rank: ClassVar[int] = 1


class Conv2DTranspose(_Transposed):
    """The transpose of `Conv2D`, which makes images larger; arguments as for `Conv1DTranspose`.

    Input: (batch, height, width, channels). Output: (batch, new height, new width, filters).
    Reference: arXiv 1603.07285.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Conv2DTranspose(8, 4, strides=2, padding="same")(np.ones((2, 7, 7, 4))).shape
    (2, 14, 14, 8)
    """

    aliases: ClassVar[tuple[str, ...]] = ("Convolution2DTranspose",)
    rank: ClassVar[int] = 2


class Conv3DTranspose(_Transposed):
    """The transpose of `Conv3D`, which makes volumes larger; arguments as for `Conv1DTranspose`.

    Input: (batch, depth, height, width, channels). Output: (batch, *new sizes, filters).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.Conv3DTranspose(2, 2, strides=2)(np.ones((1, 2, 3, 4, 1))).shape
    (1, 4, 6, 8, 2)
    """

    aliases: ClassVar[tuple[str, ...]] = ("Convolution3DTranspose",)
    rank: ClassVar[int] = 3


# by channel ----------------------------------------------------------------------------------------------------------
def each_channel(layer: Any, x: Any, name: str) -> Any:
    """Every channel convolved by its own `depth_multiplier` kernels, which are weights of the layer."""
    shape = (*layer.kernel_size, x.shape[-1], layer.depth_multiplier)
    kernel = layer.param(name, shape, layer.depthwise_initializer, "depthwise_regularizer", layer.depthwise_constraint)
    return layer.part(x, kernel.reshape(*layer.kernel_size, 1, -1), groups=x.shape[-1])


class _Depthwise(_Filter):
    kernel_size: Any
    strides: Any = 1
    padding: CausalPadding = "valid"
    depth_multiplier: PositiveInt = 1
    data_format: DataFormat = None
    dilation_rate: Any = 1
    activation: Activation = None
    use_bias: bool = True
    depthwise_initializer: InitializerLike = "glorot_uniform"
    bias_initializer: InitializerLike = "zeros"
    depthwise_regularizer: RegularizerLike = None
    bias_regularizer: RegularizerLike = None
    activity_regularizer: RegularizerLike = None
    depthwise_constraint: ConstraintLike = None
    bias_constraint: ConstraintLike = None

    def slide(self, x: Any) -> Any:
        return each_channel(self, x, "kernel")


class DepthwiseConv1D(_Depthwise):
    """Every channel of a sequence convolved by itself: z[t, c m] = sum over k of x[t * stride + k, c] W[k, c, m] + b.

    Args:
        kernel_size, strides, padding, data_format, dilation_rate, activation: as for `Conv1D`.
        depth_multiplier: outputs from each channel.

    Input: (batch, steps, channels). Output: (batch, new steps, channels * depth_multiplier).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.DepthwiseConv1D(3, depth_multiplier=2)(np.ones((2, 10, 4))).shape
    (2, 8, 8)
    """

    rank: ClassVar[int] = 1


class DepthwiseConv2D(_Depthwise):
    """Every channel of an image convolved by itself; arguments as for `DepthwiseConv1D`.

    Input: (batch, height, width, channels). Output: (batch, new height, new width, channels * depth_multiplier).
    Reference: arXiv 1704.04861.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.DepthwiseConv2D(3, padding="same")(np.ones((2, 8, 8, 4))).shape
    (2, 8, 8, 4)
    """

    rank: ClassVar[int] = 2


class _Separable(_Filter):
    filters: PositiveInt
    kernel_size: Any
    strides: Any = 1
    padding: CausalPadding = "valid"
    data_format: DataFormat = None
    dilation_rate: Any = 1
    depth_multiplier: PositiveInt = 1
    activation: Activation = None
    use_bias: bool = True
    depthwise_initializer: InitializerLike = "glorot_uniform"
    pointwise_initializer: InitializerLike = "glorot_uniform"
    bias_initializer: InitializerLike = "zeros"
    depthwise_regularizer: RegularizerLike = None
    pointwise_regularizer: RegularizerLike = None
    bias_regularizer: RegularizerLike = None
    activity_regularizer: RegularizerLike = None
    depthwise_constraint: ConstraintLike = None
    pointwise_constraint: ConstraintLike = None
    bias_constraint: ConstraintLike = None

    def slide(self, x: Any) -> Any:
        depthwise = each_channel(self, x, "depthwise_kernel")
        shape = (*(1,) * self.rank, depthwise.shape[-1], self.filters)
        kernel = self.param(
            "pointwise_kernel", shape, self.pointwise_initializer, "pointwise_regularizer", self.pointwise_constraint
        )
        return self.part(depthwise, kernel, strides=1, padding="valid", dilation=1)


class SeparableConv1D(_Separable):
    """A `DepthwiseConv1D` that mixes no channels, then a convolution of size one that mixes nothing but channels.

    Args:
        filters: the number of outputs at each step.
        kernel_size, strides, padding, data_format, dilation_rate: of the first part, as for `Conv1D`.
        depth_multiplier: what the first part makes of each channel.
        activation: a = f(z).

    Input: (batch, steps, channels). Output: (batch, new steps, filters).

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.SeparableConv1D(8, 3)(np.ones((2, 10, 4))).shape
    (2, 8, 8)
    """

    aliases: ClassVar[tuple[str, ...]] = ("SeparableConvolution1D",)
    rank: ClassVar[int] = 1


class SeparableConv2D(_Separable):
    """A `DepthwiseConv2D`, then a convolution of size one; arguments as for `SeparableConv1D`.

    Input: (batch, height, width, channels). Output: (batch, new height, new width, filters).
    Reference: arXiv 1610.02357.

    >>> import numpy as np
    >>> import freedive as fd
    >>> fd.layers.SeparableConv2D(8, 3, padding="same")(np.ones((2, 8, 8, 4))).shape
    (2, 8, 8, 8)
    """

    aliases: ClassVar[tuple[str, ...]] = ("SeparableConvolution2D",)
    rank: ClassVar[int] = 2


# Keras' long names
Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
Convolution1DTranspose, Convolution2DTranspose, Convolution3DTranspose = (
    Conv1DTranspose,
    Conv2DTranspose,
    Conv3DTranspose,
)
SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
