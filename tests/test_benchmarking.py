"""The benchmark suite itself: its arithmetic, its judge, its reports. Nothing here is timed."""

import io
import json
import os
import pickle
import re
import subprocess
import sys
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from click.testing import CliRunner

from deltaloop.benchmarking import (
    agreement,
    command,
    data,
    jobs,
    machine,
    peers,
    plots,
    report,
    results,
    runner,
    start,
    workers,
)
from deltaloop.benchmarking.host import Host
from deltaloop.benchmarking.jobs import JOBS, Job
from deltaloop.benchmarking.machine import Level, Machine
from deltaloop.benchmarking.peers.deltaloop import Prediction, Training
from deltaloop.errors import DeltaloopError, FileFormatError, InvalidInputError
from deltaloop.kernels import load

SGD = Job((5, 4, 3), "sigmoid", "sigmoid", "mse", 2, 6)
ADAM = Job((5, 4, 3), "relu", "softmax", "cross_entropy", 4, 5, optimizer="adam")
PREDICT = Job((5, 4, 3), "relu", "softmax", "cross_entropy", 1, 4, kind="predict")
MACHINE = Machine(
    "a processor", "Linux", "Python", 2, "Cython", 100.0,
    (Level("L1", 32 << 10, 200.0, 400.0), Level("memory", None, 20.0, 40.0)),
)  # fmt: skip
QUICKLY = runner.Settings(repeats=2, fewest=1, seconds=0.0)


# ---------------------------------------------------------------------- fakes


@dataclass(frozen=True)
class Fake(peers.Peer):
    """A peer that is the reference, changed by `spoil`."""

    spoil: object = field(default=None, compare=False)

    def available(self):
        return "1.0"

    def prepare(self, job, parameters, X, Y):
        session = (
            Prediction(job, parameters, X, load("reference"))
            if job.kind == "predict"
            else Training(job, parameters, X, Y, load("reference"))
        )
        if self.spoil is not None:
            self.spoil(session)
        return session


def fake(name, spoil=None):
    return Fake(name, name.capitalize(), name, "", spoil=spoil)


class Here:
    """All peers in this process."""

    def __init__(self, chosen):
        self.chosen = chosen
        self.only = Host({peer.name: peer for peer in chosen})

    def host(self, peer, n_threads):
        return self.only

    def discard(self, peer, n_threads):
        self.only = Host({peer.name: peer for peer in self.chosen})


def rows_of(job, chosen, settings=QUICKLY):
    return {row.peer: row for row in runner.time_job(job, chosen, settings, Here(chosen))}


def wrong_learning_rate(session):
    session.rule = replace(session.rule, hyper=(1.02 * session.rule.hyper[0], 0.0))


def wrong_order(session):
    session.X, session.Y = session.X[::-1].copy(), session.Y[::-1].copy()


def forgotten_bias(session):
    run = session.run

    def without_bias():
        loss = run()
        for b in session.net.b:
            b[:] = 0
        return loss

    session.run = without_bias


def wrong_loss(session):
    run = session.run
    session.run = lambda: 2 * run()


def not_finite(session):
    arrays = session.arrays
    session.arrays = lambda: [np.full_like(array, np.nan) for array in arrays()]


def wrong_predictions(session):
    arrays = session.arrays
    session.arrays = lambda: [array + 1e-3 for array in arrays()]


@pytest.fixture(scope="module")
def found():
    """Results with one job, one curve, a peer that is missing and one that is wrong."""
    row = results.Row("deltaloop", "deltaloop", repeats=[2e-6, 3e-6, 4e-6], error=1e-6, loss=0.5)
    peer = results.Row("numba", "Numba loops", repeats=[4e-6, 5e-6], compile_seconds=1.5)
    slow = results.Row("jax-scan", "JAX scan", repeats=[1e-6])
    missing = results.Row("pytorch", "PyTorch eager", "missing", "torch is not installed")
    wrong = results.Row("numpy", "NumPy", "disagrees", "W of layer 1 off by 0.5 of its movement")
    point = results.JobResult(SGD, 1e-7, [row, slow], "width", 4.0)
    return results.Results(
        "0.1.0", "2030-01-01", False, MACHINE, {"deltaloop": "0.1.0", "PyTorch eager": None},
        [
            results.JobResult(replace(SGD, target=0.6), 1e-6, [row, peer, missing, wrong]),
            results.JobResult(replace(ADAM, target=0.1), 1e-9, [row, slow, missing]),
            point, replace(point, x=8.0),
        ],
        [results.Start("deltaloop", "deltaloop", 0.06, 0.1, 35.0, 1.2)],
    )  # fmt: skip


