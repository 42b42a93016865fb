"""The interactive page: what is in the file, and how it behaves in a browser, where one is."""

import json
import re
import shutil
import warnings

import numpy as np
import pytest

import deltaloop as dl
from explain.test_explain import X, Y, worked


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "net.html"
    worked().explain_page(path, X, Y, title="4-2-2-1 <worked>")
    return path


def test_file_is_small_and_needs_no_other(file):
    text = file.read_text(encoding="utf-8")
    assert len(text.encode()) < 300_000
    assert re.findall(r"(?:src|href)\s*=|@import|url\(|fetch\(|XMLHttpRequest|import\s", text) == []
    assert set(re.findall(r"https?://[^\"'\s]+", text)) == {"http://www.w3.org/2000/svg"}  # a name
    assert "4-2-2-1 &lt;worked&gt;" in text
    assert not re.search(r"/\*[A-Z]+\*/|//FUNCTIONS//", text)


def test_numbers_are_those_of_the_network(file):
    data = json.loads(re.search("const DATA = (.*);\n", file.read_text("utf-8"))[1])
    net = worked()
    assert [layer["W"] for layer in data["model"]["layers"]] == [W.tolist() for W in net.W]
    assert (data["x"], data["y"], data["learning_rate"]) == (X, Y, 0.1)
    assert data["chosen"] == {"k": 1, "j": 1, "i": 1}


def test_scaled_inputs_are_those_of_the_network_and_said(tmp_path):
    net = dl.Network([2, 2, 1], dropout=0.5)
    net.scaling = dl.Scaling([1.0, 2.0], [2.0, 4.0])
    net.explain_page(tmp_path / "net.html", [3.0, 6.0], [1.0], learning_rate=0.5)
    data = json.loads(re.search("const DATA = (.*);\n", (tmp_path / "net.html").read_text())[1])
    assert (data["x"], data["learning_rate"]) == ([1.0, 1.0], 0.5)
    assert ["scaled" in note or "dropout" in note for note in data["notes"]] == [True, True]


def test_outputs_to_choose_from_suit_the_loss(tmp_path):
    for loss, expected in (("cross_entropy", {"softmax"}), ("poisson", {"exp", "softplus"})):
        dl.Network([2, 2], loss=loss).explain_page(tmp_path / "n.html", [1.0, 2.0], [0.0, 1.0])
        data = json.loads(re.search("const DATA = (.*);\n", (tmp_path / "n.html").read_text())[1])
        (outputs,) = data["outputs"]
        assert expected <= set(outputs)
        assert "tanh" not in outputs


def test_what_has_no_room_is_refused(tmp_path):
    for sizes in ([17, 1], [16, 16, 16, 1]):
        with pytest.raises(dl.InvalidInputError, match="16 units side by side and 400 weights"):
            dl.Network(sizes).explain_page(tmp_path / "x.html", np.ones(sizes[0]), [1.0])
    net = worked()
    with pytest.raises(dl.InvalidInputError, match="learning_rate must be"):
        net.explain_page(tmp_path / "x.html", X, Y, learning_rate=-1.0)
    assert list(tmp_path.iterdir()) == []


def test_functions_of_users_are_refused(tmp_path):
    pytest.importorskip("numba")
    square = dl.custom_activation("square", lambda z: z * z, lambda z, a: 2 * z)
    with pytest.raises(dl.InvalidInputError, match="'square' is a function of your own"):
        dl.Network([2, 2, 1], activation=square).explain_page(tmp_path / "x.html", [1, 2], [1])


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        try:
            made = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        except playwright.Error:
            pytest.skip("there is no Chromium")
        yield made
        made.close()


@pytest.fixture
def page(browser, file):
    made = browser.new_page(viewport={"width": 1280, "height": 900})
    wrong, asked = [], []
    made.on("pageerror", lambda error: wrong.append(str(error)))
    made.on("request", lambda request: asked.append(request.url))
    made.goto(file.as_uri())
    yield made
    made.close()
    assert wrong == []
    assert asked == [file.as_uri()]  # nothing but the file itself


