"""Convolutions on small maps as matrix products: the same numbers up to rounding, in less time on a CPU.

After the stem of a ResNet50, 48-pixel faces are maps of 12, 6, 3 and 2 pixels a side. There oneDNN's convolutions,
their backward most of all, stay far below the speed of a matrix product, and most taps of a 3×3 kernel lie in the
padding: 56 % of them on a 2×2 map. The forms here multiply neither padding nor copies of the image. Which shape takes
which form is a fixed rule, measured on one core in fp32 and in bf16 and written in `_form`; a rule that timed itself
would give two machines of a kind, or a run and its continuation, different rounding.
"""

import functools
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

_POINTWISE_SIDE = 6  # largest map, in pixels a side, on which a 1×1 convolution is faster as a matrix product
_TAPS_SIDE = 3  # the same for a 3×3 convolution by taps
_TAPS_SIDE_STRIDED = 6  # the same where its stride is 2


class Conv2d(nn.Conv2d):
    """`nn.Conv2d` in the fastest form of its shape: maps [B, C, H, W] → [B, C', H', W'].

    On a GPU, in an exported graph, and for shapes that gain nothing, it is torch's own.
    """

    def forward(self, maps: Tensor) -> Tensor:
        form = self._form(maps)
        if form == "torch":
            return super().forward(maps)
        weight, bias = self.weight, self.bias
        if torch.is_autocast_enabled("cpu"):  # which knows neither of our own backward nor of views of weights
            dtype = torch.get_autocast_dtype("cpu")
            maps, weight, bias = maps.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)
        match form:
            case "grey":
                return grey(maps, weight, bias, stride=self.stride[0])
            case "pointwise":
                return pointwise(maps, weight, bias, stride=self.stride[0])
        return _Taps.apply(maps, weight, bias, self.stride[0])

    def _form(self, maps: Tensor) -> str:
        height, width = maps.shape[-2:]
        simple = (
            self.groups == 1 and self.dilation == (1, 1) and self.padding_mode == "zeros"
            and height == width and self.stride[0] == self.stride[1]
        )  # fmt: skip
        if not simple or maps.device.type != "cpu" or torch.compiler.is_exporting():
            return "torch"
        stride = self.stride[0]
        if self.kernel_size == (1, 1) and self.padding == (0, 0):
            return "pointwise" if stride > 1 or height <= _POINTWISE_SIDE else "torch"
        if self.kernel_size == (3, 3) and self.padding == (1, 1) and stride <= 2:
            return "taps" if height <= (_TAPS_SIDE if stride == 1 else _TAPS_SIDE_STRIDED) else "torch"
        if self.kernel_size == (7, 7) and self.padding == (3, 3) and maps.shape[1] > 1 and maps.stride(1) == 0:
            return "grey"
        return "torch"


def fast_convolutions(network: nn.Module) -> nn.Module:
    """`network`, whose plain `nn.Conv2d` have become `Conv2d`; parameters and their names stay."""
    for module in network.modules():
        if type(module) is nn.Conv2d:
            module.__class__ = Conv2d
    return network


def pointwise(maps: Tensor, weight: Tensor, bias: Tensor | None, *, stride: int) -> Tensor:
    """1×1 convolution as one matrix product over pixels: maps [B, C, H, W], weight [C', C, 1, 1]."""
    # a matrix, and contiguous: without gradients, torch multiplies a strided view in bf16 a hundred times slower
    pixels = maps.permute(0, 2, 3, 1)[:, ::stride, ::stride].contiguous()  # (B, H', W', C)
    return F.linear(pixels, weight.flatten(1), bias).permute(0, 3, 1, 2)


