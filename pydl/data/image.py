"""Images as arrays: reading, resizing, cropping, and what networks take of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from types import ModuleType

    import numpy.typing as npt
    from PIL.Image import Image

# Of the photos of ImageNet, by which networks trained on them expect images to be normalised.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

# Pillow lets Ghostscript run these.
PROGRAMS = ("EPS",)
# Most pixels of an image by default: from here on Pillow warns.
MOST_PIXELS = 89_478_485

_FILTERS = ("nearest", "bilinear", "bicubic", "lanczos")

_PIXELS_AT_ONCE = 1 << 20
# How cameras record their orientation, and what turns the image upright.
_EXIF_ORIENTATION = 0x0112
_TRANSPOSITIONS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
_INVERSE = {6: 8, 8: 6}


def pillow(user: str) -> ModuleType:
    """Import `PIL.Image`.

    Raises
    ------
    ImportError
        Where it is missing; the message says that `user` needs it and what to install.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(f"{user} needs Pillow: pip install 'pydl-core[image]'") from error
    return Image


def load_image(
    path: str | os.PathLike[str],
    mode: str = "RGB",
    *,
    apply_exif_orientation: bool = True,
    max_pixels: int | None = MOST_PIXELS,
) -> npt.NDArray[np.uint8]:
    """Read an image file.

    Grey, palette and CMYK images are converted, 16-bit ones reduced to 8 bits, transparency is
    dropped. The first picture of an animation is read.

    Parameters
    ----------
    path : str or path
        In any format that Pillow reads, but PostScript, which is a program.
    mode : {"RGB", "L"}, default "RGB"
        Colours, or grey.
    apply_exif_orientation : bool, default True
        Whether photos are turned upright, as the camera noted; otherwise pixels stay as they are
        stored.
    max_pixels : int or None, default 89,478,485
        Larger images are refused before memory is taken for them: a file of a few kilobytes may
        promise any size. The default is Pillow's; from twice as many on, Pillow refuses too, unless
        `PIL.Image.MAX_IMAGE_PIXELS` is raised. None leaves it to Pillow.

    Returns
    -------
    numpy.ndarray
        uint8 (H, W, 3), or (H, W) for "L".

    Raises
    ------
    ImportError
        Without Pillow.
    OSError
        Where the file cannot be opened.
    ValueError
        For a file that is not an image, is damaged or has too many pixels, named by the message,
        and another mode.

    Examples
    --------
    >>> import numpy as np
    >>> from PIL import Image
    >>> from pydl.data import load_image
    >>> Image.new("L", (3, 2), 7).save("grey.png")
    >>> load_image("grey.png").shape
    (2, 3, 3)
    """
    if mode not in ("RGB", "L"):
        raise ValueError(f"load_image: expected mode RGB or L, got {mode!r}")
    image_module = pillow("load_image")
    with open(path, "rb") as file:
        try:
            with image_module.open(file) as image:
                if image.format in PROGRAMS:
                    raise ValueError(f"{image.format} files are programs, not pixels")
                _require_size(image.size, max_pixels)
                return np.array(_converted(_turned(image, apply_exif_orientation), mode))
        except Exception as error:  # Pillow's readers raise many kinds
            raise ValueError(
                f"{os.fspath(path)}: not an image that can be read ({error})"
            ) from error


def _require_size(size: tuple[int, int], max_pixels: int | None) -> None:
    width, height = size
    if max_pixels is not None and width * height > max_pixels:
        raise ValueError(
            f"{width} x {height} pixels are more than max_pixels {max_pixels}; allow more if you "
            "trust where the file is from"
        )


def _turned(image: Image, upright: bool) -> Image:
    """Load an image, turned and mirrored as its EXIF data say, or as it is stored."""
    before = _orientation(image)
    image.load()
    after = _orientation(image)
    if upright:
        name = _TRANSPOSITIONS.get(after)
    else:  # Pillow turns TIFF files already
        name = _TRANSPOSITIONS.get(_INVERSE.get(before, before)) if after != before else None
    return image if name is None else image.transpose(getattr(pillow("load_image").Transpose, name))


