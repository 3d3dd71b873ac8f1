"""Vocabularies: order, limits, unknown tokens, files."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydl.text import CharacterTokenizer, NGramTokenizer, Vocabulary, WordTokenizer

COUNTS = {"b": 2, "a": 2, "c": 5, "z": 1}


class TestContent:
    def test_order_is_by_count_then_by_code_points(self):
        expected = ("<pad>", "<unk>", "c", "a", "b", "z")
        assert Vocabulary(COUNTS).tokens == expected
        assert Vocabulary(dict(reversed(COUNTS.items()))).tokens == expected
        assert Vocabulary(iter("zccbacabcc")).tokens == expected

    def test_limits(self):
        assert Vocabulary(COUNTS, min_count=2).tokens[2:] == ("c", "a", "b")
        assert Vocabulary(COUNTS, max_size=4).tokens == ("<pad>", "<unk>", "c", "a")
        assert Vocabulary(COUNTS, max_size=2).tokens == ("<pad>", "<unk>")

    def test_special_tokens(self):
        vocabulary = Vocabulary({"a": 1, "<bos>": 9}, special_tokens=["<bos>", "<eos>"])
        assert vocabulary.tokens == ("<pad>", "<unk>", "<bos>", "<eos>", "a")
        assert (vocabulary.padding_index, vocabulary.unknown_index) == (0, 1)
        assert vocabulary.special_count == 4
        bare = Vocabulary({"a": 1}, padding=None, unknown=None)
        assert bare.tokens == ("a",) and bare.padding_index is bare.unknown_index is None

    def test_empty(self):
        assert len(Vocabulary({}, padding=None, unknown=None)) == 0
        assert Vocabulary([]).encode([]).tolist() == [] and Vocabulary([]).decode([]) == []

    @pytest.mark.parametrize(
        "tokenizer",
        [WordTokenizer(), CharacterTokenizer(), str.split, NGramTokenizer(list, (1, 2))],
    )
    def test_from_documents(self, tokenizer):
        texts = ["Мир мир!", "", "می\u200cروم 北京 北", "a\ud800b a"]
        lists = [tokenizer(text) for text in texts]
        expected = Vocabulary([token for tokens in lists for token in tokens])
        assert Vocabulary.from_documents(iter(texts), tokenizer) == expected
        assert Vocabulary.from_documents(lists) == expected
        assert len(Vocabulary.from_documents(texts, tokenizer, max_size=3)) == 3


class TestNumbers:
    vocabulary = Vocabulary(COUNTS)

    def test_encode_and_decode(self):
        ids = self.vocabulary.encode(["a", "nothing", "c"])
        assert ids.dtype == np.int64 and ids.tolist() == [3, 1, 2]
        for given_ids in (ids, ids.tolist(), iter(ids.tolist()), ids.astype(np.uint8)):
            assert self.vocabulary.decode(given_ids) == ["a", "<unk>", "c"]
        assert self.vocabulary["a"] == 3 and self.vocabulary["nothing"] == 1
        assert "a" in self.vocabulary and "nothing" not in self.vocabulary

    @given(st.lists(st.text()))
    def test_known_tokens_come_back(self, tokens):
        vocabulary = Vocabulary(tokens, unknown=None)
        assert vocabulary.decode(vocabulary.encode(tokens)) == tokens

    def test_without_unknown_token(self):
        with pytest.raises(KeyError, match="'nothing' is none of the 5 tokens"):
            Vocabulary(COUNTS, unknown=None).encode(["a", "nothing"])

    @pytest.mark.parametrize("bad", [-1, 6])
    def test_out_of_range(self, bad):
        with pytest.raises(IndexError, match="ids reach outside the 6 tokens"):
            self.vocabulary.decode([0, bad])

    @pytest.mark.parametrize("bad", [[0.0], [[1]]])
    def test_no_numbers(self, bad):
        with pytest.raises(ValueError, match="expected ids \\(T,\\) of integers"):
            self.vocabulary.decode(bad)


class TestFiles:
    def test_save_and_load(self, tmp_path):
        for number, vocabulary in enumerate(
            [
                Vocabulary(["می\u200cروم", "\ud800", "\n", "", "👍"], special_tokens=["<eos>"]),
                Vocabulary([], padding=None, unknown=None),
            ]
        ):
            path = tmp_path / f"{number}.json"
            vocabulary.save(path)
            for other in (Vocabulary.load(path), pickle.loads(pickle.dumps(vocabulary))):
                assert other == vocabulary and other.special_count == vocabulary.special_count
                assert other.unknown_index == vocabulary.unknown_index

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"format": None}, "line 1: expected the format"),
            ({"tokens": ["<pad>", "<unk>", "a", "a"]}, "different strings .* got 'a' at 3"),
            ({"tokens": "abc"}, "expected a list at 'tokens'"),
            ({"special_count": 99}, "expected a number at 'special_count'"),
            ({"unknown": "c"}, "expected a special token at 'unknown'"),
        ],
    )
    def test_malformed(self, tmp_path, change, message):
        path = tmp_path / "vocabulary.json"
        Vocabulary(COUNTS).save(path)
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
        with pytest.raises(ValueError, match=f"vocabulary.json.*{message}"):
            Vocabulary.load(path)
        path.write_text("[]\n")
        with pytest.raises(ValueError, match="line 1: expected the format"):
            Vocabulary.load(path)


def test_errors():
    with pytest.raises(TypeError, match="expected counts or tokens, got str"):
        Vocabulary("text")
    with pytest.raises(TypeError, match="expected tokens as str, got bytes"):
        Vocabulary([b"a"])
    with pytest.raises(TypeError, match="expected a list of tokens, got one str"):
        Vocabulary(COUNTS).encode("text")
    with pytest.raises(TypeError, match="expected special_tokens as a list"):
        Vocabulary(COUNTS, special_tokens="<eos>")
    with pytest.raises(ValueError, match="expected min_count of at least 1, got 0"):
        Vocabulary(COUNTS, min_count=0)
    with pytest.raises(ValueError, match="expected max_size of at least 2"):
        Vocabulary(COUNTS, max_size=1)
    with pytest.raises(ValueError, match="expected special tokens that differ"):
        Vocabulary(COUNTS, padding="<x>", unknown="<x>")
    with pytest.raises(TypeError, match="expected an iterable of texts, got one str"):
        Vocabulary.from_documents("text", WordTokenizer())
    with pytest.raises(TypeError, match="expected document 0 as a list of tokens, got str"):
        Vocabulary.from_documents(["text"])
    with pytest.raises(TypeError, match="expected document 1 as str, got list"):
        Vocabulary.from_documents(["text", ["a"]], WordTokenizer())
    with pytest.raises(TypeError, match="expected tokens as str, got int"):
        Vocabulary.from_documents([["a", 1]])
    with pytest.raises(TypeError, match="unhashable"):
        hash(Vocabulary(COUNTS))
