import base64
import inspect
import re
import time
from xml.etree import ElementTree

import pytest
import torch

from lthlib.core.errors import LotteryError
from lthlib.plots import drawings, style
from lthlib.plots.drawings.canvas import NEGATIVE, POSITIVE, for_text, text_width
from tests.conftest import ROOT

SVG = "{http://www.w3.org/2000/svg}"
IDEAS = [
    *("the_loop", "mask_times_weights", "oneshot_and_iterative", "controls", "rewinding", "signs"),
    *("reading_a_density_curve", "three_measures", "line_between_two_networks", "learning_rate_over_time", "verdicts"),
    *("supermask", "where_scores_look", "structured_and_unstructured", "transfer", "filters"),
    *("fitting_wrong_labels", "reading_a_reliability_diagram"),
    *("bills", "one_loop_three_worlds", "shares_kept", "reset_or_continue", "trials_and_redraws"),
    *("drop_and_grow", "roads_to_a_sparse_network"),
    "two_orders",
]
OTHERS = {"Drawing", "network_of", "busiest_units", "evenly_spaced"}
SHAPES = [("fc1.weight", (5, 4)), ("fc2.weight", (3, 5)), ("output.weight", (2, 3))]


def small_network(density: float = 0.5):
    """Weights by layer, and the mask of as many of the largest."""
    generator = torch.Generator().manual_seed(1)
    weights = {name: torch.randn(shape, generator=generator) for name, shape in SHAPES}
    bound = torch.cat([weight.abs().flatten() for weight in weights.values()]).quantile(1 - density)
    return {name: weight.abs() > bound for name, weight in weights.items()}, weights


def lenet(density: float):
    generator = torch.Generator().manual_seed(2)
    weights = {f"fc{n}": torch.randn(shape, generator=generator) for n, shape in enumerate([(300, 40), (100, 300), (10, 100)])}
    return {name: torch.rand(weight.shape, generator=generator) < density for name, weight in weights.items()}, weights


def every_drawing() -> dict:
    mask, weights = small_network()
    wide, wide_weights = lenet(0.05)
    made = {name: getattr(drawings, name)() for name in IDEAS}
    made["ticket and reinit"] = drawings.controls(shuffled=False)
    made["no warmup"] = drawings.learning_rate_over_time(0.4, 2000, 0, ())
    made["network_of"] = drawings.network_of(mask, weights, heading="lenet-digits, ticket, level 3")
    made["narrow"] = drawings.network_of(wide, wide_weights, width=480, height=240)
    return made | {"no weights": drawings.network_of(wide, units=drawings.busiest_units(wide))}


DRAWINGS = every_drawing()
each = pytest.mark.parametrize("name", list(DRAWINGS))


def parts(drawing: drawings.Drawing, tag: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(drawing.svg).iter(SVG + tag))


def test_every_drawing_of_the_library_is_tested():
    made = {name for name, value in vars(drawings).items() if callable(value) and not inspect.ismodule(value)}
    assert made == {*IDEAS, *OTHERS}
    for name in IDEAS:
        assert len(inspect.getdoc(getattr(drawings, name))) > 80


@each
def test_a_drawing_is_described(name):
    root = ElementTree.fromstring(DRAWINGS[name].svg)
    assert root.get("role") == "img" and root[0].tag == SVG + "title" and root[1].tag == SVG + "desc"
    assert len(root[0].text) > 8 and root[1].text == DRAWINGS[name].alt and len(DRAWINGS[name].alt) > 60
    assert root.get("aria-label") == f"{root[0].text}: {root[1].text}"


@each
def test_a_drawing_stands_alone(name):
    """No scripts, style sheets, ids, links or fonts to load; a white ground of its own comes first."""
    root = ElementTree.fromstring(DRAWINGS[name].svg)
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    known = {"svg", "title", "desc", "g", "rect", "line", "path", "polygon", "circle", "text", "tspan"}
    assert tags <= known
    names = {attribute for element in root.iter() for attribute in element.attrib}
    assert not {name for name in names if name.startswith("on") or name in ("id", "href", "style", "class")}
    assert "url(" not in DRAWINGS[name].svg and DRAWINGS[name].svg.count("http") == 1  # the name of SVG itself
    ground = root[2]
    assert ground.get("fill") == "#FFFFFF" and float(ground.get("width")) == float(root.get("width")) - 1