# ---------------------------------------------------------------------- jobs


def test_flops_are_those_of_the_products():
    # forward 5*4 + 4*3, gradient the same, delta through the second layer alone; 2 per product
    assert SGD.flops == 2 * 2 * (2 * (20 + 12) + 12)
    assert PREDICT.flops == 2 * 1 * (20 + 12)


def test_flops_leave_inputs_out_that_are_zero():
    assert replace(SGD, density=0.5).flops == 2 * 2 * (0.5 * 2 * 20 + 3 * 12)


def test_bytes_are_those_of_weights_biases_and_state():
    n = 20 + 12 + 4 + 3
    assert SGD.weight_bytes == 4 * n
    assert ADAM.weight_bytes == 3 * 4 * n
    assert SGD.input_bytes == 4 * 2 * 5
    assert ADAM.memory_bytes == 3 * 4 * n


def test_bytes_leave_rows_out_that_no_input_of_the_batch_needs():
    assert replace(SGD, density=0.5).weight_bytes == 4 * (0.75 * 20 + 12 + 4 + 3)
    assert replace(ADAM, density=0.5).weight_bytes == ADAM.weight_bytes  # Adam moves them all


def test_floor_is_the_larger_of_arithmetic_and_traffic():
    arithmetic, traffic = SGD.flops / 100e9, 2 * SGD.weight_bytes / 400e9 + SGD.input_bytes / 200e9
    assert MACHINE.floor(SGD) == pytest.approx(max(arithmetic, traffic))
    many = replace(SGD, batch_size=1000)
    assert MACHINE.floor(many) == pytest.approx(many.flops / 100e9)


def test_floor_uses_the_level_that_holds_the_weights():
    assert MACHINE.level(1000).name == "L1"
    assert MACHINE.level(1 << 20).name == "memory"


def test_names_of_jobs_are_unique():
    names = [job.name for job in JOBS]
    assert len(set(names)) == len(names)


def test_every_job_has_a_target_and_quick_jobs_are_among_them():
    assert all(job.target is not None and 0 < job.target < 1 for job in JOBS)
    assert set(jobs.QUICK) <= set(JOBS)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("width", 1, 2048),
        ("batch", 1, 4096),
        ("depth", 1, 8),
        ("density", 1, 100),
        ("threads", 1, 3),
    ],
)
def test_scaling_curves_reach_their_ends(name, first, last):
    points = jobs.scaling(name, n_cpus=3)
    assert (min(points), max(points)) == (first, last)
    assert all(job.n_steps >= 2 and job.target is None for job in points.values())


def test_unknown_curve_is_refused():
    with pytest.raises(InvalidInputError, match="unknown scaling curve 'wide'"):
        jobs.scaling("wide")


@pytest.mark.parametrize(
    ("pattern", "n_jobs"),
    [("784-30-10", 3), ("784-30-10 Sigmoid, batch 1", 1), ("*batch 1", 6), ("predict*1 row", 2),
     ("784*10,000", 1)],
)  # fmt: skip
def test_patterns_select_jobs(pattern, n_jobs):
    assert len(jobs.select(JOBS, [pattern])) == n_jobs


def test_pattern_without_a_match_is_refused():
    with pytest.raises(InvalidInputError, match="'nothing' matches none of the jobs: 2-4-1"):
        jobs.select(JOBS, ["784-30-10", "nothing"])


@pytest.mark.parametrize("job", [SGD, ADAM, replace(SGD, density=0.3)], ids=str)
def test_data_are_the_same_every_time(job):
    for first, second in zip(
        [*data.parameters(job), *data.inputs_and_targets(job)],
        [*data.parameters(job), *data.inputs_and_targets(job)],
        strict=True,
    ):
        np.testing.assert_array_equal(first, second)
        assert first.dtype == np.float32


def test_density_is_the_share_of_inputs_that_are_not_zero():
    X, _ = data.inputs_and_targets(replace(SGD, density=0.19, batch_size=1000))
    assert np.count_nonzero(X) / X.size == pytest.approx(0.19, abs=0.01)


# ---------------------------------------------------------------------- agreement


