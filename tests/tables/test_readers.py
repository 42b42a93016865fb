"""What is in a file is what arrives in X and y, or an error says where it is not."""

import csv
import gzip
import io
import os
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltaloop.errors import FileFormatError, InvalidInputError, InvalidTypeError
from deltaloop.inputs import unpacking
from deltaloop.tables import Table, delimited, dialects, read
from deltaloop.tables.cells import COLUMN, is_missing
from deltaloop.tables.svmlight import read_svmlight
from splitting import split

FLOWERS = "length,colour,species\n1.5,red,rose\n2,white,lily\n2.5,red,rose\n"


def save(folder, name, **arrays):
    """Write a .npz, or a .npy when there is one array called `only`."""
    path = folder / name
    if name.endswith(".npy"):
        np.save(path, arrays["only"])
    else:
        np.savez(path, **arrays)
    return path


def text(*cells):
    return np.array(cells, dtype=object)


# --- delimited text ---


def test_columns_are_float64_or_text(write):
    table = read(write(FLOWERS))
    assert table.columns == ("length", "colour", "species") and table.n_rows == 3 and table.named
    assert table.values[0].dtype == np.float64 and table.values[0].tolist() == [1.5, 2, 2.5]
    assert table.values[1].tolist() == ["red", "white", "red"]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("a,b\n1,2\n3,4\n", "t.csv"),
        ("a;b\n1;2\n3;4\n", "t.csv"),
        ("a\tb\n1\t2\n3\t4\n", "t.csv"),
        ("a\tb\n1\t2\n3\t4\n", "t.tsv"),
        ("a;b\n1;2\n3;4\n", "t.txt"),
        ("a b\n1 2\n3 4\n", "t.txt"),
        ("  a   b \n  1   2\n 3   4 \n", "t.txt"),
        ("\ufeffa,b\n1,2\n3,4\n", "t.csv"),
        ("a,b\r\n1,2\r\n3,4\r\n", "t.csv"),
        ("a,b\r1,2\r3,4\r", "t.csv"),
        ("\n\na,b\n\n1,2\n  \n3,4\n\n", "t.csv"),
        (' "a" , "b"\n"1", "2"\n 3 , 4', "t.csv"),
        ("a,b\n+1.0,2e0\n.3e1,4.\n", "T.CSV"),
    ],
)
def test_every_dialect_gives_the_same_table(write, content, name):
    table = read(write(content.replace(' "a" , "b"', '"a", "b"'), name))
    assert table.columns == ("a", "b")
    assert [column.tolist() for column in table.values] == [[1, 3], [2, 4]]


@pytest.mark.parametrize("name", ["t.csv.gz", "t.TSV.GZ", "t.svm.gz", "t.npy.gz"])
def test_compressed_files_are_read(write, tmp_path, name):
    content = {
        "t.csv.gz": b"a,b\n1,2\n",
        "t.TSV.GZ": b"a\tb\n1\t2\n",
        "t.svm.gz": b"2 1:1\n",
        "t.npy.gz": save(tmp_path, "t.npy", only=np.array([[1, 2]])).read_bytes(),
    }[name]
    assert [float(column[0]) for column in read(write(gzip.compress(content), name)).values] == [
        1,
        2,
    ]


@pytest.mark.parametrize(
    ("content", "columns"),
    [
        ("a,b\n1,2\n", ("a", "b")),
        ("1,2\n3,4\n", None),
        ("1,red\n2,blue\n", None),
        ("size,1\n3,4\n", ("size", "1")),
        ("?,2\n3,4\n", None),
        (",b\n3,4\n", ("x1", "b")),
        ("kind,colour\ncat,red\ndog,red\n", ("kind", "colour")),
        ("cat,red\ndog,red\n", None),
        ("red,red\ndog,blue\n", None),
        ("kind,size\ncat,1\ndog,\n", ("kind", "size")),
        ("7\n8\n", None),
        ("5.1,setosa\n", None),
    ],
)
def test_a_header_is_recognised_by_the_documented_rule(write, content, columns):
    table = read(write(content))
    assert table.named == (columns is not None)
    assert table.columns == (columns or tuple(f"x{k + 1}" for k in range(len(table.columns))))
    assert table.n_rows == len(content.splitlines()) - table.named


