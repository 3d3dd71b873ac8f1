"""Datasets that come in packages: places, archives, formats, and what the real files hold."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import os
import pickle
import struct
import sys
import tarfile
import threading
import zipfile
import zlib

import numpy as np
import pytest

from pydl.data import SeriesWindows
from pydl.datasets import (
    WEATHER_COLUMNS,
    austen,
    bible,
    glove,
    japanese_vowels,
    load_austen,
    load_bible_verses,
    load_glove,
    load_japanese_vowels,
    load_movie_reviews,
    load_pronunciations,
    load_weather,
    movie_reviews,
    packages,
    pronunciations,
    weather,
)
from pydl.datasets.archives import read_members
from pydl.datasets.files import DataFile, user_cache
from pydl.datasets.packages import PackagedFiles
from pydl.datasets.r_data import read_lazy_load, read_serialized
from pydl.datasets.sword import plain_text, read_verses
from pydl.datasets.ts_format import parse_ts

LOADERS = {
    load_austen: austen,
    load_glove: glove,
    load_japanese_vowels: japanese_vowels,
    load_movie_reviews: movie_reviews,
    load_pronunciations: pronunciations,
    load_weather: weather,
}


@pytest.fixture
def nothing_installed(monkeypatch, tmp_path):
    """No data anywhere but where a test puts them."""
    monkeypatch.delenv("PYDL_DATA", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def pinned(name, content):
    return DataFile(name, hashlib.sha256(content).hexdigest())


def wheel(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def tar(members, mode="w:gz"):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def debian(members):
    archive = b"!<arch>\n"
    parts = {
        b"debian-binary": b"2.0\n",
        b"control.tar.xz": b"odd",
        b"data.tar.xz": tar(members, "w:xz"),
    }
    for name, content in parts.items():
        archive += b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name, 0, 0, 0, b"100644", len(content))
        archive += content + b"\n" * (len(content) % 2)
    return archive


class TestArchives:
    MEMBERS = {"./folder/a": b"first", "./folder/b": b"second" * 100}  # noqa: RUF012

    @pytest.mark.parametrize("make", [wheel, tar, debian])
    def test_members(self, make):
        archive = make(self.MEMBERS)
        assert read_members(archive, ["./folder/b", "./folder/a"]) == [b"second" * 100, b"first"]
        with pytest.raises(ValueError, match="folder/c"):
            read_members(archive, ["./folder/c"])

    @pytest.mark.parametrize("make", [wheel, tar, debian])
    @pytest.mark.parametrize("part", [0.3, 0.6])
    def test_truncated(self, make, part):
        archive = make(self.MEMBERS)
        with pytest.raises(ValueError, match="zip file|tar file|Debian package"):
            read_members(archive[: int(len(archive) * part)], ["./folder/b"])

    @pytest.mark.parametrize("content", [b"", b"PK", b"!<arch>\n", b"!<arch>\n" + b"x" * 60, b"no"])
    def test_something_else(self, content):
        with pytest.raises(ValueError, match="zip file|tar file|Debian package"):
            read_members(content, ["a"])

    def test_a_folder_is_no_file(self):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w") as archive:
            folder = tarfile.TarInfo("folder")
            folder.type = tarfile.DIRTYPE
            archive.addfile(folder)
        with pytest.raises(ValueError, match="folder is not a file"):
            read_members(file.getvalue(), ["folder"])


CONTENTS = {"one.txt": b"1" * 10, "deep/two.txt": b"2" * 20}


@pytest.mark.usefixtures("nothing_installed")
class TestPackagedFiles:
    def source(self, make=wheel, name="words-1.0-py3-none-any.whl", **options):
        archive = make({f"words_package/data/{key}": value for key, value in CONTENTS.items()})
        settings = {
            "package": pinned(name, archive),
            "url": "http://127.0.0.1:9/",
            "prefix": "words_package/data",
            "how_to_get": "Ask for it.",
            **options,
        }
        files = [pinned(*item) for item in CONTENTS.items()]
        return PackagedFiles("words", "words", files, **settings), archive

    def write(self, folder, contents):
        for name, content in contents.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        return folder

    @pytest.mark.parametrize(
        "place", ["argument", "PYDL_DATA", "below PYDL_DATA", "cache", "system"]
    )
    @pytest.mark.parametrize("packed", [False, True])
    def test_places(self, place, packed, tmp_path, monkeypatch):
        folder = tmp_path / ("cache/pydl/words" if place == "cache" else "data")
        source, archive = self.source(system=str(folder) if place == "system" else None)
        contents = {source.package.name: archive} if packed else CONTENTS
        self.write(folder / "words" if place == "below PYDL_DATA" else folder, contents)
        if "PYDL_DATA" in place:
            monkeypatch.setenv("PYDL_DATA", str(folder))
        found = source.read(folder if place == "argument" else None, fetch=False)
        assert found == list(CONTENTS.values())

    def test_file_of_the_package(self, tmp_path):
        for make, name in ((wheel, "a.whl"), (tar, "a.tar.gz"), (debian, "a.deb")):
            source, archive = self.source(make, name)
            self.write(tmp_path, {name: archive})
            assert source.read(tmp_path / name) == list(CONTENTS.values())

    def test_installed_package_is_not_imported(self, tmp_path, monkeypatch):
        folder = tmp_path / "site"
        self.write(folder / "words_package" / "data", CONTENTS)
        self.write(folder / "words_package", {"__init__.py": b"raise RuntimeError"})
        monkeypatch.syspath_prepend(str(folder))
        assert self.source()[0].read() == list(CONTENTS.values())

    def test_fetches_once_into_the_cache(self):
        source, archive = self.source()
        asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(archive)

            def log_message(self, *_):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Handler) as running:
            thread = threading.Thread(target=running.serve_forever)
            thread.start()
            source.url = f"http://127.0.0.1:{running.server_port}/folder/"
            try:
                assert source.read() == source.read() == list(CONTENTS.values())
            finally:
                running.shutdown()
                thread.join()
        assert asked == ["/folder/words-1.0-py3-none-any.whl"]
        kept = [path for path in (user_cache() / "words").rglob("*") if path.is_file()]
        assert sorted(path.name for path in kept) == ["one.txt", "two.txt"]

    def test_nowhere(self, tmp_path):
        source, _ = self.source()
        with pytest.raises(FileNotFoundError) as failure:
            source.read()
        message = str(failure.value)
        assert "words: neither one.txt, deep/two.txt nor words-1.0-py3-none-any.whl in" in message
        assert str(user_cache() / "words") in message and message.endswith("Ask for it.")
        assert "Fetching from http://127.0.0.1:9/ failed" in message
        for options in ({"path": tmp_path / "elsewhere"}, {"fetch": False}):
            with pytest.raises(FileNotFoundError) as failure:
                source.read(**options)
            assert "Fetching" not in str(failure.value)

    def test_other_content(self, tmp_path):
        source, archive = self.source()
        self.write(tmp_path, {**CONTENTS, "one.txt": b"other"})
        with pytest.raises(ValueError, match="one.txt: expected SHA-256"):
            source.read(tmp_path)
        self.write(tmp_path / "packed", {source.package.name: archive + b"x"})
        with pytest.raises(ValueError, match=".whl: expected SHA-256"):
            source.read(tmp_path / "packed")
        archive = wheel({f"words_package/data/{key}": b"other" for key in CONTENTS})
        source.package = pinned(source.package.name, archive)
        self.write(tmp_path / "packed", {source.package.name: archive})
        with pytest.raises(ValueError, match="data/one.txt: expected SHA-256"):
            source.read(tmp_path / "packed")

    @pytest.mark.parametrize("load", [*LOADERS, load_bible_verses])
    def test_each_loader_says_how_to_get_the_data(self, load, tmp_path):
        pytest.importorskip({load_weather: "pandas", load_glove: "pyarrow"}.get(load, "pydl"))
        with pytest.raises(FileNotFoundError, match="and set PYDL_DATA to the folder with"):
            load(tmp_path)
        source = LOADERS[load]._SOURCE if load in LOADERS else bible._SPANISH
        (tmp_path / source.package.name).write_bytes(b"other")
        if load is load_bible_verses:
            (tmp_path / bible._ENGLISH.package.name).write_bytes(b"other")
        with pytest.raises(ValueError, match="expected SHA-256"):
            load(tmp_path)

    def test_hints(self):
        assert "pip download --no-deps a==1" in packages.wheel_hint("a==1")
        assert "apt-get download b" in packages.debian_hint("b")


# R's format, written: flags and type, length, elements.


def r_text(text, bits=1 << 18):
    if text is None:
        return struct.pack(">ii", 9, -1)
    content = text.encode("latin-1" if bits == 1 << 14 else "utf-8")
    return struct.pack(">ii", 9 | bits, len(content)) + content


def r_vector(kind, values, names=None, symbol=None):
    """Write a vector; `symbol` is how the name of the attribute is written."""
    flags = kind | (0x200 if names else 0)
    content = struct.pack(">ii", flags, len(values))
    if kind == 13:
        content += struct.pack(f">{len(values)}i", *values)
    elif kind == 14:
        content += struct.pack(f">{len(values)}d", *values)
    elif kind == 16:
        content += b"".join(map(r_text, values))
    else:
        content += b"".join(values)
    if names:
        symbol = symbol or struct.pack(">i", 1) + r_text("names")
        content += struct.pack(">i", 0x402) + symbol + r_vector(16, names)
        content += struct.pack(">i", 254)
    return content


def r_data(body, version=3):
    header = b"X\n" + struct.pack(">iii", version, 0x40201, 0x30500)
    return header + (struct.pack(">i", 5) + b"UTF-8" if version == 3 else b"") + body


def lazy_load(objects):
    """Write a lazy-load database; return index and database."""
    database, places = b"", []
    for content in objects.values():
        packed = struct.pack(">I", len(content)) + zlib.compress(content)
        places.append(r_vector(13, [len(database), len(packed)]))
        database += packed
    inner = r_vector(19, places, list(objects))
    reference = struct.pack(">i", (1 << 8) | 255)
    index = r_vector(19, [inner, r_vector(13, [1])], ["variables", "compressed"], reference)
    return gzip.compress(r_data(index)), database


class TestRData:
    def test_vectors(self):
        assert read_serialized(r_data(struct.pack(">i", 254))) is None
        assert read_serialized(r_data(r_vector(13, [1, -2]), version=2)) == [1, -2]
        assert read_serialized(r_data(r_vector(14, [0.5]))) == [0.5]
        named = r_vector(19, [r_vector(16, ["é", None, ""]), r_vector(13, [])], ["a", "b"])
        assert read_serialized(r_data(named)) == {"a": ["é", None, ""], "b": []}
        latin = struct.pack(">ii", 16, 1) + r_text("é", 1 << 14)
        assert read_serialized(r_data(latin)) == ["é"]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"A\n", "binary XDR"),
            (r_data(b"", version=4), "format 2 or 3, got 4"),
            (r_data(struct.pack(">i", 3)), "type 3 are not read"),
            (r_data(struct.pack(">ii", 13, 1 << 30)), "vector of 1073741824 elements"),
            (r_data(struct.pack(">ii", 13, -1)), "vector of -1 elements"),
            (r_data(struct.pack(">i", (5 << 8) | 255)), "damaged"),
            (r_data(struct.pack(">iiB", 9, 1, 0xFF)), "damaged"),
            (r_data(struct.pack(">ii", 19, 1) * 5000 + b"\0" * 20000), "damaged|not read"),
        ],
    )
    def test_malformed(self, content, message):
        with pytest.raises(ValueError, match=message):
            read_serialized(content)

    def test_every_truncation_is_noticed(self):
        content = r_data(r_vector(19, [r_vector(16, ["text"])], ["a"]))
        for size in range(len(content)):
            with pytest.raises(ValueError, match="R data"):
                read_serialized(content[:size])

    def test_lazy_load_database(self):
        index, database = lazy_load(
            {"x": r_data(r_vector(16, ["a", "b"])), "y": r_data(r_vector(13, [3]))}
        )
        assert read_lazy_load(index, database) == {"x": ["a", "b"], "y": [3]}
        for broken in ((index[:-9], database), (index, database[:-3]), (database, index)):
            with pytest.raises(ValueError, match="R lazy-load database: damaged"):
                read_lazy_load(*broken)
        with pytest.raises(ValueError, match=r"expected \d+ bytes, got"):
            read_lazy_load(index, b"\1" + database[1:])
        with pytest.raises(ValueError, match="damaged"):
            read_lazy_load(gzip.compress(r_data(r_vector(13, [1]))), database)

    def test_novels(self, tmp_path, monkeypatch):
        texts = {name: [title, "", "The end"] for name, title in austen._TITLES.items()}
        objects = {name: r_data(r_vector(16, lines)) for name, lines in sorted(texts.items())}
        files = dict(zip(("Rdata.rdx", "Rdata.rdb"), lazy_load(objects), strict=True))
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        monkeypatch.setattr(austen._SOURCE, "files", [pinned(*item) for item in files.items()])
        novels = load_austen(tmp_path)
        assert list(novels) == list(austen._TITLES.values())
        assert novels["Emma"] == "Emma\n\nThe end\n"


def written_testament(verses):
    """Write verses of one testament in two blocks; return the contents of the three files."""
    blocks = [verses[: len(verses) // 2], verses[len(verses) // 2 :]]
    index, places, texts = b"", b"", b""
    for number, block in enumerate(blocks):
        content = "".join(block).encode()
        packed = zlib.compress(content)
        index += struct.pack("<III", len(texts), len(packed), len(content))
        texts += packed
        start = 0
        for verse in block:
            size = len(verse.encode())
            places += struct.pack("<IIH", number, start, size)
            start += size
    return index, places, texts


class TestSword:
    VERSES = (
        "",
        "<title>Génesis</title>",
        "EN el <w lemma='1'>principio</w>",
        "¶ Y la tierra &amp; ",
    )

    def test_verses(self):
        assert read_verses(*written_testament(list(self.VERSES))) == list(self.VERSES)
        assert read_verses(b"", struct.pack("<IIH", 0, 0, 0), b"") == [""]

    @pytest.mark.parametrize("file", [0, 1, 2])
    def test_damaged(self, file):
        for cut in (1, 5, 12):
            files = list(written_testament(list(self.VERSES)))
            files[file] = files[file][:-cut]
            with pytest.raises(ValueError, match="SWORD text: damaged"):
                read_verses(*files)
        index, places, texts = written_testament(list(self.VERSES))
        for place in (struct.pack("<IIH", 9, 0, 1), struct.pack("<IIH", 0, 1, 999)):
            with pytest.raises(ValueError, match="damaged"):
                read_verses(index, places + place, texts)
        with pytest.raises(ValueError, match="a block has"):
            read_verses(index[:8] + struct.pack("<I", 1) + index[12:], places, texts)

    @pytest.mark.parametrize(
        ("verse", "text"),
        [
            ("¶ And <w lemma='strong:H1'>God</w>  said ", "And God said"),
            (
                "the earth.<note place='foot'><reference>1.4 </reference>or: land</note>",
                "the earth.",
            ),
            ("<title level='1'>Psalm</title><lb/> LORD &lt;x&gt;", "LORD <x>"),
            ("<note n='1'/>kept <title>gone</title>", "kept"),
            ("my name \\nd JEHOVAH</divineName> was \\+nd*", "my name JEHOVAH was"),
            ("<chapter n='1' osisID='Gen.1' sID='Gen.1'/> ", ""),
        ],
    )
    def test_plain_text(self, verse, text):
        assert plain_text(verse) == text

    def test_pairs(self, tmp_path, monkeypatch):
        languages = {
            "_ENGLISH": ["", "<chapter/>", "In the beginning", "And the earth", "Extra", "And"],
            "_SPANISH": ["", "<chapter/>", "EN el principio", "Y la tierra", "", "Y"],
        }
        for constant, verses in languages.items():
            source = getattr(bible, constant)
            contents = [*written_testament(verses[:4]), *written_testament(verses[4:])]
            files = [pinned(f.name, c) for f, c in zip(source.files, contents, strict=True)]
            for file, content in zip(files, contents, strict=True):
                (tmp_path / file.name).parent.mkdir(exist_ok=True)
                (tmp_path / file.name).write_bytes(content)
            monkeypatch.setattr(source, "files", files)
        assert load_bible_verses(tmp_path) == [
            ("In the beginning", "EN el principio"),
            ("And the earth", "Y la tierra"),
            ("And", "Y"),
        ]


TS = """#A comment: of the dataset
@problemName Small
@timeStamps false
@dimensions 2
@classLabel true 1 2
@data
1,2,?:4,5,6:2

