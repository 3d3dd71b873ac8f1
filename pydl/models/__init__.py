"""Models from the literature: functions that build them, and load weights where a file is given.

Names of functions, modules and parameters are torchvision's where it has the model, so that the
files of its weights load: ``resnet18(weights="resnet18-f37072fd.pth")``. Files may also be
safetensors. All models are `pydl.Model`, which train with `compile` and `fit`.
"""

from pydl._checked_calls import check_public
from pydl.models.alexnet import AlexNet, alexnet
from pydl.models.autoencoder import ConvAutoencoder, conv_autoencoder
from pydl.models.googlenet import (
    GoogLeNet,
    GoogLeNetOutputs,
    auxiliary_cross_entropy,
    googlenet,
)
from pydl.models.lenet import LeNet5, lenet5
from pydl.models.mlp import MLP, mlp
from pydl.models.mobilenet_v1 import MobileNetV1, mobilenet_v1
from pydl.models.mobilenet_v2 import MobileNetV2, mobilenet_v2
from pydl.models.perceptron import Perceptron, perceptron
from pydl.models.resnet import ResNet, resnet18, resnet34, resnet50, resnet101, resnet152
from pydl.models.resnet_cifar import (
    CifarResNet,
    resnet18_cifar,
    resnet20,
    resnet32,
    resnet44,
    resnet56,
)
from pydl.models.unet import UNet, unet
from pydl.models.vgg import (
    VGG,
    vgg11,
    vgg11_bn,
    vgg13,
    vgg13_bn,
    vgg16,
    vgg16_bn,
    vgg19,
    vgg19_bn,
)
from pydl.models.weights import load_weights
from pydl.models.xception import Xception, xception

__all__ = [
    "MLP",
    "VGG",
    "AlexNet",
    "CifarResNet",
    "ConvAutoencoder",
    "GoogLeNet",
    "GoogLeNetOutputs",
    "LeNet5",
    "MobileNetV1",
    "MobileNetV2",
    "Perceptron",
    "ResNet",
    "UNet",
    "Xception",
    "alexnet",
    "auxiliary_cross_entropy",
    "conv_autoencoder",
    "googlenet",
    "lenet5",
    "load_weights",
    "mlp",
    "mobilenet_v1",
    "mobilenet_v2",
    "perceptron",
    "resnet18",
    "resnet18_cifar",
    "resnet20",
    "resnet32",
    "resnet34",
    "resnet44",
    "resnet50",
    "resnet56",
    "resnet101",
    "resnet152",
    "unet",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
    "xception",
]

check_public(globals())
