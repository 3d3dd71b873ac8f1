"""One example of every layer that pydl has, for tests that walk all of them."""

from __future__ import annotations

import inspect

import numpy as np

import pydl
from pydl import nn

VECTORS, CLASSES = (6, 4), (6, 8)
LINES, IMAGES, VOLUMES = (2, 4, 8), (2, 4, 8, 8), (2, 4, 6, 6, 6)
SEQUENCES = (3, 5, 4)


def _floats(shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def _integers(shape, below):
    return np.random.default_rng(0).integers(0, below, shape)


def _probabilities(shape):
    return np.random.default_rng(0).uniform(0.1, 0.9, shape).astype("float32")


def _labels(shape):
    """Some classes of each row, then -1."""
    labels = np.full(shape, -1)
    labels[:, :2] = _integers((shape[0], 2), shape[1])
    return labels


_BY_AXES = {1: LINES, 2: IMAGES, 3: VOLUMES}


def _pooled(axes):
    pool = getattr(nn, f"MaxPool{axes}d")(2, return_indices=True)
    values, indices = pool(pydl.asarray(_floats(_BY_AXES[axes])))
    return values.numpy(), indices.numpy()


def _encoder_layer(kind):
    return kind(4, 2, 8)


# Name: (what makes the layer, NumPy inputs).
EXAMPLES = {
    "Embedding": (lambda: nn.Embedding(7, 4), (_integers((3, 5), 7),)),
    "EmbeddingBag": (lambda: nn.EmbeddingBag(7, 4), (_integers((8,), 7), np.array([0, 3]))),
    "Linear": (lambda: nn.Linear(4, 3), (_floats(VECTORS),)),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), (_floats(IMAGES),)),
    "LayerNorm": (lambda: nn.LayerNorm(4), (_floats(VECTORS),)),
    "RMSNorm": (lambda: nn.RMSNorm(4), (_floats(VECTORS),)),
    "LocalResponseNorm": (lambda: nn.LocalResponseNorm(2), (_floats(IMAGES),)),
    "ChannelShuffle": (lambda: nn.ChannelShuffle(2), (_floats(IMAGES),)),
    "Unfold": (lambda: nn.Unfold(3, padding=1, stride=2), (_floats(IMAGES),)),
    "Fold": (lambda: nn.Fold((4, 5), 2), (_floats((2, 8, 12)),)),
    "PixelShuffle": (lambda: nn.PixelShuffle(2), (_floats(IMAGES),)),
    "PixelUnshuffle": (lambda: nn.PixelUnshuffle(2), (_floats(IMAGES),)),
    "Upsample": (lambda: nn.Upsample(scale_factor=2), (_floats(IMAGES),)),
    "UpsamplingBilinear2d": (lambda: nn.UpsamplingBilinear2d(scale_factor=2), (_floats(IMAGES),)),
    "UpsamplingNearest2d": (lambda: nn.UpsamplingNearest2d(scale_factor=2), (_floats(IMAGES),)),
    "SeparableConv2d": (lambda: nn.SeparableConv2d(4, 3, 3), (_floats(IMAGES),)),
    "RNN": (lambda: nn.RNN(4, 3, 2, batch_first=True), (_floats(SEQUENCES),)),
    "LSTM": (lambda: nn.LSTM(4, 3, 2, batch_first=True), (_floats(SEQUENCES),)),
    "GRU": (lambda: nn.GRU(4, 3, 2, batch_first=True), (_floats(SEQUENCES),)),
    "RNNCell": (lambda: nn.RNNCell(4, 3), (_floats(VECTORS),)),
    "LSTMCell": (lambda: nn.LSTMCell(4, 3), (_floats(VECTORS),)),
    "GRUCell": (lambda: nn.GRUCell(4, 3), (_floats(VECTORS),)),
    "MultiheadAttention": (
        lambda: nn.MultiheadAttention(4, 2, batch_first=True),
        (_floats(SEQUENCES), _floats(SEQUENCES), _floats(SEQUENCES)),
    ),
    "LearnedPositionalEncoding": (
        lambda: nn.LearnedPositionalEncoding(4, 9),
        (_floats(SEQUENCES),),
    ),
    "SinusoidalPositionalEncoding": (
        lambda: nn.SinusoidalPositionalEncoding(4, 9),
        (_floats(SEQUENCES),),
    ),
    "TransformerEncoderLayer": (
        lambda: _encoder_layer(nn.TransformerEncoderLayer),
        (_floats(SEQUENCES),),
    ),
    "TransformerDecoderLayer": (
        lambda: _encoder_layer(nn.TransformerDecoderLayer),
        (_floats(SEQUENCES), _floats(SEQUENCES)),
    ),
    "TransformerEncoder": (
        lambda: nn.TransformerEncoder(_encoder_layer(nn.TransformerEncoderLayer), 2),
        (_floats(SEQUENCES),),
    ),
    "TransformerDecoder": (
        lambda: nn.TransformerDecoder(_encoder_layer(nn.TransformerDecoderLayer), 2),
        (_floats(SEQUENCES), _floats(SEQUENCES)),
    ),
    "CrossEntropyLoss": (nn.CrossEntropyLoss, (_floats(CLASSES), _integers((6,), 8))),
    "MSELoss": (nn.MSELoss, (_floats(VECTORS), _probabilities(VECTORS))),
    "L1Loss": (nn.L1Loss, (_floats(VECTORS), _probabilities(VECTORS))),
    "BCELoss": (nn.BCELoss, (_probabilities(VECTORS), _probabilities(VECTORS).round())),
    "BCEWithLogitsLoss": (
        nn.BCEWithLogitsLoss,
        (_floats(VECTORS), _probabilities(VECTORS).round()),
    ),
    "NLLLoss": (nn.NLLLoss, (np.log(_probabilities(CLASSES)), _integers((6,), 8))),
    "SoftmaxFocalLoss": (nn.SoftmaxFocalLoss, (_floats(CLASSES), _integers((6,), 8))),
    "MultiMarginLoss": (nn.MultiMarginLoss, (_floats(CLASSES), _integers((6,), 8))),
    "MultiLabelMarginLoss": (nn.MultiLabelMarginLoss, (_floats(CLASSES), _labels(CLASSES))),
    "MultiLabelSoftMarginLoss": (
        nn.MultiLabelSoftMarginLoss,
        (_floats(VECTORS), _probabilities(VECTORS).round()),
    ),
    "SigmoidFocalLoss": (
        nn.SigmoidFocalLoss,
        (_floats(VECTORS), _probabilities(VECTORS).round()),
    ),
    "DiceLoss": (nn.DiceLoss, (_probabilities(VECTORS), _probabilities(VECTORS).round())),
    "HingeLoss": (nn.HingeLoss, (_floats(VECTORS), _integers(VECTORS, 2))),
    "SquaredHingeLoss": (nn.SquaredHingeLoss, (_floats(VECTORS), _integers(VECTORS, 2))),
    "SoftMarginLoss": (nn.SoftMarginLoss, (_floats(VECTORS), _integers(VECTORS, 2) * 2 - 1)),
    "SmoothL1Loss": (nn.SmoothL1Loss, (_floats(VECTORS), _probabilities(VECTORS))),
    "HuberLoss": (nn.HuberLoss, (_floats(VECTORS), _probabilities(VECTORS))),
    "LogCoshLoss": (nn.LogCoshLoss, (_floats(VECTORS), _probabilities(VECTORS))),
    "MSLELoss": (nn.MSLELoss, (_floats(VECTORS), _probabilities(VECTORS))),
    "MAPELoss": (nn.MAPELoss, (_floats(VECTORS), _probabilities(VECTORS))),
    "KLDivLoss": (nn.KLDivLoss, (np.log(_probabilities(VECTORS)), _probabilities(VECTORS))),
    "PoissonNLLLoss": (
        lambda: nn.PoissonNLLLoss(log_input=False),
        (_probabilities(VECTORS), _probabilities(VECTORS) * 4),
    ),
    "GaussianNLLLoss": (
        nn.GaussianNLLLoss,
        (_floats(VECTORS), _probabilities(VECTORS), _probabilities(VECTORS)),
    ),
    "HingeEmbeddingLoss": (
        nn.HingeEmbeddingLoss,
        (_probabilities(VECTORS), _integers(VECTORS, 2) * 2 - 1),
    ),
    "MarginRankingLoss": (
        nn.MarginRankingLoss,
        (_floats(VECTORS), _probabilities(VECTORS), _integers(VECTORS, 2) * 2 - 1),
    ),
    "CosineEmbeddingLoss": (
        nn.CosineEmbeddingLoss,
        (_floats(VECTORS), _probabilities(VECTORS), _integers((6,), 2) * 2 - 1),
    ),
    "TripletMarginLoss": (
        nn.TripletMarginLoss,
        (_floats(VECTORS), _probabilities(VECTORS), _probabilities(VECTORS) ** 2),
    ),
    "ContrastiveLoss": (
        nn.ContrastiveLoss,
        (_floats(VECTORS) / 9, _probabilities(VECTORS) / 9, np.array([1, 0, 0, 1, 0, 0])),
    ),
    "Bilinear": (lambda: nn.Bilinear(4, 4, 3), (_floats(VECTORS), _probabilities(VECTORS))),
    "CosineSimilarity": (nn.CosineSimilarity, (_floats(VECTORS) / 9, _probabilities(VECTORS))),
    "PairwiseDistance": (nn.PairwiseDistance, (_floats(VECTORS), _probabilities(VECTORS))),
    "CTCLoss": (
        nn.CTCLoss,
        (
            np.log(_probabilities((8, 2, 5))),
            _integers((2, 3), 4) + 1,
            np.array([8, 2]),  # the second is too short for its target
            np.array([3, 3]),
        ),
    ),
    "GaussianNoise": (lambda: nn.GaussianNoise(0.5), (_floats(VECTORS),)),
    "GaussianDropout": (nn.GaussianDropout, (_floats(VECTORS),)),
    "AlphaDropout": (nn.AlphaDropout, (_floats(VECTORS),)),
    "Reshape": (lambda: nn.Reshape(2, -1), (_floats(VECTORS),)),
    "Permute": (lambda: nn.Permute(0, 2, 1), (_floats(SEQUENCES),)),
    "Unflatten": (lambda: nn.Unflatten(1, (2, 2)), (_floats(VECTORS),)),
    "Lambda": (lambda: nn.Lambda(pydl.square), (_floats(VECTORS),)),
    "TimeDistributed": (lambda: nn.TimeDistributed(nn.Linear(4, 3)), (_floats(SEQUENCES),)),
    "Sequential": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(20, 2)), (_floats(SEQUENCES),)),
}
for _axes, _shape in _BY_AXES.items():
    _inputs = (_floats(_shape),)
    EXAMPLES |= {
        f"BatchNorm{_axes}d": (lambda a=_axes: getattr(nn, f"BatchNorm{a}d")(4), _inputs),
        f"InstanceNorm{_axes}d": (
            lambda a=_axes: getattr(nn, f"InstanceNorm{a}d")(4, track_running_stats=True),
            _inputs,
        ),
        f"Conv{_axes}d": (lambda a=_axes: getattr(nn, f"Conv{a}d")(4, 2, 3), _inputs),
        f"ConvTranspose{_axes}d": (
            lambda a=_axes: getattr(nn, f"ConvTranspose{a}d")(4, 2, 3),
            _inputs,
        ),
        f"MaxUnpool{_axes}d": (
            lambda a=_axes: getattr(nn, f"MaxUnpool{a}d")(2),
            _pooled(_axes),
        ),
        f"ConstantPad{_axes}d": (
            lambda a=_axes: getattr(nn, f"ConstantPad{a}d")(1, 0.5),
            _inputs,
        ),
    }
    for _kind in ("CircularPad", "ReflectionPad", "ReplicationPad", "ZeroPad"):
        EXAMPLES[f"{_kind}{_axes}d"] = (lambda k=f"{_kind}{_axes}d": getattr(nn, k)(1), _inputs)
    for _kind in ("MaxPool", "AvgPool"):
        EXAMPLES[f"{_kind}{_axes}d"] = (
            lambda k=f"{_kind}{_axes}d": getattr(nn, k)(3, 2, 1),
            _inputs,
        )
    for _kind in ("AdaptiveAvgPool", "AdaptiveMaxPool"):
        EXAMPLES[f"{_kind}{_axes}d"] = (lambda k=f"{_kind}{_axes}d": getattr(nn, k)(2), _inputs)
    EXAMPLES[f"GlobalAvgPool{_axes}d"] = (getattr(nn, f"GlobalAvgPool{_axes}d"), _inputs)
    EXAMPLES[f"Dropout{_axes}d"] = (getattr(nn, f"Dropout{_axes}d"), _inputs)
