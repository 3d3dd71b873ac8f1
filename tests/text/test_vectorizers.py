"""Counts, TF-IDF and hashing: against scikit-learn where it is installed, and by hand."""

from __future__ import annotations

import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pydl.text import (
    CharacterTokenizer,
    CountVectorizer,
    CSRMatrix,
    HashingVectorizer,
    NGramTokenizer,
    TfidfVectorizer,
    WordTokenizer,
)
from pydl.text._tokens import murmurhash3

DOCUMENTS = [
    "The red rose, the white rose, and the thorn.",
    "",
    "Красная роза, роза белая",
    "گل سرخ می\u200cخواهم گل",
    "लाल गुलाब लाल",
    "红玫瑰 红 👍",
    "a rose is a rose is a rose; the rose it is don't a\ud800b",
]
OTHERS = ["the unknown rose", "", "红 роза роза new"]
TOKENIZERS = {
    "words": WordTokenizer(),
    "characters": CharacterTokenizer(),
    "function": str.split,
    "n-grams": NGramTokenizer(WordTokenizer(), (1, 2)),
}


def encodable(texts):
    """scikit-learn hashes no surrogates."""
    return [text.replace("\ud800", " ") for text in texts]


@pytest.fixture
def sklearn():
    return pytest.importorskip("sklearn.feature_extraction.text")


def analyzer(tokenizer, ngram_range):
    return NGramTokenizer(tokenizer, ngram_range)


def check_equal(ours, theirs, tolerance=0.0):
    assert ours.shape == theirs.shape
    theirs.sum_duplicates()
    np.testing.assert_array_equal(ours.indptr, theirs.indptr)
    np.testing.assert_array_equal(ours.indices, theirs.indices)
    np.testing.assert_allclose(ours.data, theirs.data, rtol=tolerance)


@pytest.mark.parametrize("tokenizer", TOKENIZERS.values(), ids=TOKENIZERS.keys())
@pytest.mark.parametrize("ngram_range", [(1, 1), (1, 3), (2, 2)])
class TestAgainstScikitLearn:
    def test_counts(self, sklearn, tokenizer, ngram_range):
        ours = CountVectorizer(tokenizer, ngram_range=ngram_range)
        theirs = sklearn.CountVectorizer(analyzer=analyzer(tokenizer, ngram_range))
        check_equal(ours.fit_transform(DOCUMENTS), theirs.fit_transform(DOCUMENTS))
        check_equal(ours.transform(OTHERS), theirs.transform(OTHERS))
        assert ours.vocabulary_ == theirs.vocabulary_
        assert ours.get_feature_names_out().tolist() == theirs.get_feature_names_out().tolist()

    @pytest.mark.parametrize(
        "options",
        [{}, {"norm": "l1"}, {"norm": None}, {"smooth_idf": False}, {"sublinear_tf": True}],
        ids=str,
    )
    def test_tfidf(self, sklearn, tokenizer, ngram_range, options):
        ours = TfidfVectorizer(tokenizer, ngram_range=ngram_range, dtype=np.float64, **options)
        theirs = sklearn.TfidfVectorizer(analyzer=analyzer(tokenizer, ngram_range), **options)
        check_equal(ours.fit_transform(DOCUMENTS), theirs.fit_transform(DOCUMENTS), 1e-14)
        check_equal(ours.transform(OTHERS), theirs.transform(OTHERS), 1e-14)
        np.testing.assert_allclose(ours.idf_, theirs.idf_, rtol=1e-15)

    @pytest.mark.parametrize("signed", [True, False])
    @pytest.mark.parametrize("features", [2**20, 64, 1, 2**31 - 1])
    def test_hashing(self, sklearn, tokenizer, ngram_range, signed, features):
        options = {"n_features": features, "alternate_sign": signed}
        ours = HashingVectorizer(tokenizer, ngram_range=ngram_range, dtype=np.float64, **options)
        theirs = sklearn.HashingVectorizer(analyzer=analyzer(tokenizer, ngram_range), **options)
        texts = encodable(DOCUMENTS)
        check_equal(ours.transform(texts), theirs.transform(texts), 1e-14)