@pytest.mark.parametrize("job", [SGD, ADAM, PREDICT, replace(SGD, batch_size=1)], ids=str)
@pytest.mark.parametrize("name", ["deltaloop", "numpy"])
def test_right_peer_is_timed(job, name):
    peer = peers.table()[name]
    row = rows_of(job, [peer])[name]
    assert (row.status, row.note) == ("timed", "")
    assert len(row.repeats) == QUICKLY.fewest
    assert row.error < 1e-3


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (wrong_learning_rate, "W of layer 1 off by 0.02 of its movement"),
        (wrong_order, "W of layer 1 off by"),
        (forgotten_bias, "b of layer 1 off by 1 of its movement"),
        (wrong_loss, "mean loss of the epoch .* in place of"),
        (not_finite, "values that are not finite"),
    ],
)
def test_wrong_peer_is_named_and_not_timed(spoil, complaint):
    rows = rows_of(SGD, [fake("right"), fake("wrong", spoil)])
    assert rows["right"].status == "timed"
    assert rows["wrong"].status == "disagrees"
    assert rows["wrong"].repeats == []
    assert re.search(complaint, rows["wrong"].note)


def test_wrong_predictions_are_not_timed():
    rows = rows_of(PREDICT, [fake("wrong", wrong_predictions)])
    assert rows["wrong"].status == "disagrees"
    assert "predictions off by" in rows["wrong"].note


def test_wrong_shapes_are_not_timed():
    expected = agreement.truth(SGD)
    verdict = agreement.check(SGD, expected, [array.T for array in expected.arrays], None)
    assert not verdict.agrees
    assert "in place of" in verdict.complaint


# ---------------------------------------------------------------------- the run


def test_missing_peer_is_named():
    peer = peers.Peer("ghost", "Ghost", "no-such-package", "nothing")
    row = rows_of(SGD, [fake("right"), peer])["ghost"]
    assert (row.status, row.note) == ("missing", "no-such-package is not installed")


def test_unsupported_job_is_named():
    def refuse(session):
        raise peers.Unsupported("offers no sigmoid")

    row = rows_of(SGD, [fake("picky", refuse)])["picky"]
    assert (row.status, row.note) == ("unsupported", "offers no sigmoid")


def test_slow_start_is_left_out_unless_asked_for():
    slow = replace(fake("slow"), slow_start=True)
    assert rows_of(SGD, [slow], replace(QUICKLY, with_slow_starts=False))["slow"].status == (
        "left out"
    )
    assert rows_of(SGD, [slow])["slow"].status == "timed"


def test_peer_that_fails_is_named_and_the_others_go_on():
    class Broken(Here):
        def host(self, peer, n_threads):
            if peer.name == "broken":
                raise workers.WorkerError("Killed")
            return super().host(peer, n_threads)

    chosen = [fake("broken"), fake("right")]
    rows = {row.peer: row for row in runner.time_job(SGD, chosen, QUICKLY, Broken(chosen))}
    assert (rows["broken"].status, rows["broken"].note) == ("failed", "Killed")
    assert rows["right"].status == "timed"


def test_peers_take_turns():
    order = []

    def watch(name):
        def spoil(session):
            run = session.run
            session.run = lambda: (order.append(name), run())[1]

        return spoil

    chosen = [fake("a", watch("a")), fake("b", watch("b"))]
    rows = rows_of(SGD, chosen, replace(QUICKLY, repeats=3, fewest=3))
    assert [len(row.repeats) for row in rows.values()] == [3, 3]
    changes = [x for x, y in zip(order, [None, *order], strict=False) if x != y]
    assert "".join(changes) == "ababab"  # prepared: ab, then turns: ab, ba, ab


def test_run_reports_progress_up_to_the_end():
    seen = []
    chosen = [fake("right")]
    found = runner.run(
        [(SGD, None, None), (ADAM, "width", 4.0)], chosen, QUICKLY, MACHINE, Here(chosen),
        lambda done, total, text: seen.append((done, total, text)),
    )  # fmt: skip
    assert [one.curve for one in found.jobs] == [None, "width"]
    assert seen[-1] == (4, 4, "done")
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)