EXAMPLES["Threshold"] = (lambda: nn.Threshold(0.25, -1.0), (_floats(VECTORS),))
_ELEMENTWISE = (
    "ELU GELU SELU BinaryStep LeakyReLU LogSoftmax Mish ReLU ReLU6 Sigmoid SiLU Softmax Softplus "
    "Softsign Tanh Dropout Flatten Identity CELU GLU Hardshrink Hardsigmoid Hardswish Hardtanh "
    "LogSigmoid PReLU RReLU Softshrink Tanhshrink"
)
for _kind in _ELEMENTWISE.split():
    EXAMPLES[_kind] = (getattr(nn, _kind), (_floats(VECTORS),))

# Modules that compute nothing themselves, or what another one does.
WITHOUT_FORWARD = {
    *("AveragedModel", "FeatureExtractor", "Module", "ModuleList", "ModuleDict"),
    *("ParameterList", "ParameterDict"),
    # They become other layers at the first call.
    *(
        f"Lazy{kind}{axes}d"
        for kind in ("Conv", "ConvTranspose", "BatchNorm")
        for axes in (1, 2, 3)
    ),
    "LazyLinear",
}


def names():
    """Names of all public modules, examples or not: a test compares them."""
    return [
        name
        for name in nn.__all__
        if inspect.isclass(getattr(nn, name)) and issubclass(getattr(nn, name), nn.Module)
    ]
