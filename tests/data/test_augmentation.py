"""Augmentations against slow references and invariants, and their random numbers."""

from __future__ import annotations

import colorsys
import threading

import numpy as np
import pytest

import pydl
from pydl.data import (
    Augment,
    Augmentation,
    ColorJitter,
    CutMix,
    Cutout,
    Mixup,
    RandomCrop,
    RandomErasing,
    RandomFlip,
    RandomResizedCrop,
    RandomRotation,
    RandomShift,
    RandomZoom,
    ToFloat,
)
from pydl.data import _augmentation as kernels
from pydl.data.augmentation import Draws

N = 6

# Each augmentation with strong and with neutral arguments.
STRONG = {
    "crop": RandomCrop(9, padding=3, fill=0.5),
    "flip": RandomFlip(0.5, 0.5),
    "shift": RandomShift(0.5, 0.5, fill=1),
    "rotation": RandomRotation(180, fill=0.25),
    "zoom": RandomZoom((0.5, 2)),
    "resized_crop": RandomResizedCrop((7, 10)),
    "color": ColorJitter(0.5, 0.5, 0.5, 0.5),
    "cutout": Cutout(4, 0.5),
    "erasing": RandomErasing(0.5),
    "mixup": Mixup(classes=N),
    "cutmix": CutMix(classes=N),
    "to_float": ToFloat(0.5, (0.1, 0.2, 0.3)),
}
NEUTRAL = {
    "crop": RandomCrop((12, 11)),
    "flip": RandomFlip(0, 0),
    "shift": RandomShift(0, 0, fill=9),
    "rotation": RandomRotation(0, fill=9),
    "zoom": RandomZoom((1, 1), fill=9),
    "resized_crop": RandomResizedCrop((12, 11), (1, 1), (11 / 12, 11 / 12)),
    "color": ColorJitter(),
    "cutout": Cutout(4, 0),
    "erasing": RandomErasing(0),
    "mixup": Mixup(classes=N, p=0),
    "cutmix": CutMix(classes=N, p=0),
    "none": None,
}


def images(dtype="uint8", shape=(N, 12, 11, 3), seed=0):
    values = np.random.default_rng(seed).integers(0, 256, shape)
    return values.astype(np.uint8) if dtype == "uint8" else (values / 255).astype(np.float32)


def run(step, x, y=None, **options):
    return Augment([step] if step else [], seed=0)(x, y, **options)


def draws(count=N, step=0):
    return Draws(0, 0, step, np.arange(count))