@each
def test_text_is_large_enough(name):
    texts = [*parts(DRAWINGS[name], "text"), *parts(DRAWINGS[name], "tspan")]
    assert len(texts) > 3
    assert min(float(text.get("font-size")) for text in texts if text.get("font-size")) >= 12
    assert all(text.get("font-size") for text in texts if text.tag == SVG + "text")


def text_box(text: ElementTree.Element) -> tuple[float, float, float, float]:
    """Left, top, right, bottom; a tenth wider than Helvetica, since pages have other fonts."""
    words, size = "".join(text.itertext()), float(text.get("font-size"))
    width = 1.1 * text_width(words, size, text.get("font-weight") == "bold")
    x, y = float(text.get("x")), float(text.get("y"))
    left = x - {"start": 0, "middle": width / 2, "end": width}[text.get("text-anchor")]
    return left, y - 0.75 * size, left + width, y + 0.25 * size


@each
def test_no_text_leaves_the_sheet_or_lies_on_another(name):
    root = ElementTree.fromstring(DRAWINGS[name].svg)
    width, height = float(root.get("width")), float(root.get("height"))
    assert root.get("viewBox") == f"0 0 {root.get('width')} {root.get('height')}"
    boxes = [("".join(text.itertext()), text_box(text)) for text in root.iter(SVG + "text")]
    for words, (left, top, right, bottom) in boxes:
        assert left >= 4 and right <= width - 4 and top >= 4 and bottom <= height - 4, words
    for place, (words, a) in enumerate(boxes):
        for other, b in boxes[:place]:
            apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] + 1 or b[3] <= a[1] + 1
            assert apart, f"{words!r} lies on {other!r}"


def corners(element: ElementTree.Element) -> list[tuple[float, float]]:
    """Points that an element reaches; of a curve also those that control it."""
    tag = element.tag.removeprefix(SVG)
    given = {name: float(value) for name, value in element.attrib.items() if re.fullmatch(r"-?[\d.]+", value)}
    if tag == "line":
        return [(given["x1"], given["y1"]), (given["x2"], given["y2"])]
    if tag == "rect":
        return [(given["x"], given["y"]), (given["x"] + given["width"], given["y"] + given["height"])]
    if tag == "circle":
        return [(given["cx"] + sign * given["r"], given["cy"] + sign * given["r"]) for sign in (-1, 1)]
    numbers = [float(value) for value in re.findall(r"-?[\d.]+", element.get("d") or element.get("points"))]
    return list(zip(numbers[::2], numbers[1::2]))


@each
def test_no_shape_leaves_the_sheet(name):
    root = ElementTree.fromstring(DRAWINGS[name].svg)
    width, height = float(root.get("width")), float(root.get("height"))
    shapes = [element for tag in ("line", "rect", "circle", "path", "polygon") for element in root.iter(SVG + tag)]
    assert len(shapes) > 5
    for shape in shapes:
        for x, y in corners(shape):
            assert 0 <= x <= width and 0 <= y <= height, ElementTree.tostring(shape)


def test_drawings_are_the_same_each_time():
    again = every_drawing()
    assert {name: drawing.svg for name, drawing in again.items()} == {name: drawing.svg for name, drawing in DRAWINGS.items()}


def test_methods_have_their_colours_and_names():
    words = {text.text: text.get("fill") for text in parts(drawings.controls(), "text")}
    for method, called in {"iterative": "ticket", "reinit": "reinit", "shuffle": "shuffle", "random": "random"}.items():
        assert words[called] == for_text(style.METHODS[method].colour)
        assert style.METHODS[method].colour in drawings.controls().svg
    for name, drawing in DRAWINGS.items():
        assert "winning" not in drawing.svg.lower(), name


