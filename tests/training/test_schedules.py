"""Schedules: their formulas, against those of PyTorch, and what `fit` does with them."""

import math
from dataclasses import replace

import numpy as np
import pytest

import deltaloop as dl
from deltaloop import kernels, schedules
from deltaloop.training.schedules import SCHEDULES
from small_training import X_OTHER, Y_OTHER, N, X, Y, new_net

BACKENDS = kernels.available()

# the formulas, one value at a time, as the documentation of PyTorch has them


def step_lr(t, step_size, gamma):
    return gamma ** (t // step_size)


def cosine_annealing_lr(t, T_max, eta_min):
    return eta_min + (1 - eta_min) * (1 + math.cos(math.pi * t / T_max)) / 2


def linear_lr(t, total_iters, start_factor):
    return start_factor + (1 - start_factor) * min(t, total_iters) / total_iters


def one_cycle_lr(k, total_steps, pct_start, div_factor, final_div_factor):
    first, last = 1 / div_factor, 1 / div_factor / final_div_factor
    top, end = pct_start * total_steps - 1, total_steps - 1

    def between(start, stop, share):
        return stop + (start - stop) / 2 * (1 + math.cos(math.pi * share))

    if k <= top:
        return between(first, 1, k / top)
    return between(1, last, (k - top) / (end - top))


def test_curves_are_the_formulas():
    t = range(12)
    close = pytest.approx
    assert schedules.constant().curve(12).tolist() == [1.0] * 12
    assert schedules.constant(0.5).curve(2).tolist() == [0.5] * 2
    assert schedules.step(5, 0.3).curve(12) == close([step_lr(k, 5, 0.3) for k in t])
    assert schedules.exponential(0.8).curve(12) == close([0.8**k for k in t])
    cosine = schedules.cosine(final=0.05).curve(12)
    assert cosine == close([cosine_annealing_lr(k, 12, 0.05) for k in t])
    assert schedules.inverse_scaling(0.7, 3.0).curve(12) == close([(1 + 3 * k) ** -0.7 for k in t])


def test_cosine_warms_up_in_a_straight_line_and_stays_at_its_end():
    found = schedules.cosine(final=0.1, warmup=4, start=0.2, epochs=10).curve(15)
    expected = [linear_lr(k, 4, 0.2) for k in range(4)]
    expected += [cosine_annealing_lr(k, 6, 0.1) for k in range(6)] + [0.1] * 5
    assert found == pytest.approx(expected)


@pytest.mark.parametrize(("epochs", "updates"), [(5, 7), (1, 40), (12, 1)])
@pytest.mark.parametrize("settings", [(0.3, 25.0, 1e4), (0.5, 10.0, 100.0)])
def test_one_cycle_goes_up_and_down_as_that_of_pytorch(epochs, updates, settings):
    found = schedules.one_cycle(*settings).curve(epochs, updates)
    total = epochs * updates
    assert found == pytest.approx([one_cycle_lr(k, total, *settings) for k in range(total)])
    assert found[0] == pytest.approx(1 / settings[1])
    assert found[-1] == pytest.approx(1 / settings[1] / settings[2])


@pytest.mark.parametrize("schedule", [schedules.exponential, schedules.cosine])
def test_per_step_passes_through_the_points_of_per_epoch(schedule):
    fine = schedule(per="step").curve(6, 10)
    assert fine[::10] == pytest.approx(schedule().curve(6))
    assert (np.diff(fine) < 0).all()


def plateau_of_pytorch(losses, factor, patience, threshold, cooldown, min_lr):
    """ReduceLROnPlateau of PyTorch 2 with mode='min' and threshold_mode='abs'."""
    best, bad, cooling, rate, rates = math.inf, 0, 0, 1.0, []
    for loss in losses:
        if loss < best - threshold:
            best, bad = loss, 0
        else:
            bad += 1
        if cooling > 0:
            cooling -= 1
            bad = 0
        if bad > patience:
            rate, cooling, bad = max(rate * factor, min_lr), cooldown, 0
        rates.append(rate)
    return rates


PLATEAUS = [(0.5, 3, 0.0, 0, 0.0), (0.1, 1, 0.02, 2, 0.005), (0.5, 2, 0.1, 1, 0.2)]


@pytest.mark.parametrize("settings", PLATEAUS)
def test_plateau_is_that_of_pytorch_with_one_epoch_less_of_patience(settings):
    factor, patience, min_delta, cooldown, final = settings
    losses = np.abs(np.random.default_rng(1).normal(size=60)) + np.linspace(1, 0, 60)
    plateau = schedules.reduce_on_plateau(*settings).plateau()
    found = [plateau.after(loss) for loss in losses]
    expected = plateau_of_pytorch(losses, factor, patience - 1, min_delta, cooldown, final)
    assert found == pytest.approx(expected)
    assert len(set(found)) > 2


def test_schedules_are_those_of_the_installed_pytorch():
    torch = pytest.importorskip("torch")
    of_torch = torch.optim.lr_scheduler

    def curve(make, n):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        scheduler, found = make(optimizer), []
        for _ in range(n):
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
        return pytest.approx(found, rel=1e-9, abs=1e-12)

    def warmed_up(optimizer):
        warm_up = of_torch.LinearLR(optimizer, start_factor=0.1, total_iters=4)
        wave = of_torch.CosineAnnealingLR(optimizer, T_max=8, eta_min=0.05)
        return of_torch.SequentialLR(optimizer, [warm_up, wave], milestones=[4])

    assert schedules.step(4, 0.2).curve(15) == curve(lambda o: of_torch.StepLR(o, 4, 0.2), 15)
    assert schedules.exponential(0.9).curve(15) == curve(
        lambda o: of_torch.ExponentialLR(o, 0.9), 15
    )
    assert schedules.cosine(0.05).curve(12) == curve(
        lambda o: of_torch.CosineAnnealingLR(o, 12, 0.05), 12
    )
    assert schedules.cosine(0.05, warmup=4).curve(12) == curve(warmed_up, 12)
    assert schedules.one_cycle().curve(6, 5) == curve(
        lambda o: of_torch.OneCycleLR(o, max_lr=1.0, total_steps=30, cycle_momentum=False), 30
    )
    losses = np.abs(np.random.default_rng(2).normal(size=50)) + np.linspace(1, 0, 50)
    for factor, patience, threshold, cooldown, final in PLATEAUS:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        theirs = of_torch.ReduceLROnPlateau(
            optimizer, factor=factor, patience=patience - 1, threshold=threshold,
            threshold_mode="abs", cooldown=cooldown, min_lr=final,
        )  # fmt: skip
        ours = schedules.reduce_on_plateau(factor, patience, threshold, cooldown, final).plateau()
        for loss in losses:
            theirs.step(loss)
            assert ours.after(loss) == pytest.approx(optimizer.param_groups[0]["lr"])


# in fit


def rates_of(schedule, epochs, learning_rate=0.2, **options):
    net = new_net()
    return net.fit(
        X, Y, epochs=epochs, optimizer=dl.SGD(learning_rate), schedule=schedule, **options
    ).learning_rate


@pytest.mark.parametrize("name", sorted(set(SCHEDULES) - {"reduce_on_plateau"}))
def test_fit_multiplies_the_learning_rate_of_the_optimizer(name):
    schedule = SCHEDULES[name]()
    updates = -(-N // 2)
    curve = schedule.curve(6, updates)
    expected = 0.2 * (curve if schedule.per == "epoch" else curve[::updates])
    found = rates_of(schedule, 6, batch_size=2)
    assert found == pytest.approx(expected.tolist())
    assert rates_of(name, 6, batch_size=2) == found


def test_fit_without_a_schedule_records_the_rate_of_the_optimizer():
    assert rates_of(None, 3) == [0.2] * 3


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "optimizer", [dl.SGD(0.1), dl.SGD(0.1, momentum=0.9), dl.Adam(0.1), dl.RMSprop(0.1)]
)
def test_epochs_have_the_rate_of_the_schedule_and_keep_the_state(optimizer, backend):
    # with the rates set by hand, one epoch after the other, by what `resume` keeps
    net, twin = new_net(backend), new_net(backend)
    net.fit(X, Y, epochs=4, batch_size=2, optimizer=optimizer, schedule=lambda t: 1 / (1 + t))
    for epoch in range(4):
        rate = optimizer.learning_rate / (1 + epoch)
        now = replace(optimizer, learning_rate=rate)
        twin.fit(X, Y, epochs=1, batch_size=2, optimizer=now, resume=epoch > 0)
    assert net.theta.tobytes() == twin.theta.tobytes()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "optimizer", [dl.SGD(0.1), dl.SGD(0.1, momentum=0.9), dl.Adam(0.1), dl.AdamW(0.1)]
)
def test_updates_have_the_rate_of_the_schedule_and_keep_the_state(optimizer, dtype, backend):
    # with the rates set by hand, one update after the other
    net, twin = new_net(backend, dtype), new_net(backend, dtype)
    schedule = schedules.exponential(0.5, per="step")
    options = {"epochs": 1, "batch_size": 2, "shuffle": False}
    for resume in (False, True):
        net.fit(X[:6], Y[:6], optimizer=optimizer, schedule=schedule, resume=resume, **options)
    for k in range(6):
        rate = optimizer.learning_rate * 0.5 ** (k / 3)
        now = replace(optimizer, learning_rate=rate)
        batch = slice(2 * k % 6, 2 * k % 6 + 2)
        twin.fit(X[batch], Y[batch], optimizer=now, resume=k > 0, **options)
    assert net.theta.tobytes() == twin.theta.tobytes()