@pytest.mark.parametrize("at", [1, 2])
def test_an_interrupted_run_keeps_the_jobs_that_were_finished(at):
    jobs_begun = []

    class Impatient(Here):
        def host(self, peer, n_threads):
            if len(set(jobs_begun)) > at:
                raise KeyboardInterrupt
            return super().host(peer, n_threads)

    chosen = [fake("right")]
    found = runner.run(
        [(job, None, None) for job in (SGD, ADAM, PREDICT)], chosen, QUICKLY, MACHINE,
        Impatient(chosen), lambda done, total, text: jobs_begun.append(text.split(":")[0]),
    )  # fmt: skip
    assert [one.job for one in found.jobs] == [SGD, ADAM, PREDICT][:at]
    assert found.interrupted


def test_interrupted_before_the_first_job_is_finished():
    class Impatient(Here):
        def host(self, peer, n_threads):
            raise KeyboardInterrupt

    chosen = [fake("right")]
    with pytest.raises(KeyboardInterrupt):
        runner.run([(SGD, None, None)], chosen, QUICKLY, MACHINE, Impatient(chosen))


def test_environment_of_a_worker_limits_every_thread_pool():
    limits = workers.environment(1, "cache", {"HOME": "here", "OMP_NUM_THREADS": "8"})
    assert limits["OMP_NUM_THREADS"] == limits["OPENBLAS_NUM_THREADS"] == "1"
    assert limits["HOME"] == "here"
    assert "multi_thread_eigen=false" in limits["XLA_FLAGS"]
    assert "XLA_FLAGS" not in workers.environment(2, "cache", {})


def test_worker_does_what_a_host_does():
    worker = workers.Worker()
    try:
        prepared = worker.prepare("deltaloop", SGD)
        assert agreement.check(SGD, agreement.truth(SGD), prepared.arrays, prepared.loss).agrees
        assert 0 < worker.turn("deltaloop") < 1
        with pytest.raises(workers.WorkerError, match="KeyError: 'nobody'"):
            worker.prepare("nobody", SGD)
        worker.release("deltaloop")
        with pytest.raises(workers.WorkerError, match="has ended"):
            worker.turn("deltaloop")
    finally:
        worker.close()


def test_process_that_dies_is_an_error_with_its_last_words():
    worker = workers.Worker()
    worker._process.kill()
    with pytest.raises(workers.WorkerError, match="ended with status"):
        worker.turn("deltaloop")
    worker.close()


def test_what_a_library_raises_comes_back_as_one_line():
    class Failing:
        def turn(self, name):
            raise ValueError("first line\nsecond line")

    calls, answers = io.BytesIO(pickle.dumps(("turn", ("x",)))), io.BytesIO()
    workers.serve(calls, answers, Failing())
    assert pickle.loads(answers.getvalue()) == ("error", "ValueError: first line")


# ---------------------------------------------------------------------- the machine


def test_machine_is_measured():
    found = machine.measure()
    assert found.gflops > 0.1
    assert [level.name for level in found.levels][-1] == "memory"
    assert all(level.read > 0.1 and level.modify > 0.1 for level in found.levels)
    assert found.n_cpus >= 1
    assert 0 < found.floor(JOBS[3]) < 1e-3


# ---------------------------------------------------------------------- results


def test_results_survive_the_file(found, tmp_path):
    path = tmp_path / "results.json"
    found.save(path)
    assert results.load(path) == found
    assert json.loads(path.read_text())["format"] == results.FORMAT