def _orientation(image: Image) -> int:
    """Return how the camera was held; 1 is upright."""
    try:
        return int(image.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # what is not readable beside the pixels says nothing of them
        return 1


def _converted(image: Image, mode: str) -> Image:
    if image.mode == "F":
        raise ValueError("expected pixels of 8 or 16 bits, got floating-point numbers")
    if image.mode.startswith("I"):  # Pillow would clip 16 bits to 8
        image = pillow("load_image").fromarray(_reduced(np.asarray(image)))
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")  # Pillow warns otherwise
    return image.convert(mode)


def _reduced(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Reduce 16 bits to 8, some rows at a time: wider numbers for all of them take much memory."""
    grey = np.empty(values.shape, np.uint8)
    rows = max(1, _PIXELS_AT_ONCE // max(1, values.shape[1]))
    for start in range(0, len(values), rows):
        part = np.clip(values[start : start + rows].astype(np.int64), 0, 65535)
        grey[start : start + rows] = (part + 128) // 257
    return grey


def resize(
    image: npt.NDArray[Any], size: int | Sequence[int], method: str = "bilinear"
) -> npt.NDArray[Any]:
    """Resize an image by Pillow's filters, with antialiasing.

    Parameters
    ----------
    image : numpy.ndarray
        uint8 or float32 (H, W) or (H, W, C).
    size : int or (int, int)
        Length of the shorter side, the other one in proportion (rounded down, as torchvision); or
        height and width.
    method : {"bilinear", "bicubic", "lanczos", "nearest"}, default "bilinear"
        The filter; "nearest" has no antialiasing.

    Returns
    -------
    numpy.ndarray
        Of the same dtype and axes.

    Raises
    ------
    ImportError
        Without Pillow.
    TypeError, ValueError
        For other dtypes, ranks, methods and sizes below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from pydl.data import resize
    >>> resize(np.zeros((300, 400, 3), np.uint8), 256).shape
    (256, 341, 3)
    """
    image_module = pillow("resize")
    _check_image("resize", image)
    if image.dtype not in (np.uint8, np.float32):
        raise TypeError(f"resize: expected an image of uint8 or float32, got {image.dtype.name}")
    if method not in _FILTERS:
        raise ValueError(f"resize: expected a method of {', '.join(_FILTERS)}; got {method!r}")
    height, width = _target(image.shape, size)
    if (height, width) == image.shape[:2]:
        return image
    resample = getattr(image_module.Resampling, method.upper())

    def resized(part: npt.NDArray[Any]) -> npt.NDArray[Any]:
        source = image_module.fromarray(np.ascontiguousarray(part))
        return np.array(source.resize((width, height), resample))

    if image.ndim == 2 or (image.dtype == np.uint8 and image.shape[2] == 3):
        return resized(image)
    return np.stack([resized(image[:, :, c]) for c in range(image.shape[2])], axis=2)


def _target(shape: tuple[int, ...], size: int | Sequence[int]) -> tuple[int, int]:
    sides = tuple(size) if isinstance(size, Sequence) else (size, size)
    if len(sides) != 2 or not all(isinstance(n, int) and n >= 1 for n in sides):
        raise ValueError(f"resize: expected a size of at least 1, or (height, width), got {size}")
    if not isinstance(size, int):
        return sides[0], sides[1]
    height, width = shape[:2]
    if width <= height:
        return int(size * height / width), size
    return size, int(size * width / height)


def center_crop(image: npt.NDArray[Any], size: int | Sequence[int]) -> npt.NDArray[Any]:
    """Cut out the centre of an image, a view.

    Parameters
    ----------
    image : numpy.ndarray
        Shape (H, W) or (H, W, C).
    size : int or (int, int)
        Height and width of the part.

    Returns
    -------
    numpy.ndarray
        Shape (height, width) or (height, width, C).

    Raises
    ------
    ValueError
        For other ranks, and a part larger than the image.

    Examples
    --------
    >>> import numpy as np
    >>> from pydl.data import center_crop
    >>> center_crop(np.arange(25).reshape(5, 5), (1, 3)).tolist()
    [[11, 12, 13]]
    """
    _check_image("center_crop", image)
    height, width = tuple(size) if isinstance(size, Sequence) else (size, size)
    if not (1 <= height <= image.shape[0] and 1 <= width <= image.shape[1]):
        raise ValueError(
            f"center_crop: expected a part of an image {image.shape[:2]}, got {(height, width)}"
        )
    # Halves are rounded to even numbers, as torchvision does.
    top, left = round((image.shape[0] - height) / 2), round((image.shape[1] - width) / 2)
    return image[top : top + height, left : left + width]


def to_float(image: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Convert bytes to float32 in [0, 1], the channels first.

    Parameters
    ----------
    image : numpy.ndarray
        uint8 (H, W), (H, W, C) or, for batches, (N, H, W, C).

    Returns
    -------
    numpy.ndarray
        float32 (1, H, W), (C, H, W) or (N, C, H, W).

    Raises
    ------
    TypeError, ValueError
        For other dtypes and ranks.

    Examples
    --------
    >>> import numpy as np
    >>> from pydl.data import to_float
    >>> to_float(np.full((2, 4, 3), 255, np.uint8)).shape
    (3, 2, 4)
    """
    if image.dtype != np.uint8:
        raise TypeError(f"to_float: expected an image of uint8, got {image.dtype.name}")
    if image.ndim not in (2, 3, 4):
        raise ValueError(
            f"to_float: expected (H, W), (H, W, C) or (N, H, W, C), got shape {image.shape}"
        )
    planes = image[None] if image.ndim == 2 else np.moveaxis(image, -1, -3)
    values: npt.NDArray[np.float32] = planes.astype(np.float32, order="C")
    values /= np.float32(255)
    return values


def normalize(
    image: npt.NDArray[np.float32],
    mean: float | Sequence[float] = IMAGENET_MEAN,
    std: float | Sequence[float] = IMAGENET_STD,
) -> npt.NDArray[np.float32]:
    """Compute `(image - mean) / std` for each channel.

    Parameters
    ----------
    image : numpy.ndarray
        float32 (C, H, W) or (N, C, H, W).
    mean, std : float or sequence of float
        A number, or one for each channel; by default those of ImageNet.

    Returns
    -------
    numpy.ndarray
        float32, of the same shape.

    Raises
    ------
    TypeError, ValueError
        For other dtypes and ranks, another number of channels, and std that is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from pydl.data import normalize
    >>> normalize(np.ones((1, 1, 2), np.float32), mean=0.5, std=0.25).tolist()
    [[[2.0, 2.0]]]
    """
    if image.dtype != np.float32:
        raise TypeError(f"normalize: expected an image of float32, got {image.dtype.name}")
    if image.ndim not in (3, 4):
        raise ValueError(f"normalize: expected (C, H, W) or (N, C, H, W), got shape {image.shape}")
    channels = image.shape[-3]
    centre, spread = (np.asarray(value, np.float32).reshape(-1, 1, 1) for value in (mean, std))
    for name, values in (("mean", centre), ("std", spread)):
        if values.size not in (1, channels):
            raise ValueError(f"normalize: expected {channels} numbers as {name}, got {values.size}")
    if not (spread > 0).all():
        raise ValueError(f"normalize: expected std above 0, got {std}")
    result: npt.NDArray[np.float32] = (image - centre) / spread
    return result


def preprocess(
    image: npt.NDArray[np.uint8],
    resize_to: int = 256,
    crop: int = 224,
    mean: float | Sequence[float] = IMAGENET_MEAN,
    std: float | Sequence[float] = IMAGENET_STD,
) -> npt.NDArray[np.float32]:
    """Prepare a photo for a network trained on ImageNet, as torchvision does for evaluation.

    The shorter side is resized, the centre cut out, bytes are divided by 255 and normalised.

    Parameters
    ----------
    image : numpy.ndarray
        uint8 (H, W, 3).
    resize_to, crop : int, default 256 and 224
        Length of the shorter side; size of the part.
    mean, std : float or sequence of float
        See `normalize`.

    Returns
    -------
    numpy.ndarray
        float32 (3, crop, crop).

    Examples
    --------
    >>> import numpy as np
    >>> from pydl.data import preprocess
    >>> preprocess(np.zeros((300, 400, 3), np.uint8)).shape
    (3, 224, 224)
    """
    return normalize(to_float(center_crop(resize(image, resize_to), crop)), mean, std)


def _check_image(name: str, image: npt.NDArray[Any]) -> None:
    if image.ndim not in (2, 3) or 0 in image.shape:
        raise ValueError(f"{name}: expected an image (H, W) or (H, W, C), got shape {image.shape}")
