"""Where does a network look? Class activation maps and feature maps of MobileNetV2, as pictures.

A class activation map weighs the last feature maps as the class's score does (Zhou et al., 2016):
it is bright where the picture speaks for the class. The feature maps are those of the first
convolution and of a block in the middle.

    python examples/class_activation_maps.py mobilenet_v2-b0353104.pth photo.jpg

writes photo-activation.png and photo-features.png into the current folder.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import pydl
from pydl import nn
from pydl.models import MobileNetV2, mobilenet_v2

Array = npt.NDArray[Any]

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def photo(path: Path) -> Array:
    """Read the centre of a photo as pixels (224, 224, 3) in [0, 1]."""
    from PIL import Image

    image = Image.open(path).convert("RGB")
    scale = 256 / min(image.size)
    width, height = round(image.width * scale), round(image.height * scale)
    left, top = (width - 224) // 2, (height - 224) // 2
    centre = image.resize((width, height), Image.Resampling.BILINEAR).crop(
        (left, top, left + 224, top + 224)
    )
    pixels: Array = np.asarray(centre, np.float32) / 255
    return pixels


def activations(model: MobileNetV2, pixels: Array) -> list[pydl.Tensor]:
    """Compute the output of each block of the network for a photo: (1, C, H, W) each."""
    normalised = (pixels - np.float32(MEAN)) / np.float32(DEVIATION)
    x = pydl.tensor(normalised.transpose(2, 0, 1)[None])
    maps = []
    with pydl.no_grad():
        for block in model.features:
            x = block(x)
            maps.append(x)
    return maps


def class_activation_map(
    model: MobileNetV2, last: pydl.Tensor, label: int | None = None
) -> tuple[int, float, Array]:
    """Weigh the last feature maps for a class, by default the most probable one.

    Returns the class, its probability, and the map (224, 224) in [0, 1].
    """
    head = model.classifier[1]
    with pydl.no_grad():
        scores = pydl.softmax(head(last.mean((2, 3))))[0]
        label = int(scores.argmax().item()) if label is None else label
        weighed = pydl.linear(last.permute_dims((0, 2, 3, 1)), head.weight[label : label + 1])
        map_ = nn.functional.interpolate(
            weighed.permute_dims((0, 3, 1, 2)), size=(224, 224), mode="bilinear"
        )[0, 0].numpy()
    return label, float(scores[label].item()), (map_ - map_.min()) / np.ptp(map_)


def draw_activation(pixels: Array, map_: Array, title: str, path: Path) -> None:
    """Write the photo, and the map over it."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.3), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.imshow(pixels)
    right.imshow(pixels)
    right.imshow(map_, cmap="jet", alpha=0.45)
    for axes in (left, right):
        axes.set_axis_off()
    figure.suptitle(title)
    figure.savefig(path, dpi=100)


def draw_features(maps: list[pydl.Tensor], path: Path) -> None:
    """Write 32 feature maps of the first convolution, and 32 of a block in the middle."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(16, 5), layout="constrained")
    for place, (name, index) in enumerate({"first convolution": 0, "block 6": 6}.items()):
        part = figure.add_subfigure(figure.add_gridspec(2, 1)[place])
        part.suptitle(f"{name}, {maps[index].shape[2]} x {maps[index].shape[3]}")
        channels = maps[index][0].numpy()[:32]
        for axes, channel in zip(part.subplots(2, 16).flat, channels, strict=True):
            axes.imshow(channel, cmap="gray")
            axes.set_axis_off()
    figure.savefig(path, dpi=80)


def main(
    weights: Path | None, photos: list[Path], label: int | None = None, output: Path = Path()
) -> list[int]:
    """Draw both pictures of each photo; returns the classes."""
    pydl.manual_seed(0)  # without a file, the weights are random
    model = mobilenet_v2(weights=weights).eval()
    labels = []
    for path in photos:
        pixels = photo(path)
        maps = activations(model, pixels)
        found, probability, map_ = class_activation_map(model, maps[-1], label)
        title = f"class {found}, probability {probability:.2f}"
        draw_activation(pixels, map_, title, output / f"{path.stem}-activation.png")
        draw_features(maps, output / f"{path.stem}-features.png")
        print(f"{path.name}: {title}")
        labels.append(found)
    return labels


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("weights", type=Path, help="mobilenet_v2-b0353104.pth")
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--label", type=int, help="the class to look for, 0 to 999")
    parser.add_argument("--output", type=Path, default=Path())
    main(**vars(parser.parse_args()))
