"""Weights from files: both kinds of file, what does not fit, and real weights on real photos."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import pydl
from pydl import models
from pydl.datasets import find_mobilenet_v2_weights
from pydl.datasets.files import search_folders


def test_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "lenet.safetensors"
    first = models.lenet5()
    pydl.save(path, first)
    second = models.lenet5(weights=path)
    x = pydl.ones((1, 1, 28, 28))
    assert second(x).tolist() == first(x).tolist()
    assert models.lenet5(weights=str(path))(x).tolist() == first(x).tolist()


@pytest.mark.parametrize("legacy", [True, False])
def test_torch_checkpoints(tmp_path: Path, legacy: bool) -> None:
    torch = pytest.importorskip("torch")
    path = tmp_path / "resnet20.pth"
    first = models.resnet20()
    state = {name: torch.tensor(x.numpy()) for name, x in first.state_dict().items()}
    torch.save(state, path, _use_new_zipfile_serialization=not legacy)
    x = pydl.ones((1, 3, 8, 8))
    assert models.resnet20(weights=path).eval()(x).tolist() == first.eval()(x).tolist()


def test_files_from_before_batches_were_counted(tmp_path: Path) -> None:
    path = tmp_path / "old.safetensors"
    state = models.resnet20().state_dict()
    pydl.save(path, {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")})
    assert models.resnet20(weights=path).bn1.num_batches_tracked.item() == 0


def test_auxiliary_heads_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "googlenet.safetensors"
    first = models.googlenet(3)
    pydl.save(path, first)
    second = models.googlenet(3, aux_logits=False, weights=path)
    assert second.fc.weight.tolist() == first.fc.weight.tolist()


def test_errors_name_what_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    state = models.lenet5().state_dict()
    pydl.save(path, {"extra": pydl.ones(1), **state})
    with pytest.raises(ValueError, match=r"w\.safetensors: LeNet5.*\s+unexpected: extra$"):
        models.lenet5(weights=path)
    del state["features.3.bias"]
    pydl.save(path, state)
    with pytest.raises(ValueError, match=r"missing: features\.3\.bias$"):
        models.lenet5(weights=path)
    pydl.save(path, models.lenet5(7))
    with pytest.raises(ValueError, match=r"classifier\.4\.weight: expected shape \(10, 84\), got"):
        models.lenet5(weights=path)
    (tmp_path / "w.pth").write_bytes(b"hello")
    with pytest.raises(ValueError, match=r"w\.pth: not a PyTorch checkpoint"):
        models.lenet5(weights=tmp_path / "w.pth")
    with pytest.raises(FileNotFoundError, match=r"absent\.pth"):
        models.lenet5(weights=tmp_path / "absent.pth")


# --- MobileNetV2 on photos ------------------------------------------------------------------------

# Packages that carry the photos, and the folders there.
_PHOTO_PACKAGES = {"skimage": "data", "sklearn": "datasets/images"}
# ImageNet's class, and its probability as ONNX Runtime computed it.
PHOTOS = {
    "chelsea.png": (285, 0.71),  # Egyptian cat
    "coffee.png": (967, 0.99),  # espresso
    "camera.png": (872, 0.98),  # tripod
    "china.jpg": (698, 0.70),  # palace
}


def find_photo(name: str) -> Path:
    folders = []
    for package, folder in _PHOTO_PACKAGES.items():
        spec = find_spec(package)
        places = (spec.submodule_search_locations if spec else None) or []
        folders += [Path(place) / folder for place in places]
    for candidate in search_folders("photos", folders):
        if (candidate / name).is_file():
            return candidate / name
    pytest.skip(f"no {name}: it comes with scikit-image or scikit-learn; or set PYDL_DATA")


def prepare(path: Path) -> npt.NDArray[np.float32]:
    """Shorter side 256, the 224x224 in the middle, normalised: (1, 3, 224, 224)."""
    image_module = pytest.importorskip("PIL.Image")
    image = image_module.open(path).convert("RGB")
    scale = 256 / min(image.size)
    width, height = (int(side * scale) for side in image.size)
    left, top = round((width - 224) / 2), round((height - 224) / 2)
    image = image.resize((width, height), image_module.Resampling.BILINEAR)
    pixels = np.asarray(image.crop((left, top, left + 224, top + 224)), np.float32) / 255
    normalized = (pixels - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    return normalized.transpose(2, 0, 1)[None].astype(np.float32)


@pytest.fixture(scope="module")
def mobilenet() -> models.MobileNetV2:
    try:
        path = find_mobilenet_v2_weights(fetch=False)
    except FileNotFoundError as error:
        pytest.skip(str(error))
    return models.mobilenet_v2(weights=path).eval()


@pytest.mark.parametrize("name", PHOTOS)
def test_photos_are_recognised(mobilenet: models.MobileNetV2, name: str) -> None:
    label, expected = PHOTOS[name]
    with pydl.no_grad():
        logits = mobilenet(pydl.tensor(prepare(find_photo(name))))
    probabilities = pydl.nn.functional.softmax(logits, 1).numpy()[0]
    assert probabilities.argmax() == label
    assert probabilities[label] == pytest.approx(expected, abs=0.01)
