"""AlexNet (Krizhevsky, Sutskever and Hinton, "ImageNet classification with ...", 2012)."""

from __future__ import annotations

from pydl import nn
from pydl._core import Tensor
from pydl.models.weights import Path, load_weights
from pydl.training import Model


class AlexNet(Model):
    """Five convolutions and three linear layers, in one column (Krizhevsky, 2014).

    Input (N, 3, H, W), H and W at least 63, 224 in the paper; output logits (N, num_classes).

    Parameters
    ----------
    num_classes : int, default 1000
    dropout : float, default 0.5
        Probability with which inputs of the first two linear layers are dropped.
    local_response_norm : bool, default False
        Whether the first two convolutions are followed by `LocalResponseNorm`, as in 2012; the
        single column does without. It has no parameters.

    Examples
    --------
    >>> model = AlexNet(num_classes=10)
    >>> model.classifier[6]
    Linear(in_features=4096, out_features=10, bias=True)
    """

    def __init__(
        self,
        num_classes: int = 1000,
        dropout: float = 0.5,
        local_response_norm: bool = False,
    ) -> None:
        super().__init__()

        def pool_normalized() -> nn.Module:
            if not local_response_norm:
                return nn.MaxPool2d(3, 2)
            return nn.Sequential(
                # PyTorch's convention, ours as well: alpha is divided by the size.
                nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0),
                nn.MaxPool2d(3, 2),
            )

        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2),
            nn.ReLU(),
            pool_normalized(),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(),
            pool_normalized(),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, num_classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.avgpool(self.features(x))
        logits: Tensor = self.classifier(x.flatten(1))
        return logits


def alexnet(
    num_classes: int = 1000,
    *,
    weights: Path | None = None,
    dropout: float = 0.5,
    local_response_norm: bool = False,
) -> AlexNet:
    """`AlexNet` with weights from a file, if given: 61,100,840 parameters for 1000 classes.

    Parameters
    ----------
    num_classes : int, default 1000
        Logits for each sample.
    weights : str or path, optional
        A file of weights, as for `load_weights`.
    dropout, local_response_norm
        As of `AlexNet`.

    Returns
    -------
    AlexNet
        In training mode.

    Raises
    ------
    OSError, ValueError
        When the file cannot be read, or its weights do not fit; see `load_weights`.

    Examples
    --------
    >>> alexnet(10).features[0].kernel_size
    (11, 11)
    """
    return load_weights(AlexNet(num_classes, dropout, local_response_norm), weights)