@pytest.mark.parametrize("text", ["", "[]", '{"format": 1}', '{"format": 99}', "nonsense"])
def test_other_files_are_refused(text, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(FileFormatError, match=r"results\.json"):
        results.load(path)


def test_ratio_and_verdict(found):
    good, bad = found.jobs[0], found.jobs[1]
    assert (good.ratio, good.verdict) == (0.5, "at target")
    assert (bad.ratio, bad.verdict) == (2.0, "slower")
    assert replace(good, job=replace(good.job, target=0.4)).verdict == "faster"
    assert found.missing() == ["PyTorch eager"]


def test_other_instruction_sets_are_no_peers():
    row = results.Row("deltaloop-v2", "deltaloop v2", repeats=[1e-6])
    ours = results.Row("deltaloop", "deltaloop", repeats=[2e-6])
    assert results.JobResult(SGD, 0.0, [ours, row]).fastest_peer is None


# ---------------------------------------------------------------------- reports


def test_terminal_report_names_everything(found, capsys):
    report.print_results(found, width=160)
    text = capsys.readouterr().out
    for part in (
        SGD.name, "2.00 (3.00)", "4.00 Numba loops", "0.50", "width", "JAX scan",
        "PyTorch eager: not installed: torch is not installed",
        "NumPy: disagrees with the reference and was not timed: W of layer 1",
        "100 GFLOP/s", "first epoch",
    ):  # fmt: skip
        assert part in text


def test_markdown_keeps_losing_rows_and_medians(found):
    headline = report.markdown_headline(found.jobs[:2])
    assert headline.count("\n") == 3
    assert "slower" in headline
    assert "latency" in headline
    matrix = report.markdown_matrix(found.jobs[:2])
    assert "2.00 / 3.00" in matrix
    assert "1.5 to 1.5" in report.markdown_compilation(found.jobs)
    assert "| 8 |" in report.markdown_curve("width", found.jobs[2:])
    assert "60.0 ms" in report.markdown_starts(found)
    assert "32 KB" in report.markdown_machine(MACHINE)


def test_picture_is_written(found, tmp_path):
    pytest.importorskip("matplotlib")
    plots.save(found, tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_picture_of_nothing_is_refused(found):
    pytest.importorskip("matplotlib")
    with pytest.raises(InvalidInputError, match="nothing was timed"):
        plots.draw(replace(found, jobs=[]))


def test_start_script_of_deltaloop_trains():
    found = start.once("deltaloop", dict(os.environ))
    assert 0 < found["import_seconds"] < found["total_seconds"] < 60


# ---------------------------------------------------------------------- the command


@pytest.fixture
def measured(monkeypatch, found):
    """The command without its measurements; what it would have measured."""
    asked = {}

    def measure(chosen, entries, settings, quick, with_starts):
        asked.update(
            chosen=chosen, entries=entries, settings=settings, quick=quick, with_starts=with_starts
        )
        return found

    monkeypatch.setattr(command, "measure", measure)
    return asked


def bench(*arguments):
    return CliRunner().invoke(command.bench, arguments)


def test_quick_means_few_jobs_and_no_slow_starts(measured):
    done = bench("--quick")
    assert done.exit_code == 0, done.output
    assert [job for job, _, _ in measured["entries"]] == list(jobs.QUICK)
    assert measured["settings"] == runner.QUICK
    assert not measured["settings"].with_slow_starts
    assert measured["with_starts"]


def test_everything_is_the_default(measured):
    bench()
    assert [job for job, _, _ in measured["entries"]] == list(JOBS)
    assert [peer.name for peer in measured["chosen"]] == list(peers.table())
    assert not measured["quick"]


def test_jobs_and_peers_are_chosen(measured):
    bench("--quick", "--jobs", "8-3-8", "--peers", "numpy")
    assert [job.sizes for job, _, _ in measured["entries"]] == [(8, 3, 8)]
    assert [peer.name for peer in measured["chosen"]] == ["deltaloop", "numpy"]
    assert measured["settings"].with_slow_starts
    assert not measured["with_starts"]


def test_curves_replace_jobs(measured):
    bench("--scaling", "depth")
    assert [(curve, x) for _, curve, x in measured["entries"]] == [
        ("depth", float(n)) for n in range(1, 9)
    ]
    assert measured["settings"] == runner.SCALING


def test_files_are_written(measured, tmp_path, found):
    pytest.importorskip("matplotlib")
    done = bench("--json", str(tmp_path / "a.json"), "--plot", str(tmp_path / "a.png"))
    assert done.exit_code == 0, done.output
    assert results.load(tmp_path / "a.json") == found
    assert (tmp_path / "a.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--jobs", "nothing"], "matches none of the jobs"),
        (["--peers", "jax-scna"], "did you mean 'jax-scan'"),
        (["--scaling", "sideways"], "unknown scaling curve 'sideways'"),
        (["--scaling", "width", "--jobs", "8-3-8"], "exclude each other"),
        (["--json", "no/such/folder/a.json"], "cannot be written"),
        (["--plot", "picture.foo"], "'picture.foo' must end in .png, .svg, .pdf"),
        (["--plot", "picture"], "'picture' must end in .png"),
    ],
)
def test_errors_come_before_measurements(measured, arguments, message):
    done = bench(*arguments)
    assert isinstance(done.exception, DeltaloopError)
    assert message in str(done.exception)
    assert not measured


def test_suite_is_not_imported_by_the_package():
    code = "import sys, deltaloop; print([m for m in sys.modules if 'benchmarking' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
