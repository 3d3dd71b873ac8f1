"""Byte-pair encoding: what is learned, exact round trips, files."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydl.text import BytePairEncoding
from pydl.text._tokens import split

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))
TEXTS = [
    "the cat sat on the mat, the cats sat there " * 3,
    "aaaa aaaaa aaaaaaa abababab bababa aa" * 2,
    "Мама мыла раму. می\u200cخواهم कमल कमला 北京 北京 北京市 👍👍",
]
byte_level = BytePairEncoding.train(TEXTS, 300)
character_level = BytePairEncoding.train(TEXTS, 320, level="character", special_tokens=["<pad>"])


def learn_slowly(texts, merges, min_count=2):
    """Merges, and the numbers of each piece after them, by counting anew after each merge."""
    counts = Counter(piece for text in texts for piece in split(text, "pieces"))
    pieces = {piece: list(piece.encode()) for piece in counts}
    learned = []
    while len(learned) < merges:
        pairs = Counter()
        for piece, ids in pieces.items():
            for pair in pairwise(ids):
                pairs[pair] += counts[piece]
        best = min(pairs, key=lambda pair: (-pairs[pair], pair), default=None)
        if best is None or pairs[best] < min_count:
            break
        for piece, ids in pieces.items():
            pieces[piece] = merged(ids, best, 256 + len(learned))
        learned.append(best)
    return learned, pieces


def merged(ids, pair, new):
    result, i = [], 0
    while i < len(ids):
        found = tuple(ids[i : i + 2]) == pair
        result.append(new if found else ids[i])
        i += 2 if found else 1
    return result


class TestTraining:
    @pytest.mark.parametrize("texts", [TEXTS, TEXTS[:1], ["ab" * 50], ["a" * 41]])
    @pytest.mark.parametrize("min_count", [1, 2, 5])
    def test_agrees_with_counting_anew(self, texts, min_count):
        merges, pieces = learn_slowly(texts, 60, min_count)
        encoding = BytePairEncoding.train(texts, 256 + 60, min_count=min_count)
        assert encoding.merges == merges
        for piece, ids in pieces.items():
            assert encoding.encode(piece).tolist() == ids

    @given(st.lists(st.text("ab ", max_size=30), max_size=4))
    def test_agrees_on_any_text(self, texts):
        merges, pieces = learn_slowly(texts, 20)
        encoding = BytePairEncoding.train(texts, 276)
        assert encoding.merges == merges
        assert all(encoding.encode(piece).tolist() == ids for piece, ids in pieces.items())

    def test_order_of_texts_makes_no_difference(self):
        assert BytePairEncoding.train(TEXTS[::-1], 300).merges == byte_level.merges
        assert BytePairEncoding.train(iter(TEXTS), 300).merges == byte_level.merges

    def test_size(self):
        assert len(byte_level) == 300 and len(character_level) == 320
        assert len(BytePairEncoding.train(["ab"], 1000)) == 256  # no pair comes twice
        assert len(BytePairEncoding.train([], 256)) == len(BytePairEncoding.train([""], 300)) == 256

    def test_characters_are_not_divided(self):
        assert set("мама北京") <= set(character_level.characters)
        numbers = character_level.encode("мыла北京")
        assert min(numbers) > 256 and "\ufffd" not in "".join(character_level.tokenize("мыла"))


class TestRoundTrip:
    @given(ANY_TEXT)
    def test_any_text(self, text):
        for encoding in (byte_level, character_level):
            ids = encoding.encode(text)
            assert ids.dtype == np.int64 and encoding.decode(ids) == text
            assert encoding.decode(ids.tolist()) == text

    def test_scripts(self):
        for text in [*TEXTS, "", "\ud83d\ude00 alone \udc00", "\x00\n\r\n", "سلام दुनिया 😀"]:
            assert byte_level.decode(byte_level.encode(text)) == text
            assert character_level.decode(character_level.encode(text)) == text

    def test_long_piece(self):
        text = "ab" * 50_000
        ids = byte_level.encode(text)
        assert byte_level.decode(ids) == text and len(ids) < len(text) / 2

    def test_bytes_that_are_no_text(self):
        assert byte_level.decode([0xFF, ord("a")]) == "\ufffda"

    def test_special_tokens(self):
        pad = character_level.token_to_id("<pad>")
        ids = character_level.encode("<pad> cat")
        assert pad == 0 and pad not in ids and character_level.decode(ids) == "<pad> cat"
        assert character_level.decode([*ids, pad]) == "<pad> cat"
        assert character_level.decode([*ids, pad], skip_special_tokens=False) == "<pad> cat<pad>"
        with pytest.raises(KeyError, match="'<eos>' is none of the special tokens"):
            character_level.token_to_id("<eos>")


class TestFiles:
    @pytest.mark.parametrize("encoding", [byte_level, character_level], ids=["byte", "character"])
    def test_save_and_load(self, tmp_path, encoding):
        encoding.save(tmp_path / "bpe.json")
        loaded = BytePairEncoding.load(tmp_path / "bpe.json")
        for other in (loaded, pickle.loads(pickle.dumps(encoding))):
            assert other.merges == encoding.merges and len(other) == len(encoding)
            assert all(np.array_equal(other.encode(t), encoding.encode(t)) for t in TEXTS)
        assert [path.name for path in tmp_path.iterdir()] == ["bpe.json"]

    def test_surrogates_among_the_characters(self, tmp_path):
        encoding = BytePairEncoding.train(["\ud800\ud800"], 257, level="character")
        encoding.save(tmp_path / "bpe.json")
        assert BytePairEncoding.load(tmp_path / "bpe.json").characters == ("\ud800",)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"format": "other"}, "line 1: expected the format"),
            ({"merges": 1}, "expected a list at 'merges'"),
            ({"merges": [[1, 2], [3]]}, "expected two numbers, got .* at merge 1"),
            ({"merges": [[1, True]]}, "expected two numbers, got .* at merge 0"),
            ({"merges": [[1, 999]]}, "expected merge 0 of numbers in"),
            ({"merges": [[-1, 9]]}, "expected merge 0 of numbers in"),
            ({"characters": ["ab"]}, "expected single characters, got 'ab'"),
            ({"characters": ["a", "a"]}, "expected different strings at 'characters'"),
            ({"special_tokens": [3]}, "expected different strings at 'special_tokens'"),
        ],
    )
    def test_malformed(self, tmp_path, change, message):
        path = tmp_path / "bpe.json"
        byte_level.save(path)
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
        with pytest.raises(ValueError, match=f"bpe.json.*{message}"):
            BytePairEncoding.load(path)

    def test_no_json(self, tmp_path):
        path = tmp_path / "bpe.json"
        path.write_text('{"format":\n1,,}')
        with pytest.raises(ValueError, match="bpe.json, line 2: "):
            BytePairEncoding.load(path)
        path.write_bytes(b'{"\xff')
        with pytest.raises(ValueError, match="bpe.json: not UTF-8, at byte 2"):
            BytePairEncoding.load(path)
        with pytest.raises(FileNotFoundError):
            BytePairEncoding.load(tmp_path / "none.json")


def test_errors():
    train = BytePairEncoding.train
    with pytest.raises(TypeError, match="expected an iterable of texts, got one str"):
        train("text", 300)
    with pytest.raises(TypeError, match="expected document 1 as str, got bytes"):
        train(["a", b"b"], 300)
    with pytest.raises(ValueError, match="expected vocab_size of at least 257"):
        train(["text"], 256, special_tokens=["<pad>"])
    with pytest.raises(ValueError, match='expected level "byte" or "character", got \'word\''):
        train(["text"], 300, level="word")
    with pytest.raises(ValueError, match="expected min_count of at least 1"):
        train(["text"], 300, min_count=0)
    with pytest.raises(ValueError, match="expected special tokens that differ"):
        train(["text"], 300, special_tokens=["<a>", "<a>"])
    with pytest.raises(TypeError, match="expected special_tokens as a list, got one str"):
        train(["text"], 300, special_tokens="<a>")
    with pytest.raises(TypeError, match="expected text as str, got bytes"):
        byte_level.encode(b"text")
    for bad in (-1, 300):
        with pytest.raises(IndexError, match="ids reach outside the 300 tokens"):
            byte_level.decode([bad])
