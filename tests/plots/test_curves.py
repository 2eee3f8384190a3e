import matplotlib
import pandas as pd
import pytest

matplotlib.use("Agg")
from lthlib import analysis, arena, lottery, plots, settings
from lthlib.core.errors import LotteryError
from lthlib.lottery.controls import CONTROLS
from lthlib.plots import style, trials
from lthlib.storage import atlas
from tests.test_arena import TWO, made_up


@pytest.fixture(autouse=True)
def closed():
    yield
    matplotlib.pyplot.close("all")


@pytest.fixture
def table(own_task):
    return lottery.hunt(own_task, levels=2, trials=2, iterations=20, controls="reinit,dense", progress=False)


@pytest.mark.parametrize("measure", analysis.LABELS)
def test_density_curves_show_every_method_on_a_reversed_log_axis(table, measure):
    axes = plots.density_curves(table, measure).axes[0]
    left, right = axes.get_xlim()
    assert left > right and axes.get_xscale() == "log"
    assert [text.get_text() for text in axes.get_legend().texts[:2]] == ["ticket", "reinit"]
    assert axes.get_xlabel() == "weights remaining (%)" and axes.get_ylabel() == analysis.LABELS[measure]
    assert len(axes.collections) == 2, "a band from minimum to maximum for each method"
    assert axes.figure.get_label() == analysis.describe(table, measure), "the figure says what it shows"