@pytest.mark.parametrize(
    "options",
    [
        {"min_df": 2},
        {"min_df": 0.3},
        {"max_df": 1},
        {"max_df": 0.3},
        {"min_df": 0.0, "max_df": 3},
        {"binary": True},
        {"max_features": 3},
        {"max_features": 1000},
    ],
    ids=str,
)
def test_choice_of_terms(sklearn, options):
    for kind in ("CountVectorizer", "TfidfVectorizer"):
        ours = {"CountVectorizer": CountVectorizer, "TfidfVectorizer": TfidfVectorizer}[kind](
            dtype=np.float64, **options
        )
        theirs = getattr(sklearn, kind)(analyzer=WordTokenizer(), dtype=np.float64, **options)
        texts = [*DOCUMENTS, "rose the rose"]
        check_equal(ours.fit_transform(texts), theirs.fit_transform(texts), 1e-14)


class TestCounts:
    @settings(max_examples=50)
    @given(st.lists(st.text("abЖ漢 👍'\u200c\ud800"), min_size=1))
    def test_any_texts(self, texts):
        lists = [WordTokenizer()(text) for text in texts]
        terms = sorted({token for tokens in lists for token in tokens})
        if not terms:
            return
        vectorizer = CountVectorizer()
        dense = vectorizer.fit_transform(texts).toarray()
        assert vectorizer.get_feature_names_out().tolist() == terms
        expected = [[Counter(tokens)[term] for term in terms] for tokens in lists]
        assert dense.tolist() == expected == vectorizer.transform(texts).toarray().tolist()

    def test_many_terms(self):
        texts = [" ".join(f"t{i}" for i in range(n, 20_000, 7)) for n in range(7)]
        vectorizer = CountVectorizer().fit(texts)
        assert len(vectorizer.vocabulary_) == 20_000
        assert vectorizer.transform(iter(texts)).data.tolist() == [1] * 20_000

    def test_of_equally_frequent_terms_the_first_are_kept(self):
        names = CountVectorizer(max_features=2).fit(["d c b a a"]).get_feature_names_out()
        assert names.tolist() == ["a", "b"]

    def test_a_subclass_is_asked_for_its_tokens(self):
        class Reversed(WordTokenizer):
            def __call__(self, text):
                return [token[::-1] for token in super().__call__(text)]

        assert CountVectorizer(Reversed()).fit(["abc"]).vocabulary_ == {"cba": 0}

    def test_runs_longer_than_any_text(self):
        assert CountVectorizer(ngram_range=(1, 10**12)).fit(["a b", "c"]).vocabulary_.keys() == {
            "a", "b", "c", "a b",
        }  # fmt: skip

    def test_dtype_and_binary(self):
        matrix = CountVectorizer(binary=True, dtype=np.float32).fit_transform(["a a b", "b"])
        assert matrix.dtype == np.float32 and matrix.toarray().tolist() == [[1, 1], [0, 1]]

    @pytest.mark.parametrize("kind", [CountVectorizer, TfidfVectorizer, HashingVectorizer])
    def test_no_documents_to_transform_and_pickle(self, kind):
        vectorizer = kind().fit(DOCUMENTS)
        assert vectorizer.transform([]).shape[0] == 0
        copy = pickle.loads(pickle.dumps(vectorizer))
        assert (copy.transform(OTHERS).toarray() == vectorizer.transform(OTHERS).toarray()).all()

    def test_nothing_to_keep(self):
        for texts in ([], ["", "..."]):
            with pytest.raises(ValueError, match="fit: no terms to keep in"):
                CountVectorizer().fit(texts)


def test_tfidf_by_hand():
    matrix = TfidfVectorizer().fit_transform(["a b b", "a"])
    weights = np.array([1.0, 2.0 * (np.log(3 / 2) + 1.0)])
    assert matrix.dtype == np.float32
    np.testing.assert_allclose(matrix[0], weights / np.linalg.norm(weights), rtol=1e-6)
    np.testing.assert_allclose(matrix[1], [1.0, 0.0])
    plain = TfidfVectorizer(norm=None, smooth_idf=False).fit(["a b b", "a"])
    np.testing.assert_allclose(plain.idf_, [1.0, np.log(2.0) + 1.0])


def test_murmurhash3():
    # Published with other implementations of MurmurHash3 x86_32.
    known = {b"": 0, b"hello": 0x248BFA47, b"hello, world": 0x149BBB7F, b"test": 0xBA6BD213}
    known[b"The quick brown fox jumps over the lazy dog"] = 0x2E4FF723
    assert {data: murmurhash3(data) for data in known} == known


