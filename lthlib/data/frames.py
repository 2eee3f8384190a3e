"""Data frames and arrays as users have them, as arrays of numbers that torch takes."""

import numpy as np
import pandas as pd

from lthlib.core.errors import LotteryError
from lthlib.core.progress import notice

NUMBERS = ("integer", "floating", "mixed-integer-float", "boolean", "decimal")  # what pandas finds in objects
ENCODE = {
    "inputs": "encode text, categories and dates as numbers before you divide the rows, such as with pandas.get_dummies",
    "targets": "number the classes from 0 before you divide the rows, such as with labels.astype('category').cat.codes",
}


def numbers(name: str, what: str, values) -> np.ndarray:
    """The inputs or targets [N, ...] of a data set as numbers or booleans, in an array of their own.

    Takes what NumPy makes an array of, in any byte order, and pandas's frames and series, whose columns may be
    nullable, boolean, or objects that are numbers. Raises LotteryError, naming the column, where a value is
    missing or no number.
    """
    described = f"the {what} of data set {name!r}"
    if isinstance(values, pd.DataFrame):
        labels = enumerate(values.columns)
        columns = [_column(values.iloc[:, place], f"column {label!r} of {described}", what) for place, label in labels]
        return np.column_stack(columns) if columns else np.empty((len(values), 0))
    if isinstance(values, (pd.Series, pd.Index, pd.api.extensions.ExtensionArray)):
        return _column(pd.Series(values), described, what)
    if np.ma.is_masked(values):
        raise _missing(int(np.ma.getmaskarray(values).sum()), described)
    try:
        return _plain(np.array(values), described, what)
    except (TypeError, ValueError, RuntimeError) as error:
        raise _no_numbers(described, what) from error


def check_alike(name: str, inputs, targets, test_inputs, test_targets) -> None:
    """Raise LotteryError where frames that belong together have their columns or rows in another order. Where
    rows have other names altogether, a notice says that they are matched as they stand."""
    for train, test, what in ((inputs, test_inputs, "inputs"), (targets, test_targets, "targets")):
        both = isinstance(train, pd.DataFrame) and isinstance(test, pd.DataFrame)
        if both and list(train.columns) != list(test.columns):
            odd = [*train.columns.symmetric_difference(test.columns, sort=False)]
            fault = f"only one of them has {odd[0]!r}" if odd else "they are in another order"
            advice = "encode all rows alike, then take test[train.columns]"
            raise LotteryError(f"the training and test {what} of data set {name!r} differ in columns, {fault}: {advice}.")
    for rows, labels, split in ((inputs, targets, "training"), (test_inputs, test_targets, "test")):
        named = isinstance(rows, (pd.DataFrame, pd.Series)) and isinstance(labels, (pd.DataFrame, pd.Series))
        if not named or len(rows) != len(labels) or rows.index.equals(labels.index):
            continue
        described = f"the {split} inputs and targets of data set {name!r}"
        if rows.index.symmetric_difference(labels.index, sort=False).empty:
            raise LotteryError(
                f"{described} have the same index in another order: match them with targets.loc[inputs.index], or, if rows "
                "match as they stand, drop both indices with reset_index(drop=True)."
            )
        notice(f"{described} have different indices: rows are matched as they stand.")


def _column(column: pd.Series, described: str, what: str) -> np.ndarray:
    if missing := int(column.isna().sum()):
        raise _missing(missing, described)
    if isinstance(column.dtype, pd.CategoricalDtype):
        raise _no_numbers(described, what)
    if pd.api.types.is_bool_dtype(column.dtype):
        return column.to_numpy(bool, copy=True)
    return _plain(column.to_numpy(), described, what)


def _plain(array: np.ndarray, described: str, what: str) -> np.ndarray:
    """In native byte order and of a type that torch has."""
    if array.dtype.kind == "O":
        array = _of_objects(array, described, what)
    if array.dtype.kind not in "biuf" or not array.ndim:
        raise _no_numbers(described, what)
    if array.dtype.kind == "u" and array.dtype.itemsize > 1:
        small = array.dtype.itemsize < 8 or not array.size or array.max() <= np.iinfo(np.int64).max
        return array.astype(np.int64 if small else np.float64)
    if array.dtype.itemsize > 8:
        return array.astype(np.float64)
    return array.astype(array.dtype.newbyteorder("="))


def _of_objects(array: np.ndarray, described: str, what: str) -> np.ndarray:
    if missing := int(pd.isna(array).sum()):
        raise _missing(missing, described)
    kind = pd.api.types.infer_dtype(array.ravel(), skipna=False)
    if kind not in NUMBERS:
        raise _no_numbers(described, what)
    try:
        return array.astype({"integer": np.int64, "boolean": bool}.get(kind, np.float64))
    except OverflowError:  # whole numbers past 64 bits
        return array.astype(np.float64)


def _missing(count: int, described: str) -> LotteryError:
    values = "1 value is" if count == 1 else f"{count} values are"
    return LotteryError(f"{values} missing in {described}: fill in, or drop those rows, such as with frame.dropna().")


def _no_numbers(described: str, what: str) -> LotteryError:
    verb = "is" if described.startswith("column") else "are"
    return LotteryError(f"{described} {verb} no array of numbers: {ENCODE[what]}.")
