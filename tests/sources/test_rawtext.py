import gzip

import pytest

from pipeline.errors import SourceError
from pipeline.sources.rawtext import lines, read_bytes, utf8


def test_a_gzip_file_is_read_as_what_it_holds(tmp_path):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"one\n"))
    assert read_bytes(path) == b"one\n"


def test_a_truncated_gzip_file_is_named(tmp_path):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"one\n" * 1000)[:-12])
    with pytest.raises(SourceError, match=r"a\.txt\.gz: the gzip file is truncated"):
        read_bytes(path)


def test_a_file_that_only_claims_to_be_gzip_is_named(tmp_path):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(b"plain text")
    with pytest.raises(SourceError, match="not a gzip file"):
        read_bytes(path)


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_an_empty_file_is_named(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"")
    with pytest.raises(SourceError, match="the file is empty"):
        read_bytes(path)


def test_a_gzip_file_of_nothing_is_empty(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b""))
    with pytest.raises(SourceError, match="the file is empty"):
        read_bytes(path)


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("\ufeffcaf\u00e9".encode(), "utf-8"),
        ("\ufeffcaf\u00e9".encode(), "UTF8"),
        ("caf\u00e9".encode("utf-8-sig"), "utf-8-sig"),
        ("caf\u00e9".encode("utf-16"), "utf-16"),
        ("\ufeffcaf\u00e9".encode("utf-16-le"), "utf-16-le"),
        ("caf\u00e9".encode("cp1252"), "cp1252"),
        ("caf\u00e9".encode("latin-1"), "latin-1"),
    ],
)
def test_every_encoding_becomes_utf8_without_byte_order_mark(data, encoding):
    assert utf8(data, encoding, where="f") == "caf\u00e9".encode()


@pytest.mark.parametrize(
    ("data", "encoding"), [(b"a\n\x81\nb", "cp1252"), (b"a\n\xc3\xa9\nb", "ascii")]
)
def test_a_byte_outside_the_encoding_spoils_its_line_alone(data, encoding):
    assert lines(utf8(data, encoding, where="f")).to_list() == ["a", None, "b"]


def test_utf16_under_another_name_is_recognised():
    with pytest.raises(SourceError, match="byte order mark of UTF-16") as error:
        utf8("a".encode("utf-16"), "utf-8", where="f")
    assert error.value.remedy == "set `encoding: utf-16` on the card"


def test_an_unknown_encoding_gets_the_nearest_name():
    with pytest.raises(SourceError, match="no encoding named 'cp125'") as error:
        utf8(b"a", "cp125", where="f")
    assert error.value.remedy in ("did you mean 'cp1252'?", "did you mean 'cp1251'?")


def test_a_codec_that_is_no_encoding_is_refused():
    with pytest.raises(SourceError, match="'zlib' is no text encoding"):
        utf8(b"a", "zlib", where="f")


def test_odd_bytes_of_utf16_are_an_error():
    with pytest.raises(SourceError, match="not utf-16"):
        utf8(b"\xff\xfea", "utf-16", where="f")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a", ["a"]),
        (b"a\n", ["a"]),
        (b"a\n\n", ["a", ""]),
        (b"\n", [""]),
        (b"a\r\nb\r\n", ["a", "b"]),
        (b"a\rb\n", ["a\rb"]),
        ("a\u2028b\x85c\x0bd\n".encode(), ["a\u2028b\x85c\x0bd"]),
        (b"\n\nx", ["", "", "x"]),
        (b"a\n\xff\nc", ["a", None, "c"]),
        (b"ab\xc3\n\xa9c", [None, None]),
    ],
)
def test_lines_end_at_line_feeds_alone(data, expected):
    assert lines(data).to_list() == expected
