"""The networks have the sizes that the study states, and every combination gives logits."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from fer_lib.data.batches import GREY_MEAN, GREY_STD
from fer_lib.models import build
from fer_lib.models.networks import GreyToRGB, compact, resnet50, tiny, vanilla_cnn, vggface
from fer_lib.models.stn import SpatialTransformer
from fer_lib.training import RunConfig

ATTENTION = ("none", "stn", "stn_frozen", "stn_no_warp")
STN_PARAMETERS = 51_398


def config(**values) -> RunConfig:
    return RunConfig.parse({"dataset": "toyfaces", **values})


def parameter_count(model: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_parameter_counts():
    with torch.device("meta"):  # shapes without memory
        assert parameter_count(vggface(classes=2622)) == 145_002_878
        assert parameter_count(resnet50(classes=7)) == 23_522_375
        assert parameter_count(resnet50(classes=7, width_per_group=16)) == 5_881_607
        assert parameter_count(vggface(classes=7, width_per_group=16)) == 8_401_111
        assert parameter_count(vanilla_cnn(classes=7)) == pytest.approx(2e6, rel=0.05)
        assert parameter_count(compact(classes=7)) < 2.2e6
        assert parameter_count(SpatialTransformer()) == STN_PARAMETERS


@pytest.mark.parametrize("attention", ATTENTION[1:])
def test_every_attention_has_the_same_parameters(attention):
    with torch.device("meta"):
        alone = parameter_count(build(config(), classes=7))
        assert parameter_count(build(config(attention=attention), classes=7)) == alone + STN_PARAMETERS


@pytest.mark.parametrize("attention", ATTENTION)
@pytest.mark.parametrize(
    ("model", "stem"),
    [("resnet50", "imagenet"), ("resnet50", "small"), ("vanilla_cnn", "imagenet"), ("compact", "imagenet")],
)
def test_grey_images_become_logits(model, stem, attention):
    network = build(config(model=model, stem=stem, attention=attention), classes=5)
    logits, theta = network.logits_and_theta(torch.rand(3, 1, 48, 48))
    assert logits.shape == network(torch.rand(3, 1, 48, 48)).shape == (3, 5)
    assert theta is None if attention == "none" else theta.shape == (3, 2, 3)


@pytest.mark.parametrize("model", ["resnet50", "vggface"])
def test_a_thin_network_gives_logits_of_a_usual_size(model):
    network = build(config(model=model, width_per_group=16), classes=5).eval()
    logits = network(torch.randn(8, 1, 48, 48))
    assert logits.shape == (8, 5)
    assert 1e-3 < logits.std() < 10


def test_vggface_takes_48_pixels_and_its_own_224():
    with torch.device("meta"):
        network = vggface(classes=7)
        assert network(torch.empty(3, 1, 48, 48)).shape == network(torch.empty(3, 1, 224, 224)).shape == (3, 7)


def test_repeating_a_single_pixel_is_pooling_it_to_seven():
    maps = torch.rand(2, 4, 1, 1)
    with torch.device("meta"):
        pool = vggface(classes=7)[1].avgpool
    assert torch.equal(pool(maps), torch.nn.functional.adaptive_avg_pool2d(maps, 7))


@pytest.mark.parametrize(("stem", "side"), [("imagenet", 2), ("small", 6)])
def test_stems_give_the_last_map_that_the_study_states(stem, side):
    with torch.device("meta"):
        network = resnet50(classes=7, stem=stem)[1]
        shapes = []
        network.layer4.register_forward_hook(lambda layer, given, maps: shapes.append(maps.shape))
        network(torch.empty(1, 3, 48, 48))
    assert shapes == [(1, 2048, side, side)]


def test_a_seed_gives_the_same_network_with_and_without_attention():
    alone = build(config(model="vanilla_cnn", seed=5), classes=7).network.state_dict()
    before = torch.get_rng_state()
    attended = build(config(model="vanilla_cnn", seed=5, attention="stn"), classes=7).network.state_dict()
    other = build(config(model="vanilla_cnn", seed=6), classes=7).network.state_dict()
    assert all(torch.equal(value, attended[name]) for name, value in alone.items())
    assert not torch.equal(alone["0.weight"], other["0.weight"])
    assert torch.equal(before, torch.get_rng_state()), "building draws from the caller's generator"


def test_imagenet_weights_see_imagenet_normalisation():
    grey = torch.rand(2, 1, 4, 4)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    wanted = (grey - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    normalised = (grey - GREY_MEAN) / GREY_STD
    torch.testing.assert_close(GreyToRGB(imagenet=True)(normalised), wanted)
    torch.testing.assert_close(GreyToRGB()(normalised), normalised.expand(-1, 3, -1, -1))


def test_the_tiny_network_is_tiny():
    network = tiny(classes=7)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.eval()(torch.zeros(1, 1, 48, 48))
    assert counter.get_total_flops() / 2 <= 12e6
    assert parameter_count(network) <= 300_000