class TestRandomNumbers:
    def test_known_answer_of_philox(self):
        """The published test vector of Philox4x32-10 for counter 0 and key 0."""
        words = [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
        expected = [((high << 32 | low) >> 11) / 2**53 for low, high in (words[:2], words[2:])]
        assert Draws(0, 0, 0, np.array([0])).uniform(2)[0].tolist() == expected

    def test_uniform_in_all_its_arguments(self):
        def first(seed=0, epoch=0, step=0, index=0):
            return Draws(seed, epoch, step, np.array([index])).uniform(3)[0].tolist()

        some = [
            first(),
            first(seed=1),
            first(seed=2**33),
            first(epoch=1),
            first(step=1),
            first(index=1),
            first(index=2**33),
        ]
        assert len({tuple(numbers) for numbers in some}) == len(some)
        assert first(-1) == first(2**64 - 1)
        again = Draws(0, 0, 0, np.array([0]))
        assert again.uniform(3)[0].tolist() == some[0] != again.uniform(3)[0].tolist()

    def test_uniform_is_uniform(self):
        from scipy import stats

        numbers = Draws(5, 0, 0, np.arange(2000)).uniform(5)
        assert stats.kstest(numbers.ravel(), "uniform").pvalue > 0.01
        assert abs(np.corrcoef(numbers.T) - np.eye(5)).max() < 0.08

    @pytest.mark.parametrize("alpha", [0.1, 0.5, 1.0, 4.0])
    def test_beta(self, alpha):
        from scipy import stats

        numbers = Draws(1, 0, 0, np.arange(5000)).beta(alpha)
        assert stats.kstest(numbers, stats.beta(alpha, alpha).cdf).pvalue > 0.01

    def test_beta_of_tiny_alpha_is_a_coin(self):
        numbers = Draws(1, 0, 0, np.arange(1000)).beta(1e-4)
        assert np.isfinite(numbers).all() and 400 < numbers.round().sum() < 600

    def test_chosen(self):
        def share(p):
            return Draws(0, 0, 0, np.arange(4000)).chosen(p).mean()

        assert share(0.0) == 0 and share(1.0) == 1 and abs(share(0.25) - 0.25) < 0.02


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
class TestEach:
    @pytest.mark.parametrize("name", NEUTRAL)
    def test_neutral_arguments_change_nothing(self, name, dtype):
        for x in (images(dtype), images(dtype).transpose(0, 3, 1, 2)):
            # The window is fitted to (12, 11): in planes, too.
            result, _ = run(NEUTRAL[name], x, np.arange(N))
            assert result.dtype == x.dtype
            if name == "resized_crop" and dtype == "float32":
                np.testing.assert_allclose(result, x, rtol=1e-6)
            else:
                np.testing.assert_array_equal(result, x)

    @pytest.mark.parametrize("name", STRONG)
    def test_layouts_agree(self, name, dtype):
        """Channels first and last, contiguous or not, Tensor or array: the same images."""
        x, y = images(dtype), np.arange(N)
        expected, labels = run(STRONG[name], x, y)
        planes, _ = run(STRONG[name], np.ascontiguousarray(x.transpose(0, 3, 1, 2)), y)
        if name != "to_float":
            assert planes.flags.c_contiguous and expected.flags.c_contiguous
            planes = planes.transpose(0, 2, 3, 1)
        np.testing.assert_array_equal(planes, expected)
        spread = np.zeros((N, 24, 22, 3), x.dtype)[:, ::2, ::2]
        spread[...] = x
        np.testing.assert_array_equal(run(STRONG[name], spread, y)[0], expected)
        tensor, soft = run(STRONG[name], pydl.asarray(x), pydl.asarray(y))
        assert isinstance(tensor, pydl.Tensor) and isinstance(soft, pydl.Tensor)
        np.testing.assert_array_equal(tensor.numpy(), expected)
        np.testing.assert_array_equal(soft.numpy(), labels)

    @pytest.mark.parametrize("name", STRONG)
    def test_inputs_stay_and_seeds_decide(self, name, dtype):
        x, y = images(dtype), np.arange(N)
        x.setflags(write=False)
        before = x.copy()
        first, _ = run(STRONG[name], x, y)
        np.testing.assert_array_equal(x, before)
        np.testing.assert_array_equal(run(STRONG[name], x, y)[0], first)
        if name != "to_float":
            other = Augment([STRONG[name]], seed=1)
            assert not np.array_equal(other(x, y)[0], first)
            assert not np.array_equal(run(STRONG[name], x, y, epoch=1)[0], first)

    @pytest.mark.parametrize("name", [name for name in STRONG if name not in ("mixup", "cutmix")])
    def test_a_sample_depends_on_its_number_only(self, name, dtype):
        x = images(dtype)
        whole, _ = run(STRONG[name], x)
        picked = [4, 1, 3]
        part, _ = run(STRONG[name], x[picked], indices=picked)
        np.testing.assert_array_equal(part, whole[picked])

    @pytest.mark.parametrize("name", [name for name in STRONG if name not in ("color", "to_float")])
    def test_grey_images_of_rank_3(self, name, dtype):
        x, y = images(dtype)[..., 0], np.arange(N)
        np.testing.assert_array_equal(
            run(STRONG[name], x, y)[0], run(STRONG[name], x[..., None], y)[0][..., 0]
        )

    @pytest.mark.parametrize("name", STRONG)
    def test_no_images(self, name, dtype):
        result, _ = run(STRONG[name], images(dtype)[:0], np.arange(0))
        assert result.shape[0] == 0


class TestGeometry:
    def test_window_against_padding_and_slices(self):
        x = images("float32")
        origin = np.array([[0, 0], [-2, 3], [5, -4], [40, 0], [-1, -1], [4, 4]])
        flip = np.array([[0, 0], [1, 0], [0, 1], [0, 0], [1, 1], [0, 0]], np.uint8)
        out = np.empty((N, 7, 8, 3), np.float32)
        kernels.window(x, out, origin, flip, 0.5)
        wide = np.pad(x, ((0, 0), (50, 50), (50, 50), (0, 0)), constant_values=0.5)
        for n, (top, left) in enumerate(origin + 50):
            expected = wide[n, top : top + 7, left : left + 8]
            expected = expected[:: -1 if flip[n, 0] else 1, :: -1 if flip[n, 1] else 1]
            np.testing.assert_array_equal(out[n], expected)

    def test_crops_reach_every_place_alike(self):
        x = np.tile(np.arange(5, dtype=np.uint8), (3000, 1, 1))
        result, _ = run(RandomCrop((1, 3), padding=0), x)
        counts = np.bincount(result[:, 0, 0], minlength=3)
        assert counts.size == 3 and counts.min() > 900

    def test_crop_is_a_window_of_the_padded_image(self):
        x = images()
        result, _ = run(RandomCrop(10, padding=4, fill=7), x)
        padded = np.pad(x, ((0, 0), (4, 4), (4, 4), (0, 0)), constant_values=7)
        views = np.lib.stride_tricks.sliding_window_view(padded, (10, 10), (1, 2))
        for n in range(N):
            found = (views[n].transpose(0, 1, 3, 4, 2) == result[n]).all(axis=(2, 3, 4))
            assert found.sum() == 1

    def test_flips(self):
        x = images()
        np.testing.assert_array_equal(run(RandomFlip(1, 0), x)[0], x[:, :, ::-1])
        np.testing.assert_array_equal(run(RandomFlip(0, 1), x)[0], x[:, ::-1])
        twice, _ = Augment([RandomFlip(1, 1), RandomFlip(1, 1)], seed=0)(x)
        np.testing.assert_array_equal(twice, x)
        many, _ = run(RandomFlip(0.25), np.tile(np.uint8([[0, 1]]), (4000, 1, 1)))
        assert abs(many[:, 0, 0].mean() - 0.25) < 0.02

    @pytest.mark.parametrize("turns", [-1, 1, 2])
    @pytest.mark.parametrize("dtype", ["uint8", "float32"])
    def test_quarter_turns_are_those_of_numpy(self, turns, dtype):
        x = images(dtype, (N, 8, 8, 3))
        result, _ = run(RandomRotation((90 * turns, 90 * turns)), x)
        np.testing.assert_allclose(result, np.rot90(x, turns, (1, 2)), atol=1e-6)

    @pytest.mark.parametrize("dtype", ["uint8", "float32"])
    def test_affine_against_scipy(self, dtype):
        from scipy import ndimage

        x = images(dtype)
        matrix = np.random.default_rng(1).normal(0, 1, (N, 6)) * (1, 1, 3, 1, 1, 3)
        out = np.empty_like(x)
        kernels.affine(x, out, matrix, 0.5)
        for n, (a, b, c, d, e, f) in enumerate(matrix):
            for channel in range(3):
                expected = ndimage.affine_transform(
                    x[n, :, :, channel].astype(np.float64),
                    [[a, b], [d, e]],
                    [c, f],
                    order=1,
                    mode="grid-constant",
                    cval=0.5,
                )
                tolerance = 0.501 if dtype == "uint8" else 1e-6
                np.testing.assert_allclose(out[n, :, :, channel], expected, atol=tolerance)

    def test_bytes_are_rounded_not_cut(self):
        x = np.array([[[10, 13]]], np.uint8)[..., None]
        out = np.empty((1, 1, 1, 1), np.uint8)
        kernels.affine(x, out, np.array([[0, 0, 0, 0, 0, 0.9]]), 0.0)
        assert out.item() == 13

    def test_affine_of_numbers_that_are_none_is_fill(self):
        x = np.ones((1, 2, 2, 1), np.float32)
        for bad in (np.nan, np.inf, 1e300):
            out = np.empty_like(x)
            kernels.affine(x, out, np.full((1, 6), bad), 0.5)
            assert (out == 0.5).all()

    def test_shift_moves_whole_pixels(self):
        x = images(shape=(200, 10, 10, 1))
        result, _ = run(RandomShift(0.2, 0, fill=3), x)
        steps = set()
        for before, after in zip(x, result, strict=True):
            wide = np.pad(before, ((2, 2), (0, 0), (0, 0)), constant_values=3)
            steps |= {s for s in range(5) if np.array_equal(wide[s : s + 10], after)}
        assert steps == {0, 1, 2, 3, 4}

    def test_zoom_by_two_shows_the_middle(self):
        ramp = np.broadcast_to(np.arange(9, dtype=np.float32), (1, 9, 9))
        result, _ = run(RandomZoom((2, 2)), ramp)
        np.testing.assert_allclose(result[0, 4], 4 + (np.arange(9) - 4) / 2, rtol=1e-6)
        small, _ = run(RandomZoom((0.5, 0.5), fill=-1), ramp)
        np.testing.assert_allclose(small[0, 4], [-1, -1, 0, 2, 4, 6, 8, -1, -1], atol=1e-6)

    @pytest.mark.parametrize("size", [(5, 4), (12, 11), (30, 7)])
    def test_resized_crop_against_pillow(self, size):
        image_module = pytest.importorskip("PIL.Image")
        x = images("float32", (3, 12, 11, 1))
        boxes = np.array([[0, 0, 12, 11], [3, 2, 4, 9], [1.5, 0.25, 8.25, 3.5]])
        out = np.empty((3, *size, 1), np.float32)
        kernels.resized_crop(x, out, boxes)
        for n, (top, left, height, width) in enumerate(boxes):
            box = (left, top, left + width, top + height)
            bilinear = image_module.Resampling.BILINEAR
            part = image_module.fromarray(x[n, :, :, 0]).resize(size[::-1], bilinear, box=box)
            np.testing.assert_allclose(out[n, :, :, 0], np.asarray(part), atol=1e-5)

    def test_resized_crop_keeps_constants_and_range(self):
        flat, _ = run(RandomResizedCrop(17), np.full((N, 12, 11, 3), 200, np.uint8))
        assert (flat == 200).all() and flat.shape == (N, 17, 17, 3)

    def test_boxes_have_the_area_and_shape_asked_for(self):
        from pydl.data.augmentation.geometric import random_boxes

        canvas = np.empty((500, 100, 200, 1), np.uint8)
        origin, lengths = random_boxes(canvas, draws(500), (0.1, 0.2), (0.5, 1.5))
        area, ratio = lengths.prod(axis=1) / 20_000, lengths[:, 1] / lengths[:, 0]
        assert 0.098 < area.min() < 0.105 and 0.195 < area.max() < 0.204
        assert 0.48 < ratio.min() < 0.55 and 1.4 < ratio.max() < 1.55
        assert origin.min() >= 0 and (origin + lengths <= (100, 200)).all()
        tall, whole = random_boxes(canvas, draws(500), (1, 1), (0.01, 0.01))
        assert (whole[:, 0] == 100).all() and (tall[:, 0] == 0).all()


def jittered(x, brightness, contrast, saturation, hue):
    """Slow reference for one float image (H, W, C)."""

    def grey(values):
        return values @ (0.299, 0.587, 0.114) if values.shape[-1] == 3 else values[..., 0]

    x = np.clip(x.astype(np.float64) * brightness, 0, 1)
    mean = grey(x).mean()
    x = np.clip(mean + contrast * (x - mean), 0, 1)
    if x.shape[-1] == 3:
        x = np.clip(grey(x)[..., None] + saturation * (x - grey(x)[..., None]), 0, 1)
        for place in np.ndindex(*x.shape[:2]):
            h, s, v = colorsys.rgb_to_hsv(*x[place])
            x[place] = colorsys.hsv_to_rgb((h + hue) % 1, s, v)
    return x


class TestColour:
    FACTORS = np.array(
        [
            [1, 1, 1, 0],
            [1.5, 1, 1, 0],
            [1, 0.3, 1, 0],
            [1, 1, 2, 0],
            [1, 1, 1, 0.4],
            [0.7, 1.8, 0.4, -0.5],
        ]
    )

    @pytest.mark.parametrize("channels", [1, 3])
    @pytest.mark.parametrize("dtype", ["uint8", "float32"])
    def test_against_the_reference(self, dtype, channels):
        x = images(dtype)[..., :channels]
        out = np.empty(x.shape, x.dtype)
        kernels.color_jitter(x, out, self.FACTORS)
        unit = 255 if dtype == "uint8" else 1
        for n, factors in enumerate(self.FACTORS):
            expected = jittered(x[n] / unit, *factors) * unit
            tolerance = 0.501 if dtype == "uint8" else 1e-6
            np.testing.assert_allclose(out[n], expected, atol=tolerance)

    def test_the_hue_of_pure_colours(self):
        x = np.array([[[[255, 0, 0], [9, 9, 9], [0, 0, 0]]]], np.uint8)
        out = np.empty_like(x)
        kernels.color_jitter(x, out, np.array([[1, 1, 1, 1 / 3]]))
        assert out.tolist() == [[[[0, 255, 0], [9, 9, 9], [0, 0, 0]]]]

    def test_factors_keep_to_their_ranges(self):
        x = np.full((2000, 1, 1), 0.25, np.float32)
        factors = run(ColorJitter(brightness=0.5), x)[0].ravel() / 0.25
        assert 0.5 <= factors.min() < 0.51 and 1.49 < factors.max() <= 1.5
        strong = run(ColorJitter(brightness=3), x)[0]
        assert strong.min() < 0.01 and strong.max() > 0.99
        hues = run(ColorJitter(hue=0.5), np.tile(np.float32([1, 0, 0]), (2000, 5, 5, 1)))[0]
        assert hues.reshape(-1, 3).std(axis=0).min() > 0.3

    @pytest.mark.parametrize("dtype", ["uint8", "float32"])
    def test_to_float(self, dtype):
        x = images(dtype)
        mean, std = (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)
        result, _ = run(ToFloat(mean, std), x)
        assert result.dtype == np.float32 and result.shape == (N, 3, 12, 11)
        unit = 255 if dtype == "uint8" else 1
        expected = ((x / unit - mean) / std).transpose(0, 3, 1, 2)
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)
        assert run(ToFloat(), x[..., 0])[0].shape == (N, 1, 12, 11)

    def test_to_float_within_a_list(self):
        """What follows sees the new dtype, and the layout is that of ToFloat."""
        x = images()
        result, _ = Augment([RandomFlip(1), ToFloat(), RandomFlip(1)], seed=0)(x)
        np.testing.assert_allclose(result, x.transpose(0, 3, 1, 2) / np.float32(255), rtol=1e-6)


