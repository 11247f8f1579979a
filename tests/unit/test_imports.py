"""Files to rows: what is read, what is a problem, and which id a row gets."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.imports import read
from graph_schema.errors import BadInput

CALL = {"type": "track", "userId": "u1", "event": "Product Viewed"}


def ndjson(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_calls_and_items_and_bad_lines(tmp_path: Path) -> None:
    item = {"type": "item", "id": "p1", "price": 9.9}
    path = ndjson(
        tmp_path / "a.ndjson", json.dumps(CALL), "", "{", "[1]", json.dumps(item), '{"x": NaN}',
        '{"type": "item"}',
    )  # fmt: skip
    rows = list(read(path))
    assert [row.line for row in rows] == [1, 3, 4, 5, 6, 7]
    assert rows[0].call == CALL
    assert rows[3].item == item
    assert [row.line for row in rows if row.problem] == [3, 4, 6, 7]


def test_equal_rows_are_two_events_and_the_file_again_is_the_same(tmp_path: Path) -> None:
    path = ndjson(tmp_path / "a.ndjson", *[json.dumps(CALL)] * 3)
    first = [row.fallback_id for row in read(path)]
    assert len(set(first)) == 3
    assert first == [row.fallback_id for row in read(path)]


def test_gzip_reads_as_the_plain_file(tmp_path: Path) -> None:
    plain = ndjson(tmp_path / "a.ndjson", json.dumps(CALL))
    packed = tmp_path / "a.ndjson.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert list(read(packed)) == list(read(plain))


def test_columns_may_be_paths_and_cells_objects(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(
        "kind,userId,context.device.id,properties\r\n"
        'track,u1,d1,"{""product_id"": ""p1""}"\r\n'
        "track,u2\r\n"
        "track,u3,,\r\n",
        encoding="utf-8",
    )
    good, short, sparse = read(path, mapping={"kind": "type"})
    assert good.call == {
        "type": "track",
        "userId": "u1",
        "context": {"device": {"id": "d1"}},
        "properties": {"product_id": "p1"},
    }
    assert short.problem == "The row has 2 columns, the header 4."
    assert sparse.call == {"type": "track", "userId": "u3"}


def test_columns_that_clash_are_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("context,context.ip\nx,1\n", encoding="utf-8")
    (row,) = read(path)
    assert row.problem == "The column context.ip lies inside another column's value."


def test_a_shop_as_parquet(tmp_path: Path) -> None:
    path = tmp_path / "shop.parquet"
    table = pyarrow.table(
        {
            "user": [1, 1, 1, 1, None],
            "item": [7, 7, 7, 7, 7],
            "event": ["view", "cart", "buy", "stare", "view"],
            "ts": [1430623510, 1430623510000, 1430623510, 1430623510, 1430623510],
        }
    )
    pyarrow.parquet.write_table(table, path)
    rows = list(read(path, form="shop"))
    calls = [row.call for row in rows[:3] if row.call is not None]
    assert [call["event"] for call in calls] == [
        "Product Viewed",
        "Product Added",
        "Order Completed",
    ]
    assert {call["timestamp"] for call in calls} == {"2015-05-03T03:25:10.000Z"}
    assert {call["userId"] for call in calls} == {"shop-1"}
    assert calls[2]["properties"]["products"] == [{"product_id": "7", "quantity": 1}]
    assert calls[2]["properties"]["order_id"] == rows[2].fallback_id
    assert all(row.problem for row in rows[3:])


@pytest.mark.parametrize("name", ["a.ndjson.gz", "a.parquet", "a.xlsx", "folder.ndjson"])
def test_a_file_that_cannot_be_read_says_so(tmp_path: Path, name: str) -> None:
    if name.startswith("folder"):
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_bytes(b"\x1f\x8bgarbage that is no file of this kind")
    with pytest.raises(BadInput):
        list(read(tmp_path / name))


def test_a_file_that_is_absent_and_an_unknown_form_say_so(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        list(read(tmp_path / "none.csv"))
    with pytest.raises(BadInput, match="segment, shop"):
        list(read(ndjson(tmp_path / "a.ndjson", "{}"), form="tmall"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200), form=st.sampled_from(["segment", "shop"]))
def test_no_line_of_garbage_stops_the_reading(tmp_path: Path, body: bytes, form: str) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(body + b"\n" + json.dumps(CALL).encode())
    rows = list(read(path, form=form))
    assert all((r.call, r.item, r.problem).count(None) == 2 for r in rows)
    assert form == "shop" or rows[-1].call == CALL


def test_a_quote_that_is_never_closed_is_named(tmp_path: Path) -> None:
    """It would take all the rows that follow into one cell."""
    path = tmp_path / "a.csv"
    head = 'type,userId,event,note\ntrack,u1,Seen,"two\nlines"\n'
    path.write_text(f'{head}track,u2,Seen,"open\ntrack,u3,Seen,x\n', encoding="utf-8")
    rows = read(path)
    assert (next(rows).call or {})["note"] == "two\nlines"
    with pytest.raises(BadInput, match="line 4 and never closed"):
        list(rows)
