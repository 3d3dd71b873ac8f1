"""One small case of every layer, activation and loss, for tests that walk all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import pydl
from pydl import nn

Array = np.ndarray[Any, np.dtype[Any]]
# What a test puts into the floating-point operands, by shape.
Fill = Callable[[tuple[int, ...]], Array]


@dataclass(frozen=True)
class Operand:
    """Either the shape of floating-point numbers, or a fixed array.

    `limits` are those of the numbers: [0, 1] for probabilities.
    """

    shape: tuple[int, ...] = ()
    fixed: Any = None
    limits: tuple[float, float] | None = None

    def make(self, fill: Fill) -> Array:
        if self.fixed is not None:
            return np.asarray(self.fixed)
        values = fill(self.shape).astype(np.float32)
        return values if self.limits is None else np.clip(values, *self.limits)


@dataclass(frozen=True)
class LayerCase:
    """`make` gives the layer; `call` says how it is called where that is not by its operands."""

    make: Callable[[], nn.Module]
    operands: tuple[Operand, ...]
    call: Callable[..., Any] | None = None
    # How often it can be differentiated.
    orders: int = 2

    def run(self, layer: nn.Module, *tensors: pydl.Tensor) -> list[pydl.Tensor]:
        """The floating-point results."""
        result = layer(*tensors) if self.call is None else self.call(layer, *tensors)
        return [y for y in _flat(result) if y.dtype.is_floating]


def _flat(value: Any) -> list[pydl.Tensor]:
    if isinstance(value, pydl.Tensor):
        return [value]
    if isinstance(value, (tuple, list)):
        return [y for item in value for y in _flat(item)]
    return []


def _of(*shapes: tuple[int, ...]) -> tuple[Operand, ...]:
    return tuple(Operand(shape) for shape in shapes)


def _made(layer: nn.Module, shape: tuple[int, ...]) -> nn.Module:
    """Call a layer that finds its sizes at the first call, without a trace in its moments."""
    layer.eval()(pydl.zeros(shape))
    return layer.train()


def _generator() -> pydl.Generator:
    return pydl.Generator(7)


ACTIVATIONS = [
    "ELU", "GELU", "SELU", "BinaryStep", "LeakyReLU", "LogSoftmax", "Mish", "ReLU", "ReLU6",
    "Sigmoid", "SiLU", "Softmax", "Softplus", "Softsign", "Tanh", "Identity", "CELU",
    "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LogSigmoid", "PReLU",
    "Softshrink", "Tanhshrink",
]  # fmt: skip

IMAGES = {1: (2, 4, 9), 2: (2, 4, 9, 8), 3: (2, 4, 5, 6, 4)}


def _spatial() -> dict[str, LayerCase]:
    """Layers that there are for 1, 2 and 3 axes."""
    cases: dict[str, LayerCase] = {}
    for n, shape in IMAGES.items():
        x = _of(shape)
        layers: dict[str, Callable[[], nn.Module]] = {
            "Conv": lambda n=n: getattr(nn, f"Conv{n}d")(4, 3, 3, padding=1),
            "ConvTranspose": lambda n=n: getattr(nn, f"ConvTranspose{n}d")(4, 3, 2, stride=2),
            "MaxPool": lambda n=n: getattr(nn, f"MaxPool{n}d")(2),
            "AvgPool": lambda n=n: getattr(nn, f"AvgPool{n}d")(2),
            "AdaptiveAvgPool": lambda n=n: getattr(nn, f"AdaptiveAvgPool{n}d")(3),
            "AdaptiveMaxPool": lambda n=n: getattr(nn, f"AdaptiveMaxPool{n}d")(3),
            "GlobalAvgPool": lambda n=n: getattr(nn, f"GlobalAvgPool{n}d")(),
            "Dropout": lambda n=n: getattr(nn, f"Dropout{n}d")(0.5, generator=_generator()),
            "BatchNorm": lambda n=n: getattr(nn, f"BatchNorm{n}d")(4),
            "InstanceNorm": lambda n=n: getattr(nn, f"InstanceNorm{n}d")(4, affine=True),
            "ConstantPad": lambda n=n: getattr(nn, f"ConstantPad{n}d")(1, 0.5),
            "ZeroPad": lambda n=n: getattr(nn, f"ZeroPad{n}d")(1),
            "CircularPad": lambda n=n: getattr(nn, f"CircularPad{n}d")(1),
            "ReflectionPad": lambda n=n: getattr(nn, f"ReflectionPad{n}d")(1),
            "ReplicationPad": lambda n=n: getattr(nn, f"ReplicationPad{n}d")(1),
        }
        cases |= {f"{name}{n}d": LayerCase(make, x) for name, make in layers.items()}
        pooled = tuple(2 if i < 2 else 3 for i in range(n + 2))
        places = np.arange(3**n).reshape((1, 1) + (3,) * n) * 2
        cases[f"MaxUnpool{n}d"] = LayerCase(
            lambda n=n: getattr(nn, f"MaxUnpool{n}d")(2),
            (Operand(pooled), Operand(fixed=np.broadcast_to(places, pooled).copy())),
        )
    return cases


SEQUENCE = (5, 2, 4)
PROBABILITY = (0.0, 1.0)

LAYERS: dict[str, LayerCase] = {
    **{name: LayerCase(lambda name=name: getattr(nn, name)(), _of((3, 5))) for name in ACTIVATIONS},
    **_spatial(),
    "ReLU6 behind BatchNorm2d": LayerCase(
        lambda: nn.Sequential(nn.BatchNorm2d(4), nn.ReLU6()), _of(IMAGES[2])
    ),
    "ReLU behind BatchNorm2d": LayerCase(
        lambda: nn.Sequential(nn.BatchNorm2d(4), nn.ReLU()), _of(IMAGES[2])
    ),
    "ReLU behind BatchNorm1d": LayerCase(
        lambda: nn.Sequential(nn.BatchNorm1d(5), nn.ReLU()), _of((6, 5))
    ),
    "ReLU behind LayerNorm": LayerCase(
        lambda: nn.Sequential(nn.LayerNorm(5), nn.ReLU()), _of((6, 5))
    ),
    "GLU": LayerCase(lambda: nn.GLU(), _of((3, 6))),
    "RReLU": LayerCase(lambda: nn.RReLU(generator=_generator()), _of((3, 5))),
    "Threshold": LayerCase(lambda: nn.Threshold(0.25, -1.0), _of((3, 5))),
    "Linear": LayerCase(lambda: nn.Linear(5, 3), _of((6, 5))),
    "Flatten": LayerCase(lambda: nn.Flatten(), _of((3, 2, 2))),
    "Dropout": LayerCase(lambda: nn.Dropout(0.5, generator=_generator()), _of((6, 5))),
    "Sequential": LayerCase(lambda: nn.Sequential(nn.Linear(5, 4), nn.Tanh()), _of((6, 5))),
    "ModuleList": LayerCase(
        lambda: nn.ModuleList([nn.Linear(5, 4), nn.Linear(4, 3)]),
        _of((6, 5)),
        call=lambda layers, x: layers[1](layers[0](x)),
    ),
    "ModuleDict": LayerCase(
        lambda: nn.ModuleDict({"first": nn.Linear(5, 4), "last": nn.Linear(4, 3)}),
        _of((6, 5)),
        call=lambda layers, x: layers["last"](layers["first"](x)),
    ),
    "SeparableConv2d": LayerCase(lambda: nn.SeparableConv2d(4, 3, 3), _of(IMAGES[2])),
    "LayerNorm": LayerCase(lambda: nn.LayerNorm((2, 5)), _of((3, 2, 5))),
    "RMSNorm": LayerCase(lambda: nn.RMSNorm(5), _of((3, 5))),
    "GroupNorm": LayerCase(lambda: nn.GroupNorm(2, 4), _of(IMAGES[1])),
    "LocalResponseNorm": LayerCase(lambda: nn.LocalResponseNorm(3), _of(IMAGES[1])),
    "Embedding": LayerCase(lambda: nn.Embedding(6, 3), (Operand(fixed=[[0, 5], [1, 1]]),)),
    "EmbeddingBag": LayerCase(
        lambda: nn.EmbeddingBag(6, 3, mode="max"), (Operand(fixed=[[0, 5], [1, 1]]),)
    ),
    "RNN": LayerCase(lambda: nn.RNN(4, 3, nonlinearity="relu"), _of(SEQUENCE)),
    "LSTM": LayerCase(lambda: nn.LSTM(4, 3), _of(SEQUENCE)),
    "GRU": LayerCase(lambda: nn.GRU(4, 3), _of(SEQUENCE)),
    "RNNCell": LayerCase(lambda: nn.RNNCell(4, 3), _of((2, 4), (2, 3))),
    "LSTMCell": LayerCase(
        lambda: nn.LSTMCell(4, 3),
        _of((2, 4), (2, 3), (2, 3)),
        call=lambda cell, x, h, c: cell(x, (h, c)),
    ),
    "GRUCell": LayerCase(lambda: nn.GRUCell(4, 3), _of((2, 4), (2, 3))),
    "MultiheadAttention": LayerCase(
        lambda: nn.MultiheadAttention(4, 2),
        _of(SEQUENCE),
        call=lambda layer, x: layer(
            x, x, x, key_padding_mask=pydl.tensor([[True] * 5, [False] * 5])
        ),
    ),
    "TransformerEncoderLayer": LayerCase(
        lambda: nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0), _of(SEQUENCE)
    ),
    "TransformerDecoderLayer": LayerCase(
        lambda: nn.TransformerDecoderLayer(4, 2, 8, dropout=0.0), _of(SEQUENCE, SEQUENCE)
    ),
    "TransformerEncoder": LayerCase(
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0), 1),
        _of(SEQUENCE),
    ),
    "TransformerDecoder": LayerCase(
        lambda: nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 8, dropout=0.0), 1),
        _of(SEQUENCE, SEQUENCE),
    ),
    "LearnedPositionalEncoding": LayerCase(
        lambda: nn.LearnedPositionalEncoding(4, 6), _of(SEQUENCE)
    ),
    "SinusoidalPositionalEncoding": LayerCase(
        lambda: nn.SinusoidalPositionalEncoding(4), _of(SEQUENCE)
    ),
    "ChannelShuffle": LayerCase(lambda: nn.ChannelShuffle(2), _of(IMAGES[2])),
    "Unfold": LayerCase(lambda: nn.Unfold(2, padding=1, stride=2), _of(IMAGES[2])),
    "Fold": LayerCase(lambda: nn.Fold((4, 5), 2), _of((2, 8, 12))),
    "PixelShuffle": LayerCase(lambda: nn.PixelShuffle(2), _of(IMAGES[2])),
    "PixelUnshuffle": LayerCase(lambda: nn.PixelUnshuffle(2), _of((2, 3, 4, 6))),
    "Upsample": LayerCase(lambda: nn.Upsample(scale_factor=2, mode="bicubic"), _of(IMAGES[2])),
    "UpsamplingBilinear2d": LayerCase(
        lambda: nn.UpsamplingBilinear2d(scale_factor=2), _of(IMAGES[2])
    ),
    "UpsamplingNearest2d": LayerCase(
        lambda: nn.UpsamplingNearest2d(scale_factor=2), _of(IMAGES[2])
    ),
    "CrossEntropyLoss": LayerCase(
        lambda: nn.CrossEntropyLoss(), (Operand((4, 3)), Operand(fixed=[0, 1, 2, -100]))
    ),
    "CrossEntropyLoss, smoothed and weighted": LayerCase(
        lambda: nn.CrossEntropyLoss(pydl.tensor([1.0, 0.0, 2.0]), label_smoothing=0.1),
        (Operand((4, 3)), Operand(fixed=[0, 1, 2, -100])),
    ),
    "CrossEntropyLoss of probabilities": LayerCase(
        lambda: nn.CrossEntropyLoss(), (Operand((2, 3)), Operand((2, 3), limits=PROBABILITY))
    ),
    "MSELoss": LayerCase(lambda: nn.MSELoss(), _of((4, 3), (4, 3))),
    "L1Loss": LayerCase(lambda: nn.L1Loss(), _of((4, 3), (4, 3))),
    "BCELoss": LayerCase(
        lambda: nn.BCELoss(),
        (Operand((4, 3), limits=PROBABILITY), Operand((4, 3), limits=PROBABILITY)),
    ),
    "BCEWithLogitsLoss": LayerCase(
        lambda: nn.BCEWithLogitsLoss(), (Operand((4, 3)), Operand((4, 3), limits=PROBABILITY))
    ),
    "NLLLoss": LayerCase(lambda: nn.NLLLoss(), (Operand((4, 3)), Operand(fixed=[0, 1, 2, -100]))),
    "SoftmaxFocalLoss": LayerCase(
        lambda: nn.SoftmaxFocalLoss(), (Operand((4, 3)), Operand(fixed=[0, 1, 2, -100]))
    ),
    "MultiMarginLoss": LayerCase(
        lambda: nn.MultiMarginLoss(), (Operand((4, 3)), Operand(fixed=[0, 1, 2, 1]))
    ),
    "MultiLabelMarginLoss": LayerCase(
        lambda: nn.MultiLabelMarginLoss(),
        (Operand((2, 3)), Operand(fixed=[[0, 2, -1], [-1, 0, 1]])),
    ),
    "MultiLabelSoftMarginLoss": LayerCase(
        lambda: nn.MultiLabelSoftMarginLoss(),
        (Operand((4, 3)), Operand((4, 3), limits=PROBABILITY)),
    ),
    "SigmoidFocalLoss": LayerCase(
        lambda: nn.SigmoidFocalLoss(), (Operand((4, 3)), Operand((4, 3), limits=PROBABILITY))
    ),
    "DiceLoss": LayerCase(
        lambda: nn.DiceLoss(),
        (Operand((4, 3), limits=PROBABILITY), Operand((4, 3), limits=PROBABILITY)),
    ),
    **{
        name: LayerCase(
            lambda name=name: getattr(nn, name)(), (Operand((4,)), Operand(fixed=[1, -1, 1, -1]))
        )
        for name in ("HingeLoss", "SquaredHingeLoss", "SoftMarginLoss", "HingeEmbeddingLoss")
    },
    **{
        name: LayerCase(lambda name=name: getattr(nn, name)(), _of((4, 3), (4, 3)))
        for name in ("SmoothL1Loss", "HuberLoss", "LogCoshLoss", "MSLELoss", "MAPELoss")
    },
    "KLDivLoss": LayerCase(
        lambda: nn.KLDivLoss(), (Operand((4, 3)), Operand((4, 3), limits=PROBABILITY))
    ),
    "PoissonNLLLoss": LayerCase(lambda: nn.PoissonNLLLoss(), _of((4, 3), (4, 3))),
    "GaussianNLLLoss": LayerCase(
        lambda: nn.GaussianNLLLoss(),
        (Operand((4, 3)), Operand((4, 3)), Operand((4, 3), limits=(0.5, 2.0))),
    ),
    "MarginRankingLoss": LayerCase(
        lambda: nn.MarginRankingLoss(),
        (Operand((4,)), Operand((4,)), Operand(fixed=[1, -1, 1, -1])),
    ),
    "CosineEmbeddingLoss": LayerCase(
        lambda: nn.CosineEmbeddingLoss(),
        (Operand((4, 3)), Operand((4, 3)), Operand(fixed=[1, -1, 1, -1])),
    ),
    "TripletMarginLoss": LayerCase(lambda: nn.TripletMarginLoss(), _of((4, 3), (4, 3), (4, 3))),
    "ContrastiveLoss": LayerCase(
        lambda: nn.ContrastiveLoss(),
        (Operand((4, 3)), Operand((4, 3)), Operand(fixed=[1, 0, 1, 0])),
    ),
    "Bilinear": LayerCase(lambda: nn.Bilinear(3, 2, 4), _of((5, 3), (5, 2))),
    "CosineSimilarity": LayerCase(lambda: nn.CosineSimilarity(), _of((5, 3), (5, 3))),
    "PairwiseDistance": LayerCase(lambda: nn.PairwiseDistance(), _of((5, 3), (5, 3))),
    "GaussianNoise": LayerCase(lambda: nn.GaussianNoise(0.5, generator=_generator()), _of((6, 5))),
    "GaussianDropout": LayerCase(
        lambda: nn.GaussianDropout(0.3, generator=_generator()), _of((6, 5))
    ),
    "AlphaDropout": LayerCase(lambda: nn.AlphaDropout(0.3, generator=_generator()), _of((6, 5))),
    "Reshape": LayerCase(lambda: nn.Reshape(5, -1), _of((3, 2, 5))),
    "Permute": LayerCase(lambda: nn.Permute(0, 2, 1), _of((3, 2, 5))),
    "Unflatten": LayerCase(lambda: nn.Unflatten(1, (2, -1)), _of((3, 6))),
    "Lambda": LayerCase(lambda: nn.Lambda(pydl.square), _of((3, 5))),
    "TimeDistributed": LayerCase(lambda: nn.TimeDistributed(nn.Linear(5, 3)), _of((3, 2, 5))),
    "FeatureExtractor": LayerCase(
        lambda: nn.FeatureExtractor(nn.Sequential(nn.Linear(5, 4), nn.Tanh()), ["0", "1"]),
        _of((6, 5)),
        call=lambda layer, x: list(layer(x).values()),
    ),
    "ParameterList": LayerCase(
        lambda: nn.ParameterList([pydl.ones((5,)), pydl.ones((5,))]),
        _of((3, 5)),
        call=lambda parameters, x: x * parameters[0] + parameters[1],
    ),
    "ParameterDict": LayerCase(
        lambda: nn.ParameterDict({"scale": pydl.ones((5,)), "shift": pydl.ones((5,))}),
        _of((3, 5)),
        call=lambda parameters, x: x * parameters["scale"] + parameters["shift"],
    ),
    "LazyLinear": LayerCase(lambda: _made(nn.LazyLinear(3), (2, 5)), _of((6, 5))),
    **{
        f"Lazy{name}{n}d": LayerCase(
            lambda name=name, options=options, n=n: _made(
                getattr(nn, f"Lazy{name}{n}d")(*options), IMAGES[n]
            ),
            _of(IMAGES[n]),
        )
        for n in IMAGES
        for name, options in (("Conv", (3, 3)), ("ConvTranspose", (3, 2)), ("BatchNorm", ()))
    },
    "CTCLoss": LayerCase(
        lambda: nn.CTCLoss(zero_infinity=True),
        (
            Operand((5, 2, 4)),
            Operand(fixed=[[1, 2, 2], [1, 1, 1]]),
            Operand(fixed=[5, 4]),
            Operand(fixed=[2, 3]),
        ),
        orders=1,
    ),
}

# Names of `nn` that are no layers to be called.
NO_LAYERS = {
    *("AveragedModel", "Buffer", "Module", "Parameter", "functional", "init", "update_bn", "utils"),
    *("add_penalty", "has_penalties", "penalty"),
    *("add_constraint", "apply_constraints", "has_constraints"),
    *("MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm"),  # functions on parameters
}


def names_without_a_case() -> set[str]:
    """Layers of the package that are missing here."""
    return set(nn.__all__) - NO_LAYERS - set(LAYERS)
