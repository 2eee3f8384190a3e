"""A hunt that starts from a mask of the caller's own: level 0 is dense, level 1 has that mask, later levels prune it."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import lthlib
from lthlib import models, settings
from lthlib.analysis.training_cost import iterations_spent
from lthlib.core.errors import LotteryError
from lthlib.pruning import masks
from lthlib.pruning.own_mask import digest, own_mask
from lthlib.storage.store import TICKET, Key, Store

SMALL = {"iterations": 20, "evaluate_every": 10, "levels": 2, "trials": 2, "device": "cpu", "progress": False, "workers": 1}


@pytest.fixture
def mine(own_task):
    """Every third weight of the hidden layer, and all of the output."""
    mask = masks.ones(models.prunable(own_task.build()))
    mask["hidden.weight"].view(-1)[torch.arange(96) % 3 > 0] = False
    return mask


def stored(setting, level, trial=0):
    return Store().load(setting, Key(TICKET, trial, level))


def test_level_1_has_the_mask_level_2_prunes_it_and_level_0_is_the_dense_network(own_task, mine, capsys):
    lthlib.hunt(own_task, **{**SMALL, "levels": 0})
    table = lthlib.hunt(own_task, mask=mine, controls="reinit,shuffle", **{**SMALL, "progress": True})
    assert "2 found in the store" in capsys.readouterr().err, "level 0 is shared with the hunt without a mask"
    kept = table[table.method == "iterative"].groupby("level").density.first() * 144
    assert kept.round(9).to_dict() == {0: 144, 1: 32 + 48, 2: 26 + 48}
    [setting] = [setting for setting in Store().settings() if setting.start_mask]
    for trial in range(2):
        first, second = stored(setting, 1, trial), stored(setting, 2, trial)
        assert all(torch.equal(first.mask[name], mine[name]) for name in mine)
        assert not (second.mask["hidden.weight"] & ~mine["hidden.weight"]).any()
        assert (first.weights["hidden.weight"][~mine["hidden.weight"]] == 0).all()
    lthlib.hunt(own_task, mask=mine, controls="reinit,shuffle", **{**SMALL, "progress": True})
    assert "0 networks trained" in capsys.readouterr().err


def test_the_same_mask_is_one_setting_however_it_is_given_and_another_mask_another(own_task, mine, tmp_path):
    save_file({name: kept.to(torch.uint8) for name, kept in mine.items()}, tmp_path / "mask.safetensors")
    other = {**mine, "hidden.weight": ~mine["hidden.weight"]}
    given = {
        "booleans": mine,
        "arrays": {name: kept.numpy().astype(np.float64) for name, kept in reversed(mine.items())},
        "file": tmp_path / "mask.safetensors",
        "another": other,
        "none": None,
    }
    short = {**SMALL, "levels": 1, "trials": 1}
    found = {name: lthlib.hunt(own_task, mask=mask, **short).setting.iloc[-1] for name, mask in given.items()}
    assert found["booleans"] == found["arrays"] == found["file"]
    assert len({found["booleans"], found["another"], found["none"]}) == 3


def test_a_mask_is_not_counted_as_searched_for(own_task, mine):
    recipe = settings.Recipe(iterations=20)
    setting = settings.Setting("blobs-own", recipe, rewind=5, start_mask=digest(mine))
    assert [iterations_spent(setting, level) for level in range(3)] == [20, 5 + 15, 5 + 15 + 15]


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        ({"schedule": "oneshot"}, "a mask was given with schedule 'oneshot'"),
        ({"schedule": "untrained"}, "a mask was given with schedule 'untrained'"),
        ({"scope": "erk"}, "scope 'erk'"),
        ({"structure": "groups"}, "structure 'groups'"),
        ({"controls": "invert"}, "a mask of your own is taken as it is"),
    ],
)
def test_what_does_not_go_with_a_mask_is_refused_before_anything_is_written(own_task, mine, chosen, says, tmp_path):
    with pytest.raises(LotteryError, match=says):
        lthlib.hunt(own_task, mask=mine, **SMALL, **chosen)
    assert not (tmp_path / "results").exists()


def changed(mask, name, value):
    return {**mask, name: value}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda mask: changed(mask, "hiden.weight", mask["hidden.weight"]), "'hiden.weight': did you mean 'hidden.weight'"),
        (lambda mask: {"hidden.weight": mask["hidden.weight"]}, "the mask lacks output.weight"),
        (lambda mask: changed(mask, "hidden.weight", mask["hidden.weight"].T), r"has shape \[6, 16\]: its weight has \[16, 6\]"),
        (lambda mask: changed(mask, "hidden.weight", 0.5 * torch.ones(16, 6)), "values other than 0 and 1"),
        (lambda mask: changed(mask, "hidden.weight", torch.full((16, 6), float("nan"))), "values other than 0 and 1"),
        (lambda mask: changed(mask, "hidden.weight", "all"), "the mask of 'hidden.weight' is str"),
        (lambda mask: {name: torch.ones(kept.shape) for name, kept in mask.items()}, "keeps all weights, or none"),
        (lambda mask: {name: torch.zeros(kept.shape) for name, kept in mask.items()}, "keeps all weights, or none"),
        (lambda mask: list(mask.values()), "the mask is of type list"),
        (lambda mask: "there/is/none.safetensors", "cannot be read"),
        (lambda mask: __file__, "cannot be read"),
    ],
)
def test_a_mask_that_does_not_fit_is_one_sentence(own_task, mine, change, says):
    with pytest.raises(LotteryError, match=says):
        own_mask(change(mine), own_task.build())
