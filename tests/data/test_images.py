"""Reading images, preparing them for networks, and folders of them."""

from __future__ import annotations

import sys
import warnings

import numpy as np
import pytest
from PIL import Image

import pydl
from pydl.data import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Augment,
    DataLoader,
    ImageFolder,
    RandomFlip,
    Subset,
    ToFloat,
    center_crop,
    load_image,
    normalize,
    preprocess,
    resize,
    to_float,
)

RNG = np.random.default_rng(0)
PHOTO = RNG.integers(0, 256, (30, 41, 3), np.uint8)


class TestLoadImage:
    def test_colours_and_grey(self, tmp_path):
        Image.fromarray(PHOTO).save(tmp_path / "a.png")
        np.testing.assert_array_equal(load_image(tmp_path / "a.png"), PHOTO)
        grey = load_image(str(tmp_path / "a.png"), "L")
        np.testing.assert_array_equal(grey, np.asarray(Image.fromarray(PHOTO).convert("L")))
        assert grey.dtype == np.uint8 and grey.flags.writeable

    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "YCbCr"])
    def test_modes(self, mode, tmp_path):
        suffix = "tiff" if mode in ("CMYK", "YCbCr") else "png"
        image = Image.fromarray(PHOTO).convert(mode)
        image.save(tmp_path / f"a.{suffix}")
        try:
            Image.open(tmp_path / f"a.{suffix}").load()
        except OSError as error:
            pytest.skip(f"this version of Pillow cannot read what it wrote: {error}")
        expected = np.asarray(image.convert("RGB"))
        np.testing.assert_array_equal(load_image(tmp_path / f"a.{suffix}"), expected)

    def test_palette_with_transparency(self, tmp_path):
        image = Image.fromarray(PHOTO).convert("P")
        image.save(tmp_path / "a.png", transparency=bytes(range(256)))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = load_image(tmp_path / "a.png")
        np.testing.assert_array_equal(found, np.asarray(image.convert("RGB")))

    def test_16_bits_are_reduced_not_clipped(self, tmp_path):
        values = np.array([[0, 128, 129, 257, 32768, 65535]], np.uint16)
        Image.fromarray(values).save(tmp_path / "a.png")
        assert load_image(tmp_path / "a.png", "L").tolist() == [[0, 0, 1, 1, 128, 255]]
        assert load_image(tmp_path / "a.png").shape == (1, 6, 3)

    def test_errors_name_the_file(self, tmp_path):
        text, cut, floats = (tmp_path / name for name in ("text.jpg", "cut.jpg", "floats.tiff"))
        text.write_text("no image")
        Image.fromarray(PHOTO).save(tmp_path / "whole.jpg")
        cut.write_bytes((tmp_path / "whole.jpg").read_bytes()[:-200])
        Image.fromarray(PHOTO[..., 0].astype(np.float32)).save(floats)
        for path in (text, cut, floats):
            with pytest.raises(ValueError, match=f"{path.name}: not an image that can be read"):
                load_image(path)
        with pytest.raises(FileNotFoundError, match="nowhere.png"):
            load_image(tmp_path / "nowhere.png")
        with pytest.raises(ValueError, match="mode RGB or L, got 'HSV'"):
            load_image(text, "HSV")

    def test_without_pillow(self, monkeypatch, tmp_path):
        monkeypatch.setitem(sys.modules, "PIL", None)
        for name, call in (
            ("load_image", lambda: load_image("a.png")),
            ("resize", lambda: resize(PHOTO, 8)),
            ("ImageFolder", lambda: ImageFolder(tmp_path)),
        ):
            with pytest.raises(ImportError, match=rf"{name} needs Pillow: .*pydl-core\[image\]"):
                call()
        assert center_crop(PHOTO, 8).shape == (8, 8, 3)


