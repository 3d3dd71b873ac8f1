"""Text as numbers: tokenisers, vocabularies, vectorizers, batches of sequences, word vectors."""

from pydl._checked_calls import check_public
from pydl.text.batching import BucketBatchSampler, pad_collate, pad_sequences
from pydl.text.byte_pair_encoding import BytePairEncoding
from pydl.text.indicators import multi_hot, one_hot
from pydl.text.sparse import CSRMatrix
from pydl.text.tokenizers import CharacterTokenizer, NGramTokenizer, WordTokenizer
from pydl.text.vectorizers import CountVectorizer, HashingVectorizer, TfidfVectorizer
from pydl.text.vectors import WordVectors
from pydl.text.vocabulary import Vocabulary

__all__ = [
    "BucketBatchSampler",
    "BytePairEncoding",
    "CSRMatrix",
    "CharacterTokenizer",
    "CountVectorizer",
    "HashingVectorizer",
    "NGramTokenizer",
    "TfidfVectorizer",
    "Vocabulary",
    "WordTokenizer",
    "WordVectors",
    "multi_hot",
    "one_hot",
    "pad_collate",
    "pad_sequences",
]

check_public(globals())