def test_schedule_of_one_changes_nothing():
    nets = new_net(), new_net(), new_net()
    for net, schedule in zip(nets, (None, "constant", lambda t: 1), strict=True):
        net.fit(X, Y, epochs=3, batch_size=2, schedule=schedule)
    assert len({net.theta.tobytes() for net in nets}) == 1


def test_function_gets_the_number_of_finished_epochs():
    seen = []
    assert rates_of(lambda t: seen.append(t) or 0.5, 3) == [0.1] * 3
    assert seen == [0, 1, 2]


def test_plateau_follows_what_is_monitored():
    schedule = schedules.reduce_on_plateau(factor=0.5, patience=2, min_delta=0.01)
    history = new_net().fit(
        X, Y, epochs=40, optimizer=dl.SGD(0.3), schedule=schedule,
        validation_data=(X_OTHER, Y_OTHER),
    )  # fmt: skip
    plateau = schedule.plateau()
    factors = [1.0] + [plateau.after(loss) for loss in history.validation_loss[:-1]]
    assert history.learning_rate == pytest.approx([0.3 * factor for factor in factors])
    assert len(set(factors)) > 2


def test_rates_are_told_by_the_record():
    history = new_net().fit(X, Y, epochs=3, schedule="exponential")
    assert "learning rate" in repr(history)
    assert "learning rate" not in repr(new_net().fit(X, Y, epochs=3))