@pytest.mark.parametrize("content", ["1,2\n3,4\n", "a,b\n3,4\n"])
def test_a_header_can_be_forced_or_forbidden(write, content):
    path = write(content)
    assert read(path, header=True).columns == tuple(content.splitlines()[0].split(","))
    assert read(path, header=False).columns == ("x1", "x2")
    assert read(path, header=False).n_rows == 2


def test_quoted_cells_may_hold_delimiters_quotes_and_line_ends(write):
    table = read(write('name,n\n"a, b",1\n"say ""hi""",2\n"two\nlines",3\n'))
    assert table.values[0].tolist() == ["a, b", 'say "hi"', "two\nlines"]


def test_missing_cells_wait_until_their_column_is_used(write):
    table = read(write("a,b,c\n1,x,1\nNA,?,2\n3,y,3\nnan,n/a,4\n"))
    np.testing.assert_array_equal(table.values[0], [1, np.nan, 3, np.nan])
    assert table.values[1].tolist() == ["x", "", "y", ""]
    assert table.column("c").tolist() == [1, 2, 3, 4]
    first = r" of '.*data\.csv' has 2 missing values, the first in row 2 \(counted .*; .*fill them"
    with pytest.raises(InvalidInputError, match="column 'a'" + first):
        split(table)
    with pytest.raises(InvalidInputError, match="column 'b'" + first):
        table.column("b")


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e999", "9" * 400, "9" * 5000])
def test_infinite_and_huge_numbers_are_refused_when_used(write, cell):
    table = read(write(f"a,b\n1,2\n{cell},3\n"))
    with pytest.raises(InvalidInputError, match=r"'a'.* has 1 infinite \(or too large.* in row 2 "):
        split(table)


def test_underscores_are_no_part_of_numbers(write):
    assert read(write("a,b\nx,1\n1_0,2\n2_0,3\n")).values[0].tolist() == ["x", "1_0", "2_0"]
    assert read(write("a,b\n1_0,2\n2_0,3\n")).values[0].tolist() == ["1_0", "2_0"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty; a table needs at least one row"),
        (" \n\n", "is empty"),
        (b"\xef\xbb\xbf\n", "is empty"),
        ("a,b\n", "holds only a header, 'a', 'b'; add rows"),
        ("a,b\n1,2\n3\n", r"line 3 of .* has 1 cells where line 1 has 2; all .*delimiter ','"),
        ("\na,b\n1,2\n\n3,4,5\n", "line 5 of .* has 3 cells where line 2 has 2"),
        ('a,b\n1,"2\n', "line 2 of .* is no row of a table .*check its quotes"),
        ('a,b\n1,"2"3\n', "line 2 of .* is no row of a table"),
        ("a,b\n\u00e8,2\n3,".encode() + b"\xe9\n", "not UTF-8 text: byte 0xe9 in line 3; save it"),
        (b"a,b\n1,2\n3,\0\n", "holds zero bytes, so it is no text"),
        (b"\xff\xfea\0,\0b\0\n\0\0\xd8\0\xd8", "not UTF-16 text: byte 0x00 in line 2; save it"),
    ],
)
def test_a_damaged_text_file_is_refused_with_the_place(write, content, message):
    with pytest.raises(FileFormatError, match=message):
        read(write(content))


def test_names_that_are_forced_from_numbers_are_told_apart(write):
    table = read(write("1,1\n2,3\n"), header=True)
    assert table.columns == ("1", "1_2") and "2 columns are named '1'" in table.notes[0]