class TestErasing:
    def test_cutout_overwrites_one_square_of_each(self):
        x = np.ones((500, 20, 20), np.float32)
        result, _ = run(Cutout((4, 5), fill=0.25), x)
        rows = (result == 0.25).any(axis=2).sum(axis=1)
        columns = (result == 0.25).any(axis=1).sum(axis=1)
        areas = (result == 0.25).sum(axis=(1, 2))
        np.testing.assert_array_equal(areas, rows * columns)
        assert areas.max() == 20 and areas.min() < 12  # some reach over the edge
        assert ((result == 0.25) | (result == 1)).all()

    def test_erasing_by_area(self):
        x = np.ones((400, 20, 20, 3), np.float32)
        result, _ = run(RandomErasing(0.5, scale=(0.1, 0.2)), x)
        shares = (result == 0).mean(axis=(1, 2, 3))
        assert 150 < (shares > 0).sum() < 250
        assert shares[shares > 0].min() > 0.08 and shares.max() < 0.23


class TestMixtures:
    def test_mixup_against_its_definition(self):
        x, y = images("float32"), np.arange(N) % 3
        mixed, soft = run(Mixup(0.4, classes=3), x, y)
        d = draws()
        d.chosen(1)
        weight = d.beta(0.4)
        circle = np.argsort(d.uniform(1)[:, 0])
        partner = {int(a): int(b) for a, b in zip(circle, np.roll(circle, -1), strict=True)}
        for n in range(N):
            m, w = partner[n], weight[n]
            np.testing.assert_allclose(mixed[n], w * x[n] + (1 - w) * x[m], rtol=1e-5, atol=1e-6)
            expected = w * np.eye(3)[y[n]] + (1 - w) * np.eye(3)[y[m]]
            np.testing.assert_allclose(soft[n], expected, rtol=1e-5, atol=1e-6)
        assert soft.dtype == np.float32

    def test_cutmix_labels_are_the_areas(self):
        """Image n is full of n: its pixels say whose they are."""
        x = np.broadcast_to(np.arange(N, dtype=np.uint8)[:, None, None], (N, 13, 17))
        mixed, soft = run(CutMix(1.0, classes=N), x, np.arange(N))
        shares = np.stack([(mixed == k).mean(axis=(1, 2)) for k in range(N)], axis=1)
        np.testing.assert_allclose(soft, shares, atol=1e-6)
        assert len(np.unique(soft.max(axis=1))) > 2
        for n in range(N):
            rows, columns = np.nonzero(mixed[n] != n)
            if rows.size:
                assert np.ptp(rows) + 1 == np.unique(rows).size
                assert (np.ptp(rows) + 1) * (np.ptp(columns) + 1) == rows.size

    @pytest.mark.parametrize("kind", [Mixup, CutMix])
    def test_one_after_the_other(self, kind):
        x, y = images(), np.arange(N)
        both = Augment([kind(classes=N, p=0.5), CutMix(p=0.5)], seed=0)
        _, soft = both(x, y)
        np.testing.assert_allclose(soft.sum(axis=1), 1, rtol=1e-6)
        assert soft.shape == (N, N) and (soft >= 0).all()

    @pytest.mark.parametrize("kind", [Mixup, CutMix])
    def test_labels_are_checked(self, kind):
        x, name = images(), kind.__name__
        with pytest.raises(ValueError, match=f"{name}: expected labels with the images, got none"):
            run(kind(classes=2), x)
        with pytest.raises(ValueError, match=f"{name}: expected the argument classes"):
            run(kind(), x, np.arange(N))
        with pytest.raises(ValueError, match="labels from 0 to 4, got 0 to 5"):
            run(kind(classes=5), x, np.arange(N))
        with pytest.raises(ValueError, match=r"got float64 of shape \(6,\)"):
            run(kind(classes=5), x, np.zeros(N))

    def test_soft_labels_train_a_model(self):
        x, y = images("float32").reshape(N, -1), np.arange(N) % 2
        step = Augment([Mixup(classes=2)], seed=0)
        batches, soft = step(x.reshape(N, 12, 11, 3), y)
        model = pydl.nn.Linear(12 * 11 * 3, 2)
        loss = pydl.nn.functional.cross_entropy(
            model(pydl.asarray(batches.reshape(N, -1))), pydl.asarray(soft)
        )
        logits = model(pydl.asarray(batches.reshape(N, -1))).detach().numpy().astype(np.float64)
        log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        assert loss.item() == pytest.approx(-(soft * log_p).sum(axis=1).mean(), rel=1e-4)


