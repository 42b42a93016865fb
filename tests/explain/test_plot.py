"""`deltaloop.plot`: what is drawn is counted, without a screen."""

import sys

import numpy as np
import pytest

import deltaloop as dl
from explain.test_explain import X, Y, worked

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")
plt = pytest.importorskip("matplotlib.pyplot")
colors = pytest.importorskip("matplotlib.colors")


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def texts(ax):
    return [text.get_text() for text in ax.texts]


def lines_of(ax):
    """Segments, widths and colours of all lines between units."""
    return [
        (segment.tolist(), width, colors.to_hex(color))
        for lines in ax.collections
        for segment, width, color in zip(
            lines.get_segments(), lines.get_linewidths(), lines.get_colors(), strict=True
        )
    ]


def test_network_has_a_circle_for_each_unit_and_a_line_for_each_weight():
    ax = dl.plot.network(worked())
    kinds = [colors.to_hex(patch.get_facecolor()) for patch in ax.patches]
    assert kinds == ["#7b4fb5"] * 4 + ["#2e8b57"] * 4 + ["#2b6cb0"]
    assert len(lines_of(ax)) == 4 * 2 + 2 * 2 + 2
    assert {"$w^{2}_{22}$", "$a^{3}_{2}$", "$x_{4}$", "$W^{1}, b^{1}$", "$W^{3}$"} <= set(texts(ax))
    assert sum(text.startswith("$w^") for text in texts(ax)) == 14
    assert texts(ax).count("sigmoid") == 2


def test_names_of_two_digits_have_a_comma():
    ax = dl.plot.network(dl.Network([11, 1]))
    assert {"$w^{1}_{11}$", "$w^{1}_{1,11}$"} <= set(texts(ax))


def test_names_of_lines_lie_on_them_and_apart():
    ax = dl.plot.network(dl.Network([2, 2, 2]))
    names = [text for text in ax.texts if text.get_text().startswith("$w")]
    places = np.array([text.get_position() for text in names])
    assert len(names) == 8
    apart = np.abs(places[:, None] - places).max(axis=2) + np.eye(8)
    assert apart.min() > 0.02
    segments = np.array([segment for segment, _, _ in lines_of(ax)])
    start, end = segments[:, 0], segments[:, 1]
    share = (places[:, 0] - start[:, 0]) / (end - start)[:, 0]
    assert ((share > 0.2) & (share < 0.8)).all()
    assert places[:, 1] == pytest.approx(start[:, 1] + share * (end - start)[:, 1])


def test_names_of_layers_lie_above_all_units_and_activations_below():
    ax = dl.plot.network(dl.Network([2, 7, 1]))
    heights = [circle.center[1] for circle in ax.patches]
    above = [text.get_position()[1] for text in ax.texts if "W^" in text.get_text()]
    below = [text.get_position()[1] for text in ax.texts if text.get_text() == "sigmoid"]
    assert len(set(above)) == 1 and above[0] > max(heights) + 0.5
    assert below and max(below) < min(heights) - 0.5
    low, high = ax.get_ylim()
    assert low < min(below) and above[0] < high


def test_lines_show_sign_and_size():
    net = worked()
    lines = lines_of(dl.plot.network(net))
    second = {}
    for (start, end), width, color in lines[8:12]:
        second[-start[1], -end[1]] = width, color
    low, high = sorted({k for k, _ in second})
    assert second[high, low][1] == "#2471a3"  # w^2_12 = -4
    assert {color for place, (_, color) in second.items() if place != (high, low)} == {"#c0392b"}
    assert second[low, low][0] < second[high, low][0] == pytest.approx(3.6)


def test_units_show_what_they_give_and_lines_the_gradient():
    net = worked()
    ax = dl.plot.network(net, X, Y, color="gradient")
    assert {"0.75", "0.25", "3", "-1"} <= set(texts(ax))
    widths = [width for _, width, _ in lines_of(ax)]
    largest = widths.index(max(widths[:8]))
    assert abs(net.gradients([X], [Y]).dW[0].ravel()[largest]) == pytest.approx(7)
    alone = dl.plot.network(net, X)
    assert {"0.75", "0.25", "3", "-1"} <= set(texts(alone))


