"""Networks of torchvision through hunt, export and reload: same accuracy, exact zeros, reported density.

An ordinary run takes the three fastest; LTHLIB_ALL_NETWORKS=1 takes all, in 10 to 15 minutes. They are
untrained, with three classes and small images. Where a kind has only large networks (Vision Transformer,
Swin, MaxViT, ResNeXt, Wide ResNet), a narrow and shallow one is built from torchvision's class.
"""

import functools
import os

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import lthlib
from lthlib import data, models, objectives
from lthlib.core.errors import LotteryError
from lthlib.data import downloads
from lthlib.pruning import masks

CLASSES = 3
TINY = {"levels": 1, "trials": 1, "iterations": 2, "evaluate_every": 1, "batch_size": 4, "scope": "global", "rate": 0.5}
TINY |= {"progress": False, "device": "cpu", "workers": 1}
FASTEST = ("vision_transformer", "swin", "max_vit")
ALL = os.environ.get("LTHLIB_ALL_NETWORKS", "0") != "0"


@functools.cache
def vision():
    """torchvision.models, whose import lthlib repairs beside a CPU-only torch."""
    try:
        return downloads._torchvision().models
    except ImportError:
        pytest.skip("torchvision cannot be imported")


def vgg11_bn():
    """With one linear layer at its end, as for CIFAR: its own three have 120 million weights."""
    vgg = vision().vgg
    features = vgg.make_layers(vgg.cfgs["A"], batch_norm=True)
    return nn.Sequential(features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, CLASSES))


def residual(**options):
    resnet = vision().resnet
    return resnet.ResNet(resnet.Bottleneck, [1, 1, 1, 1], num_classes=CLASSES, **options)


def vision_transformer():
    return vision().VisionTransformer(32, 8, num_layers=2, num_heads=2, hidden_dim=32, mlp_dim=64, num_classes=CLASSES)


def swin(**options):
    return vision().SwinTransformer(
        [4, 4], 24, depths=[2, 2], num_heads=[2, 4], window_size=[4, 4], num_classes=CLASSES, **options
    )


def swin_v2():
    parts = vision().swin_transformer
    return swin(block=parts.SwinTransformerBlockV2, downsample_layer=parts.PatchMergingV2)


def max_vit():
    sizes = {"block_channels": [16, 32], "block_layers": [1, 1], "head_dim": 8, "stochastic_depth_prob": 0.2}
    return vision().MaxVit((32, 32), stem_channels=16, partition_size=4, num_classes=CLASSES, **sizes)


def plain(name, **options):
    return lambda: getattr(vision(), name)(num_classes=CLASSES, **options)


# name: how it is built, and the side of its images
NETWORKS = {
    "alexnet": (plain("alexnet"), 64),
    "vgg11_bn": (vgg11_bn, 32),
    "resnet18": (plain("resnet18"), 32),
    "resnext": (lambda: residual(groups=32, width_per_group=4), 32),
    "wide_resnet": (lambda: residual(width_per_group=128), 32),
    "squeezenet1_1": (plain("squeezenet1_1"), 32),
    "densenet121": (plain("densenet121"), 32),
    "googlenet": (plain("googlenet", aux_logits=False, init_weights=False), 32),
    "googlenet_with_auxiliary": (plain("googlenet", aux_logits=True, init_weights=False), 64),
    "inception_v3": (plain("inception_v3", aux_logits=False, init_weights=False), 75),
    "shufflenet_v2_x0_5": (plain("shufflenet_v2_x0_5"), 32),
    "mobilenet_v2": (plain("mobilenet_v2"), 32),
    "mobilenet_v3_small": (plain("mobilenet_v3_small"), 32),
    "mnasnet0_5": (plain("mnasnet0_5"), 32),
    "efficientnet_b0": (plain("efficientnet_b0"), 32),
    "regnet_y_400mf": (plain("regnet_y_400mf"), 32),
    "convnext_tiny": (plain("convnext_tiny"), 32),
    "vision_transformer": (vision_transformer, 32),
    "swin": (swin, 32),
    "swin_v2": (swin_v2, 32),
    "max_vit": (max_vit, 32),
}