class TestMatrix:
    matrix = CountVectorizer().fit_transform(DOCUMENTS)
    dense = matrix.toarray()

    def test_to_scipy(self):
        pytest.importorskip("scipy")
        sparse = self.matrix.to_scipy()
        assert sparse.format == "csr" and np.shares_memory(sparse.data, self.matrix.data)
        np.testing.assert_array_equal(sparse.toarray(), self.dense)

    @pytest.mark.parametrize(
        "rows", [slice(1, 4), [6, 0, 0], np.array([True] * 3 + [False] * 4), []]
    )
    def test_rows(self, rows):
        if isinstance(rows, list):
            rows = np.array(rows, dtype=int)
        part = self.matrix[rows]
        assert isinstance(part, CSRMatrix)
        np.testing.assert_array_equal(part.toarray(), self.dense[rows])

    def test_row(self):
        np.testing.assert_array_equal(self.matrix[-1], self.dense[-1])
        with pytest.raises(IndexError):
            self.matrix[7]

    def test_is_a_dataset(self):
        from pydl.data import DataLoader

        batches = [batch.numpy() for batch in DataLoader(self.matrix, 3)]
        np.testing.assert_array_equal(np.concatenate(batches), self.dense)

    def test_entries_of_one_place_add_up(self):
        matrix = CSRMatrix(np.array([1, 2]), np.array([0, 0]), np.array([0, 2]), (1, 2))
        assert matrix.toarray(np.float32).tolist() == [[3.0, 0.0]]

    @pytest.mark.parametrize(
        ("indices", "indptr"),
        [([0], [0, 2]), ([0, 5], [0, 2]), ([0, -1], [0, 2]), ([0, 1], [1, 2]), ([0, 1], [0, 3, 2])],
    )
    def test_that_does_not_fit(self, indices, indptr):
        with pytest.raises(ValueError, match="CSRMatrix: "):
            shape = (len(indptr) - 1, 2)
            CSRMatrix(np.ones(2), np.array(indices), np.array(indptr), shape)


class TestErrors:
    @pytest.mark.parametrize("kind", [CountVectorizer, TfidfVectorizer, HashingVectorizer])
    @pytest.mark.parametrize("verb", ["fit_transform", "transform"])
    def test_documents(self, kind, verb):
        function = getattr(kind().fit(["text"]), verb)
        with pytest.raises(TypeError, match=f"{kind.__name__}.*an iterable of texts, got one str"):
            function("text")
        with pytest.raises(TypeError, match="expected an iterable of texts, got one int"):
            function(3)
        with pytest.raises(TypeError, match="expected document 1 as str, got bytes"):
            function(["text", b"bytes"])
        with pytest.raises(TypeError, match="expected document 0 as str, got NoneType"):
            function([None])

    @pytest.mark.parametrize("kind", [CountVectorizer, TfidfVectorizer])
    def test_before_fit(self, kind):
        for call in (
            lambda v: v.transform(["a"]),
            lambda v: v.vocabulary_,
            lambda v: v.get_feature_names_out(),
        ):
            with pytest.raises(RuntimeError, match=f"{kind.__name__}: call fit first"):
                call(kind())
        with pytest.raises(RuntimeError, match="call fit first"):
            TfidfVectorizer().idf_  # noqa: B018

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"ngram_range": (2, 1)}, "expected ngram_range"),
            ({"min_df": 0}, "expected min_df"),
            ({"max_df": 1.5}, "expected max_df"),
            ({"max_features": 0}, "expected max_features of at least 1"),
        ],
    )
    def test_options(self, options, message):
        with pytest.raises(ValueError, match=f"CountVectorizer: {message}"):
            CountVectorizer(**options)

    def test_norms_and_features(self):
        for kind in (TfidfVectorizer, HashingVectorizer):
            with pytest.raises(ValueError, match=f"{kind.__name__}: expected norm"):
                kind(norm="max")
        for bad in (0, 2**31):
            with pytest.raises(ValueError, match="expected n_features from 1 to"):
                HashingVectorizer(n_features=bad)
        with pytest.raises(TypeError, match="expected tokenizer to be a function"):
            CountVectorizer("word")
        with pytest.raises(TypeError, match="expected tokens as str, got int"):
            CountVectorizer(lambda text: [1]).fit(["a"])