@pytest.mark.parametrize(
    ("schedule", "error", "text"),
    [
        ("cosin", dl.InvalidInputError, "unknown schedule 'cosin'.*did you mean 'cosine'?"),
        ("StepLR", dl.InvalidInputError, "did you mean 'step'?"),
        ("CosineAnnealingLR", dl.InvalidInputError, "did you mean 'cosine'?"),
        ("ReduceLROnPlateau", dl.InvalidInputError, "did you mean 'reduce_on_plateau'?"),
        ("invscaling", dl.InvalidInputError, "did you mean 'inverse_scaling'?"),
        (0.1, dl.InvalidTypeError, "one of deltaloop.schedules, its name, or a function.*got 0.1"),
        (schedules.cosine, dl.InvalidTypeError, r"write schedules.cosine\(\)"),
        (lambda t: -1.0, dl.InvalidInputError, r"schedule\(0\) must be finite and >= 0, got -1"),
        (lambda t: "fast", dl.InvalidTypeError, r"schedule\(0\) must be a number, got 'fast'"),
        (lambda t: math.nan, dl.InvalidInputError, r"schedule\(0\) must be finite"),
        (schedules.cosine(warmup=5), dl.InvalidInputError, "warmup=5 needs more epochs than that"),
    ],
)
def test_wrong_schedule_is_refused_before_anything_changes(schedule, error, text):
    net = new_net()
    before = net.theta.tobytes()
    with pytest.raises(error, match=text):
        net.fit(X, Y, epochs=5, schedule=schedule)
    assert net.theta.tobytes() == before


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: schedules.step(0), "every must be a whole number >= 1, got 0"),
        (lambda: schedules.step(factor=-1), "factor must be finite and >= 0"),
        (lambda: schedules.cosine(warmup=3, epochs=3), "needs more epochs than that"),
        (lambda: schedules.cosine(per="batch"), "unknown per 'batch', expected one of 'epoch'"),
        (lambda: schedules.one_cycle(pct_start=1), r"pct_start must be in \(0, 1\), got 1"),
        (lambda: schedules.one_cycle(div_factor=0), "div_factor must be > 0, got 0"),
        (lambda: schedules.reduce_on_plateau(factor=1.0), r"factor must be in \[0, 1\), got 1"),
        (lambda: schedules.reduce_on_plateau(patience=0), "patience must be a whole number >= 1"),
        (lambda: schedules.exponential("slow"), "factor must be a number, got 'slow'"),
        (lambda: schedules.per_step(3), "per_step takes a function, got 3"),
    ],
)
def test_wrong_setting_of_a_schedule_is_refused(make, text):
    with pytest.raises((dl.InvalidInputError, dl.InvalidTypeError), match=text):
        make()