def test_browser_computes_what_the_package_computes(page):
    net = worked()
    for _ in range(3):
        found, expected = page.evaluate("values"), net.trace(X, Y)
        for k in range(3):
            for name in ("z", "delta"):
                assert found[name][k] == pytest.approx(getattr(expected, name)[k], rel=1e-12)
            for name in ("dW", "W_after"):
                array = getattr(expected, name)[k]
                assert np.array(found[name][k]) == pytest.approx(array, rel=1e-12, abs=1e-12)
        assert found["loss"] == pytest.approx(expected.loss, rel=1e-12)
        page.click("#train1")
        net.learn_one(X, Y)
    page.click("#train100")
    for _ in range(100):
        net.learn_one(X, Y)
    assert page.evaluate("values.loss") == pytest.approx(net.loss([X], [Y]), rel=1e-9, abs=1e-12)
    assert page.evaluate("losses.length") == 103
    assert "103 updates" in page.text_content("#losses")


def test_steps_go_forward_and_back(page):
    assert page.locator(".unit .above").count() == 0
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    assert page.locator(".unit .above").count() == 5  # every z
    assert "The cost mse" in page.inner_text("#told")
    page.keyboard.press("ArrowLeft")
    assert "layer 3, unit 1" in page.inner_text("#told")
    for _ in range(9):
        page.click("#step")
    assert page.locator(".unit .below").count() == 5  # every delta
    assert page.inner_text("#counter") == "14 of 15, update 1"
    before = page.evaluate("values.W_after")
    page.click("#step")  # the update is shown, and then taken
    assert "= 4 \u2212 0.1 \u00b7 2.25 = 3.775" in " ".join(page.inner_text("#told").split())
    assert page.evaluate("model.layers[1].W[1][1]") == 4
    page.click("#step")
    assert page.evaluate("model.layers.map((layer) => layer.W)") == before
    assert page.inner_text("#counter") == "0 of 15, update 2"
    page.click("#back")
    assert page.evaluate("model.layers[1].W[1][1]") == 4
    page.keyboard.press("Home")
    assert page.inner_text("#counter") == "0 of 15, update 1"


def test_pointing_at_a_weight_lights_its_path_and_shows_its_chain_rule(page):
    page.locator('.edge[data-k="0"][data-j="1"][data-i="2"]').dispatch_event("mouseenter")
    assert "= 1.5 \u00b7 2 = 3" in " ".join(page.inner_text("#factors").split())
    lit = page.evaluate(
        "[...document.querySelectorAll('.edge.path')].map((e) => [e.dataset.k, e.dataset.j, "
        "e.dataset.i].join(''))"
    )
    assert sorted(lit) == ["012", "101", "111", "200", "201"]
    page.locator(".edge.chosen").focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("chosen") == {"k": 0, "j": 1, "i": 3}
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == (
        "weight w 1, 2 4: 1, gradient \u22121.5"
    )


def test_unit_shows_the_chain_rule_of_its_bias(page):
    page.locator('.unit[data-k="1"][data-j="1"]').click()
    told = " ".join(page.inner_text("#factors").split())
    assert "= 3 \u00b7 1 = 3" in told
    assert "= \u22126.09861 \u2212 0.1 \u00b7 3 = \u22126.39861" in told
    assert page.evaluate("chosen") == {"k": 1, "j": 1, "i": None}
    assert page.locator('.unit[data-k="2"]').count() == 0  # the output has no bias


def test_worked_example_stands_on_the_page_as_in_the_documentation(page):
    for _ in range(14):
        page.keyboard.press("ArrowRight")
    seen = {
        name: page.locator(f".unit .{name}").all_text_contents() for name in ("above", "below")
    }  # fmt: skip
    assert seen["above"] == [f"z = {z}" for z in ("0", "1.099", "0", "\u22121.099", "3")]
    assert seen["below"] == [f"\u03b4 = {delta}" for delta in ("3.5", "1.5", "1", "3", "2")]
    gradients = page.locator("text.gradient").all_text_contents()
    expected = np.concatenate([dW.ravel() for dW in worked().trace(X, Y).dW])
    read = [float(text.replace("\u2202", "").replace("\u2212", "-")) for text in gradients]
    assert read == pytest.approx(expected, rel=1e-2)