def test_show_describes_and_saves(table, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    plots.show(plots.density_curves(table), 'two lines, "iterative" & <reinit>', save=tmp_path / "new" / "figure.png")
    assert 'alt="two lines, &quot;iterative&quot; &amp; &lt;reinit&gt;"' in shown[0].data
    assert (tmp_path / "new" / "figure.png").stat().st_size > 10_000


def legend(axes):
    return [text.get_text() for text in axes.get_legend().texts]


def line(axes, number=0):
    return axes.lines[number].get_xdata(), axes.lines[number].get_ydata()


def test_a_line_is_the_mean_of_the_trials(table):
    rows = ticket_means(table)
    x, y = line(plots.density_curves(table).axes[0])
    assert list(x) == pytest.approx(list(100 * rows.density)) and list(y) == pytest.approx(list(100 * rows.test_accuracy))


def ticket_means(table):
    networks = analysis.summarise(table)
    return networks[networks.method == "iterative"].groupby("level")[["density", "test_accuracy"]].mean().sort_values("density")


def test_several_tables_are_told_apart_by_label(table):
    other = table.assign(setting="other", accuracy=table.accuracy / 2)
    axes = plots.density_curves({"adam": table, "sgd": other[other.method == "iterative"]}).axes[0]
    names = legend(axes)
    assert names[:3] == ["adam", "adam: reinit", "sgd"] and names[3].startswith("dense") and len(names) == 5
    assert axes.lines[0].get_color() == axes.lines[1].get_color() != axes.lines[2].get_color()
    own, other_own = axes.lines[-2:]
    assert names[3:] == [line.get_label() for line in (own, other_own)] and "adam" in names[3] and "sgd" in names[4]
    assert own.get_color() != other_own.get_color() and own._dash_pattern != other_own._dash_pattern, "not by colour alone"
    both = plots.density_curves({"adam": table, "sgd": other}).axes[0]
    looks = [(line.get_color(), line.get_marker(), str(line._dash_pattern)) for line in both.lines[:4]]
    assert len(set(looks)) == 4 and looks[1][1] != looks[3][1], "two labels' controls have two markers"
    shared = plots.density_curves({"a": table, "b": table.assign(setting="other")}).axes[0]
    assert sum("dense" in name for name in legend(shared)) == 1
    with pytest.raises(LotteryError, match="2 settings"):
        plots.density_curves(pd.concat([table, other]))


def test_densities_that_differ_a_little_between_labels_have_their_tick(table):
    other = table.assign(setting="other", density=table.density * (1 - 0.01 * (table.level == 2)))
    axes = plots.density_curves({"global": table, "layer-wise": other}).axes[0]
    sparsest = 100 * table.density.min()
    assert len(axes.get_xticks()) == 3 and 0.99 * sparsest <= axes.get_xticks()[-1] <= sparsest


def test_an_empty_table_makes_a_panel_that_says_so(table):
    figure = plots.side_by_side({"here": table, "shipped": table.head(0)})
    assert [axes.get_title() for axes in figure.axes] == ["here", "shipped"]
    assert figure.axes[1].texts[0].get_text() == "no results here yet"
    assert "here. Test accuracy" in figure.get_label() and "no results" in figure.get_label()


def test_measures_of_one_table_share_a_legend_and_a_row_an_axis(table):
    measures = ["test_accuracy", "final_test_accuracy", "train_accuracy"]
    panels = plots.by_measure(table, measures).axes
    assert [axes.get_ylabel() for axes in panels[:3]] == [analysis.LABELS[measure] for measure in measures]
    assert [bool(axes.get_legend()) for axes in panels] == [False, True, False, False] and not panels[3].get_visible()
    assert legend(panels[1]) == ["ticket", "reinit", "dense"]
    assert panels[0].get_ylim() == panels[1].get_ylim()
    text = panels[0].figure.get_label()
    assert all(analysis.describe(table, measure) in text for measure in measures)
    assert plots.by_measure(table.head(0), ["gap"]).axes[0].texts[0].get_text() == "no results here yet"


def test_knob_curves_show_ticket_control_and_dense_against_the_knob(table):
    tables_by_rate = {0.01: table, 0.1: table.assign(accuracy=table.accuracy / 2)}
    figure = plots.knob_curves({"adam": tables_by_rate, "sgd": {0.5: table}}, level=2)
    adam, sgd = figure.axes
    assert (adam.get_title(), sgd.get_title()) == ("adam", "sgd") and adam.get_xscale() == "log"
    assert adam.get_legend() is None and set(legend(sgd)) == {"ticket", "reinit", "dense"}
    means = analysis.summarise(table).query("level == 2").groupby("method").test_accuracy.mean() * 100
    x, y = next(line(adam, i) for i in range(3) if next(iter(line(adam, i)[1])) == pytest.approx(means["iterative"]))
    assert list(x) == [0.01, 0.1] and list(y) == pytest.approx([means["iterative"], means["iterative"] / 2])
    assert "adam, 0.01: dense " in figure.get_label() and f"ticket {means['iterative']:.4g}" in figure.get_label()
    share = 100 * table[table.level == 2].density.mean()
    assert f", at {share:.1f} % of the weights" in figure.get_label()
    sparser = table.assign(density=table.density.where(table.level == 0, table.density / 2))
    narrow = plots.knob_curves({"width": {75: table, 300: sparser}}, level=2)
    assert f", at {share / 2:.1f} to {share:.1f} % of the weights" in narrow.get_label()


def test_a_figure_as_html_is_what_show_displays(table, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    plots.show(plots.density_curves(table), "one")
    assert plots.as_html(plots.density_curves(table), "one") == shown[0].data
    with pytest.raises(LotteryError, match="no description"):
        plots.as_html(matplotlib.pyplot.figure())


def test_learning_curves_show_levels_with_the_same_colour_in_every_panel(table):
    figure = plots.learning_curves(table, [0, 2], ["iterative", "reinit"])
    ticket, reinit = figure.axes
    assert (ticket.get_title(), reinit.get_title()) == ("ticket", "reinit")
    assert len(legend(reinit)) == 2 and legend(reinit)[0] == "100.0 %" and ticket.get_legend() is None
    rows = table[(table.method == "iterative") & (table.split == "validation") & (table.level == 0)]
    x, y = line(ticket)
    means = 100 * rows.groupby("iteration").accuracy.mean()
    assert list(x) == list(means.index) and list(y) == pytest.approx(list(means))
    assert ticket.lines[-1].get_color() == reinit.lines[0].get_color() != ticket.lines[0].get_color()
    assert "early stop at" in figure.get_label()
    with pytest.raises(LotteryError, match="no 'shuffle'"):
        plots.learning_curves(table, methods=["shuffle"])


def test_densities_are_shades_from_dark_to_light():
    colours = [look.colour for look in style.by_density([7, 0, 3, 5]).values()]
    light = [0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue, _ in colours]
    assert light == sorted(light) and len(set(light)) == 4 and list(style.by_density([7, 0])) == [0, 7]


@pytest.mark.parametrize("draw", [plots.verdicts, plots.by_measure, plots.density_curves])
def test_tick_labels_do_not_collide_where_there_are_many_levels(draw):
    shipped = lottery_tickets()
    figure = draw(analysis.matching(shipped)) if draw is plots.verdicts else draw(shipped, *MEASURES.get(draw, []))
    figure.canvas.draw()
    for axes in figure.axes:
        if axes.get_visible():
            boxes = sorted((label.get_window_extent() for label in axes.get_xticklabels()), key=lambda box: box.x0)
            assert len(boxes) >= 5
            assert all(left.x1 + 3 < right.x0 for left, right in zip(boxes, boxes[1:])), "labels touch"


MEASURES = {plots.by_measure: [["test_accuracy", "final_test_accuracy"]]}


def lottery_tickets():
    tickets = atlas.read("lenet-mnist")
    return tickets[(tickets.schedule == "iterative") & (tickets.method == "iterative")]


def test_learning_curves_leave_out_what_only_some_trials_measured(table):
    thinned = table.drop(
        table[(table.trial == 0) & (table.iteration == table.iteration.max()) & (table.split == "validation")].index
    )
    x, _ = line(plots.learning_curves(thinned, [0]).axes[0])
    assert max(x) < table.iteration.max()
    x, _ = line(plots.learning_curves(table, [0], until=10).axes[0])
    assert max(x) <= 10


@pytest.mark.parametrize("count", [2, 17])
def test_layer_densities_have_a_line_a_layer(count):
    rows = [
        (trial, level, 0.8**level, f"layer{layer}.weight", 10, 0.7 ** (level * layer / count))
        for trial in range(2) for level in range(4) for layer in range(count)
    ]  # fmt: skip
    layers = pd.DataFrame(rows, columns=["trial", "level", "density", "layer", "weights", "layer_density"])
    figure = plots.layer_densities(layers)
    names = legend(figure.axes[0])
    assert names == [f"layer{layer}" for layer in range(count)] + ["whole network"]
    assert list(line(figure.axes[0], 1)[1]) == pytest.approx([100 * 0.7 ** (level / count) for level in (3, 2, 1, 0)])
    assert figure.get_label().startswith("Weights remaining in each layer. At 51.2 % of the network: layer0 100 %")


def contrast(colour):
    """Contrast with white, by the formula of WCAG 2."""
    channels = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in matplotlib.colors.to_rgb(colour)]
    return 1.05 / (0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2] + 0.05)