def test_wide_layers_show_their_ends():
    ax = dl.plot.network(dl.Network([784, 30, 3]))
    assert len(ax.patches) == 11 + 11 + 3
    assert "$x_{784}$" in texts(ax)
    assert r"$\vdots$ 784" in texts(ax)
    assert not any(text.startswith("$w^") for text in texts(ax))


def test_masked_connections_are_not_drawn():
    mask = [[True, False], [True, True]]
    net = dl.Network(2, [dl.Dense(2, mask=mask), dl.Dense(1)])
    assert len(lines_of(dl.plot.network(net))) == 3 + 2


def test_axes_of_the_user_are_used_and_a_file_is_written(tmp_path):
    figure, ax = plt.subplots()
    before = len(plt.get_fignums())
    assert dl.plot.network(worked(), ax=ax) is ax
    assert dl.plot.weights(worked(), ax=ax) is ax
    assert len(plt.get_fignums()) == before
    figure.savefig(tmp_path / "net.svg")
    assert (tmp_path / "net.svg").stat().st_size > 10_000


def test_network_refuses_half_a_sample():
    with pytest.raises(dl.InvalidInputError, match="needs a sample"):
        dl.plot.network(worked(), X, color="gradient")
    with pytest.raises(dl.InvalidInputError, match="there is no x"):
        dl.plot.network(worked(), y=Y)
    with pytest.raises(dl.InvalidInputError, match="did you mean 'gradient'"):
        dl.plot.network(worked(), X, Y, color="gradients")


def test_history_is_that_of_the_training():
    ax = dl.plot.history(dl.History([4.0, 2.0], [], [1, 1]))
    assert ax.get_lines()[0].get_ydata().tolist() == [4.0, 2.0]


def test_boundary_of_one_output_is_where_it_is_a_half():
    net = dl.Network(2, [dl.Dense(1, "sigmoid", init=([[1.0, -1.0]], [0.0]))],
                     loss="binary_cross_entropy")  # fmt: skip
    samples = np.array([[-1.0, -1.0], [1.0, 1.0], [1.0, -1.0]])
    ax = dl.plot.decision_boundary(net, samples, [0, 0, 1], resolution=31)
    line = ax.collections[1].get_paths()[0].vertices
    assert line[:, 0] == pytest.approx(line[:, 1], abs=0.05)
    assert ax.collections[-1].get_offsets().tolist() == samples.tolist()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$x_{1}$", "$x_{2}$")


@pytest.mark.parametrize(("output", "middle"), [("tanh", 0.0), ("identity", 0.0), ("sigmoid", 0.5)])
def test_boundary_lies_in_the_middle_of_the_range_of_the_output(output, middle):
    # z = x2 - 2 for the mean of x1, which is not drawn
    net = dl.Network(3, [dl.Dense(1, output, init=([[1.0, 1.0, 0.0]], [-3.0]))])
    samples = np.array([[0.0, 0.0, 1.0], [2.0, 5.0, 3.0]])
    ax = dl.plot.decision_boundary(net, samples, columns=(2, 1), resolution=41)
    line = ax.collections[1].get_paths()[0].vertices
    assert line[:, 1] == pytest.approx(2.0, abs=0.1)
    assert ax.collections[1].levels.tolist() == [middle]
    # 8 % more than the samples on each side
    assert (line[:, 0].min(), line[:, 0].max()) == pytest.approx((1 - 0.16, 3 + 0.16))
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$x_{3}$", "$x_{2}$")


def test_boundary_of_an_output_that_is_only_positive_here_is_a_half():
    net = dl.Network(2, [dl.Dense(1, "identity", init=([[1.0, 0.0]], [0.0]))])
    ax = dl.plot.decision_boundary(net, np.array([[0.2, 0.0], [0.8, 1.0]]), resolution=31)
    assert ax.collections[1].levels.tolist() == [0.5]


def test_areas_of_classes_have_the_colours_of_their_samples():
    output = dl.Dense(3, "softmax", init=(np.eye(3), [0.0] * 3))
    net = dl.Network(3, [output], loss="cross_entropy")
    samples = np.eye(3) * 4
    ax = dl.plot.decision_boundary(net, samples, [0, 1, 2], columns=(0, 1), resolution=30)
    areas = [colors.to_hex(color) for color in ax.collections[0].get_facecolors()]
    points = [colors.to_hex(color) for color in ax.collections[-1].get_facecolors()]
    assert areas == points == [colors.to_hex(f"C{k}") for k in range(3)]