-1.5:1e3:1
"""


class TestTsFormat:
    def test_series_and_labels(self):
        series, labels = parse_ts(TS)
        assert [one.shape for one in series] == [(3, 2), (1, 2)] and labels == ["2", "1"]
        np.testing.assert_array_equal(series[0], [[1, 4], [2, 5], [np.nan, 6]])
        assert series[1].tolist() == [[-1.5, 1000.0]] and series[0].dtype == np.float32

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("4,5,6:2", "4,5,6", "line 7: expected 2 channels and a label, got 1"),
            ("4,5,6:2", "4,5:2", r"line 7: channels have lengths \[3, 2\]"),
            ("4,5,6:2", "4,5,x:2", "line 7: could not convert"),
            ("4,5,6:2", "4,5,6:3", "line 7: the label '3' is not in the header"),
            ("@data", "#", "line 7: expected @data"),
            ("@classLabel true 1 2", "@classLabel false", "expected @classLabel true"),
            ("@timeStamps false", "@timeStamps true", "expected @timeStamps false"),
            ("@data\n1,2,?:4,5,6:2\n\n-1.5:1e3:1", "@data", "at least one series"),
        ],
    )
    def test_malformed(self, old, new, message):
        with pytest.raises(ValueError, match=message):
            parse_ts(TS.replace(old, new))

    def test_speakers(self, tmp_path, monkeypatch):
        files = [pinned(file.name, TS.encode()) for file in japanese_vowels._SOURCE.files]
        monkeypatch.setattr(japanese_vowels._SOURCE, "files", files)
        for file in files:
            (tmp_path / file.name).write_text(TS)
        (train, labels), (test, _) = load_japanese_vowels(tmp_path)
        assert len(train) == len(test) == 2 and labels.tolist() == [1, 0]
        assert labels.dtype == np.int64


class TestTexts:
    def test_reviews(self, tmp_path, monkeypatch):
        text = "1\t2.25\tA good one, clichés and all\n2\t-0.5\tDull\n"
        archive = tar({movie_reviews._MEMBER: text.encode()})
        file = pinned("hutto_ICWSM_2014.tar.gz", archive)
        monkeypatch.setattr(movie_reviews._SOURCE, "files", [file])
        (tmp_path / file.name).write_bytes(archive)
        texts, ratings = load_movie_reviews(tmp_path / file.name)
        assert texts == ["A good one, clichés and all", "Dull"] and ratings.tolist() == [2.25, -0.5]

    @pytest.mark.parametrize("line", ["2\t0.5", "2\tgood\tA", ""])
    def test_malformed_reviews(self, line):
        with pytest.raises(ValueError, match="line 2: expected number, rating and text"):
            movie_reviews._parse(f"1\t1\tA\n{line}\n3\t1\tB\n")

    def test_pronunciations(self, tmp_path, monkeypatch):
        text = "a AH0\na(2) EY1\na's EY1 Z\naalen AE1 L AH0 N # place, german\n"
        file = pinned("cmudict.dict", text.encode())
        monkeypatch.setattr(pronunciations._SOURCE, "files", [file])
        (tmp_path / file.name).write_text(text)
        words = load_pronunciations(tmp_path)
        assert words == {"a": [("AH0",), ("EY1",)], "aalen": [("AE1", "L", "AH0", "N")]}
        assert list(load_pronunciations(tmp_path, letters_only=False)) == ["a", "a's", "aalen"]
        for line in ("word", "", "# AH0"):
            with pytest.raises(ValueError, match="line 2: expected a word and phonemes"):
                pronunciations._parse(f"a AH0\n{line}\n", True)


class TestTables:
    def test_weather_on_a_grid(self, tmp_path, monkeypatch):
        pandas = pytest.importorskip("pandas")
        table = pandas.DataFrame({name: [50.0, 32.0, 41.0, 68.0] for name in weather._METRIC})
        table["origin"] = ["EWR", "JFK", "EWR", "EWR"]
        hours = (7, 8, 6, 10)
        table["time_hour"] = [f"2013-01-01T{hour:02}:00:00Z" for hour in hours]
        file_path = tmp_path / "weather.pkl.compress"
        table.to_pickle(file_path, compression="xz")
        file = pinned(file_path.name, file_path.read_bytes())
        monkeypatch.setattr(weather._SOURCE, "files", [file])
        found = load_weather(file_path)
        assert list(found) == ["EWR", "JFK"] and found["EWR"].values.shape == (5, 9)
        assert len(WEATHER_COLUMNS) == 9
        times, values = found["EWR"]
        assert str(times[0]) == "2013-01-01T06" and str(times[-1]) == "2013-01-01T10"
        np.testing.assert_allclose(values[:, 0], [5, 10, np.nan, np.nan, 20], rtol=1e-6)
        np.testing.assert_allclose(values[0, 4:7], [18.32864, 18.32864, 1041.4], rtol=1e-6)

    def test_a_pickle_that_is_not_the_pinned_one_is_not_opened(self, tmp_path):
        pytest.importorskip("pandas")

        class Harm:
            def __reduce__(self):
                return os.mkdir, (str(tmp_path / "harm"),)

        import lzma

        (tmp_path / "weather.pkl.compress").write_bytes(lzma.compress(pickle.dumps(Harm())))
        with pytest.raises(ValueError, match="expected SHA-256"):
            load_weather(tmp_path)
        assert not (tmp_path / "harm").exists()

    @pytest.mark.parametrize(
        ("load", "module"), [(load_weather, "pandas"), (load_glove, "pyarrow")]
    )
    def test_what_to_install(self, load, module, monkeypatch):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(ImportError, match=r"pip install 'pydl-core\[datasets\]'"):
            load()

    def test_word_vectors(self, tmp_path, monkeypatch):
        pyarrow = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        vectors, words = np.arange(6, dtype=np.float32).reshape(3, 2), ["the", "of", "é"]
        np.save(tmp_path / "glove_6B_50d_emb.npy", vectors)
        parquet.write_table(pyarrow.table({"index": words}), tmp_path / "glove_6B_index.parquet")
        names = [file.name for file in glove._SOURCE.files]
        files = [pinned(name, (tmp_path / name).read_bytes()) for name in names]
        monkeypatch.setattr(glove._SOURCE, "files", files)
        found = load_glove(tmp_path)
        assert found[0] == words and found[1].tolist() == vectors.tolist()


def real(load):
    """The real data, or skip."""
    try:
        return load(fetch=False)
    except (FileNotFoundError, ImportError) as error:
        pytest.skip(str(error))


class TestTheRealFiles:
    def test_austen(self):
        novels = real(load_austen)
        assert sum(map(len, novels.values())) == 4_025_028 and len(novels) == 6
        assert novels["Emma"].startswith("EMMA\n\nBy Jane Austen\n")
        assert novels["Persuasion"].rstrip().endswith("Finis")

    def test_weather_and_its_persistence_error(self):
        airports = real(load_weather)
        assert {name: len(one.times) for name, one in airports.items()} == {
            "EWR": 8730,
            "JFK": 8730,
            "LGA": 8730,
        }
        rows = sum(int(np.isfinite(one.values[:, 8]).sum()) for one in airports.values())
        assert rows == 26_115
        for horizon, expected in ((1, 0.73), (24, 3.09)):
            windows = SeriesWindows(
                airports["EWR"].values, 1, horizon=horizon, inputs=[0], targets=0
            )
            x, y = windows.get_batch(np.arange(len(windows)))
            error = np.abs(x.numpy()[:, -1, 0] - y.numpy()).mean()
            assert round(float(error), 2) == expected

    def test_japanese_vowels(self):
        (train, train_labels), (test, test_labels) = real(load_japanese_vowels)
        assert np.bincount(train_labels).tolist() == [30] * 9 and len(train) == 270
        assert np.bincount(test_labels).tolist() == [31, 35, 88, 44, 29, 24, 40, 50, 29]
        lengths = [len(one) for one in train + test]
        assert (min(lengths), max(lengths)) == (7, 29)
        assert all(one.shape[1] == 12 and np.isfinite(one).all() for one in train + test)

    def test_movie_reviews(self):
        texts, ratings = real(load_movie_reviews)
        assert len(texts) == len(ratings) == 10_605
        assert -4 <= ratings.min() < ratings.max() <= 4
        assert round(float((ratings < 0).mean()), 3) == 0.502

    def test_pronunciations(self):
        words = real(load_pronunciations)
        assert len(words) == 117_493
        assert words["tomato"][0] == ("T", "AH0", "M", "EY1", "T", "OW2")
        phonemes = {phoneme for found in words.values() for one in found for phoneme in one}
        assert len(phonemes) == 69

    def test_bible_verses(self):
        pairs = real(load_bible_verses)
        assert len(pairs) == 31_084
        assert pairs[0][0] == "In the beginning God created the heaven and the earth."
        assert pairs[0][1] == "EN el principio crió Dios los cielos y la tierra."
        assert not any(set("<>¶\\&") & set(text) for pair in pairs for text in pair)

    def test_glove(self):
        words, vectors = real(load_glove)
        assert vectors.shape == (400_000, 50) and vectors.dtype == np.float32
        assert len(words) == 400_000 and words[:3] == ["the", ",", "."]
        place = {word: i for i, word in enumerate(words[:50_000])}
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        paris, france, banana = (unit[place[word]] for word in ("paris", "france", "banana"))
        assert paris @ france > 0.7 > 0.3 > paris @ banana
