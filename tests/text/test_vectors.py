"""Word vectors: GloVe's text, NumPy files, and matrices for vocabularies."""

from __future__ import annotations

import numpy as np
import pytest

from pydl.text import Vocabulary, WordVectors

TEXT = "the 0.5 -1 2e-1\nстол 1 2 3\nمی\u200cروم 4 5 6\n. . . 7 8 9\nthe 0 0 0\n"
WORDS = ("the", "стол", "می\u200cروم", ". . .", "the")
ROWS = np.array([[0.5, -1, 0.2], [1, 2, 3], [4, 5, 6], [7, 8, 9], [0, 0, 0]], np.float32)


@pytest.fixture
def glove(tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


class TestText:
    @pytest.mark.parametrize("header", ["", "5 3\n"])
    @pytest.mark.parametrize("end", ["\n", "\r\n", " \n"])
    def test_read(self, glove, header, end):
        glove.write_bytes((header + TEXT).replace("\n", end).encode())
        vectors = WordVectors.from_text(glove)
        assert vectors.words == WORDS and vectors.dimension == 3 and len(vectors) == 5
        np.testing.assert_array_equal(vectors.vectors, ROWS)
        assert vectors["the"].tolist() == ROWS[0].tolist()  # the first of equal words
        assert "стол" in vectors and "table" not in vectors

    def test_some_words(self, glove):
        vectors = WordVectors.from_text(glove, words=Vocabulary(["стол", "nothing"]))
        assert vectors.words == ("стол",) and vectors.vectors.tolist() == [[1, 2, 3]]
        none = WordVectors.from_text(glove, words=set())
        assert none.vectors.shape == (0, 3)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (b"a 1 2\nb 1\n", "line 2: expected a word and 2 numbers"),
            (b"a 1 2\nb 1 x\n", "line 2: could not convert"),
            (b"a 1 2\n\n", "line 2: expected a word and 2 numbers"),
            (b"3 2\na\n", "line 2: expected a word and its numbers"),
            (b"a 1 2\n\xff 1 2\n", "line 2: the word is not UTF-8"),
        ],
    )
    def test_malformed(self, glove, text, message):
        glove.write_bytes(text)
        with pytest.raises(ValueError, match=f"glove.txt, {message}"):
            WordVectors.from_text(glove)

    def test_empty(self, glove):
        glove.write_bytes(b"")
        assert len(WordVectors.from_text(glove)) == 0


class TestNpy:
    @pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8"])
    def test_read(self, tmp_path, dtype):
        np.save(tmp_path / "v.npy", np.arange(4).reshape(2, 2).astype(dtype))
        (tmp_path / "w.txt").write_bytes("گل\r\nrose\n".encode())
        vectors = WordVectors.from_npy(tmp_path / "v.npy", tmp_path / "w.txt")
        assert vectors.words == ("گل", "rose") and vectors.vectors.dtype == np.float32
        assert vectors["rose"].tolist() == [2, 3]

    def test_malformed(self, tmp_path):
        path, words = tmp_path / "v.npy", tmp_path / "w.txt"
        words.write_bytes(b"a\n\xff\n")
        np.save(path, np.zeros((2, 2)))
        with pytest.raises(ValueError, match="w.txt, line 2: the word is not UTF-8"):
            WordVectors.from_npy(path, words)
        words.write_bytes(b"a\n")
        with pytest.raises(ValueError, match="w.txt, line 1: the words end here, but .* has 2"):
            WordVectors.from_npy(path, words)
        for array in (np.zeros(2), np.array([["a"]]), np.array([[None]])):
            np.save(path, array, allow_pickle=True)
            with pytest.raises(ValueError, match="v.npy: "):
                WordVectors.from_npy(path, words)
        path.write_bytes(b"nothing")
        with pytest.raises(ValueError, match="v.npy: "):
            WordVectors.from_npy(path, words)


class TestMatrix:
    vectors = WordVectors(WORDS, ROWS)
    vocabulary = Vocabulary(["стол", "стол", "the", "nothing"])

    def test_zeros(self):
        matrix, found = self.vectors.matrix(self.vocabulary)
        assert matrix.dtype == np.float32 and found == pytest.approx(2 / 3)
        zeros = [0.0, 0.0, 0.0]
        assert self.vocabulary.tokens[2:] == ("стол", "nothing", "the")
        expected = [zeros, zeros, ROWS[1].tolist(), zeros, ROWS[0].tolist()]
        assert matrix.tolist() == expected

    def test_normal(self):
        vocabulary = Vocabulary([f"w{i}" for i in range(2000)])
        matrix, found = self.vectors.matrix(vocabulary, missing="normal", seed=0)
        assert found == 0.0 and matrix[0].tolist() == [0, 0, 0] and (matrix[1:] != 0).all()
        assert matrix.mean() == pytest.approx(ROWS.mean(), abs=0.2)
        assert matrix.std() == pytest.approx(ROWS.std(), rel=0.05)
        again, _ = self.vectors.matrix(vocabulary, missing="normal", seed=0)
        np.testing.assert_array_equal(matrix, again)

    def test_special_tokens_are_not_counted(self):
        vectors = WordVectors(["<unk>", "<pad>", "a"], np.ones((3, 2)))
        matrix, found = vectors.matrix(Vocabulary(["a"]))
        assert found == 1.0 and matrix.tolist() == [[0, 0], [1, 1], [1, 1]]
        assert vectors.matrix(Vocabulary([]))[1] == 0.0

    def test_errors(self):
        with pytest.raises(ValueError, match='expected missing "zeros" or "normal", got \'ones\''):
            self.vectors.matrix(self.vocabulary, missing="ones")
        with pytest.raises(ValueError, match="expected vectors \\(1, D\\), got shape \\(2, 2\\)"):
            WordVectors(["a"], np.zeros((2, 2)))
        with pytest.raises(KeyError, match="nothing"):
            self.vectors["nothing"]
