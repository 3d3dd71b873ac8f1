"""ImageFolder: a folder of images per class."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pydl.data.dataset import Dataset
from pydl.data.image import MOST_PIXELS, PROGRAMS, center_crop, load_image, pillow, resize

if TYPE_CHECKING:
    import numpy.typing as npt


class ImageFolder(Dataset):
    """Images of a folder that has one sub-folder per class; sample i is (image, label).

    The files below a class's folder that have an extension of Pillow's image formats are its
    images, in the order of their paths; hidden files are left out, others too, with a warning that
    names them. Images are read on access.

    Parameters
    ----------
    root : str or path
        The folder.
    size : int or (int, int), optional
        Makes images of one size, as batches need: resizes to (height, width), or resizes the
        shorter side to a number and cuts out the square in the centre. By default images stay.
    transform : callable, optional
        Applied to each image, uint8 (H, W, 3), after `size`; such as `preprocess`.
    mode : {"RGB", "L"}, default "RGB"
        Colours, or grey images (H, W, 1).
    skip_errors : bool, default False
        Whether to read each file once now and leave those out that are not images, or damaged.
    apply_exif_orientation : bool, default True
        Whether photos are turned upright; see `load_image`.
    max_pixels : int or None, default 89,478,485
        Larger images count as damaged; see `load_image`.

    Attributes
    ----------
    classes : list of str
        Names of the sub-folders, sorted; a class's label is its index here.
    class_to_idx : dict of str to int
        Labels by name.
    paths : list of Path
        File of each sample.
    targets : numpy.ndarray
        Label of each sample, int64 (N,).
    skipped : list of Path
        What `skip_errors` left out.
    ignored : list of Path
        Files that were left out because of their extension.

    Raises
    ------
    ImportError
        Without Pillow.
    FileNotFoundError
        For a root that is not a folder or has no sub-folders, and for a class without images.
    ValueError
        When indexed, for a file that cannot be read as an image; the message names it.

    Examples
    --------
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> import pydl
    >>> for name in ("cat", "dog"):
    ...     Path("pets", name).mkdir(parents=True)
    ...     Image.new("RGB", (40, 30)).save(f"pets/{name}/1.png")
    >>> pets = pydl.data.ImageFolder("pets", size=32)
    >>> len(pets), pets.class_to_idx
    (2, {'cat': 0, 'dog': 1})
    >>> x, y = next(iter(pydl.data.DataLoader(pets, batch_size=2)))
    >>> x.shape, y.tolist()
    ((2, 32, 32, 3), [0, 1])
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        size: int | Sequence[int] | None = None,
        transform: Callable[[npt.NDArray[np.uint8]], Any] | None = None,
        *,
        mode: str = "RGB",
        skip_errors: bool = False,
        apply_exif_orientation: bool = True,
        max_pixels: int | None = MOST_PIXELS,
    ) -> None:
        extensions = _image_extensions()
        if mode not in ("RGB", "L"):
            raise ValueError(f"ImageFolder: expected mode RGB or L, got {mode!r}")
        self.root, self.size, self.transform, self.mode = Path(root), size, transform, mode
        self.apply_exif_orientation, self.max_pixels = apply_exif_orientation, max_pixels
        self.classes = _class_names(self.root)
        self.class_to_idx = {name: label for label, name in enumerate(self.classes)}
        self.paths: list[Path] = []
        self.skipped: list[Path] = []
        self.ignored: list[Path] = []
        labels: list[int] = []
        for label, name in enumerate(self.classes):
            found = _files(self.root / name)
            files = [path for path in found if path.suffix.lower() in extensions]
            self.ignored += [path for path in found if path.suffix.lower() not in extensions]
            readable = [path for path in files if not skip_errors or self._readable(path)]
            if not readable:
                raise FileNotFoundError(
                    f"ImageFolder: no images in {self.root / name}, among {len(found)} files"
                )
            self.paths += readable
            labels += [label] * len(readable)
        self.targets: npt.NDArray[np.int64] = np.array(labels, np.int64)
        if self.ignored:
            _warn_of_ignored(self.ignored)

    def _load(self, path: Path) -> npt.NDArray[np.uint8]:
        return load_image(
            path,
            self.mode,
            apply_exif_orientation=self.apply_exif_orientation,
            max_pixels=self.max_pixels,
        )

    def _readable(self, path: Path) -> bool:
        try:
            self._load(path)
        except ValueError:
            self.skipped.append(path)
            return False
        return True

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        try:
            image = self._load(self.paths[index])
        except ValueError as error:
            raise ValueError(
                f"{error}; ImageFolder(..., skip_errors=True) leaves out files that cannot be read"
            ) from error
        if self.mode == "L":
            image = image[:, :, None]
        if self.size is not None:
            image = resize(image, self.size)
            if isinstance(self.size, int):
                image = center_crop(image, self.size)
        label = int(self.targets[index])
        return (image if self.transform is None else self.transform(image)), label


def _image_extensions() -> set[str]:
    """Extensions of the formats that Pillow reads, with their dots, in lower case."""
    image = pillow("ImageFolder")
    extensions = image.registered_extensions()  # loads the readers of all formats
    readable = set(image.OPEN).difference(PROGRAMS)
    return {extension for extension, name in extensions.items() if name in readable}


def _warn_of_ignored(paths: Sequence[Path]) -> None:
    few = 5
    names = ", ".join(map(str, paths[:few])) + (", ..." if len(paths) > few else "")
    files = "1 file" if len(paths) == 1 else f"{len(paths)} files"
    warnings.warn(
        f"ImageFolder: left out {files} without the extension of an image: {names}",
        stacklevel=3,
    )


def _class_names(root: Path) -> list[str]:
    if not root.is_dir():
        raise FileNotFoundError(f"ImageFolder: {root} is not a folder")
    names = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
    names = [name for name in names if not name.startswith(".")]
    if not names:
        raise FileNotFoundError(f"ImageFolder: {root} has no sub-folders, one for each class")
    return names


def _files(folder: Path) -> list[Path]:
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(place, name) for name in names if not name.startswith(".")]
    return sorted(found)