def test_a_path_that_is_no_file_is_refused(write, tmp_path):
    with pytest.raises(InvalidInputError, match=r"no file '.*none\.csv'; check the name"):
        read(tmp_path / "none.csv")
    with pytest.raises(InvalidInputError, match="is a directory; give the name of a file"):
        read(str(tmp_path))
    with pytest.raises(
        InvalidInputError, match=r"unknown file ending '\.xlsx' of .*'\.csv', .*CSV"
    ):
        read(write("", "t.xlsx"))
    with pytest.raises(InvalidInputError, match="unknown file ending '' of"):
        read(write("", "table"))
    with pytest.raises(InvalidInputError, match="there is no file"):
        read("a\0b.csv")
    with pytest.raises(InvalidTypeError, match=r"path must be a str or a pathlib\.Path, got 3"):
        read(3)
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(InvalidInputError, match=r"'.*pipe\.csv' is no ordinary file"):
        read(tmp_path / "pipe.csv")
    with pytest.raises(FileFormatError, match="is no whole gzip file"):
        read(write(gzip.compress(b"a,b\n1,2\n")[:-9], "t.csv.gz"))


def test_a_file_that_cannot_be_opened_is_refused(write, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    path = write(FLOWERS)
    monkeypatch.setattr(delimited, "head_of", refuse)
    with pytest.raises(InvalidInputError, match=r"cannot read '.*data\.csv': Permission denied"):
        read(path)


words = (
    st.text("abcxyz ,;\"'\t\n\u00e9_=", min_size=1, max_size=6)
    .map(str.strip)
    # a cell in single quotes is read without them
    .filter(lambda cell: cell and not is_missing(cell) and not cell.startswith("'"))
)
numbers = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=25, deadline=None)
@given(data=st.data(), n=st.integers(1, 6), delimiter=st.sampled_from([",", "\t"]))
def test_what_csv_writes_is_read_back(tmp_path_factory, data, n, delimiter):
    columns = [
        data.draw(st.lists(kind, min_size=n, max_size=n))
        for kind in data.draw(st.lists(st.sampled_from([words, numbers]), min_size=2, max_size=4))
    ]
    path = tmp_path_factory.mktemp("round") / ("t.tsv" if delimiter == "\t" else "t.csv")
    names = [f"name {k}" for k in range(len(columns))]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerows([names, *zip(*columns, strict=True)])
    table = read(path, header=True)
    assert table.columns == tuple(names)
    assert [column.tolist() for column in table.values] == columns


@settings(max_examples=20, deadline=None)
@given(
    block=st.lists(st.tuples(numbers, words, numbers), min_size=1, max_size=5),
    top=st.sampled_from(["", "a,b,c\n", "\na,b,\n", '"a","b\nb",c\n']),
)
def test_a_plain_copy_gives_what_the_file_gives(tmp_path_factory, block, top):
    path = tmp_path_factory.mktemp("copy") / "t.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(top)
        csv.writer(file, lineterminator="\n").writerows(block)
    direct = read(path)

    def not_plain(*arguments):
        dialect = dialects.sniff(*arguments)
        dialect.is_plain = False
        return dialect

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "sniff", not_plain)
        copied = read(path)
    assert direct.columns == copied.columns and direct.named == copied.named
    assert [column.tolist() for column in direct.values] == [c.tolist() for c in copied.values]
    assert direct.values[0].tolist() == [row[0] for row in block]


def test_the_last_column_or_the_named_one_is_the_target(write):
    table = read(write(FLOWERS))
    for target in (None, "species", 2, -1, np.int64(2)):
        X, names, y, name = split(table, target)
        assert (names, name) == (("length", "colour=red", "colour=white"), "species")
        assert X.tolist() == [[1.5, 1, 0], [2, 0, 1], [2.5, 1, 0]]
        assert y.tolist() == ["rose", "lily", "rose"]
        assert X.dtype == np.float64 and X.flags.c_contiguous
    X, names, y, name = split(table, 0)
    assert name == "length" and y.tolist() == [1.5, 2, 2.5]
    assert names == ("colour=red", "colour=white", "species=lily", "species=rose")


