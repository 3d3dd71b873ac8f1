"""Datasets to try things on: found on this machine or fetched, and checked."""

from pydl._checked_calls import check_public
from pydl.datasets.austen import load_austen
from pydl.datasets.bible import load_bible_verses
from pydl.datasets.digits import load_digits
from pydl.datasets.fashion_mnist import FASHION_MNIST_CLASSES, load_fashion_mnist
from pydl.datasets.glove import load_glove
from pydl.datasets.japanese_vowels import load_japanese_vowels
from pydl.datasets.movie_reviews import load_movie_reviews
from pydl.datasets.pretrained import find_mobilenet_v2_weights
from pydl.datasets.pronunciations import load_pronunciations
from pydl.datasets.weather import WEATHER_COLUMNS, Weather, load_weather

__all__ = [
    "FASHION_MNIST_CLASSES",
    "WEATHER_COLUMNS",
    "Weather",
    "find_mobilenet_v2_weights",
    "load_austen",
    "load_bible_verses",
    "load_digits",
    "load_fashion_mnist",
    "load_glove",
    "load_japanese_vowels",
    "load_movie_reviews",
    "load_pronunciations",
    "load_weather",
]

check_public(globals())
