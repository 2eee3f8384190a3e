"""The benchmarks: `make bench` writes results/bench.json and prints it as a table.

Every figure is a ratio of two medians, measured in turn in this one run, so that a busy machine slows both sides alike.
`--quick` measures less and proves only that the benchmarks run.
"""

import argparse
import functools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import joblib
import torch
from torch import nn
from torch.nn import functional

from lthlib import data, models, tasks
from lthlib.core.files import write_atomically
from lthlib.core.processes import one_thread
from lthlib.lottery.search import hunt
from lthlib.pruning import masks
from lthlib.settings import Recipe, Setting
from lthlib.storage.store import TICKET, Key, Record, Store
from lthlib.training import engine
from lthlib.training.engine import Ticket
from lthlib.training.randomness import batch_order
from lthlib.training.stack import Stack
from tests.bench import card, sparse

ROOT = Path(__file__).resolve().parents[2]
LONG = 5  # times the iterations of other rows: a whole hunt is measured where its last evaluations weigh little


def median_of(repeats: int, *measures) -> list[float]:
    """The median of each measure over `repeats` turns; the measures take turns, after one turn each to warm up."""
    for measure in measures:
        measure()
    return [statistics.median(times) for times in zip(*([measure() for measure in measures] for _ in range(repeats)))]


def seconds(work) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def mnist_like() -> data.Dataset:
    """Real MNIST where the data folder has it; else noise of its shape, which takes as long."""
    if (data.data_folder() / "mnist.npz").exists():
        return data.load("mnist")
    generator = torch.Generator().manual_seed(0)
    inputs, targets = torch.rand(70_000, 1, 28, 28, generator=generator), torch.randint(0, 10, (70_000,), generator=generator)
    return data.from_arrays("mnist-like", inputs[:60_000], targets[:60_000], inputs[60_000:], targets[60_000:])


def tickets_of(network: nn.Module, count: int, kept: float = 0.2) -> list[Ticket]:
    theta, mask = network.state_dict(), masks.ones(models.prunable(network))
    mask = masks.prune(mask, {name: theta[name].abs() for name in mask}, 1 - kept)
    return [Ticket(theta, mask, order_seed=seed) for seed in range(count)]


def our_step(network, dataset, iterations: int, workers: int, batch_size: int = 60) -> float:
    """Milliseconds a step and ticket, by the clock on the wall, for twice as many tickets as workers; no evaluation within."""
    recipe = Recipe(iterations=iterations, evaluate_every=iterations, batch_size=batch_size)
    few = lambda split, count: data.Split(split.inputs[:count], split.targets[:count])  # noqa: E731
    little = data.Dataset(dataset.name, few(dataset.train, 3000), few(dataset.validation, 10), few(dataset.test, 10))
    tickets = tickets_of(network, 2 * workers)
    took = seconds(lambda: list(engine.train(tickets, recipe, little, model=network, device="cpu", workers=workers)))
    return 1000 * took / (iterations * len(tickets))