def grey(maps: Tensor, weight: Tensor, bias: Tensor | None, *, stride: int) -> Tensor:
    """Convolution of maps [B, C, H, H] whose channels are all the same: that of one of them with the weights' sum."""
    side = weight.shape[-1]
    padded = F.pad(maps[:, 0], (side // 2,) * 4)
    patches = padded.unfold(1, side, stride).unfold(2, side, stride)  # (B, H', W', side, side)
    return F.linear(patches.flatten(3), weight.sum(1).flatten(1), bias).permute(0, 3, 1, 2)


class _Run(NamedTuple):
    """Neighbouring taps of one output pixel, of one row of the kernel, that fall into the map."""

    row: int  # of the output pixel
    column: int
    first: bool  # of this pixel's runs
    map_row: int
    map_columns: slice
    tap_row: int
    tap_columns: slice


@functools.cache
def _runs(side: int, stride: int) -> tuple[_Run, ...]:
    """The runs of a 3×3 convolution with padding 1 on a map of `side` × `side` pixels."""

    def inside(position: int) -> tuple[int, int]:  # taps [from, to) that do not fall into the padding
        return max(0, 1 - position * stride), min(3, side + 1 - position * stride)

    found = []
    pixels = range((side - 1) // stride + 1)
    for row in pixels:
        top, bottom = inside(row)
        for column in pixels:
            left, right = inside(column)
            start = column * stride - 1
            for tap in range(top, bottom):
                found.append(
                    _Run(row, column, tap == top, row * stride - 1 + tap, slice(start + left, start + right),
                         tap, slice(left, right))
                )  # fmt: skip
    return tuple(found)


class _Taps(torch.autograd.Function):
    """3×3 convolution with padding 1, output pixel by output pixel, each a matrix product over its valid taps.

    In channels-last memory the taps of a kernel's row lie side by side, in the map as in the weights, so each run is
    a matrix that need not be copied. The gradients of all runs add into one tensor each: autograd's own backward of so
    many slices would make as many full-size ones.
    """

    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, bias: Tensor | None, stride: int) -> Tensor:
        ctx.save_for_backward(maps, weight)
        ctx.stride = stride
        pixels, taps = _channels_last(maps), _channels_last(weight)
        side = (pixels.shape[1] - 1) // stride + 1
        result = torch.empty((len(maps), len(weight), side, side), dtype=maps.dtype, memory_format=torch.channels_last)
        out = _channels_last(result)
        if bias is not None:
            out[:] = bias
        for run in _runs(pixels.shape[1], stride):
            beta = 0 if run.first and bias is None else 1
            out[:, run.row, run.column].addmm_(_seen(pixels, run), _kernel(taps, run).t(), beta=beta)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        maps, weight = ctx.saved_tensors
        pixels, taps, above = _channels_last(maps), _channels_last(weight), _channels_last(gradient)
        of_pixels, of_taps = torch.zeros_like(pixels), torch.zeros_like(taps)
        for run in _runs(pixels.shape[1], ctx.stride):
            here = above[:, run.row, run.column]
            if ctx.needs_input_grad[0]:
                _seen(of_pixels, run).addmm_(here, _kernel(taps, run))
            if ctx.needs_input_grad[1]:
                _kernel(of_taps, run).addmm_(here.t(), _seen(pixels, run))
        return (
            of_pixels.permute(0, 3, 1, 2) if ctx.needs_input_grad[0] else None,
            of_taps.permute(0, 3, 1, 2) if ctx.needs_input_grad[1] else None,
            above.sum((0, 1, 2)) if ctx.needs_input_grad[2] else None,
            None,
        )


def _channels_last(maps: Tensor) -> Tensor:
    """[A, C, H, W] as a contiguous [A, H, W, C], without a copy where it lies so already."""
    return maps.permute(0, 2, 3, 1).contiguous()


def _seen(pixels: Tensor, run: _Run) -> Tensor:
    return pixels[:, run.map_row, run.map_columns].flatten(1)  # (B, taps · C), a view


def _kernel(taps: Tensor, run: _Run) -> Tensor:
    return taps[:, run.tap_row, run.tap_columns].flatten(1)  # (C', taps · C), a view