def test_everything_can_be_changed(page):
    page.get_by_label("input 3", exact=True).fill("0.5")
    page.get_by_label("target 1", exact=True).fill("-2")
    page.get_by_label("weight of layer 2 from 1 to 2", exact=True).fill("1.25")
    page.get_by_label("bias of unit 1 of layer 1", exact=True).fill("0")
    page.get_by_label("activation of layer 1", exact=True).select_option("tanh")
    page.get_by_label("Learning rate").fill("0.3")
    page.get_by_label("Learning rate").blur()
    layers = [
        dl.Dense(2, "tanh", init=(worked().W[0], [0, worked().b[0][1]])),
        dl.Dense(2, "sigmoid", init=([[2, -4], [1.25, 4]], worked().b[1])),
        dl.Dense(1, "identity", bias=False, init=worked().W[2]),
    ]
    net = dl.Network(4, layers, dtype="float64")
    net.optimizer = dl.SGD(0.3)
    found, expected = page.evaluate("values"), net.trace([1, 0, 0.5, -1], [-2])
    assert found["loss"] == pytest.approx(expected.loss, rel=1e-12)
    for k in range(3):
        after = np.array(found["W_after"][k])
        assert after == pytest.approx(expected.W_after[k], rel=1e-12, abs=1e-12)
    page.get_by_label("input 3", exact=True).fill("")
    page.get_by_label("input 3", exact=True).blur()
    assert page.get_by_label("input 3", exact=True).get_attribute("aria-invalid") == "true"
    assert page.evaluate("x[2]") == 0.5


def test_it_plays_and_has_two_themes(page):
    page.get_by_label("Speed").select_option("fast")
    page.click("#play")
    page.wait_for_function("position > 2")
    page.click("#play")
    stopped = page.evaluate("position")
    page.wait_for_timeout(400)
    assert page.evaluate("position") == stopped
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_screen(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.click("#train1")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.fixture
def opened(browser, tmp_path):
    """A page of another network."""
    pages, wrong = [], []

    def opened(net, x, y, **options):
        path = tmp_path / f"{len(pages)}.html"
        net.explain_page(path, x, y, **options)
        made = browser.new_page(viewport={"width": 1280, "height": 900})
        made.on("pageerror", lambda error: wrong.append(str(error)))
        made.on("dialog", lambda dialog: wrong.append(dialog.message))
        made.goto(path.as_uri())
        pages.append(made)
        return made

    yield opened
    for page in pages:
        page.close()
    assert wrong == []


def through(page):
    """Every step of an update: what is said at each."""
    said = page.evaluate("steps.map(() => { forward(); return $('told').textContent; })")
    return [" ".join(one.split()) for one in said]


def test_shortcuts_go_around_layers_and_are_in_the_sums(opened):
    layers = [dl.Dense(2, "tanh"), dl.Dense(2, "tanh", shortcuts=[0]),
              dl.Dense(1, "identity", shortcuts=[0, 1])]  # fmt: skip
    net, x, y = dl.Network(2, layers, dtype="float64", seed=4), [0.5, -0.25], [0.75]
    page = opened(net, x, y)
    assert page.locator(".edge .seen").count() == sum(W.size for W in net.W)
    curved = page.locator(".edge .seen[d*='C']").count()
    assert curved == 4 + 2 + 2  # columns of shortcuts
    page.evaluate("choose(0, 0, 1)")
    delta = net.trace(x, y).delta[0][0]
    assert f"{delta:.6g}".replace("-", "\u2212") in page.inner_text("#factors")
    lit = page.locator(".edge.path:not(.unit)").count()
    assert lit == 1 + 2 + (2 + 1)  # w, what a^2_1 enters, and what leads on from there
    assert all(through(page))


def test_connections_that_a_mask_leaves_out_are_not_there(opened):
    mask = [[True, False], [True, False]]
    net = dl.Network(2, [dl.Dense(2, "tanh"), dl.Dense(2, mask=mask), dl.Dense(1)], seed=0)
    page = opened(net, [0.5, 1.0], [1.0])
    assert page.evaluate("chosen") == {"k": 1, "j": 1, "i": 0}  # and not w^2_22
    assert page.locator(".edge.chosen").count() == 1
    assert page.locator(".edge .seen").count() == 4 + 2 + 2
    assert "none" in page.inner_text("#tables")
    said = through(page)
    (unit,) = [one for one in said if one.startswith("Backward, layer 1, unit 2")]
    assert "= 0 = 0" in unit  # it enters nothing


def test_names_of_heads_are_text(opened):
    heads = {
        "<img src=x onerror=alert(1)>": dl.Head(2, loss="cross_entropy"),
        "a & b": dl.Head(1, "softplus", weight=0.5),
        "/*PAGE*/": dl.Head(1, loss="gaussian_nll", weight=2.0),
    }
    net = dl.Network(2, [dl.Dense(2, "tanh"), dl.Dense(heads=heads)], dtype="float64", seed=1)
    page = opened(
        net, [0.5, -1.0], [0, 1, 0.5, 0.3], title="</title><script>alert(2)</script>/*CSS*/"
    )
    said = through(page)
    assert any("<img src=x onerror=alert(1)>: cross_entropy" in one for one in said)
    assert any("a & b: 0.5 \u00b7 mse" in one for one in said)
    assert page.locator("img").count() == 0
    assert page.title() == "</title><script>alert(2)</script>/*CSS*/"
    for name, of in (("a & b", "tanh"), ("/*PAGE*/", None)):
        choice = page.get_by_label(f"activation of {name}", exact=True)
        assert choice.count() == (0 if of is None else 1)  # means and variances have theirs
        if of:
            choice.select_option(of)
    found = page.evaluate("values.delta[1]")
    heads["a & b"] = dl.Head(1, "tanh", weight=0.5)
    init = (net.W[1], net.b[1])
    layers = [dl.Dense(2, "tanh", init=(net.W[0], net.b[0])), dl.Dense(heads=heads, init=init)]
    other = dl.Network(2, layers, dtype="float64")
    expected = other.trace([0.5, -1.0], [0, 1, 0.5, 0.3]).delta[1]
    assert found == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("sizes", "options"),
    [
        ([1, 1], {}),
        ([16, 3], {"loss": "cross_entropy", "label_smoothing": 0.1}),
        ([3, 5, 5, 5, 2], {"output": "softmax", "activation": "relu"}),
        ([2, 2, 1], {"loss": "binary_focal", "activation": "leaky_relu"}),
        ([2, 3, 2], {"loss": "poisson"}),
    ],
    ids=str,
)
@pytest.mark.parametrize("size", [-0.0, 1e30])
def test_odd_networks_and_numbers_are_shown_whole(opened, sizes, options, size):
    options = dict(options)
    if options.pop("label_smoothing", None):
        options["loss"] = dl.Loss("cross_entropy", label_smoothing=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dl.DeltaloopWarning)
        net = dl.Network(sizes, dtype="float64", seed=0, **options)
    y = [1.0] + [0.0] * (sizes[-1] - 1)
    page = opened(net, [size] * sizes[0], y)
    for said in through(page):
        assert "undefined" not in said
        assert not re.search(r"\u22120(?![.\d])", said)  # no -0
        assert "NaN" not in said or size == 1e30
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    wide = "[...document.querySelectorAll('#words p')].filter((p) => p.scrollWidth > p.clientWidth)"
    assert page.evaluate(f"{wide}.length") == 0  # nothing is cut off


