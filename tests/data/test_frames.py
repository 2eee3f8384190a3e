"""data.frames and the validation split: what pandas users have becomes the right numbers, or one sentence."""

import decimal
import warnings

import numpy as np
import pandas as pd
import pytest
import torch

from lthlib import data
from lthlib.core.errors import LotteryError
from lthlib.data import frames

VALUES = [[1.0, 0.0], [2.0, 1.0], [3.0, 1.0], [4.0, 0.0]]
LABELS = [0, 1, 1, 0]


def made(inputs=VALUES, targets=LABELS, **options):
    return data.from_arrays("mine", inputs, targets, inputs, targets, **options)


def frame(**columns):
    return pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [0.0, 1.0, 1.0, 0.0]} | columns)


@pytest.mark.parametrize(
    "inputs",
    [
        frame(),
        frame(a=pd.array([1, 2, 3, 4], dtype="Int64"), b=pd.array([False, True, True, False], dtype="boolean")),
        frame(a=pd.array([1, 2, 3, 4], dtype="Float32"), b=[False, True, True, False]),
        frame(a=pd.array([1, 2, 3, 4], dtype="UInt16"), b=pd.arrays.SparseArray([0, 1, 1, 0])),
        frame(a=np.array([1, 2, 3, 4], ">f8"), b=np.array([0, 1, 1, 0], ">i2")),
        frame(a=np.array([1, 2.0, 3, 4], object), b=[decimal.Decimal(value) for value in (0, 1, 1, 0)]),
        np.array(VALUES, ">f4"),
        np.array(VALUES, ">i8"),
        np.array(VALUES, np.uint16),
        np.array(VALUES, np.uint32),
        np.array(VALUES, np.uint64),
        np.array(VALUES, np.longdouble),
        np.array(VALUES, np.float16),
        np.array(VALUES, object),
        np.array(VALUES, order="F"),
        np.array(VALUES[::-1])[::-1],
        np.repeat(VALUES, 2, axis=0)[::2],
        np.ma.masked_array(VALUES),
        torch.tensor(VALUES, dtype=torch.float64, requires_grad=True),
        torch.tensor(VALUES).to(torch.uint16),
    ],
)
def test_inputs_of_many_kinds_are_the_same_data(inputs):
    assert made(inputs).fingerprint() == made().fingerprint()


@pytest.mark.parametrize(
    "targets",
    [
        pd.Series(LABELS),
        pd.Series(LABELS, dtype="Int8"),
        pd.Series(LABELS, dtype=bool),
        pd.Series(LABELS, dtype="boolean"),
        pd.array(LABELS, dtype="Int64"),
        pd.Index(LABELS),
        pd.Series(["no", "yes", "yes", "no"]).astype("category").cat.codes,
        np.array(LABELS, ">i4"),
        np.array(LABELS, np.uint32),
        np.array(LABELS, object),
        np.array(LABELS, np.bool_),
    ],
)
def test_targets_of_many_kinds_are_the_same_classes(targets):
    assert frames.numbers("mine", "targets", targets).flags.writeable
    assert made(targets=targets).fingerprint() == made().fingerprint()


def test_an_array_that_may_only_be_read_is_copied():
    array = np.array(VALUES, np.float32)
    array.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = made(array)
    loaded.test.inputs[0, 0] = 9.0
    assert array[0, 0] == 1.0


def test_whole_numbers_stay_whole_without_classes():
    tokens = frame(a=pd.array([1, 2, 3, 4], dtype="Int64"), b=np.array([5, 6, 7, 8], np.uint16))
    loaded = made(tokens, tokens, classes=False)
    assert loaded.test.inputs.dtype == torch.int64 and loaded.test.inputs.tolist() == [[1, 5], [2, 6], [3, 7], [4, 8]]


COLOURS = pd.Series(["red", "blue", "red", "blue"])


@pytest.mark.parametrize(
    ("inputs", "targets", "says"),
    [
        (frame(a=pd.array([1, None, None, 4], dtype="Int64")), LABELS, "2 values are missing in column 'a' of the inputs"),
        (frame(b=pd.array([True, None, True, True], dtype="boolean")), LABELS, "1 value is missing in column 'b'"),
        (frame(b=[0.0, np.nan, 1.0, 2.0]), LABELS, "1 value is missing in column 'b' of the inputs of data set 'mine'"),
        (frame(b=[0, None, 1, 2]).astype(object), LABELS, "missing in column 'b'"),
        (np.ma.masked_array(VALUES, np.eye(4, 2)), LABELS, "2 values are missing in the inputs"),
        (frame(c=COLOURS), LABELS, "column 'c' of the inputs .* is no array of numbers.*get_dummies"),
        (frame(c=COLOURS.astype("category")), LABELS, "column 'c' .*get_dummies"),
        (frame(c=pd.Series([3, 4, 3, 4]).astype("category")), LABELS, "column 'c' .*get_dummies"),
        (frame(c=pd.date_range("2024", periods=4)), LABELS, "column 'c' .*dates"),
        (frame(c=[1j, 2j, 3j, 4j]), LABELS, "column 'c'"),
        (np.array(VALUES, complex), LABELS, "the inputs of data set 'mine' are no array of numbers"),
        (torch.tensor(VALUES).to(torch.complex64), LABELS, "complex64"),
        (torch.tensor(VALUES).to_sparse(), LABELS, "dense, real numbers"),
        (torch.tensor(3.0), LABELS, r"shape \[\]"),
        (5, LABELS, "the inputs of data set 'mine' are no array of numbers"),
        (VALUES, COLOURS, "the targets .* are no array of numbers: number the classes .*cat.codes"),
        (VALUES, COLOURS.astype("category"), "the targets .*cat.codes"),
        (VALUES, list(COLOURS), "the targets .*cat.codes"),
        (VALUES, pd.Series([0, 1, None, 1], dtype="Int64"), "1 value is missing in the targets"),
        (VALUES, pd.Series([0, 1, None, 1]), "1 value is missing in the targets"),
        (VALUES, COLOURS.where(COLOURS == "red").astype("category").cat.codes, "label -1"),
    ],
)
def test_missing_values_and_what_is_no_number_are_named_with_a_fix(inputs, targets, says):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(LotteryError, match=says):
            made(inputs, targets)


