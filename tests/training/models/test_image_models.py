"""Images to features, whatever their size, channels and dtype."""

import pytest
import torch
from torch import Tensor, nn

from shardmill.training.models.fit_images import fit_images
from shardmill.training.models.image_cnn import ImageCnn
from shardmill.training.models.image_resnet import ImageResnet

SHAPES = ((1, 28, 28), (3, 8, 8), (2, 17, 9))


def images(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def test_images_that_fit_are_standardised_alone() -> None:
    x = images(4, 3, 9, 7)
    assert torch.equal(fit_images(x, (3, 9, 7), 100.0, 50.0), (x.float() - 100) / 50)
    assert torch.equal(fit_images(x, (3, 9, 7), 100.0, 0.0), x.float() - 100)


def test_channels_are_repeated_or_averaged() -> None:
    grey, colour = images(2, 1, 8, 8), images(2, 3, 8, 8)
    assert torch.equal(fit_images(grey, (3, 8, 8), 0.0, 1.0), grey.float().repeat(1, 3, 1, 1))
    mean = colour.float().mean(1, keepdim=True)
    assert torch.allclose(fit_images(colour, (1, 8, 8), 0.0, 1.0), mean)
    assert torch.allclose(fit_images(colour, (4, 8, 8), 0.0, 1.0), mean.repeat(1, 4, 1, 1))


def test_sizes_are_brought_to_one() -> None:
    flat = torch.full((1, 1, 20, 12), 7, dtype=torch.uint8)
    for size in ((10, 6), (28, 28), (9, 31)):
        found = fit_images(flat, (1, *size), 0.0, 1.0)
        assert torch.allclose(found, torch.full((1, 1, *size), 7.0))
    # A pixel in every second place: half as large, without smoothing it would be black or white.
    board = torch.zeros(1, 1, 32, 32)
    board[:, :, ::2] = 100.0
    assert float(fit_images(board, (1, 16, 16), 0.0, 1.0)[..., 4:-4, 4:-4].std()) < 1e-3
    # A large picture of a slope is a small picture of it.
    slope = torch.arange(64.0).expand(1, 1, 64, 64)
    row = fit_images(slope, (1, 16, 16), 0.0, 1.0)[0, 0, 8]
    assert torch.allclose(row[2:-2], torch.arange(16.0)[2:-2] * 4 + 1.5, atol=0.1)


@pytest.mark.parametrize("make", [ImageCnn, ImageResnet])
@pytest.mark.parametrize("shape", SHAPES)
def test_features_of_any_image(make: type[ImageCnn | ImageResnet], shape: tuple[int, ...]) -> None:
    model = make(shape, 128.0, 64.0, width=4)
    for other in SHAPES:
        found = model(images(5, *other))
        assert found.shape == (5, model.width)
        assert bool(found.isfinite().all())
    model.eval()
    x = images(5, *shape)
    assert torch.allclose(model(x.double()), model(x), atol=1e-5)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_width_and_depth(depth: int) -> None:
    x = images(3, 1, 16, 16)
    cnn = ImageCnn((1, 16, 16), 0.0, 1.0, width=6, depth=depth)
    assert len(cnn.blocks) == depth
    assert cnn(x).shape == (3, cnn.width) == (3, (6 << depth - 1) * (16 >> depth) ** 2)
    resnet = ImageResnet((1, 16, 16), 0.0, 1.0, width=6, depth=depth)
    assert len(resnet.blocks) == 3 * depth
    assert resnet(x).shape == (3, resnet.width) == (3, 24)


def test_a_block_goes_past_itself() -> None:
    model = ImageResnet((1, 8, 8), 0.0, 1.0, width=4, depth=2).eval()
    block = model.blocks[1]
    for part in (block.first, block.second):
        assert isinstance(part, nn.Sequential)
        nn.init.zeros_(part[0].get_parameter("weight"))
    x = torch.rand(2, 4, 4, 4)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize("make", [ImageCnn, ImageResnet])
def test_gradients_in_deterministic_mode(make: type[ImageCnn | ImageResnet]) -> None:
    model = make((1, 8, 8), 128.0, 64.0, width=4)
    torch.use_deterministic_algorithms(True)
    try:
        model(images(4, 3, 11, 11)).square().sum().backward()
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize("width", [4, 15, 16, 24])
@pytest.mark.parametrize("channels", [1, 3])
def test_narrow_residual_networks_have_channels_first(width: int, channels: int) -> None:
    # torch corrupts memory in some convolutions of few channels, if the channels lie last.
    model = ImageResnet((channels, 12, 12), 128.0, 64.0, width=width)
    strides: list[bool] = []

    def look(module: nn.Module, args: tuple[Tensor, ...], out: Tensor) -> None:
        for tensor in (*args, module.get_parameter("weight"), out):
            strides.append(tensor.stride() == torch.empty(tensor.shape).stride())

    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(look)
    for x in (images(5, channels, 12, 12), images(5, 12, 12, channels).permute(0, 3, 1, 2)):
        model(x)
    assert all(strides) if width < 16 else not all(strides)