def test_keys_alone_reach_everything(page):
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    for name in ("theme", "reset", "back", "play", "step", "speed", "rate", "train1", "train100"):
        assert name in seen
    assert "g" in seen
    page.locator(".edge.chosen").focus()
    for _ in range(30):  # around all weights and biases, and back to the first
        page.keyboard.press("ArrowDown")
    chosen = {tuple(page.evaluate("Object.values(chosen)"))}
    for _ in range(17):
        page.keyboard.press("ArrowDown")
        chosen.add(tuple(page.evaluate("Object.values(chosen)")))
    assert len(chosen) == 14 + 4


def test_the_weight_that_is_shown_first_is_one_that_a_mask_leaves():
    from deltaloop.explain.page.writing import _chosen

    def chosen(mask):
        return _chosen(dl.Network(3, [dl.Dense(4), dl.Dense(2, mask=mask)]))

    assert chosen(None) == {"k": 1, "j": 1, "i": 1}
    assert chosen(np.eye(2, 4, dtype=bool)) == {"k": 1, "j": 1, "i": 1}
    assert chosen(np.array([[0, 0, 1, 0], [1, 0, 0, 0]], bool)) == {"k": 1, "j": 1, "i": 0}
    assert chosen(np.array([[0, 0, 1, 0], [0, 0, 0, 0]], bool)) == {"k": 1, "j": 0, "i": 2}