def test_what_is_made_up_says_so():
    for name in ("reading_a_density_curve", "three_measures", "line_between_two_networks"):
        assert "a sketch, not a result" in drawings.__dict__[name]().svg


def test_the_product_in_the_drawing_is_right():
    """Three grids of nine numbers, row by row, and a line for each of the ticket's weights."""
    drawing = drawings.mask_times_weights()
    texts = [text for text in parts(drawing, "text") if re.fullmatch("\u2212?[0-9.]+", text.text or "")]
    numbers = [float(text.text.replace("\u2212", "-")) for text in texts]
    weights, mask, product = numbers[:9], numbers[9:18], numbers[18:]
    assert set(mask) == {0, 1} and product == [weight * kept for weight, kept in zip(weights, mask)]
    of_signs = [line for line in parts(drawing, "line") if line.get("stroke") in (POSITIVE, NEGATIVE)]
    assert len(of_signs) - 2 == sum(mask) and f"{sum(mask):.0f} of 9" in drawing.alt  # two are the legend's


def test_the_convolution_in_the_drawing_is_right():
    texts = [text.text for text in parts(drawings.filters(), "text") if re.fullmatch("\u2212?[0-9]+", text.text or "")]
    numbers = torch.tensor([float(text.replace("\u2212", "-")) for text in texts])
    image, kernel, output = numbers[:49].view(1, 1, 7, 7), numbers[49:58].view(1, 1, 3, 3), numbers[58:].view(5, 5)
    assert torch.equal(torch.nn.functional.conv2d(image, kernel)[0, 0], output)
    assert f"adds up to {int(output[0, 4])}," in drawings.filters().alt


def test_structures_keep_what_they_say():
    blue = for_text(style.METHODS["iterative"].colour)
    squares = [square.get("fill") == blue for square in parts(drawings.structured_and_unstructured(), "rect")[1:]]
    single, groups, units = (torch.tensor(squares[start : start + 64]).view(8, 8) for start in (0, 64, 128))
    assert single.sum() == groups.sum() == units.sum() == 32
    assert (groups.view(8, 2, 4).sum(2) == 2).all() and not (single.view(8, 2, 4).sum(2) == 2).all()
    assert set(units.sum(1).tolist()) == {0, 8}


def test_half_way_between_two_orders_is_the_mean_of_what_stands_side_by_side():
    """Panels of four rows of three units of nine weights: A, B, half-way."""
    fills = [square.get("fill") for square in parts(drawings.two_orders(), "rect") if square.get("width") == "15"]
    channels = torch.tensor([[int(fill[at : at + 2], 16) for at in (1, 3, 5)] for fill in fills], dtype=torch.double)
    strength = (255 - channels).sum(1) * torch.tensor([-1 if fill[1:3] > fill[5:7] else 1 for fill in fills])
    mixed, matched = strength.view(2, 4, 3, 9)
    ours, theirs = (torch.where(panel > 0, panel / panel.max(), panel / -panel.min()) for panel in (mixed, matched))
    for panel in (ours, theirs):
        assert (panel[:, 2] - (panel[:, 0] + panel[:, 1]) / 2).abs().max() < 0.02
    assert torch.equal(theirs[:, 0], theirs[:, 2]) and not torch.equal(ours[:, 0], ours[:, 2])
    assert sorted(map(tuple, ours[:, 1].tolist())) == sorted(map(tuple, ours[:, 0].tolist())), "the same units"


def test_shares_of_iterative_pruning():
    words = [text.text for text in parts(drawings.oneshot_and_iterative(), "text")]
    assert [word for word in words if re.fullmatch(r"\d+ %", word or "")][2:] == [f"{100 * 0.8**k:.0f} %" for k in range(8)]


def test_the_ticket_and_reinit_alone():
    alone = drawings.controls(shuffled=False)
    words = " ".join(text.text or "" for text in parts(alone, "text"))
    assert "reinit" in words and "shuffle" not in words and "random" not in alone.alt