@pytest.mark.parametrize("columns", [(0, 0), (0, 5), 3, (0.5, 1)])
def test_columns_that_are_not_there_are_refused(columns):
    with pytest.raises((dl.InvalidInputError, dl.InvalidTypeError), match="columns must be two"):
        dl.plot.decision_boundary(dl.Network([3, 1]), np.ones((2, 3)), columns=columns)


def test_boundary_needs_two_inputs_and_a_label_for_each_sample():
    with pytest.raises(dl.InvalidInputError, match="needs two inputs, the network has 1"):
        dl.plot.decision_boundary(dl.Network([1, 1]), [[1.0]])
    with pytest.raises(dl.InvalidInputError, match="one entry per sample"):
        dl.plot.decision_boundary(dl.Network([2, 1]), [[1.0, 2.0]], [1, 2])


def test_boundary_of_heads_is_refused():
    heads = {"class": dl.Head(2, loss="cross_entropy"), "value": dl.Head(1)}
    net = dl.Network(2, [dl.Dense(heads=heads)])
    with pytest.raises(dl.InvalidInputError, match="outputs of one kind"):
        dl.plot.decision_boundary(net, [[1.0, 2.0]])


@pytest.mark.parametrize("draw", ["network", "decision_boundary", "weights", "loss_surface"])
def test_what_is_no_network_is_refused(draw):
    data = [X, Y] if draw in ("decision_boundary", "loss_surface") else []
    with pytest.raises(dl.InvalidTypeError, match=r"net must be a deltaloop\.Network, got int"):
        getattr(dl.plot, draw)(5, *data)


def test_weights_are_a_table_or_images():
    net = dl.Network([6, 5, 2], seed=1)
    image = dl.plot.weights(net).images[0]
    assert image.get_array().tolist() == net.W[0].tolist()
    assert image.get_clim() == pytest.approx((-np.abs(net.W[0]).max(), np.abs(net.W[0]).max()))
    assert dl.plot.weights(net, -1).get_title() == "$W^{2}$"
    mosaic = dl.plot.weights(net, 0, shape=(2, 3)).images[0].get_array()
    assert mosaic.shape == (2 * 3 - 1, 3 * 4 - 1)
    assert mosaic[:2, :3].tolist() == net.W[0][0].reshape(2, 3).tolist()
    assert mosaic[3:5, 4:7].tolist() == net.W[0][4].reshape(2, 3).tolist()
    assert mosaic.mask[2].all() or np.isnan(np.asarray(mosaic)[2]).all()
    with pytest.raises(dl.InvalidInputError, match="shape must have 6 values"):
        dl.plot.weights(net, 0, shape=(2, 2))
    with pytest.raises(dl.InvalidInputError, match="layer must be a whole number from -2 to 1"):
        dl.plot.weights(net, 2)


def test_gradient_flow_has_a_line_for_each_layer():
    data = dl.datasets.load("xor")
    net = dl.Network([2, 3, 1], seed=1)
    flow = dl.plot.GradientFlow(data.X, data.y)
    net.fit(data.X, data.y, epochs=5, callbacks=[flow])
    last = [np.median(np.abs(delta)) for delta in net.gradients(data.X, data.y).delta]
    assert flow.quantiles[-1, :, 2] == pytest.approx(last, rel=1e-6)
    ax = dl.plot.gradient_flow(flow)
    assert [line.get_label() for line in ax.get_lines()] == ["layer 1", "layer 2"]
    assert ax.get_lines()[1].get_ydata() == pytest.approx(flow.quantiles[:, 1, 2])
    assert len(ax.collections) == 2
    with pytest.raises(dl.InvalidInputError, match="has seen no epoch"):
        dl.plot.gradient_flow(dl.plot.GradientFlow(data.X, data.y))
    with pytest.raises(dl.InvalidTypeError, match="must be a deltaloop"):
        dl.plot.gradient_flow(net)