def test_columns_of_training_and_test_must_be_alike():
    train, labels = frame(), pd.Series(LABELS)
    with pytest.raises(LotteryError, match=r"differ in columns, they are in another order: .*test\[train.columns\]"):
        data.from_arrays("mine", train, labels, train[["b", "a"]], labels)
    with pytest.raises(LotteryError, match="only one of them has 'b'"):
        data.from_arrays("mine", train, labels, train.rename(columns={"b": "c"}).assign(b=1.0)[["a", "c"]], labels)
    assert data.from_arrays("mine", train, labels, train[["a", "b"]].to_numpy(), labels).input_shape == (2,)


def test_rows_of_inputs_and_targets_must_be_in_one_order(capsys):
    shuffled = frame().iloc[[2, 0, 3, 1]]
    with pytest.raises(LotteryError, match=r"training inputs and targets .*targets.loc\[inputs.index\]"):
        data.from_arrays("mine", shuffled, pd.Series(LABELS), VALUES, LABELS)
    with pytest.raises(LotteryError, match="test inputs and targets"):
        data.from_arrays("mine", VALUES, LABELS, shuffled, pd.Series(LABELS))
    matched = pd.Series(LABELS).loc[shuffled.index]
    assert data.from_arrays("mine", shuffled, matched, shuffled, matched).test.targets.tolist() == [1, 0, 0, 1]
    assert "indices" not in capsys.readouterr().err
    data.from_arrays("mine", frame(), pd.Series(LABELS, index=list("wxyz")), VALUES, LABELS)
    assert "training inputs and targets of data set 'mine' have different indices" in capsys.readouterr().err


def imbalanced(counts, **options):
    """One feature, the example's number, with so many examples of each class, in a random order."""
    targets = np.random.RandomState(1).permutation(np.repeat(np.arange(len(counts)), counts))
    inputs = np.arange(len(targets))[:, None]
    return data.from_arrays("rare", inputs, targets, inputs[:1], targets[:1], **options), targets


def test_a_rare_class_is_in_both_splits_when_stratified(capsys):
    counts = [500, 90, 12, 3, 2]
    loaded, targets = imbalanced(counts, stratify=True)
    assert np.bincount(loaded.validation.targets, minlength=5).tolist() == [42, 8, 1, 1, 1]
    assert np.bincount(loaded.train.targets, minlength=5).tolist() == [458, 82, 11, 2, 1]
    both = torch.cat([loaded.train.inputs, loaded.validation.inputs]).flatten().sort().values
    assert torch.equal(both, torch.arange(607.0)), "every example is in one split"
    for split in (loaded.train, loaded.validation):
        assert torch.equal(split.targets, torch.from_numpy(targets)[split.inputs[:, 0].long()]), "and kept its label"
        assert torch.equal(split.inputs.flatten().sort().values, split.inputs.flatten()), "in the order of the data"
    assert loaded.fingerprint() == imbalanced(counts, stratify=True)[0].fingerprint()
    assert capsys.readouterr().err == ""


def test_a_class_that_a_split_lacks_by_chance_is_named(capsys):
    loaded, _ = imbalanced([500, 90, 2])
    absent = sorted({0, 1, 2} - set(loaded.validation.targets.tolist()))
    assert absent == [2]
    assert capsys.readouterr().err.count("class 2 is missing from the validation split: pass stratify=True") == 1
    imbalanced([500, 90, 1], stratify=True)
    assert "class 2 is missing from the validation split: a single example trains" in capsys.readouterr().err
    imbalanced([*[2] * 20])
    assert "classes (" in capsys.readouterr().err
    imbalanced([100, 100])
    assert capsys.readouterr().err == ""


def test_without_stratify_the_split_is_what_it_was():
    loaded, targets = imbalanced([30, 30])
    held_out = np.sort(np.random.RandomState(0).permutation(60)[:5])
    assert loaded.validation.inputs.flatten().tolist() == held_out.tolist()
    assert loaded.validation.targets.tolist() == targets[held_out].tolist()


def test_stratify_needs_classes():
    with pytest.raises(LotteryError, match="no class for each example to stratify by"):
        made(VALUES, VALUES, classes=False, stratify=True)
    with pytest.raises(LotteryError, match="each class of data set 'rare' has one training example"):
        imbalanced([1, 1, 1], stratify=True)