def test_a_learning_rate_of_your_own():
    drawing = drawings.learning_rate_over_time(0.03, 30_000, 20_000, (20_000, 25_000))
    assert "rises in a straight line to 0.03 in the first 20,000 and falls to a tenth at 20,000 and 25,000" in drawing.alt
    for wrong in ({"peak": 0}, {"warmup": 60_000}, {"drops": (5000,)}, {"drops": (84_000, 56_000)}, {"iterations": 80_000}):
        with pytest.raises(LotteryError, match="give a"):
            drawings.learning_rate_over_time(**wrong)


def test_a_drawing_shows_itself_and_is_saved(tmp_path):
    drawing = drawings.the_loop()
    bundle = drawing._repr_mimebundle_()
    assert bundle["image/svg+xml"] == drawing._repr_svg_() == drawing.svg and bundle["text/plain"] == drawing.alt
    image = ElementTree.fromstring(bundle["text/html"].replace('">', '"/>'))
    assert image.get("alt") == drawing.alt and base64.b64decode(image.get("src").split(",")[1]).decode() == drawing.svg
    assert drawing.save(tmp_path / "new" / "loop.svg").read_text(encoding="utf-8") == drawing.svg


def connections(drawing: drawings.Drawing) -> list[tuple[str, bool, float, tuple]]:
    """Colour, whether dashed, width and ends of each connection; the legend's lines are in no group."""
    found = []
    for group in parts(drawing, "g"):
        for line in group:
            ends = tuple(float(line.get(end)) for end in ("x1", "y1", "x2", "y2"))
            found.append((group.get("stroke"), bool(group.get("stroke-dasharray")), float(line.get("stroke-width")), ends))
    return found


def unit_places(drawing: drawings.Drawing) -> list[tuple[float, float]]:
    return [(float(unit.get("cx")), float(unit.get("cy"))) for unit in parts(drawing, "circle")]


def test_a_network_has_its_surviving_connections_and_no_other():
    mask, weights = small_network()
    drawing, expected, first = drawings.network_of(mask, weights), {}, 0
    places = unit_places(drawing)
    for name, (_, inputs) in SHAPES:
        largest = (weights[name] * mask[name]).abs().max()
        for i, j in mask[name].nonzero().tolist():
            weight = weights[name][i, j]
            colour, width = (POSITIVE, NEGATIVE)[int(weight < 0)], 0.5 + 3.1 * float(weight.abs() / largest)
            expected[places[first + j] + places[first + inputs + i]] = (colour, bool(weight < 0), width)
        first += inputs
    drawn = {ends: (colour, dashed, width) for colour, dashed, width, ends in connections(drawing)}
    assert drawn.keys() == expected.keys() and len(drawn) == sum(int(kept.sum()) for kept in mask.values())
    for ends, (colour, dashed, width) in expected.items():
        assert drawn[ends][:2] == (colour, dashed) and drawn[ends][2] == pytest.approx(width, abs=0.006)
    assert {dashed for _, dashed, _ in expected.values()} == {True, False}


def test_wide_layers_are_sampled_by_a_fixed_rule():
    mask, weights = lenet(0.2)
    drawing, columns = drawings.network_of(mask, weights, most=6), drawings.evenly_spaced(mask, 6)
    assert columns == [[3, 10, 16, 23, 30, 36], [25, 75, 125, 175, 225, 275], [8, 25, 41, 58, 75, 91], [0, 2, 4, 5, 7, 9]]
    layers = zip(mask.values(), columns, columns[1:])
    assert len(connections(drawing)) == sum(int(layer[outputs][:, inputs].sum()) for layer, inputs, outputs in layers)
    words = [text.text for text in parts(drawing, "text")]
    assert words[:4] == ["6 of 40 inputs", "6 of 300 units", "6 of 100 units", "6 of 10 outputs"]
    kept = sum(int(layer.sum()) for layer in mask.values())
    assert f"weights remaining: {kept / 430:.1f} % ({kept:,} of 43,000)" in words
    sparser = drawings.network_of({name: layer & (torch.arange(layer.shape[1]) % 3 == 0) for name, layer in mask.items()}, most=6)
    assert unit_places(sparser) == unit_places(drawing)