class TestPreparing:
    @pytest.mark.parametrize("method", ["bilinear", "bicubic", "nearest", "lanczos"])
    def test_resize_is_that_of_pillow(self, method):
        expected = Image.fromarray(PHOTO).resize(
            (20, 12), getattr(Image.Resampling, method.upper())
        )
        np.testing.assert_array_equal(resize(PHOTO, (12, 20), method), np.asarray(expected))

    @pytest.mark.parametrize("channels", [None, 1, 2, 3, 4])
    @pytest.mark.parametrize("dtype", ["uint8", "float32"])
    def test_resize_channel_by_channel(self, channels, dtype):
        image = RNG.integers(0, 256, (30, 41, *([channels] if channels else []))).astype(dtype)
        result = resize(image, (12, 20))
        assert result.dtype == image.dtype and result.shape == (12, 20, *image.shape[2:])
        for c in range(channels or 0):
            np.testing.assert_array_equal(result[:, :, c], resize(image[:, :, c], (12, 20)))

    def test_resize_to_a_shorter_side(self):
        assert resize(PHOTO, 15).shape == (15, 20, 3)
        assert resize(PHOTO.transpose(1, 0, 2), 15).shape == (20, 15, 3)
        assert resize(PHOTO, 30) is PHOTO

    def test_center_crop(self):
        np.testing.assert_array_equal(center_crop(PHOTO, (10, 21)), PHOTO[10:20, 10:31])
        np.testing.assert_array_equal(center_crop(PHOTO, 27), PHOTO[2:29, 7:34])  # 1.5 to even

    def test_to_float_and_normalize(self):
        planes = to_float(PHOTO)
        assert planes.dtype == np.float32 and planes.flags.c_contiguous
        np.testing.assert_allclose(planes, PHOTO.transpose(2, 0, 1) / 255, rtol=1e-6)
        assert to_float(PHOTO[..., 0]).shape == (1, 30, 41)
        assert to_float(PHOTO[None]).shape == (1, 3, 30, 41)
        expected = (planes - np.reshape(IMAGENET_MEAN, (3, 1, 1))) / np.reshape(
            IMAGENET_STD, (3, 1, 1)
        )
        np.testing.assert_allclose(normalize(planes), expected, rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(normalize(planes[None])[0], normalize(planes))
        assert normalize(planes).dtype == np.float32

    def test_preprocess_is_the_usual_evaluation(self):
        """Step by step, as torchvision documents it for its ImageNet networks."""
        photo = RNG.integers(0, 256, (333, 500, 3), np.uint8)
        image = Image.fromarray(photo).resize((384, 256), Image.Resampling.BILINEAR)
        image = image.crop((80, 16, 304, 240))
        expected = (np.asarray(image) / 255 - IMAGENET_MEAN) / IMAGENET_STD
        np.testing.assert_allclose(preprocess(photo), expected.transpose(2, 0, 1), atol=1e-5)

    def test_arguments_are_checked(self):
        floats = to_float(PHOTO)
        with pytest.raises(TypeError, match="resize: expected .* uint8 or float32, got int64"):
            resize(PHOTO.astype(np.int64), 8)
        with pytest.raises(TypeError, match="to_float: expected an image of uint8, got int64"):
            to_float(PHOTO.astype(np.int64))
        with pytest.raises(TypeError, match="normalize: expected an image of float32, got uint8"):
            normalize(PHOTO)
        for message, call in (
            ("method of nearest, bilinear.* got 'area'", lambda: resize(PHOTO, 8, "area")),
            ("resize: expected a size of at least 1", lambda: resize(PHOTO, 0)),
            (r"or \(height, width\), got \(1, 2, 3\)", lambda: resize(PHOTO, (1, 2, 3))),
            (r"or \(height, width\), got \(5,\)", lambda: resize(PHOTO, (5,))),
            (r"\(H, W\) or \(H, W, C\), got shape \(3,\)", lambda: resize(np.zeros(3), 8)),
            (r"part of an image \(30, 41\), got \(31, 31\)", lambda: center_crop(PHOTO, 31)),
            (r"to_float: .*got shape \(3,\)", lambda: to_float(PHOTO[0, 0])),
            (r"normalize: .*got shape \(30, 41\)", lambda: normalize(floats[0])),
            ("expected 3 numbers as std, got 2", lambda: normalize(floats, 0.0, (1, 2))),
            ("std above 0", lambda: normalize(floats, 0.0, 0.0)),
        ):
            with pytest.raises(ValueError, match=message):
                call()


@pytest.fixture
def pets(tmp_path):
    """Two classes with odd files, hidden ones, and a folder within a folder."""
    root = tmp_path / "pets"
    for folder in ("dog", "cat/more", ".git"):
        (root / folder).mkdir(parents=True)
    Image.fromarray(PHOTO).save(root / "dog" / "b.png")
    Image.fromarray(PHOTO[:, :, 0]).save(root / "dog" / "a.png")
    Image.fromarray(PHOTO).convert("P").save(root / "cat" / "p.gif")
    Image.fromarray(PHOTO).convert("RGBA").save(root / "cat" / "more" / "rgba.png")
    (root / "dog" / ".DS_Store").write_text("hidden")
    (root / "readme.txt").write_text("no folder")
    return root


class TestImageFolder:
    def test_classes_and_order(self, pets):
        folder = ImageFolder(pets)
        assert folder.classes == ["cat", "dog"] and folder.class_to_idx == {"cat": 0, "dog": 1}
        names = [path.relative_to(pets).as_posix() for path in folder.paths]
        assert names == ["cat/more/rgba.png", "cat/p.gif", "dog/a.png", "dog/b.png"]
        assert len(folder) == 4 and folder.targets.tolist() == [0, 0, 1, 1]
        image, label = folder[3]
        np.testing.assert_array_equal(image, PHOTO)
        assert label == 1 and folder[2][0].shape == PHOTO.shape

    def test_sizes_and_transforms(self, pets):
        assert ImageFolder(pets, 16)[0][0].shape == (16, 16, 3)
        assert ImageFolder(pets, (10, 20))[0][0].shape == (10, 20, 3)
        assert ImageFolder(pets, 16, mode="L")[0][0].shape == (16, 16, 1)
        planes = ImageFolder(pets, 16, to_float)[0][0]
        assert planes.shape == (3, 16, 16) and planes.dtype == np.float32
        expected = center_crop(resize(PHOTO, 16), 16)
        np.testing.assert_array_equal(ImageFolder(pets, 16)[3][0], expected)

    @pytest.mark.parametrize("content", [b"no image", b""])
    def test_files_that_are_no_images(self, pets, content):
        (pets / "dog" / "bad.jpg").write_bytes(content)
        whole = (pets / "dog" / "b.png").read_bytes()
        (pets / "dog" / "cut.png").write_bytes(whole[: len(whole) // 2])
        folder = ImageFolder(pets, 8)
        assert len(folder) == 6
        for index, name in ((4, "bad.jpg"), (5, "cut.png")):
            with pytest.raises(ValueError, match=f"dog/{name}: not an image"):
                folder[index]
        good = ImageFolder(pets, 8, skip_errors=True)
        assert [path.name for path in good.skipped] == ["bad.jpg", "cut.png"]
        assert len(good) == len(good.targets) == 4
        assert sum(x.shape[0] for x, _ in DataLoader(good, 2)) == 4

    def test_folders_that_are_none(self, pets, tmp_path):
        with pytest.raises(FileNotFoundError, match="nowhere is not a folder"):
            ImageFolder(tmp_path / "nowhere")
        with pytest.raises(FileNotFoundError, match="dog has no sub-folders"):
            ImageFolder(pets / "dog")
        (pets / "emu").mkdir()
        with pytest.raises(FileNotFoundError, match="no images in .*emu"):
            ImageFolder(pets)
        with pytest.raises(ValueError, match="mode RGB or L, got 'RGBA'"):
            ImageFolder(pets, mode="RGBA")

    def test_arrays_and_folders_go_the_same_way(self, pets):
        """A shuffled loader over a subset of a folder, and over the arrays that are in it."""
        folder = ImageFolder(pets, 16)
        arrays = np.stack([image for image, _ in folder]), folder.targets
        augment = Augment([RandomFlip(), ToFloat(IMAGENET_MEAN, IMAGENET_STD)], seed=3)
        options = {"shuffle": True, "seed": 1, "augment": augment}
        of_folder = DataLoader(Subset(folder, [3, 1, 0]), 2, **options)
        of_arrays = DataLoader(Subset(pydl.data.TensorDataset(*arrays), [3, 1, 0]), 2, **options)
        for _ in range(2):
            for (x, y), (x2, y2) in zip(of_folder, of_arrays, strict=True):
                assert x.shape[1:] == (3, 16, 16) and x.dtype == pydl.float32
                np.testing.assert_array_equal(x.numpy(), x2.numpy())
                assert y.tolist() == y2.tolist()
