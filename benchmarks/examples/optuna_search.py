"""A search with Optuna that ends hopeless trainings early, through a callback of `fit`."""

import optuna
from one_fit import trained


def objective(trial):
    """Validation loss of a training; every epoch is reported, and may be the last."""
    rate = trial.suggest_float("learning_rate", 1e-4, 1.0, log=True)
    width = trial.suggest_int("width", 4, 40)

    def watch(state):
        trial.report(state.history.validation_loss[-1], state.epoch)
        return trial.should_prune()  # True ends the training

    _, accuracy = trained(0, rate, width, epochs=8, callbacks=[watch])
    if trial.should_prune():
        raise optuna.TrialPruned
    return 1 - accuracy


def main():
    """Twelve trials, of which some are cut short."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=1),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=3),
    )
    study.optimize(objective, n_trials=12)
    states = [trial.state.name for trial in study.trials]
    print(f"{states.count('COMPLETE')} complete, {states.count('PRUNED')} pruned, "
          f"best error {study.best_value:.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