def test_colours_can_be_seen_and_told_apart():
    assert contrast("black") == pytest.approx(21) and contrast(style.WORDS) >= 4.5
    series = [look for count in (7, 17) for look in style.series(range(count)).values()]
    for look in [*style.METHODS.values(), *style.VERDICTS.values(), *series]:
        assert contrast(look.colour) >= 2
    assert len(set(series[7:])) == 17, "each name has its own look, also where there are more than colours"
    assert len(set(plots.SERIES)) == len(plots.SERIES) == len(plots.SERIES_DASHES) == len(set(plots.SERIES_MARKERS))


def test_show_takes_the_figures_own_description_and_needs_one(table, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    plots.show(plots.density_curves(table, title="a title"))
    assert "a title. Test accuracy at early stop" in shown[0].data
    with pytest.raises(LotteryError, match="no description"):
        plots.show(matplotlib.figure.Figure())


def test_verdicts_show_each_level_once_with_its_bounds():
    rows = {
        "density": [0.8, 0.5, 0.2],
        "points": [1.0, 0.0, -3.0],
        "points_low": [0.5, -1.0, -4.0],
        "points_high": [1.5, 1.0, -2.0],
        "percent": [50.0, 200.0, 300.0],
        "percent_low": [30.0, 150.0, float("nan")],
        "percent_high": [80.0, 260.0, float("nan")],
        "verdict": ["winning", "matching", "worse"],
    }
    levels = pd.DataFrame(rows)
    levels.attrs["limits"] = {"points": -0.8, "percent": 150.0}
    figure = plots.verdicts(levels, "hand-made")
    points, speed = figure.axes
    assert {text.get_text() for text in speed.get_legend().texts} == {"dense", "margin", "winning", "matching", "worse"}
    assert [line.get_ydata()[0] for line in points.lines if line.get_label() == "margin"] == [-0.8]
    assert [line.get_ydata()[0] for line in speed.lines if line.get_label() == "margin"] == [150.0]
    assert sorted(float(bars.lines[0].get_ydata()[0]) for bars in points.containers) == [-3.0, 0.0, 1.0]
    [won] = [bars for bars in points.containers if bars.get_label() == "winning"]
    assert won.lines[2][0].get_segments()[0][:, 1].tolist() == [0.5, 1.5]
    assert "over 3 levels: winning at 1, matching at 1, worse at 1" in figure.get_label()


def test_every_method_has_a_look_of_its_own():
    methods = {*settings.SCHEDULES, *CONTROLS} & style.METHODS.keys()
    assert len(methods) >= 20, "a control that was just added may go without"
    assert len({style.METHODS[name][:2] for name in methods}) == len(methods), "each has its own colour and dashes"
    assert style.METHODS["just added"].colour not in ("", None) and "just added" not in style.METHODS


def test_differences_name_each_line_and_its_means():
    index = pd.MultiIndex.from_tuples([(1, 0), (1, 1), (2, 0), (2, 1)], names=["level", "trial"])
    both = pd.DataFrame({"density": [0.5, 0.5, 0.2, 0.2], "difference": [1.0, 3.0, -1.0, -2.0]}, index=index)
    figure = plots.differences({"a": both, "b": both + 1}, "final_test_accuracy", "reinit")
    assert "2 trials. a: +2 points at 50.0 %, -1.5 points at 20.0 %." in figure.get_label()
    [axes] = figure.axes
    assert [text.get_text() for text in axes.get_legend().texts] == ["a", "b"]
    assert "minus reinit (points)" in axes.get_ylabel()


def test_learning_rates_are_the_recipes():
    recipe = settings.Recipe("sgd", 0.4, iterations=10, warmup=4, milestones=(8,))
    figure = plots.learning_rates({"warmed up": recipe})
    drawn = figure.axes[0].lines[0].get_ydata().tolist()
    assert drawn == [recipe.learning_rate_at(iteration) for iteration in range(10)]
    assert "warmed up: rises over 4 iterations, 0.4 at its highest" in figure.get_label()
    assert "divided by ten at 8." in figure.get_label()


@pytest.mark.parametrize(("measure", "best_first"), [("test_accuracy", ["a", "b *"]), ("test_loss", ["b *", "a"])])
def test_standings_have_a_point_for_each_method_and_scope(measure, best_first):
    outcome = made_up({**TWO, ("b", "erk"): TWO["b", "global"] - 0.1, ("a", "erk"): TWO["a", "global"] - 0.05})
    outcome["test_loss"] = 1 - outcome.test_accuracy + 0.1 * (outcome.entry == "a")
    board = arena.leaderboard(outcome, measure, margin=2.5)
    figure = plots.standings(board, ["b"], "made up", 90.0, measure)
    [axes] = figure.axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == best_first[::-1], "the best is at the top"
    points = {bars.get_label(): sorted(bars[0].get_xdata()) for bars in axes.containers}
    means = board["mean"].groupby("scope").agg(sorted)
    assert points == {scope: pytest.approx(means[scope]) for scope in ("uniform", "global", "erk")}
    named = analysis.LABELS[measure] + ", lower is better" * (measure == "test_loss")
    assert legend(axes) == ["dense, 90.0", "uniform", "global", "erk"] and axes.get_xlabel() == named
    assert "95 % bounds" in figure.get_label() and "entered are marked with a star" in figure.get_label()


def test_redraws_have_a_point_each_and_the_mean_of_their_trial():
    points = pd.DataFrame({0: [1.0, -2.0], 1: [3.0, 0.0]}, index=[4, 7])
    figure = trials.redraws(points, "shuffle")
    [axes] = figure.axes
    drawn = [sorted(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) and line.get_marker() != "None"]
    assert drawn == [[1.0, 3.0], [2.0], [-2.0, 0.0], [-1.0]]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["trial 4", "trial 7"]
    assert "ticket minus shuffle" in axes.get_xlabel() and "+2.00, -1.00" in figure.get_label()


def test_a_label_that_names_a_method_has_its_look():
    assert style.look_of("one-shot") == style.METHODS["oneshot"] and style.look_of("ticket") == style.METHODS["iterative"]
    assert style.look_of("SGD") is None


def test_a_label_that_names_a_method_shares_its_look_with_no_other(table):
    labels = ["a", "b", "c", "random", "d", "e"]
    axes = plots.density_curves(dict.fromkeys(labels, table[table.method == table.schedule])).axes[0]
    lines = [line for line in axes.get_legend().get_lines() if line.get_marker() not in ("None", "", None)]
    looks = {(line.get_color(), line.get_marker()) for line in lines}
    assert len({colour for colour, _ in looks}) == len({marker for _, marker in looks}) == len(labels)


def test_differences_have_the_bounds_of_what_was_compared(table):
    both, compared = analysis.pairs(table, "reinit"), analysis.compare(table, "reinit", margin=1.0)
    bounded = compared.assign(low=compared.points - 2, high=compared.points + 3)
    [axes] = plots.differences({"a": both}, compared={"a": bounded}).axes
    [bars] = axes.containers
    ends = [segment[:, 1] for segment in bars.lines[2][0].get_segments()]
    assert [tuple(end.round(6)) for end in ends] == list(zip(bounded.low.round(6), bounded.high.round(6)))