def test_loss_surface_is_the_loss_along_the_directions():
    net = dl.Network(1, [dl.Dense(1, "identity", init=([[2.0]], [1.0]))], dtype="float64")
    seen = []
    twin = sys.modules["deltaloop.explain.twin"].Twin
    right = twin.loss

    def watched(self, theta):
        seen.append((net.plan.packed(theta).tolist(), right(self, theta)))
        return seen[-1][1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(twin, "loss", watched)
        directions = np.array([1.0, 0.0]), np.array([0.0, 1.0])
        ax = dl.plot.loss_surface(
            net, [[1.0]], [0.0], directions=directions, extent=2.0, resolution=3
        )  # fmt: skip
    assert seen == [
        ([2 + s, 1 + t], (3 + s + t) ** 2 / 2) for t in (-2.0, 0.0, 2.0) for s in (-2.0, 0.0, 2.0)
    ]
    assert ax.get_lines()[0].get_marker() == "*"
    assert net.parameters.tolist() == [2.0, 1.0]


def test_random_directions_are_as_long_as_the_weights_of_each_unit():
    from deltaloop.explain.pictures import _like_weights
    from deltaloop.explain.twin import Twin

    net = worked()
    twin = Twin(net, *net._data([X], [Y]))
    v = _like_weights(twin, np.random.default_rng(0))
    for k, W in enumerate(net.W):
        lengths = np.linalg.norm(twin.plan.W(v, k), axis=1)
        assert lengths == pytest.approx(np.linalg.norm(W, axis=1))
    assert dl.plot.loss_surface(net, [X], [Y], resolution=3, seed=3).collections


def test_matplotlib_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(dl.MissingDependencyError, match="plot"):
        dl.plot.network(worked())


def test_deltas_of_units_that_are_off_are_counted_apart():
    hidden = dl.Dense(2, "relu", init=([[1.0], [-1.0]], [0.0, 0.0]))
    output = dl.Dense(1, "identity", init=([[2.0, 2.0]], [0.0]))
    net = dl.Network(1, [hidden, output], dtype="float64")
    flow = dl.plot.GradientFlow([[1.0], [2.0], [3.0], [-1.0]], [0.0, 0.0, 0.0, 2.0])

    class State:
        epoch = 1

    State.net = net
    flow(State)  # deltas of the layers: 4, 8, 12 and 0 (of the last sample); 2, 4, 6 and 0
    assert flow.zeros.tolist() == [[5 / 8, 1 / 4]]
    assert flow.quantiles[0, :, 2].tolist() == [8.0, 4.0]
    net.W[1][:] = 0
    flow(State)
    assert np.isnan(flow.quantiles[1, 0]).all()


def test_shortcuts_are_drawn_around_the_layers_that_they_skip():
    layers = [dl.Dense(2, "tanh"), dl.Dense(2, "tanh", shortcuts=[0]),
              dl.Dense(1, "identity", shortcuts=[1], mask=[[True, True, False, True]])]  # fmt: skip
    net = dl.Network(2, layers, seed=0)
    ax = dl.plot.network(net, [0.5, 1.0], [1.0], color="gradient")
    paths = [path.vertices for one in ax.collections for path in one.get_paths()]
    assert len(paths) == 4 + 8 + 3
    curved = [points for points in paths if len(points) > 2]
    assert len(curved) == 4 + 1
    highest = max(patch.center[1] for patch in ax.patches)
    assert all(np.abs(points[:, 1]).max() > highest for points in curved)
    starts = {tuple(np.round(points[0], 6)) for points in curved}
    assert starts <= {tuple(np.round(patch.center, 6)) for patch in ax.patches}
    assert "$w^{2}_{24}$" in texts(ax)  # the second input enters the second layer


def test_heads_have_their_names_beside_their_outputs():
    heads = {"kind": dl.Head(2, loss="cross_entropy"), "$5": dl.Head(1, loss="gaussian_nll")}
    net = dl.Network(2, [dl.Dense(2, "tanh"), dl.Dense(heads=heads)], seed=0)
    ax = dl.plot.network(net)
    assert {"kind\nsoftmax", "\\$5\nmean, variance", "heads"} <= set(texts(ax))
    ax.figure.canvas.draw()  # the dollar is no mathematics
