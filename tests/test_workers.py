"""No training takes a second core unless n_threads says so: n workers keep n cores busy."""

import pytest

import deltaloop as dl
from worker_jobs import TASKS, network, samples, seconds, training


@pytest.mark.skipif(not TASKS.is_dir(), reason="needs /proc")
@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_training_has_no_more_threads_than_it_was_told(n_threads):
    X, y = samples()
    net, n_found, before = network(), set(), len(list(TASKS.iterdir()))

    def look(_):
        n_found.add(len(list(TASKS.iterdir())) - before)

    net.fit(X, y, epochs=2, batch_size=500, n_threads=n_threads, callbacks=[look])
    assert n_found <= set(range(n_threads))  # the clock says whether the second one pays


@pytest.mark.parametrize("call", ["fit", "predict", "gradients", "ensemble", "search"])
def test_other_threads_have_no_part_in_it(call):
    X, y = samples()
    net = network()
    run = {
        "fit": lambda: net.fit(X, y, epochs=20, batch_size=500),
        "predict": lambda: [net.predict(X) for _ in range(40)],
        "gradients": lambda: [net.gradients(X, y) for _ in range(20)],
        "ensemble": lambda: dl.Ensemble([64, 8, 10], loss="cross_entropy", n=8).fit(
            X[:500], y[:500], epochs=4
        ),
        "search": lambda: dl.search(
            {"hidden": [[4], [8]]}, X[:300], y[:300], n=9, loss="cross_entropy"
        ),
    }[call]
    of_all, own = seconds(run)
    assert of_all < 1.05 * own


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_workers_of_joblib_compute_in_their_one_thread(backend):
    joblib = pytest.importorskip("joblib")
    found = []

    def run():
        with joblib.parallel_config(backend, n_jobs=2):
            found.extend(joblib.Parallel()(joblib.delayed(training)(k) for k in range(2)))

    of_all, _ = seconds(run)
    if backend == "threading":  # threads share one clock of the process
        assert of_all < 1.05 * sum(own for _, own in found) + 0.05
    else:
        assert all(of_all < 1.05 * own for of_all, own in found)
