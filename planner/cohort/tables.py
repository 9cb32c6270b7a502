"""A cohort's tables, each as Parquet and as CSV with the same values."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from planner.cohort.columns import Column, Value
from planner.io.whole_file import write_whole

_Row = TypeVar("_Row")
_TYPES: Final = {"text": pa.string(), "count": pa.int64(), "number": pa.float64(), "yes or no": pa.bool_()}


def write_table(columns: Sequence[Column[_Row]], rows: Iterable[_Row], folder: Path, name: str) -> None:
    """Write one table twice.

    Parameters
    ----------
    columns : sequence of Column
        The table's.
    rows : iterable
        What the columns are taken from.
    folder : Path
        Where; the files are ``NAME.parquet`` and ``NAME.csv``.
    name : str
        The table's.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    held = [[column.of(row) for column in columns] for row in rows]
    write_whole(_parquet(columns, held), folder / f"{name}.parquet")
    write_whole(_csv(columns, held).encode(), folder / f"{name}.csv")


def _parquet(columns: Sequence[Column[Any]], held: list[list[Value]]) -> bytes:
    fields = [pa.field(c.name, _TYPES[c.holds], metadata={"description": c.said}) for c in columns]
    arrays = [pa.array([row[k] for row in held], type=field.type) for k, field in enumerate(fields)]
    out = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), out)
    return out.getvalue()


def _csv(columns: Sequence[Column[Any]], held: list[list[Value]]) -> str:
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow([column.name for column in columns])
    rows.writerows([_cell(column, value) for column, value in zip(columns, row, strict=True)] for row in held)
    return out.getvalue()


def _cell(column: Column[Any], value: Value) -> str:
    """Write a value; numbers with the digits that ``plan.json`` has, what is missing as nothing."""
    if value is None:
        return ""
    if column.holds == "yes or no":
        return "true" if value else "false"
    return repr(float(value)) if column.holds == "number" else str(value)