class TestAugment:
    def test_steps_draw_different_numbers(self):
        x = images(shape=(64, 5, 5, 1))
        one = run(RandomFlip(0.5), x)[0]
        two = Augment([RandomFlip(0.5), RandomFlip(0.5)], seed=0)(x)[0]
        flipped = np.array([not np.array_equal(a, b) for a, b in zip(x, two, strict=True)])
        assert not np.array_equal(one, two) and 16 < flipped.sum() < 48

    def test_without_a_seed_the_default_generator_decides(self):
        def seeds():
            pydl.manual_seed(7)
            return [Augment([]).seed for _ in range(2)]

        assert seeds() == seeds() and len(set(seeds())) == 2

    def test_labels_that_nobody_changes_are_handed_through(self):
        labels = np.arange(N)
        assert run(RandomFlip(), images(), labels)[1] is labels
        assert run(RandomFlip(), images())[1] is None

    def test_layout(self):
        x = images(shape=(2, 3, 20, 3))
        with pytest.raises(ValueError, match=r"axis of shape \(2, 3, 20, 3\) are the channels"):
            run(RandomFlip(1), x)
        last, _ = Augment([RandomFlip(1)], 0, layout="NHWC")(x)
        first, _ = Augment([RandomFlip(1)], 0, layout="NCHW")(x)
        np.testing.assert_array_equal(last, x[:, :, ::-1])
        np.testing.assert_array_equal(first, x[:, :, :, ::-1])
        many = images(shape=(2, 9, 8, 10))
        result, _ = Augment([RandomFlip(1)], 0, layout="NCHW")(many)
        np.testing.assert_array_equal(result, many[..., ::-1])

    def test_arguments_are_checked(self):
        with pytest.raises(TypeError, match="instances of Augmentation, got RandomFlip"):
            Augment([RandomFlip])
        with pytest.raises(ValueError, match="layout NHWC, NCHW or None, got 'HWC'"):
            Augment([], layout="HWC")
        with pytest.raises(TypeError, match="uint8 or float32 images, got float64"):
            run(RandomFlip(), images().astype(np.float64))
        with pytest.raises(ValueError, match=r"got shape \(4, 4\)"):
            run(RandomFlip(), np.zeros((4, 4), np.uint8))
        with pytest.raises(ValueError, match=r"expected 6 labels, got shape \(5,\)"):
            run(RandomFlip(), images(), np.arange(5))
        with pytest.raises(ValueError, match=r"expected 6 indices, got shape \(5,\)"):
            run(RandomFlip(), images(), indices=range(5))
        with pytest.raises(NotImplementedError, match="Augmentation does not define apply"):
            run(Augmentation(), images())

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: RandomCrop(0), "RandomCrop: expected a size of at least 1"),
            (lambda: RandomCrop((1, 2, 3)), r"or \(height, width\), got \(1, 2, 3\)"),
            (lambda: RandomCrop(4, -1), "padding of at least 0, got -1"),
            (lambda: RandomFlip(1.5), r"RandomFlip: expected horizontal in \[0, 1\], got 1.5"),
            (lambda: RandomShift(-0.1), r"RandomShift: expected vertical in \[0, 1\]"),
            (lambda: RandomRotation(-5), "degrees of at least 0, got -5"),
            (lambda: RandomRotation((5, 1)), r"expected degrees \(low, high\)"),
            (lambda: RandomZoom((0, 1)), "RandomZoom: expected factor"),
            (lambda: RandomZoom((1, np.nan)), "RandomZoom: expected factor"),
            (lambda: RandomResizedCrop(5, (0.5, 2)), "RandomResizedCrop: expected scale"),
            (lambda: RandomErasing(ratio=(2, 1)), "RandomErasing: expected ratio"),
            (lambda: ColorJitter(contrast=-1), "ColorJitter: expected contrast of at least 0"),
            (lambda: ColorJitter(hue=0.6), r"hue in \[0, 0.5\], got 0.6"),
            (lambda: Cutout(3, 2), r"Cutout: expected p in \[0, 1\], got 2"),
            (lambda: Mixup(0), "Mixup: expected alpha above 0, got 0"),
            (lambda: CutMix(classes=0), "CutMix: expected classes of at least 1, got 0"),
            (lambda: ToFloat(std=0), "ToFloat: expected std above 0"),
            (lambda: run(RandomCrop(13), images()), r"at least \(13, 13\) with their padding"),
            (lambda: run(ColorJitter(hue=0.1), images()[..., :1]), "expected 3 channels, got 1"),
            (lambda: run(ColorJitter(), images()[..., :2]), "expected 3 channels or 1, got 2"),
            (lambda: run(ToFloat((1, 2)), images()), "each of 3 channels as mean, got 2"),
        ],
    )
    def test_arguments_of_augmentations_are_checked(self, make, message):
        with pytest.raises(ValueError, match=message):
            make()


