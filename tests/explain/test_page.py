"""The interactive page: what is in the file, and how it behaves in a browser, where one is."""

import json
import re
import shutil

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
        assert expected <= set(data["outputs"])
        assert "tanh" not in data["outputs"]


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
