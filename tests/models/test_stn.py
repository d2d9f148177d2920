"""The spatial transformer does what its equations say: identity at first, gradients where they belong, known poses."""

import math
import re

import numpy as np
import pytest
import torch
from data.one_face import draw_face
from torch.nn import functional as F

from fer_lib.data import toyfaces
from fer_lib.geometry import compose, exact_type, identity_theta, invert, sampling_grid, warp
from fer_lib.models import SpatialTransformer


@pytest.fixture(scope="module")
def faces() -> torch.Tensor:
    """float32 [32, 1, 48, 48] in [0, 1]."""
    return torch.from_numpy(toyfaces.draw(32, seed=1).images).unsqueeze(1) / 255


def some_thetas(n: int) -> torch.Tensor:
    return identity_theta(n) + 0.3 * torch.randn(n, 2, 3, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("mode", ["stn", "stn_frozen", "stn_no_warp"])
def test_an_untrained_transformer_is_the_identity(faces, mode, bf16):
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        images, theta = SpatialTransformer(mode=mode)(faces)
    assert images.dtype == torch.float32
    assert float((images - faces).detach().abs().max()) < 1e-6
    assert torch.equal(theta, identity_theta(len(faces)))


@pytest.mark.parametrize("warps", [1, 2])
def test_the_hidden_variant_starts_as_the_identity_too(faces, warps):
    transformer = SpatialTransformer(localisation="hidden", warps=warps)
    assert torch.equal(transformer(faces)[0], faces)
    assert sum(parameter.numel() for parameter in transformer.parameters()) == 203_814


def test_two_warps_are_one_on_the_composed_grid(faces):
    first, second = some_thetas(2 * len(faces)).split(len(faces))
    twice, once = warp(warp(faces, first), second), warp(faces, compose(first, second))
    inside = (
        sampling_grid(second, height=48, width=48).abs().amax(-1) < 0.9
    )  # the first warp cuts off what lies outside
    assert float((twice - once).abs()[:, 0][inside].mean()) < 0.03
    assert float((twice - faces).abs()[:, 0][inside].mean()) > 0.1
    for there_and_back in (compose(first, invert(first)), compose(invert(first), first)):
        assert torch.allclose(there_and_back, identity_theta(len(faces)), atol=1e-5)


def test_the_second_look_is_at_what_the_first_made_of_the_image(faces):
    transformer = SpatialTransformer(localisation="hidden", warps=2).eval()
    with torch.no_grad():
        torch.nn.init.normal_(transformer.regression.weight, std=0.5)
        theta = transformer.theta(faces)
        transformer.warps = 1
        first = transformer.theta(faces)
        second = transformer.theta(warp(faces, first))
    assert torch.equal(theta, compose(first, second))


def test_a_net_that_is_kept_as_it_is_keeps_its_statistics(faces):
    transformer = SpatialTransformer(localisation="hidden", frozen=True).train()
    before = {name: value.clone() for name, value in transformer.state_dict().items()}
    transformer(faces)
    assert all(torch.equal(value, before[name]) for name, value in transformer.state_dict().items())


@pytest.mark.parametrize("mode", ["stn", "stn_no_warp"])
def test_the_gradient_reaches_the_localisation_net(faces, mode):
    transformer = SpatialTransformer(mode=mode)
    images, theta = transformer(faces)
    theta.retain_grad()
    images.square().sum().backward()
    assert theta.grad is not None
    assert float(theta.grad.abs().min(0).values.max()) > 0
    assert float(transformer.regression.weight.grad.abs().max()) > 0


def test_who_looked_first_does_not_take_the_gradient_from_who_trains():
    images = torch.rand(2, 1, 37, 37)  # a size of its own, since the grid's pixels are kept
    theta = identity_theta(2).clone().requires_grad_()
    with torch.inference_mode():
        warp(images, identity_theta(2))
    warp(images, theta).square().sum().backward()
    assert theta.grad is not None


def test_autocast_does_not_round_the_grid():
    theta = some_thetas(8)
    with torch.autocast("cpu", torch.bfloat16):
        inside, twice = sampling_grid(theta, height=48, width=48), compose(theta, theta)
    assert torch.equal(inside, sampling_grid(theta, height=48, width=48))
    assert torch.equal(twice, compose(theta, theta))


def test_a_frozen_transformer_has_nothing_to_train(faces):
    transformer = SpatialTransformer(mode="stn_frozen")
    torch.nn.init.normal_(transformer.regression.weight)
    images, theta = transformer(faces)
    assert not images.requires_grad
    assert not any(parameter.requires_grad for parameter in transformer.parameters())
    assert torch.equal(theta, identity_theta(len(faces)))


def test_without_warp_no_pixel_moves(faces):
    transformer = SpatialTransformer(mode="stn_no_warp")
    torch.nn.init.normal_(transformer.regression.weight)
    images, theta = transformer(faces)
    change = (images - faces).detach().flatten(1)
    assert float((theta - identity_theta(1)).detach().abs().mean()) > 0.01, "theta did not depart from the identity"
    assert float((change.amax(1) - change.amin(1)).max()) < 1e-6, "the change differs between pixels"
    assert 0 < float(change.abs().max()) <= 1e-3 + 1e-6


def test_the_grid_is_affine_grid():
    theta = some_thetas(8)
    wanted = F.affine_grid(theta, [8, 1, 48, 40], align_corners=False)
    assert float((sampling_grid(theta, height=48, width=40) - wanted).abs().max()) < 1e-6


def test_warp_is_grid_sample_on_that_grid(faces):
    theta = some_thetas(len(faces))
    grid = F.affine_grid(theta, list(faces.shape), align_corners=False)
    wanted = F.grid_sample(faces, grid, align_corners=False)
    assert float((warp(faces, theta) - wanted).abs().max()) < 1e-4  # 48 pixels of 1e-6 grid, times the steepest edge


def test_warp_mirrors_and_shifts_by_whole_pixels(faces):
    mirror = torch.tensor([[[-1.0, 0, 0], [0, 1, 0]]]).expand(len(faces), -1, -1)
    torch.testing.assert_close(warp(faces, mirror), faces.flip(3), atol=1e-5, rtol=0)
    left = torch.tensor([[[1.0, 0, 2 / 48], [0, 1, 0]]]).expand(len(faces), -1, -1)  # reads one pixel to the right
    torch.testing.assert_close(warp(faces, left)[..., :-1], faces[..., 1:], atol=1e-5, rtol=0)
    assert float(warp(faces, left)[..., -1].abs().max()) < 1e-5, "outside the image is zero"


def test_warp_keeps_the_type_of_its_images(faces):
    half = faces.bfloat16()
    warped = warp(half, identity_theta(len(half)))
    assert warped.dtype == torch.bfloat16
    torch.testing.assert_close(warped, half, atol=2**-8, rtol=0)


@pytest.mark.parametrize("degrees", [-20, 12])
def test_a_known_pose_is_undone(degrees):
    """A face drawn under a pose and warped with that pose is the upright face again."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    pose = np.array([[cos, -sin, 0.1], [sin, cos, -0.05]], np.float32)
    upright, posed = (torch.from_numpy(draw_face("happy", seed=4, pose=theta)).float() for theta in (None, pose))
    undone = warp(posed.view(1, 1, 48, 48), torch.from_numpy(pose)[None])[0, 0]
    middle = (slice(10, 38), slice(10, 38))  # the corners come from outside the picture
    before, after = (float((image - upright)[middle].abs().mean()) for image in (posed, undone))
    assert after < 0.4 * before, (before, after)


@pytest.mark.parametrize("localisation", ["paper", "paper_batch_norm", "hidden"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_it_follows_the_type_of_its_weights(dtype, localisation):
    transformer = SpatialTransformer(localisation=localisation).to(dtype).eval()
    torch.nn.init.constant_(transformer.regression.bias, 0.2)
    images = torch.rand(2, 1, 48, 48).to(dtype)
    warped, theta = transformer(images)
    assert warped.dtype == dtype
    assert theta.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    exact, _ = transformer.double()(images.double())
    assert torch.allclose(warped.double(), exact, atol=0.02)


@pytest.mark.parametrize("mode", ["stn", "stn_frozen", "stn_no_warp"])
def test_it_works_where_float64_is_the_default(mode):
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        warped, _ = SpatialTransformer(mode=mode)(torch.rand(2, 1, 48, 48))
    finally:
        torch.set_default_dtype(before)
    assert warped.dtype == torch.float64


@pytest.mark.parametrize("localisation", ["paper", "paper_batch_norm", "hidden"])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 64, 64), (3, 33, 57), (2, 224, 224)])
def test_it_takes_images_of_any_size_and_number_of_channels(shape, localisation):
    transformer = SpatialTransformer(channels=shape[0], localisation=localisation, warps=2)
    images = torch.rand(2, *shape)
    warped, theta = transformer(images)
    assert torch.equal(warped, images)
    warped.sum().backward()
    assert transformer.regression.weight.grad.abs().sum() > 0
    assert theta.shape == (2, 2, 3)


@pytest.mark.parametrize(("key", "value", "said"), [
    ("mode", "frozen", "mode: 'frozen' is unknown; choose one of stn, stn_frozen, stn_no_warp."),
    ("mode", "none", "mode: 'none' is unknown; choose one of stn, stn_frozen, stn_no_warp."),
    ("localisation", "papr", "localisation: 'papr' is unknown; choose one of paper, paper_batch_norm, hidden."),
    ("warps", 0, "channels: 1, warps: 0; both are at least one."),
])  # fmt: skip
def test_it_refuses_what_it_does_not_know(key, value, said):
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        SpatialTransformer(**{key: value})


def test_it_refuses_images_that_are_too_small():
    with pytest.raises(ValueError, match="at least 8 pixels"):
        SpatialTransformer()(torch.zeros(1, 1, 7, 48))


def test_it_samples_in_float32_where_there_is_no_float64():
    assert [exact_type(torch.device(name)) for name in ("mps", "cpu", "cuda")] == [
        torch.float32, torch.float64, torch.float64,
    ]  # fmt: skip


@pytest.mark.parametrize("images", [torch.rand(1, 48, 48), torch.rand(2, 3, 48, 48),
                                    torch.zeros(2, 1, 48, 48, dtype=torch.uint8)])  # fmt: skip
def test_what_is_no_batch_of_its_channels_is_refused(images):
    with pytest.raises(ValueError, match=rf"found {images.dtype} {re.escape(str([*images.shape]))}; expected numbers"):
        SpatialTransformer()(images)