def plain_step(network, dataset, iterations: int, threads: int, masked: bool = False, batch_size: int = 60) -> float:
    """Milliseconds a step of a plain loop over resident tensors with fused Adam; `masked` puts the mask into the forward pass."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    optimizer = torch.optim.Adam(network.parameters(), 1.2e-3, fused=not masked)
    mask, weights = tickets_of(network, 1)[0].mask, dict(network.named_parameters())
    order = batch_order(3000, batch_size, 0, 0, iterations)

    def loop():
        for batch in order:
            inputs, targets = dataset.train.inputs[batch], dataset.train.targets[batch]
            if masked:
                ticket = {name: weight * mask[name] if name in mask else weight for name, weight in weights.items()}
                outputs = torch.func.functional_call(network, ticket, inputs)
            else:
                outputs = network(inputs)
            loss = functional.cross_entropy(outputs, targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    took = seconds(loop)
    torch.set_num_threads(before)
    return 1000 * took / iterations


def image_loader_step(network, dataset, iterations: int) -> float:
    """Milliseconds a step of the usual loop: a DataLoader over images that are decoded and normalised one at a time."""
    from PIL import Image

    pixels = (dataset.train.inputs[:3000] * 0.3081 + 0.1307).clamp(0, 1).mul(255).byte().squeeze(1).numpy()
    targets = dataset.train.targets

    class Images(torch.utils.data.Dataset):
        def __len__(self):
            return len(pixels)

        def __getitem__(self, index):
            image = Image.fromarray(pixels[index])
            tensor = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8).view(1, 28, 28).float().div(255)
            return tensor.sub(0.1307).div(0.3081), int(targets[index])

    optimizer = torch.optim.Adam(network.parameters(), 1.2e-3)
    done = 0

    def loop():
        nonlocal done
        while done < iterations:
            for inputs, labels in torch.utils.data.DataLoader(Images(), batch_size=60, shuffle=True):
                optimizer.zero_grad()
                functional.cross_entropy(network(inputs), labels).backward()
                optimizer.step()
                done += 1
                if done == iterations:
                    return

    return 1000 * seconds(loop) / iterations


def row(name: str, ratio: float, ours: float, other: float, unit: str, note: str) -> dict:
    ratio, ours, other = (float(f"{value:.4g}") for value in (ratio, ours, other))
    return {"name": name, "ratio": ratio, "ours": ours, "other": other, "unit": unit, "note": note}


def cpu_throughput(repeats: int, iterations: int) -> list[dict]:
    dataset, cores = mnist_like(), joblib.cpu_count()
    fresh = lambda: models.LeNet(784, 10)  # noqa: E731
    image = lambda: image_loader_step(fresh(), dataset, max(20, iterations // 5))  # noqa: E731
    plain = lambda threads: plain_step(fresh(), dataset, iterations, threads)  # noqa: E731
    ours, one_core, plain_all, plain_one = median_of(
        repeats,
        lambda: our_step(fresh(), dataset, 3 * iterations, workers=cores),
        lambda: our_step(fresh(), dataset, iterations, workers=1),
        lambda: plain(cores),
        lambda: plain(1),
    )
    unit, where = "ms per step and ticket", f"{cores} cores, {dataset.name}, LeNet-300-100, batch 60"
    others = {
        "cpu_vs_image_loader": (image, "per-image DataLoader, torch's default threads"),
        "cpu_vs_tensor_loop": (lambda: plain(cores), "plain tensor loop, fused Adam, all cores"),
    }
    return [
        *sparse.hunts(row, seconds, dataset, min(repeats, 3), iterations * (LONG if repeats > 1 else 1), others),
        row(
            "cpu_step_at_20", plain_all / ours, ours, plain_all, unit, f"{where}, 20 % kept; other: plain tensor loop, all cores"
        ),
        row(
            "cpu_step_one_core",
            one_core / plain_one,
            one_core,
            plain_one,
            unit,
            "masked step over the plain loop's, one core each",
        ),
    ]


def mnist1d_100_levels(repeats: int, iterations: int) -> dict:
    """A level of the published MNIST-1D notebook: 1,501 steps of 40-500-500-10 at batch 100."""
    dataset = data.load("mnist1d")
    fresh = lambda: models.LeNet(40, 10, hidden=(500, 500))  # noqa: E731
    ours, other = median_of(
        repeats,
        lambda: our_step(fresh(), dataset, 3 * iterations, workers=joblib.cpu_count(), batch_size=100),
        lambda: plain_step(fresh(), dataset, iterations, joblib.cpu_count(), masked=True, batch_size=100),
    )
    level = [1501 * step / 1000 for step in (ours, other)]
    note = f"100 levels: {level[0] * 100 / 60:.1f} against {level[1] * 100 / 60:.1f} minutes; other: mask in the forward pass"
    return row("mnist1d_100_levels", other / ours, *level, "s per level and ticket", note)


def store_overhead(repeats: int, iterations: int) -> dict:
    """Time in the store over time training, a level of paper-profile LeNet."""
    network, setting = models.LeNet(784, 10), Setting("lenet-mnist")
    theta, mask = network.state_dict(), masks.ones(models.prunable(network))
    start = {name: tensor.clone() for name, tensor in theta.items()}
    points = range(0, 50_001, 100)
    history = {"iteration": [*points], "split": ["validation"] * 501, "loss": [0.1] * 501, "accuracy": [0.98] * 501}
    dataset = mnist_like()

    def work() -> float:
        with tempfile.TemporaryDirectory() as folder:
            store, key = Store(folder), Key(TICKET, 0, 0)

            def once():
                store.has(setting, key)
                store.save(setting, key, Record(mask, history, 1.0, theta, start))
                store.load(setting, key)

            return seconds(once)

    stored, step = median_of(repeats, work, lambda: plain_step(network, dataset, iterations, 1))
    training = step / 1000 * 50_000
    note = "look up, save and load a dense level, the largest, against its 50,000 steps without evaluation"
    return row("store_overhead", stored / training, stored, training, "s", note)


def resume_start(repeats: int) -> dict:
    """Seconds from the command to the start of training with 20 levels x 5 trials done, against importing torch alone."""
    with tempfile.TemporaryDirectory() as folder:
        store, network = Store(folder), models.LeNet(64, 10)
        setting, _ = tasks.resolve(tasks.TASKS["lenet-digits"], "quick")
        theta, mask = network.state_dict(), masks.ones(models.prunable(network))
        history = {
            "iteration": [0, 50] * 2,
            "split": ["validation"] * 2 + ["test", "train"],
            "loss": [1.0] * 4,
            "accuracy": [0.5] * 4,
        }
        for trial in range(5):
            for level in range(20):
                start = {name: tensor.clone() for name, tensor in theta.items()} if level == 0 else None
                store.save(setting, Key(TICKET, trial, level), Record(mask, history, 1.0, theta, start))
        code = f"""
