"""Networks as their papers describe them through hunt, export and reload: same accuracy, exact zeros, right density."""

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence

import lthlib
from lthlib import data, objectives
from lthlib.pruning import masks
from lthlib.storage import export

TINY = {"levels": 2, "trials": 1, "iterations": 12, "evaluate_every": 3, "batch_size": 16, "learning_rate": 0.01, "rate": 0.5}
TINY |= {"progress": False, "device": "cpu", "workers": 1}
TOKENS, LENGTH, PADDING = 12, 7, 0


class LstmClassifier(nn.Module):
    """Hochreiter & Schmidhuber (1997), on embedded tokens; its recurrent weights are to be pruned, too."""

    def __init__(self):
        super().__init__()
        self.embedding, self.lstm = nn.Embedding(TOKENS, 8), nn.LSTM(8, 10, batch_first=True)
        self.lstm.also_prunable = ("weight_ih_l0", "weight_hh_l0")
        self.output = nn.Linear(10, 2)

    def forward(self, tokens):
        _, (hidden, _) = self.lstm(self.embedding(tokens))
        return self.output(hidden[-1])


class PackedGru(nn.Module):
    """Cho et al. (2014), arXiv 1406.1078; padding is packed away, so that lengths differ inside a batch."""

    def __init__(self):
        super().__init__()
        self.embedding, self.gru = nn.Embedding(TOKENS, 8, padding_idx=PADDING), nn.GRU(8, 10, batch_first=True)
        self.output = nn.Sequential(nn.Linear(10, 10), nn.Tanh(), nn.Linear(10, 2))

    def forward(self, tokens):
        lengths = (tokens != PADDING).sum(1).clamp(min=1).cpu()
        _, hidden = self.gru(pack_padded_sequence(self.embedding(tokens), lengths, batch_first=True, enforce_sorted=False))
        return self.output(hidden[-1])


class TiedTransformer(nn.Module):
    """Vaswani et al. (2017), arXiv 1706.03762, whose output layer has the embedding's weight (section 3.4)."""

    def __init__(self):
        super().__init__()
        self.embedding, self.place = nn.Embedding(TOKENS, 16), nn.Parameter(0.1 * torch.randn(LENGTH, 16))
        self.layer = nn.TransformerEncoderLayer(16, 2, dim_feedforward=32, dropout=0.1, batch_first=True)
        self.head = nn.Linear(16, TOKENS, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, tokens):
        causal = nn.Transformer.generate_square_subsequent_mask(tokens.shape[1], device=tokens.device)
        return self.head(self.layer(self.embedding(tokens) + self.place, src_mask=causal, is_causal=True))


class UNet(nn.Module):
    """Ronneberger et al. (2015), arXiv 1505.04597, one step down and up: a logit for each pixel."""

    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.bottom = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(4, 8, 3, padding=1), nn.ReLU())
        self.up = nn.ConvTranspose2d(8, 4, 2, stride=2)
        self.output = nn.Sequential(nn.Conv2d(8, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 1))

    def forward(self, images):
        skip = self.down(images)
        return self.output(torch.cat([skip, self.up(self.bottom(skip))], 1)).squeeze(1)


class Siamese(nn.Module):
    """Koch et al. (2015): the distance of two images' features says whether they are alike."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 8), nn.Sigmoid())
        self.output = nn.Linear(8, 2)

    def forward(self, pairs):
        first, second = (self.features(images) for images in pairs.unbind(1))
        return self.output((first - second).abs())


def by_pixel(logits, targets):
    losses = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return losses.mean((1, 2)), ((logits > 0) == (targets > 0.5)).float().mean((1, 2))


def dataset(name, inputs, targets):
    return data.from_arrays(name, inputs[:96], targets[:96], inputs[96:], targets[96:], classes=False)


def tokens(seed=0):
    return torch.randint(1, TOKENS, (136, LENGTH), generator=torch.Generator().manual_seed(seed))


def images(*shape, seed=0):
    return torch.randn(136, *shape, generator=torch.Generator().manual_seed(seed))


def padded():
    lengths = torch.randint(1, LENGTH + 1, (136, 1), generator=torch.Generator().manual_seed(1))
    return tokens().masked_fill(torch.arange(LENGTH) >= lengths, PADDING)


def alike():
    pairs, same = images(2, 1, 8, 8), torch.arange(136) % 2
    pairs[same == 1, 1] = pairs[same == 1, 0] + 0.1
    return pairs, same


def counts(sequences):
    return (sequences > TOKENS // 2).sum(1).gt(LENGTH // 2).long()


TASKS = {
    "lstm": (LstmClassifier, lambda: (tokens(), counts(tokens())), objectives.classification),
    "packed-gru": (PackedGru, lambda: (padded(), (padded()[:, 0] > TOKENS // 2).long()), objectives.classification),
    "tied-transformer": (TiedTransformer, lambda: (tokens(), tokens().roll(-1, 1)), objectives.next_token),
    "u-net": (UNet, lambda: (images(1, 8, 8), (images(1, 8, 8) > 0).float().squeeze(1)), by_pixel),
    "siamese": (Siamese, alike, objectives.classification),
}


@pytest.mark.parametrize("name", TASKS)
def test_a_public_network_is_hunted_exported_and_loaded_with_the_same_accuracy(name, tmp_path):
    network, made, objective = TASKS[name]
    task = lthlib.Task(name, dataset(name, *made()), lambda _: network(), objective)
    table, test = lthlib.hunt(task, "smoke", **TINY), task.dataset.test
    for row in lthlib.summarise(table).itertuples():
        for at, reported in (("early_stop", row.test_accuracy), ("end", row.final_test_accuracy)):
            ticket = export.ticket(table, row.level, at=at)
            loaded = network().eval()
            loaded.load_state_dict(load_file(ticket.save(tmp_path / f"level{row.level}-{at}.safetensors")))
            with torch.no_grad():
                scores = objective(loaded(test.inputs), test.targets)[1]
            assert float(scores.double().mean()) == pytest.approx(reported, abs=1e-6)
            weights = dict(loaded.named_parameters())
            assert all((weights[weight][~kept] == 0).all() for weight, kept in ticket.mask.items())
            nonzero = sum(int((weights[weight] != 0).sum()) for weight in ticket.mask)
            assert nonzero == sum(masks.layer_counts(ticket.mask).values())
            assert row.density == masks.density(ticket.mask) and (row.density < 0.55 or row.level == 0)