def test_busiest_units_are_those_with_most_connections():
    first = torch.tensor([[1, 1, 0], [0, 0, 0], [1, 1, 1], [0, 1, 0]])
    second = torch.tensor([[1, 1, 0, 1], [0, 0, 0, 1]])
    assert drawings.busiest_units({"a": first, "b": second}, 2) == [[0, 1], [0, 3], [0, 1]]
    mask, _ = lenet(0.03)
    columns = {"busiest": drawings.busiest_units(mask), "evenly": drawings.evenly_spaced(mask)}
    counts = {name: len(connections(drawings.network_of(mask, units=units))) for name, units in columns.items()}
    assert counts["busiest"] > 2 * counts["evenly"]


def test_one_scale_for_pictures_that_follow_each_other():
    mask, weights = small_network(1.0)
    scale = {name: 2 * float(weight.abs().max()) for name, weight in weights.items()}
    widths = [width for _, _, width, _ in connections(drawings.network_of(mask, weights, scale=scale))]
    assert max(widths) == pytest.approx(0.5 + 3.1 / 2, abs=0.006)


def test_a_unit_without_connections_is_faint():
    mask = {"a": torch.tensor([[1, 1], [0, 0]]), "b": torch.tensor([[1, 1]])}
    faint = [unit.get("stroke") == "#98A1AD" for unit in parts(drawings.network_of(mask), "circle")]
    assert faint == [False, False, False, True, False]


def test_a_network_is_drawn_fast():
    mask, weights = lenet(0.35)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        drawing = drawings.network_of(mask, weights)
        seconds.append(time.perf_counter() - start)
    assert len(connections(drawing)) > 120 and min(seconds) < 0.06


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mask": {}}, "give a tensor of zeros and ones"),
        ({"mask": {"conv": torch.ones(2, 2, 3, 3)}}, "'conv' has shape (2, 2, 3, 3): networks of linear layers"),
        ({"mask": {"a": torch.ones(2, 3), "b": torch.ones(2, 3)}}, "'b' has 3 inputs, but the layer before it has 2"),
        ({"mask": {"a": torch.full((2, 2), 0.3)}}, "other numbers than 0 and 1"),
        ({"weights": {"fc1.weight": torch.ones(4, 4)}}, "'fc1.weight' are (4, 4): give a tensor of the mask's shape, (5, 4)"),
        ({"weights": {}}, "'fc1.weight' are None"),
        ({"weights": {name: torch.full(shape, float("nan")) for name, shape in SHAPES}}, "not finite"),
        ({"units": [[0], [0]]}, "units has 2 lists: give 4"),
        ({"units": [[0], [5], [0], [0]]}, "units has [5] of 5: give numbers from 0 to 4"),
        ({"units": [[0], [1, 1], [0], [0]]}, "each once"),
        ({"most": 0}, "most is 0"),
        ({"scale": {"fc1.weight": 0.0}}, "a magnitude above 0"),
        ({"width": 100}, "width is 100"),
        ({"height": 5}, "height is 5"),
    ],
)
def test_what_cannot_be_drawn_is_refused_in_one_sentence(change, message):
    mask, weights = small_network(0.9)
    with pytest.raises(LotteryError, match=re.escape(message)) as refused:
        drawings.network_of(**{"mask": mask, "weights": weights, **change})
    assert str(refused.value).endswith(".") and "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["bills", "one_loop_three_worlds", "two_orders"])
def test_a_drawing_that_opens_a_lesson_is_kept_as_a_file(name):
    path = ROOT / "docs" / f"{name.replace('_', '-')}.svg"
    assert path.read_text().strip() == DRAWINGS[name].svg.strip(), f"drawings.{name}() has changed: save it to {path} again"