import lthlib, sys
from lthlib import engine
engine.train = lambda *_, **__: sys.exit(0)
lthlib.hunt("lenet-digits", levels=20, trials=5, results={folder!r}, progress=False)
sys.exit("nothing was left to train")
"""
        run = lambda code: seconds(lambda: subprocess.run([sys.executable, "-c", code], check=True))  # noqa: E731
        ours, other = median_of(repeats, lambda: run(code), lambda: run("import torch"))
    return row("resume_start", ours / other, ours, other, "s", "command to training, 100 networks found; other: `import torch`")


def quick_lesson_1(smoke: bool) -> dict:
    """The code of lesson 1 with an empty store, from start to end, against the same with `sparse` off."""
    profile, lesson = "smoke" if smoke else "quick", ROOT / "notebooks" / "01_a_winning_ticket.ipynb"
    cells = json.loads(lesson.read_text(encoding="utf-8"))["cells"]
    setup, parameters, *rest = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert "%pip" in setup and "profile: str" in parameters

    def took(way: str) -> float:
        with tempfile.TemporaryDirectory() as folder:
            start = f"import functools, lthlib\nlthlib.hunt = functools.partial(lthlib.hunt, sparse={way!r})"
            code = "\n".join([start, parameters, f"profile, results = {profile!r}, {folder!r}", *rest])
            return seconds(lambda: subprocess.run([sys.executable, "-c", code], check=True, capture_output=True))

    ours, other = took("auto"), took("off")
    return row("quick_lesson_1", other / ours, ours, other, "s", f"lesson 1 at {profile}, its code alone; other: sparse off")


def slider_read(repeats: int) -> dict:
    """Reading 22 levels x 10 trials x 4 methods into one table, from the kept rows and without them."""
    history = {"iteration": [*range(0, 1550, 50)], "split": ["validation"] * 31, "loss": [0.1] * 31, "accuracy": [0.98] * 31}
    with tempfile.TemporaryDirectory() as folder:
        store, setting, mask = Store(folder), Setting("lenet-digits"), {"w": torch.ones(4, 4, dtype=torch.bool)}
        store.register(setting)
        for method in (TICKET, "reinit", "shuffle", "random"):
            for trial in range(10):
                for level in range(22):
                    store.save(setting, Key(method, trial, level), Record(mask, history, 1.0))

        def unaided() -> float:
            for cache in Path(folder).rglob("rows.cache"):
                cache.unlink()
            return seconds(store.table)

        other, ours = median_of(repeats, unaided, lambda: seconds(store.table))
    return row(
        "slider_read", other / ours, 1000 * ours, 1000 * other, "ms", "880 networks of the quick profile; other: file by file"
    )


def evaluation_share(repeats: int, iterations: int) -> dict:
    """Share of a paper-profile LeNet run that evaluation takes: one validation of 5,000 a hundred steps."""
    dataset, network = mnist_like(), models.LeNet(784, 10)

    def evaluation() -> float:
        with one_thread():
            stack = Stack(network, tickets_of(network, 1), Recipe(), dataset.train, torch.device("cpu"))
            return seconds(lambda: stack.validate(dataset.validation))

    once, step = median_of(repeats, evaluation, lambda: plain_step(network, dataset, iterations, 1))
    hundred = 100 * step / 1000
    return row(
        "evaluation_share", once / (once + hundred), once, hundred, "s", "a validation over itself and 100 steps, one core"
    )


def bfloat16_on_cpu(repeats: int, iterations: int) -> dict:
    """What a forward and backward pass in bfloat16 saves on this CPU, which may have no instructions for it."""
    dataset, network = mnist_like(), models.LeNet(784, 10)
    orders = [batch[None] for batch in batch_order(3000, 60, 0, 0, iterations)]

    def step(precision: str) -> float:
        with one_thread():
            recipe = Recipe(precision=precision)
            stack = Stack(network, tickets_of(network, 1), recipe, dataset.train, torch.device("cpu"))
            work = lambda: [stack.step(batch, None, i) for i, batch in enumerate(orders)]  # noqa: E731
            return 1000 * seconds(work) / iterations

    ours, other = median_of(repeats, lambda: step("bfloat16"), lambda: step("float32"))
    return row("cpu_bfloat16", other / ours, ours, other, "ms per step", "LeNet-300-100, one core; other: float32, the default")


def growth(repeats: int, iterations: int) -> list[dict]:
    """How cost grows: seconds for R tickets of a level, for levels and for trials of a hunt, on all cores."""
    dataset, workers = mnist_like(), joblib.cpu_count()
    few = lambda split, count: data.Split(split.inputs[:count], split.targets[:count])  # noqa: E731
    little = data.Dataset("little", few(dataset.train, 3000), few(dataset.validation, 500), few(dataset.test, 500))
    task = tasks.Task("lenet-little", little, lambda _: models.LeNet(784, 10))

    def level(count: int) -> float:
        recipe, network = Recipe(iterations=2 * iterations, evaluate_every=iterations), task.build()
        tickets = tickets_of(network, count)
        return seconds(lambda: list(engine.train(tickets, recipe, little, model=network, device="cpu", workers=workers)))

    def whole(levels: int, trials: int) -> float:
        with tempfile.TemporaryDirectory() as folder:
            options = {"levels": levels, "trials": trials, "iterations": 2 * iterations, "device": "cpu", "workers": workers}
            return seconds(lambda: hunt(task, "quick", results=folder, progress=False, **options))

    found = []
    for what, unit, measure, sizes in [
        ("tickets", "s for a level", level, (2, 4, 8, 16)),
        ("levels", "s for a hunt of 2 trials", lambda n: whole(n, 2), (1, 3, 7)),
        ("trials", "s for a hunt of 2 levels", lambda n: whole(2, n), (2, 4, 8)),
    ]:
        times = median_of(repeats, *(functools.partial(measure, size) for size in sizes))
        for size, took in zip(sizes[1:], times[1:]):
            note = f"{size} {what} over {sizes[0]}; LeNet-300-100, {2 * iterations} iterations, {workers} workers"
            found.append(row(f"growth_{what}_{size}", took / times[0], took, times[0], unit, note))
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="once, and few iterations")
    options.add_argument("--output", type=Path, default=ROOT / "results" / "bench.json")
    chosen = options.parse_args()
    repeats, iterations = (1, 40) if chosen.quick else (5, 1000)
    rows = [
        *sparse.steps(row, median_of, seconds, mnist_like(), repeats, iterations),
        *sparse.moving(row, median_of, seconds, mnist_like(), repeats, iterations),
        *sparse.convolution(row, median_of, seconds, repeats, iterations),
        *sparse.against_sparselab(row, median_of, seconds, mnist_like(), repeats, iterations),
        *cpu_throughput(repeats, iterations),
        quick_lesson_1(chosen.quick),
        mnist1d_100_levels(repeats, iterations),
        store_overhead(repeats, iterations),
        evaluation_share(repeats, iterations),
        resume_start(repeats),
        slider_read(repeats),
        bfloat16_on_cpu(repeats, iterations),
        *growth(1 if chosen.quick else 3, max(40, iterations // 4)),
    ]
    if torch.cuda.is_available():
        rows += card.rows(row, median_of, repeats, iterations // 5, torch.device("cuda"))
    else:
        print("No CUDA card here: the benchmarks of one (gpu_vs_loop_*) are left out.", file=sys.stderr)
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(chosen.output, json.dumps(rows, indent=1).encode())
    print(f"{'name':22} {'ratio':>8} {'ours':>10} {'other':>10}  unit, note")
    for r in rows:
        print(f"{r['name']:22} {r['ratio']:8.3g} {r['ours']:10.4g} {r['other']:10.4g}  {r['unit']}; {r['note']}")


if __name__ == "__main__":
    main()