def images(side):
    """36 training and 6 test images, whose classes differ in brightness."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(42) % CLASSES
    inputs = torch.randn(42, 3, side, side, generator=generator) + (labels - 1).view(-1, 1, 1, 1)
    return data.from_arrays(f"images-{side}", inputs[:36], labels[:36], inputs[36:], labels[36:], stratify=True)


def task_of(name, build, side, objective=objectives.classification):
    return lthlib.Task(name.replace("_", "-"), images(side), lambda _: build(), objective)


@pytest.mark.parametrize("name", NETWORKS if ALL else FASTEST)
def test_a_network_of_torchvision_is_hunted_exported_and_loaded_with_the_same_accuracy(name, tmp_path):
    objective = objectives.with_auxiliary() if name.endswith("auxiliary") else objectives.classification
    task, results = task_of(name, *NETWORKS[name], objective), tmp_path / "results"
    table, test = lthlib.hunt(task, results=results, **TINY), task.dataset.test
    [row] = lthlib.summarise(table).query("level == 1").itertuples()
    born_zero = {weight for weight, start in models.prunable(task.build()).items() if not start.any()}
    for at, reported in (("early_stop", row.test_accuracy), ("end", row.final_test_accuracy)):
        ticket = lthlib.export.ticket(table, level=1, at=at, results=results)
        loaded = ticket.into(task.build())
        with torch.no_grad():
            losses, scores = task.objective(loaded(test.inputs), test.targets)
        assert scores.double().mean().item() == reported == float(ticket.about["test_accuracy"])
        assert losses.mean().item() == pytest.approx(float(ticket.about["test_loss"]), rel=1e-4)
        weights = dict(loaded.named_parameters())
        assert list(ticket.mask) == list(models.prunable(loaded))
        for weight, kept in ticket.mask.items():
            assert not weights[weight][~kept].any()
            assert weight in born_zero or torch.equal(weights[weight] != 0, kept), f"{weight}: a weight that is kept is zero"
        kept, total = sum(masks.layer_counts(ticket.mask).values()), sum(mask.numel() for mask in ticket.mask.values())
        assert row.density == float(ticket.about["density"]) == kept / total == pytest.approx(0.5, abs=1 / total)
        again = load_file(ticket.save(tmp_path / f"{at}.safetensors"))
        assert again.keys() == loaded.state_dict().keys()
        assert all(torch.equal(again[key], tensor) for key, tensor in loaded.state_dict().items())


# name: how it is built, the side of its images, what is said
MISFITS = {
    "images_too_small": (plain("squeezenet1_1"), 8, "cannot take train inputs of shape .2, 3, 8, 8.*Output size is too small"),
    "images_of_another_size": (vision_transformer, 64, "cannot take train inputs.*Expected 32 but got 64"),
    "too_few_classes": (lambda: vision().shufflenet_v2_x0_5(num_classes=2), 32, "gives .2, 2. for 2 train examples"),
    "segmentation": (
        lambda: vision().segmentation.lraspp_mobilenet_v3_large(weights_backbone=None, num_classes=CLASSES),
        32,
        "gives OrderedDict for 2 train examples",
    ),
    "auxiliary_heads": (
        plain("googlenet", init_weights=False),
        64,
        "gives GoogLeNetOutputs .* take the objective .*with_auxiliary",
    ),
    "auxiliary_head_of_inception": (plain("inception_v3", init_weights=False), 96, "in training .*Output size is too small"),
    "video": (lambda: vision().video.mc3_18(num_classes=CLASSES), 32, "cannot take train inputs of shape .2, 3, 32, 32"),
    "quantized": (
        lambda: vision().quantization.mobilenet_v2(num_classes=CLASSES, quantize=True),
        32,
        "the weights .* cannot be read",
    ),
}
QUICK = ("images_too_small", "images_of_another_size", "too_few_classes")


@pytest.mark.parametrize("name", MISFITS if ALL else QUICK)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")  # torch's, of its quantization
def test_a_network_that_does_not_fit_is_refused_in_one_sentence_before_anything_is_written(name, tmp_path):
    build, side, said = MISFITS[name]
    objective = objectives.with_auxiliary() if name.endswith("inception") else objectives.classification
    with pytest.raises(LotteryError, match=said) as raised:
        lthlib.hunt(task_of(name, build, side, objective), results=tmp_path / "results", **TINY)
    assert "\n" not in str(raised.value) and str(raised.value).endswith(".")
    assert not (tmp_path / "results").exists()