@pytest.mark.parametrize(
    ("target", "error", "message"),
    [
        (
            "specie",
            InvalidInputError,
            r"no column 'specie', expected one of 'length', .*'species'\?",
        ),
        (3, InvalidInputError, "no column at position 3; positions are 0 to 2"),
        (-4, InvalidInputError, "no column at position -4"),
        (True, InvalidTypeError, r"a name, a position or None \(the last\), got True"),
        (1.0, InvalidTypeError, r"got 1\.0"),
    ],
)
def test_an_unknown_target_is_refused_with_the_columns(write, target, error, message):
    with pytest.raises(error, match=message):
        split(read(write(FLOWERS)), target)


def test_a_table_of_one_column_has_no_features(write):
    with pytest.raises(InvalidInputError, match="no feature column left beside 'a'"):
        split(read(write("a\n1\n2\n")))


def test_a_table_must_be_rectangular():
    with pytest.raises(FileFormatError, match=r"2 names for 1 columns of \[1\] rows"):
        Table(("a", "b"), [np.zeros(1)])
    with pytest.raises(FileFormatError, match=r"1 columns|2 names for 2 columns of \[1, 2\] rows"):
        Table(("a", "b"), [np.zeros(1), np.zeros(2)])
    with pytest.raises(FileFormatError, match=r"'b' of 'table' .* got the shape \(\)"):
        Table(("a", "b"), [np.zeros(1), np.array(3.0)])
    with pytest.raises(FileFormatError, match="has 1 columns and no rows"):
        Table(("a",), [np.zeros(0)])


# --- NumPy files ---


def test_npy_holds_columns(tmp_path):
    table = read(save(tmp_path, "t.npy", only=np.array([[1, 2], [3, 4]], dtype=np.float32)))
    assert table.columns == ("x1", "x2") and not table.named
    assert [column.tolist() for column in table.values] == [[1, 3], [2, 4]]


def test_npy_with_fields_keeps_names_numbers_and_text(tmp_path):
    fields = [("size", "i4"), ("ok", "?"), ("kind", "U5"), ("code", "S3")]
    rows = np.array([(1, True, "cat", b"a"), (2, False, "dog", b"b")], dtype=fields)
    table = read(save(tmp_path, "t.npy", only=rows))
    assert table.columns == ("size", "ok", "kind", "code") and table.named
    assert [column.tolist() for column in table.values] == [
        [1, 2],
        [1, 0],
        ["cat", "dog"],
        ["a", "b"],
    ]


def test_npz_holds_X_and_y_or_one_array(tmp_path):
    X, y = np.arange(6.0).reshape(3, 2), np.array(["a", "b", "a"])
    for target in (y, y[:, None]):
        table = read(save(tmp_path, "t.npz", X=X, y=target, note=np.zeros(1)))
        got_X, names, got_y, name = split(table)
        assert (names, name, got_y.tolist()) == (("x1", "x2"), "y", y.tolist())
        np.testing.assert_array_equal(got_X, X)
    table = read(save(tmp_path, "one.npz", anything=X))
    assert table.columns == ("x1", "x2") and not table.named


@pytest.mark.parametrize(
    ("name", "arrays", "message"),
    [
        (
            "t.npy",
            {"only": np.zeros(3)},
            r"must be 2-d .* got the shape \(3,\) and the dtype float64",
        ),
        ("t.npy", {"only": np.zeros((0, 2))}, r"not empty; got the shape \(0, 2\)"),
        ("t.npy", {"only": np.zeros((2, 2), complex)}, "'x1' .* has the dtype complex128"),
        ("t.npy", {"only": np.zeros((1, 1), "M8[s]")}, "dtype datetime64.*save one number"),
        ("t.npy", {"only": np.zeros(2, [("a", "f4", 3)])}, r"'a' .* the shape \(2, 3\)"),
        ("t.npy", {"only": np.array([[None, 1]])}, r"arrays \(damaged, or with Python objects\)"),
        ("t.npy", {"only": np.array([[b"\xff"]])}, "no file of plain NumPy arrays .*utf-8"),
        ("t.npz", {"X": np.array([[None]]), "y": np.zeros(1)}, "no file of plain NumPy arrays"),
        (
            "t.npz",
            {"a": np.zeros(1), "b": np.zeros(1)},
            "holds the arrays 'a', 'b', expected X and y",
        ),
        ("t.npz", {"X": np.zeros((2, 2)), "y": np.zeros(3)}, r"shapes \(2, 2\) and \(3,\)"),
        ("t.npz", {"X": np.zeros(2), "y": np.zeros(2)}, r"shapes \(2,\) and \(2,\)"),
        ("t.npz", {"X": np.zeros((2, 2)), "y": np.zeros((2, 2))}, r"y 1-d with as many"),
        ("t.npz", {}, "holds no named array, expected X and y"),
    ],
)
def test_foreign_arrays_are_refused_with_what_they_are(tmp_path, name, arrays, message):
    with pytest.raises(FileFormatError, match=message):
        read(save(tmp_path, name, **arrays))


