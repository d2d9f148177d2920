"""A trained network as data that the player computes: its layers in order, weights in half precision."""

import base64
import operator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from fer_lib.data.faceset import SIZE
from fer_lib.errors import FerError
from fer_lib.models.networks import GreyToRGB
from fer_lib.models.stn import SCALE, FlattenedMap, SpatialTransformer

Value = int  # 0 is the image, n what the n-th layer gives


def portable(network: nn.Module | SpatialTransformer, *, channels: int = 1) -> dict[str, Any]:
    """The layers and weights of a network from images [B, channels, 48, 48], as JSON takes them.

    Of a transformer it is the localisation net, from image to theta's departure from the identity.
    Weights are rounded to float16, unless they are already; normalisation is folded into factors in float32.

    Raises:
        FerError: the network has a layer that the player does not compute.
    """
    written = _Layers()
    if isinstance(network, SpatialTransformer):
        layer = network.regression
        value = _write(network.features, written)
        value = written.product("linear", value, layer.weight, layer.bias)
        share = torch.full((6,), SCALE * layer.in_features**-0.5)
        written.scale(value, share, torch.zeros(6))
        return {**written.told(network.channels), "warps": network.warps}
    _write(network, written)
    return written.told(channels)


@dataclass
class _Layers:
    told_layers: list[dict[str, Any]] = field(default_factory=list)
    weights: list[np.ndarray] = field(default_factory=list)
    factors: dict[Value, tuple[Tensor, Tensor]] = field(default_factory=dict)  # a product's outputs times, plus

    def add(self, op: str, value: Value, **facts: Any) -> Value:
        self.told_layers.append({"op": op, "input": value, **facts})
        return len(self.told_layers)

    def product(self, op: str, value: Value, weight: Tensor, bias: Tensor | None, **facts: Any) -> Value:
        start, outs = sum(part.size for part in self.weights), len(weight)
        self.weights.append(weight.detach().half().numpy().ravel())
        made = self.add(op, value, out=outs, weights=start, **facts)
        shift = torch.zeros(outs) if bias is None else bias.detach()
        self.factors[made] = torch.ones(outs).double(), shift.double()
        return made

    def scale(self, value: Value, factor: Tensor, shift: Tensor) -> None:
        before, plus = self.factors[value]
        factor = factor.detach().double()
        self.factors[value] = before * factor, plus * factor + shift.detach().double()

    def told(self, channels: int) -> dict[str, Any]:
        factors: list[np.ndarray] = []
        for value, pair in self.factors.items():
            self.told_layers[value - 1]["factors"] = sum(part.size for part in factors)
            factors += [part.float().numpy() for part in pair]
        return {
            "image": [channels, SIZE, SIZE],
            "layers": self.told_layers,
            "weights": _base64(self.weights),
            "factors": _base64(factors),
        }


def _base64(parts: list[np.ndarray]) -> str:
    return base64.b64encode(np.concatenate(parts).tobytes()).decode()


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return not [*m.children()]


def _write(network: nn.Module, written: _Layers) -> Value:
    """Adds the layers of a network to `written`; returns the value that it gives."""
    try:
        graph = _Tracer().trace(network)
    except Exception as error:  # a network whose Python depends on the values
        raise FerError(f"the player cannot follow this network: {str(error).splitlines()[0]}") from error
    modules = dict(network.named_modules())
    values: dict[fx.Node, Value] = {}
    for node in graph.nodes:
        inputs = [values[other] for other in node.all_input_nodes]
        if node.op == "placeholder":
            values[node] = 0
        elif node.op == "output":
            return inputs[0]
        elif node.op == "call_module":
            values[node] = _layer(modules[str(node.target)], inputs[0], written, alone=_alone(node))
        elif node.target in (operator.add, operator.iadd, torch.add) and len(inputs) == 2:
            values[node] = written.add("add", inputs[0], other=inputs[1])
        elif node.target in (F.relu, torch.relu):
            values[node] = written.add("relu", inputs[0], relu=True)
        elif node.target in (torch.flatten, "flatten"):
            values[node] = inputs[0]
        else:
            raise FerError(f"the player does not compute {node.target}.")
    raise FerError("the player cannot follow this network: it gives nothing.")


def _alone(node: fx.Node) -> bool:
    """Whether nothing else reads what this node reads, so that it may be folded into what gave it."""
    return len(node.all_input_nodes[0].users) == 1


def _layer(module: nn.Module, value: Value, written: _Layers, *, alone: bool) -> Value:
    made = written.told_layers[value - 1] if value and alone else {}
    if isinstance(module, nn.Conv2d) and (plain := _plain(module)):
        return written.product("conv", value, module.weight, module.bias, **plain)
    if isinstance(module, nn.Linear):
        return written.product("linear", value, module.weight, module.bias)
    if isinstance(module, nn.BatchNorm2d) and made.get("op") == "conv" and not made.get("relu"):
        assert module.running_var is not None
        assert module.running_mean is not None
        factor = module.weight / (module.running_var + module.eps).sqrt()
        written.scale(value, factor, module.bias - module.running_mean * factor)
        return value
    if isinstance(module, nn.ReLU):
        if made.get("op") in ("conv", "linear", "add"):
            made["relu"] = True
            return value
        return written.add("relu", value, relu=True)
    if isinstance(module, GreyToRGB):
        factor, shift = (
            (module.scale.flatten(), module.shift.flatten()) if module.imagenet else (torch.ones(3), torch.zeros(3))
        )
        made_value = written.product("conv", value, torch.ones(3, 1, 1, 1), None, kernel=1, stride=1, pad=0)
        written.scale(made_value, factor, shift)
        return made_value
    if isinstance(module, nn.MaxPool2d | nn.AvgPool2d):
        stride = module.stride or module.kernel_size
        return written.add("pool", value, mean=isinstance(module, nn.AvgPool2d), kernel=module.kernel_size,
                           stride=stride, pad=module.padding)  # fmt: skip
    if isinstance(module, nn.AdaptiveAvgPool2d | FlattenedMap):
        size = module.output_size if isinstance(module, nn.AdaptiveAvgPool2d) else module.side
        return written.add("average", value, size=next(iter(_pair(size))))
    if isinstance(module, nn.Dropout | nn.Flatten | nn.Identity):
        return value
    raise FerError(f"the player does not compute {module}.")


def _plain(layer: nn.Conv2d) -> dict[str, int]:
    """Kernel, stride and padding of a convolution that is square and neither grouped nor dilated; else nothing."""
    sides = [layer.kernel_size, layer.stride, layer.padding]
    if layer.groups > 1 or max(layer.dilation) > 1 or layer.padding_mode != "zeros" or isinstance(layer.padding, str):
        return {}
    pairs = [_pair(side) for side in sides]
    if any(first != second for first, second in pairs):
        return {}
    return dict(zip(("kernel", "stride", "pad"), (first for first, _ in pairs), strict=True))


def _pair(side: Any) -> tuple[int, int]:
    return (side, side) if isinstance(side, int) else tuple(side)
