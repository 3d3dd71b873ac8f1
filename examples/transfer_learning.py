"""Transfer learning: a network that has seen ImageNet learns to tell mammals from vehicles.

The photos are the stamps of the drawing program Tux Paint (Debian: tuxpaint-stamps-default), 179 of
six kinds; half of them are for learning, half for testing. The network is MobileNetV2 with the
weights of torchvision (mobilenet_v2-b0353104.pth). First its features are frozen and a linear
classifier is trained on them; then the top blocks are trained too, at a small rate.

    python examples/transfer_learning.py mobilenet_v2-b0353104.pth
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import pydl
from pydl import nn
from pydl.models import mobilenet_v2

Array = npt.NDArray[Any]

KINDS = {
    "mammals": "animals/mammals",
    "birds": "animals/birds",
    "insects": "animals/insects",
    "fruit": "food/fruit",
    "flowers": "plants/flowers",
    "vehicles": "vehicles",
}
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def photo(path: Path, size: int) -> Array:
    """Read a cut-out onto a white square: (3, size, size), normalised as ImageNet's photos."""
    from PIL import Image

    cut_out = Image.open(path).convert("RGBA")
    cut_out.thumbnail((size, size), Image.Resampling.BICUBIC)
    square = Image.new("RGBA", (size, size), "white")
    square.alpha_composite(cut_out, ((size - cut_out.width) // 2, (size - cut_out.height) // 2))
    pixels = np.asarray(square.convert("RGB"), dtype=np.float32) / 255
    normalised = (pixels - np.float32(MEAN)) / np.float32(DEVIATION)
    return normalised.transpose(2, 0, 1)


def photos(folder: Path, size: int) -> tuple[Array, Array]:
    """All photos (N, 3, size, size), and the number of the kind of each."""
    images, labels = [], []
    for label, part in enumerate(KINDS.values()):
        for path in sorted((folder / part).rglob("*.png")):
            if "cartoon" in path.parts:
                continue
            images.append(photo(path, size))
            labels.append(label)
    if not images:
        raise FileNotFoundError(
            f"no stamps below {folder}: install Debian's tuxpaint-stamps-default, or name its "
            "folder with --images"
        )
    return np.stack(images), np.array(labels)


def features(backbone: nn.Module, images: Array) -> pydl.Tensor:
    """Compute what the frozen network sees in each image: (N, 1280)."""
    with pydl.no_grad():
        parts = [
            backbone(pydl.tensor(images[begin : begin + 32])).mean((2, 3))
            for begin in range(0, len(images), 32)
        ]
    return pydl.concat(parts)


def accuracy(model: nn.Module, x: Array | pydl.Tensor, labels: Array) -> float:
    """Part of the samples that the model puts into the right class."""
    model.eval()
    with pydl.no_grad():
        scores = [
            model(pydl.asarray(x[begin : begin + 32])).numpy() for begin in range(0, len(x), 32)
        ]
    return float((np.concatenate(scores).argmax(1) == labels).mean())


class Classifier(nn.Module):
    """Features of images, averaged over the picture, and scores of the kinds."""

    def __init__(self, backbone: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, x: pydl.Tensor) -> pydl.Tensor:
        """From images (N, 3, H, W) to scores (N, kinds)."""
        return self.head(self.backbone(x).mean((2, 3)))


def fine_tune(
    model: Classifier, images: Array, labels: Array, blocks: int, epochs: int, seed: int
) -> None:
    """Train the head and the last blocks on images that are mirrored at random."""
    model.backbone.requires_grad_(False)
    for block in list(model.backbone)[-blocks:]:
        block.requires_grad_(True)
    model.eval()  # statistics of batch normalisation stay those of ImageNet
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = pydl.optim.AdamW(trained, lr=2e-4, weight_decay=0.01)

    @pydl.compile(state=[model, optimizer])
    def step(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        loss = nn.functional.cross_entropy(model(x), y, label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    rng = np.random.default_rng(seed)
    size = min(16, len(labels))
    for _ in range(epochs):
        order = rng.permutation(len(labels))
        for begin in range(0, len(order) - size + 1, size):
            chosen = order[begin : begin + size]
            batch = images[chosen]
            mirrored = rng.random(size) < 0.5
            batch[mirrored] = batch[mirrored, :, :, ::-1]
            step(pydl.tensor(batch), pydl.tensor(labels[chosen]))


def main(
    weights: Path | None, images: Path, size: int = 224, epochs: int = 8, seed: int = 0
) -> tuple[float, float]:
    """Print a table of both ways; returns their accuracies."""
    pydl.manual_seed(seed)
    x, labels = photos(images, size)
    training, tested = pydl.data.stratified_split(labels, 0.5, seed=seed)
    print(f"{len(training)} photos for training, {len(tested)} for test, of {', '.join(KINDS)}")
    backbone = mobilenet_v2(weights=weights).features.eval()

    start = time.perf_counter()
    seen = features(backbone, x)
    known = seen.numpy()
    head = pydl.Sequential(nn.Linear(known.shape[1], len(KINDS)))
    head.compile(pydl.optim.AdamW(head.parameters(), lr=2e-3, weight_decay=0.1), "cross_entropy")
    head.fit(known[training], labels[training], epochs=60, batch_size=32, verbose=0)
    frozen = accuracy(head, known[tested], labels[tested])
    rows = [("frozen features", frozen, time.perf_counter() - start)]

    start = time.perf_counter()
    model = Classifier(backbone, head)
    fine_tune(model, x[training], labels[training], blocks=4, epochs=epochs, seed=seed)
    tuned = accuracy(model, x[tested], labels[tested])
    rows.append(("top blocks fine-tuned", tuned, time.perf_counter() - start))

    print(f"{'':24}{'test accuracy':>14}{'seconds':>10}")
    for name, value, seconds in rows:
        print(f"{name:24}{value:14.4f}{seconds:10.1f}")
    return frozen, tuned


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path, help="mobilenet_v2-b0353104.pth")
    parser.add_argument("--images", type=Path, default=Path("/usr/share/tuxpaint/stamps"))
    parser.add_argument("--size", type=int, default=224, help="height and width of the photos")
    parser.add_argument("--epochs", type=int, default=8, help="of fine-tuning")
    parser.add_argument("--seed", type=int, default=0)
    main(**vars(parser.parse_args()))