@pytest.mark.parametrize("name", ["t.npy", "t.npz"])
def test_bytes_that_are_no_arrays_are_refused(write, tmp_path, name):
    whole = save(tmp_path, f"whole{name}", only=np.zeros((9, 9))).read_bytes()
    for content in (b"hello world", whole[: len(whole) // 2], b"\x80\x04]q\x00.", whole[:20]):
        with pytest.raises(FileFormatError, match="no file of plain NumPy arrays") as told:
            read(write(content, name))
        assert "pickle" not in str(told.value)
    with pytest.raises(FileFormatError, match="is empty"):
        read(write(b"", name))


def test_an_npy_file_named_npz_is_told_from_an_archive(write, tmp_path):
    content = save(tmp_path, "t.npy", only=np.zeros((2, 2))).read_bytes()
    with pytest.raises(FileFormatError, match="holds no named array"):
        read(write(content, "t.npz"))


# --- svmlight files ---


def test_svmlight_lists_label_and_values_that_are_not_zero(write):
    table = read(write("# two rows\n+1 qid:7 1:0.5 3:2 # good\n\n-1 2:1e1\n", "t.svm"))
    assert table.columns == ("x1", "x2", "x3", "label") and table.sparse and table.named
    X, _, y, name = split(table)
    assert X.tolist() == [[0.5, 0, 2], [0, 10, 0]] and y.tolist() == [1, -1] and name == "label"


@pytest.mark.parametrize("ending", ["svm", "libsvm", "svmlight"])
def test_svmlight_counts_from_0_when_an_index_0_occurs(write, ending):
    table = read(write("1 0:3\n2 2:4\n", f"t.{ending}"))
    assert table.columns == ("x0", "x1", "x2", "label")
    assert split(table)[0].tolist() == [[3, 0, 0], [0, 0, 4]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1 1:2\nspam 1:2\n", "line 2 of .* cannot read 'spam'; expected 'label index:value"),
        ("1,2 1:2\n", "cannot read '1,2'"),
        ("1 a:2\n", "line 1 of .* cannot read 'a:2'"),
        ("1 1\n", "cannot read '1'"),
        ("1 -1:2\n", "cannot read '-1:2'"),
        ("1 1:2 1:3\n", "cannot read '1:3'.* every index once"),
        ("1 99999999999999999999:1\n", "cannot read '99999999999999999999:1'"),
        (
            "1 1:1\n2 999999999999:1\n",
            "2 rows and indices up to 999999999999, too many to write out",
        ),
        ("1\n2\n", "has no entry 'index:value'"),
        ("# nothing\n", "has no entry 'index:value'"),
    ],
)
def test_a_damaged_svmlight_file_is_refused_with_the_place(write, content, message):
    with pytest.raises(FileFormatError, match=message):
        read(write(content, "t.svm"))


# --- small files that hold, or claim, much ---


def peak(call):
    """Bytes that are allocated at the same time, at most."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def refused(path, limit=20e6, **options):
    """The message of the error, which comes before the memory is taken."""
    messages = []

    def call():
        with pytest.raises(FileFormatError) as told:
            read(path, **options)
        messages.append(str(told.value))

    assert peak(call) < limit
    return messages[0]


def compressed(folder, **arrays):
    np.savez_compressed(folder / "t.npz", **arrays)
    return folder / "t.npz"


def claiming(shape, dtype="<f8"):
    """A .npy file with the header of an array of this shape and the data of a smaller one."""
    file = io.BytesIO()
    header = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_2_0(file, header)
    return file.getvalue() + bytes(64)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.svm", b"1 536870000:1\n", "1 rows and indices up to 536870000, too many to write out"),
        ("t.csv", b";" * 5_000_000, "about 5000001 cells: more than the 2 GiB"),
        ("t.npy", claiming((2**40, 2)), "cut short: 17592186044416 bytes"),
        ("t.npy", claiming((2**40, 2), "<U0"), "array of the shape"),
        ("t.npz", claiming((2**40, 2)), "cut short"),
    ],
)
def test_a_small_file_that_claims_much_is_refused_at_once(write, name, content, message):
    assert message in refused(write(content, name))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", b"0,0\n" * 2_000_000),
        ("t.csv", b";" * 4_000_000),
        ("t.txt", b"0 " * 4_000_000),
        ("t.npy", bytes(32_000_000)),
        ("t.svm", b"1 1:1 2:1\n" * 1_000_000),
    ],
)
def test_a_compressed_file_is_unpacked_as_far_as_is_allowed(write, name, content):
    message = refused(write(gzip.compress(content, 1), f"{name}.gz"), max_memory=0.01)
    assert "more than the 0.01 GiB of memory that are allowed; check what it holds" in message
    assert "max_memory (--max-memory), in GiB" in message


def test_a_compressed_file_that_is_cut_short_is_damaged_not_large(write):
    whole = gzip.compress(np.random.default_rng(0).bytes(9000).hex().encode())
    for cut in range(20, len(whole), 97):
        assert "is no whole gzip file" in refused(write(whole[:cut], "t.csv.gz"))


def test_an_archive_is_refused_before_its_arrays_are_unpacked(tmp_path):
    X = np.zeros((4_000_000, 2), np.float32)
    path = compressed(tmp_path, X=X, y=X[:, 0])
    assert "an array of the shape (4000000, 2) and float32" in refused(path, max_memory=0.05)
    path = compressed(tmp_path, X=X, y=X[:3, 0])
    assert "got the shapes (4000000, 2) and (3,)" in refused(path)
    path = compressed(tmp_path, X=X[:3], y=X[:, 0])
    assert "got the shapes (3, 2) and (4000000,)" in refused(path)
    path = compressed(tmp_path, only=X)
    assert "an array of the shape (4000000, 2) and float32" in refused(path, max_memory=0.05)
    path = compressed(tmp_path, only=X.view(np.complex64))
    assert "has the dtype complex64" in refused(path)


def test_text_is_counted_as_it_is_in_memory(tmp_path):
    path = compressed(tmp_path, only=np.full((100_000, 2), "ab"))
    assert "an array of the shape (100000, 2)" in refused(path, max_memory=0.01)
    assert read(path, max_memory=0.1).n_rows == 100_000


@pytest.mark.parametrize(("times", "is_enough"), [(4.5, False), (5.5, True)])
def test_bytes_are_counted_once_more_with_four_for_each_letter(tmp_path, times, is_enough):
    cells = np.array([[b"x" * 5000] * 2] * 200)
    path, limit = save(tmp_path, "t.npy", only=cells), times * cells.nbytes / 2**30
    if is_enough:
        assert read(path, max_memory=limit).n_rows == 200
    else:
        assert "an array of the shape (200, 2) and |S5000" in refused(path, max_memory=limit)


@pytest.mark.parametrize("n", [1, 30, 1000])
@pytest.mark.parametrize("digits", [1, 10, 40])
def test_entries_of_sparse_rows_may_take_what_they_take(n, digits):
    """150 bytes for each that may be in a line, of which the shortest has four characters."""
    line = "1 " + " ".join(f"{k}:0.{'1' * digits}" for k in range(1, n + 1))
    limit = max(150 * len(line) / 4, (COLUMN + 8) * (n + 1))
    tables = []
    assert peak(lambda: tables.append(read_svmlight(line.encode(), "t.svm", limit))) < limit + 9000
    assert tables[0].n_rows == 1 and len(tables[0].columns) == n + 1
    with pytest.raises(FileFormatError, match="0 entries and more: more than"):
        read_svmlight(line.encode(), "t.svm", 150 * len(line) / 4 - 200)


def test_max_memory_allows_more(write, tmp_path):
    for path in (
        write("1 3000:1\n", "t.svm"),
        write(b"a,b\n" * 20_000, "t.csv"),
        write(b"0,1\n" * 50_000, "t.tsv"),
        write(gzip.compress(b"0,1\n" * 50_000), "t.csv.gz"),
        compressed(tmp_path, only=np.zeros((50_000, 2))),
        save(tmp_path, "t.npy", only=np.zeros((50_000, 2))),
    ):
        assert "max_memory" in refused(path, max_memory=0.0001)
        assert read(path, max_memory=0.05).limit == pytest.approx(0.05 * 2**30, abs=1)


@pytest.mark.parametrize(
    ("given", "error"), [(-1, InvalidInputError), (np.inf, InvalidInputError),
                         ("2", InvalidTypeError), (True, InvalidTypeError)],
)  # fmt: skip
def test_max_memory_that_is_no_amount_is_refused(write, given, error):
    with pytest.raises(error, match="max_memory must be"):
        read(write("1,2\n"), max_memory=given)


def test_a_file_of_holes_is_not_read(tmp_path):
    path = tmp_path / "t.csv"
    path.touch()
    os.truncate(path, 2**40)
    assert "has 1099511627776 bytes: more than the 2 GiB" in refused(path)


def test_a_large_plain_file_needs_no_option(tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "DEFAULT_GIB", 0)
    rows = np.random.default_rng(0).normal(size=(5000, 20))
    for path in (
        save(tmp_path, "bytes.npy", only=np.ones((50_000, 20), np.int8)),
        save(tmp_path, "text.npy", only=rows.astype("U5")),
    ):
        assert read(path).n_rows in (5000, 50_000)
    for number, pattern in enumerate(("%d", "%.3g", "%.17g", "a%.1f")):
        np.savetxt(tmp_path / f"{number}.csv", rows, fmt=pattern, delimiter=",")
        assert read(tmp_path / f"{number}.csv").n_rows >= 4999


def test_text_columns_do_not_become_more_inputs_than_memory_allows(write):
    cells = "\n".join(",".join(f"x{(row + k) % 100}" for k in range(50)) for row in range(2000))
    path = write(f"{cells}\n")
    table = read(path, max_memory=0.05)
    with pytest.raises(FileFormatError, match="2000 rows, which become 4900 inputs each"):
        split(table)
    assert split(read(path))[0].shape == (2000, 4900)


def test_a_character_that_unicode_lacks_is_refused(tmp_path):
    content = bytearray(save(tmp_path, "t.npy", only=np.array([["a", "b"]])).read_bytes())
    content[-4:] = (0x110000).to_bytes(4, "little")
    (tmp_path / "t.npy").write_bytes(content)
    assert "character number 1114112, which Unicode lacks" in refused(tmp_path / "t.npy")
    fields = np.zeros(2, [("a", ">U2"), ("b", "f4")])
    fields["a"] = "x"
    content = bytearray(save(tmp_path, "f.npy", only=fields).read_bytes())
    content[-12:-8] = b"\xff\0\0\0"
    (tmp_path / "f.npy").write_bytes(content)
    assert "which Unicode lacks" in refused(tmp_path / "f.npy")


def test_file_whose_cells_change_too_often_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "_TRIES", 0)
    lines = ["a,b", *(f"{k},{k}.5" for k in range(3000)), "u,v"]  # texts far below
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(FileFormatError, match="cannot be read: its cells have changing kinds"):
        read(path)
