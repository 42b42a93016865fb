"""A search with Ray Tune, whose scheduler ends hopeless trainings early."""

import logging
import sys
import tempfile
from pathlib import Path

import ray
from ray import tune


def objective(config):
    """Report the validation loss of every epoch."""
    sys.path.insert(0, config["folder"])  # of one_fit, for the processes of Ray
    from one_fit import trained

    def watch(state):
        tune.report({"loss": state.history.validation_loss[-1]})

    trained(0, config["learning_rate"], epochs=6, callbacks=[watch])


def main():
    """Four trials with learning rates from good to far too low."""
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False,
             logging_level=logging.ERROR)  # fmt: skip
    space = {
        "learning_rate": tune.grid_search([0.1, 0.01, 1e-4, 1e-5]),
        "folder": str(Path(__file__).parent),
    }
    scheduler = tune.schedulers.ASHAScheduler(max_t=6, grace_period=1, reduction_factor=2)
    try:
        with tempfile.TemporaryDirectory() as folder:
            tuner = tune.Tuner(
                tune.with_resources(objective, {"cpu": 1}),
                param_space=space,
                tune_config=tune.TuneConfig(metric="loss", mode="min", scheduler=scheduler),
                run_config=tune.RunConfig(storage_path=folder, verbose=0),
            )
            found = tuner.fit()
    finally:
        ray.shutdown()
    epochs = [result.metrics["training_iteration"] for result in found]
    best = found.get_best_result()
    print(f"best learning rate {best.config['learning_rate']}, epochs {sum(epochs)} of 24")


if __name__ == "__main__":
    main()