class TestKernels:
    def test_refuse_what_would_leave_memory(self):
        x, out = images(), images()
        boxes = np.zeros((N, 4), np.int64)
        with pytest.raises(ValueError, match="numbers of images"):
            kernels.affine(x, out[:5], np.zeros((5, 6)), 0.0)
        with pytest.raises(ValueError, match="numbers of images"):
            kernels.affine(x, out, np.zeros((5, 6)), 0.0)
        with pytest.raises(ValueError, match=r"matrices \(N, 6\)"):
            kernels.affine(x, out, np.zeros((N, 5)), 0.0)
        with pytest.raises(ValueError, match="origin and flip"):
            flip = np.zeros((5, 2), np.uint8)
            kernels.window(x, out, np.zeros((N, 2), np.int64), flip, 0.0)
        for box in ([0, 0, 13, 1], [-1, 0, 2, 2], [0, 0, 0, 1], [0, np.nan, 1, 1]):
            with pytest.raises(ValueError, match="a box reaches outside"):
                kernels.resized_crop(x, out, np.tile(np.float64(box), (N, 1)))
        for bad in (-1, N):
            with pytest.raises(IndexError, match=f"partner {bad} is outside the 6 images"):
                kernels.paste_boxes(x, out, np.full(N, bad), boxes)
        with pytest.raises(ValueError, match="one partner per image"):
            kernels.blend(x, out, np.zeros(5, np.int64), np.ones(N))
        with pytest.raises(ValueError, match="sizes of source and out differ"):
            kernels.blend(x, out[:, 1:], np.zeros(N, np.int64), np.ones(N))
        with pytest.raises(ValueError, match="factors"):
            kernels.color_jitter(x, out[:, 1:], np.ones((N, 4)))
        with pytest.raises(ValueError, match="one shape"):
            kernels.scale(x, np.empty((N, 12, 10, 3), np.float32), np.ones(3), np.ones(3))
        with pytest.raises(ValueError, match="no pixels"):
            kernels.affine(x[:, :0], out, np.zeros((N, 6)), 0.0)

    def test_boxes_beyond_the_image_are_cut(self):
        out = np.ones((1, 4, 4, 1), np.float32)
        kernels.fill_boxes(out, np.array([[-9, 2, 3, 99]]), 0.0)
        assert out[0, :, :, 0].tolist() == [[1, 1, 1, 0]] * 2 + [[1, 1, 1, 1]] * 2

    def test_run_without_the_interpreter_lock(self):
        """Another thread goes on while one call computes for longer than a held lock's interval."""
        x = np.zeros((40, 224, 224, 3), np.uint8)
        out, factors = np.empty_like(x), np.tile([1.1, 0.9, 1.1, 0.1], (40, 1))
        ticks, done = [], threading.Event()

        def tick():
            while not done.is_set():
                ticks.append(None)

        thread = threading.Thread(target=tick)
        thread.start()
        try:
            before = len(ticks)
            kernels.color_jitter(x, out, factors)
            during = len(ticks) - before
        finally:
            done.set()
            thread.join()
        assert during > 1000
