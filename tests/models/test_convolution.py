"""Every form of a convolution is torch's convolution up to rounding, gradients included."""

import copy
import time

import pytest
import torch
from torch import nn

from fer_lib.models import build
from fer_lib.models.convolution import Conv2d, fast_convolutions
from fer_lib.training import RunConfig

# form, channels in and out, kernel, stride, side of the map: the shapes of ResNet50 and VGGFace on 48 pixels, thinner
SHAPES = [
    ("grey", 3, 16, 7, 2, 48),
    ("pointwise", 16, 24, 1, 1, 6),
    ("pointwise", 16, 24, 1, 1, 2),
    ("pointwise", 16, 24, 1, 2, 12),
    ("pointwise", 16, 24, 1, 2, 3),
    ("taps", 16, 24, 3, 1, 3),
    ("taps", 16, 24, 3, 1, 2),
    ("taps", 16, 24, 3, 1, 1),
    ("taps", 16, 24, 3, 2, 6),
    ("taps", 16, 24, 3, 2, 3),
]
OTHERS = [
    ("a large map", {"kernel_size": 3, "padding": 1}, (2, 4, 12, 12)),
    ("a 1×1 kernel on a large map", {"kernel_size": 1}, (2, 4, 12, 12)),
    ("no padding", {"kernel_size": 3}, (2, 4, 3, 3)),
    ("an oblong map", {"kernel_size": 3, "padding": 1}, (2, 4, 3, 2)),
    ("groups", {"kernel_size": 3, "padding": 1, "groups": 2}, (2, 4, 3, 3)),
    ("dilation", {"kernel_size": 3, "padding": 1, "dilation": 2}, (2, 4, 4, 4)),
    ("channels that differ", {"kernel_size": 7, "padding": 3, "stride": 2}, (2, 4, 12, 12)),
]


def both(form: str, ins: int, outs: int, kernel: int, stride: int, side: int, *, bias: bool, dtype: torch.dtype):
    """(layer, maps) of ours and of torch's, equal."""
    torch.manual_seed(0)
    plain = nn.Conv2d(ins, outs, kernel, stride=stride, padding=kernel // 2, bias=bias)
    plain = plain.to(dtype=dtype, memory_format=torch.channels_last)
    maps = torch.randn(8, 1 if form == "grey" else ins, side, side, dtype=dtype)
    maps = maps.contiguous(memory_format=torch.channels_last)
    return [(layer, maps.clone().requires_grad_()) for layer in (fast_convolutions(copy.deepcopy(plain)), plain)]


def seen(form: str, layer: nn.Module, maps: torch.Tensor) -> list[torch.Tensor]:
    """Output of a layer, and the gradients of its input and parameters."""
    out = layer(maps.expand(-1, layer.in_channels, -1, -1))
    torch.manual_seed(1)
    above = torch.randn(out.shape, dtype=out.dtype)
    return [out, *torch.autograd.grad(out, [maps, *layer.parameters()], above)]


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-13)])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_form_is_the_convolution(shape, dtype, tolerance, bias):
    (ours, maps), (plain, same) = both(*shape, bias=bias, dtype=dtype)
    assert ours._form(maps.expand(-1, ours.in_channels, -1, -1)) == shape[0]
    for mine, theirs in zip(seen(shape[0], ours, maps), seen(shape[0], plain, same), strict=True):
        assert mine.shape == theirs.shape
        assert (mine - theirs).norm() <= tolerance * theirs.norm()


@pytest.mark.parametrize("shape", SHAPES[1:], ids=str)
def test_the_map_and_the_gradient_lie_in_memory_as_torchs_do(shape):
    """Else the layer after it, or the optimizer, copies them."""
    (ours, maps), _ = both(*shape, bias=False, dtype=torch.float32)
    out = ours(maps)
    assert out.is_contiguous(memory_format=torch.channels_last)
    out.sum().backward()
    assert ours.weight.grad.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(("values", "shape"), [case[1:] for case in OTHERS], ids=[case[0] for case in OTHERS])
def test_other_shapes_are_torchs_own(values, shape):
    layer = fast_convolutions(nn.Conv2d(4, 6, **values))
    assert layer._form(torch.rand(shape)) == "torch"


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_under_autocast_a_form_errs_as_torchs_own_does(shape, bias):
    """Both compute in bf16; the truth is float64."""
    (ours, maps), (plain, same) = both(*shape, bias=bias, dtype=torch.float32)
    exact = seen(shape[0], copy.deepcopy(plain).double(), same.detach().double().requires_grad_())
    with torch.autocast("cpu", torch.bfloat16):
        mine, theirs = (seen(shape[0], layer, given) for layer, given in ((ours, maps), (plain, same)))
    for one, other, truth in zip(mine, theirs, exact, strict=True):
        assert one.dtype == other.dtype
        assert (one - truth).norm() <= max(2 * (other - truth).norm(), 4e-3 * truth.norm())


@pytest.mark.clock
@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape[0] != "grey"], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_evaluation_takes_no_slow_way(shape, dtype):
    """Without gradients torch has other ways to multiply, one of them a hundred times slower; noise is not that."""
    form, ins, outs, *rest = shape
    (ours, maps), (plain, _) = both(form, 16 * ins, 16 * outs, *rest, bias=False, dtype=torch.float32)
    seconds = []
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        for layer in (ours, plain):
            rounds = []
            for _ in range(7):
                began = time.perf_counter()
                layer(maps)
                rounds.append(time.perf_counter() - began)
            seconds.append(min(rounds))  # a busy machine slows some of them, a slow way all
    assert seconds[0] < 10 * seconds[1]


def test_a_frozen_layer_has_no_gradient():
    layer = fast_convolutions(nn.Conv2d(4, 6, 3, padding=1)).requires_grad_(False)
    maps = torch.rand(2, 4, 3, 3, requires_grad=True)
    layer(maps).sum().backward()
    assert layer.weight.grad is None
    assert maps.grad is not None


@pytest.mark.slow
@pytest.mark.parametrize("model", ["resnet50", "vggface"])
def test_a_whole_network_is_torchs_up_to_rounding(model):
    """Float64, training and evaluation, output and all gradients; names and numbers of parameters are the same."""
    config = RunConfig.parse({"dataset": "toyfaces", "model": model})
    ours = build(config, classes=7).double().to(memory_format=torch.channels_last)
    plain = copy.deepcopy(ours)
    used = [module for module in plain.modules() if type(module) is Conv2d]
    assert used
    for module in used:
        module.__class__ = nn.Conv2d
    assert ours.state_dict().keys() == plain.state_dict().keys()
    images = torch.rand(4, 1, 48, 48, dtype=torch.float64)
    for mode in (True, False):
        results = []
        for network in (ours, plain):
            network.train(mode).zero_grad()
            for module in network.modules():
                if isinstance(module, nn.Dropout):
                    module.p = 0.0
            logits = network(images)
            logits.square().sum().backward()
            results.append([logits.detach(), *(parameter.grad for parameter in network.parameters())])
        for mine, theirs in zip(*results, strict=True):
            assert (mine - theirs).norm() <= 1e-10 * theirs.norm()


def test_most_layers_of_resnet50_take_a_form():
    network = build(RunConfig.parse({"dataset": "toyfaces"}), classes=7)
    forms = []
    for module in network.modules():
        if isinstance(module, Conv2d):
            module.register_forward_pre_hook(lambda layer, given: forms.append(layer._form(given[0])))
    network.eval()(torch.rand(2, 1, 48, 48))
    assert {form: forms.count(form) for form in set(forms)} == {"grey": 1, "pointwise": 28, "taps": 9, "torch": 15}
