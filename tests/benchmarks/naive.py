"""How FER2013 is usually trained: PIL and torchvision's transforms for each image, a DataLoader, eager fp32 in NCHW."""

from collections.abc import Iterable

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from fer_lib.data import FaceSet
from fer_lib.data.batches import GREY_MEAN, GREY_STD

AUGMENT = {
    "none": [],
    "flip": [transforms.RandomHorizontalFlip()],
    "crop_flip": [transforms.RandomCrop(48, padding=4), transforms.RandomHorizontalFlip()],
    "affine": [
        transforms.RandomAffine(
            10, translate=(0.08, 0.08), scale=(0.9, 1.1), interpolation=transforms.InterpolationMode.BILINEAR
        ),
        transforms.RandomHorizontalFlip(),
    ],
}


class PILFaces(Dataset):
    """(float32 [1, 48, 48], class) of `rows`, an image at a time."""

    def __init__(self, faces: FaceSet, classes: np.ndarray, rows: np.ndarray, *, augment: str = "none") -> None:
        self.images, self.classes, self.rows = faces.images, classes, rows
        last = [transforms.ToTensor(), transforms.Normalize([GREY_MEAN], [GREY_STD])]
        self.transform = transforms.Compose([*AUGMENT[augment], *last])

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, position: int) -> tuple[Tensor, int]:
        row = self.rows[position]
        return self.transform(Image.fromarray(self.images[row])), int(self.classes[row])


def loader(faces: PILFaces, *, batch_size: int, workers: int = 2, seed: int | None = None) -> DataLoader:
    """Shuffled batches of training, or with `seed` None all images in their order."""
    train = seed is not None
    generator = torch.Generator().manual_seed(seed) if seed is not None else None
    return DataLoader(
        faces, batch_size, shuffle=train, drop_last=train, num_workers=workers, generator=generator,
        persistent_workers=workers > 0, pin_memory=torch.cuda.is_available(),
    )  # fmt: skip


def train_epoch(
    model: nn.Module, optimizer: torch.optim.Optimizer, batches: Iterable, *, device: torch.device
) -> list[float]:
    """One pass; the loss of every batch."""
    model.train()
    losses = []
    for images, classes in batches:
        images, classes = images.to(device), classes.to(device)
        loss = F.cross_entropy(model(images), classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@torch.no_grad()
def accuracy(model: nn.Module, batches: Iterable, *, device: torch.device) -> float:
    """Share of images that the model gets right."""
    model.eval()
    hits = seen = 0
    for images, classes in batches:
        hits += int((model(images.to(device)).argmax(1).cpu() == classes).sum())
        seen += len(classes)
    return hits / seen
