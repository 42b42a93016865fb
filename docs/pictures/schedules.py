"""Draw the schedules of deltaloop: python docs/pictures/schedules.py."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from deltaloop import schedules

EPOCHS, UPDATES = 30, 20
SHOWN = {
    "step(every=10, factor=0.3)": schedules.step(10, 0.3),
    "exponential(0.9)": schedules.exponential(0.9),
    "inverse_scaling()": schedules.inverse_scaling(),
    "cosine(warmup=5)": schedules.cosine(warmup=5),
    'cosine(warmup=5, per="step")': schedules.cosine(warmup=5, per="step"),
    "one_cycle()": schedules.one_cycle(),
}


def main():
    """Write schedules.png beside this file."""
    figure, axes = plt.subplots(2, 3, figsize=(10, 4.6), sharex=True, sharey=True)
    for ax, (name, schedule) in zip(axes.flat, SHOWN.items(), strict=True):
        factors = schedule.curve(EPOCHS, UPDATES)
        epochs = np.arange(len(factors)) * EPOCHS / len(factors)
        ax.step(epochs, factors, where="post")
        ax.set_title(name, fontsize=9, family="monospace")
        ax.grid(alpha=0.3)
    for ax in axes[-1]:
        ax.set_xlabel("finished epochs")
    for ax in axes[:, 0]:
        ax.set_ylabel("factor")
    figure.tight_layout()
    figure.savefig(Path(__file__).with_suffix(".png"), dpi=80)


if __name__ == "__main__":
    main()
