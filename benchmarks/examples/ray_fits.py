"""Trainings as tasks of Ray, and an actor that goes on learning."""

import ray
from one_fit import digits, trained

import deltaloop as dl


@ray.remote(num_cpus=1)
def task(seed):
    """One training."""
    return trained(seed)


@ray.remote(num_cpus=1)
class Learner:
    """A network that stays in its process."""

    def __init__(self):
        self.net = dl.Network([64, 30, 10], activation="tanh", loss="cross_entropy")
        self.X, self.y, *_ = digits()
        self.has_begun = False

    def learn(self, epochs):
        """The loss after so many epochs more."""
        history = self.net.fit(
            self.X, self.y, epochs=epochs, batch_size=10, resume=self.has_begun
        )  # fmt: skip
        self.has_begun = True
        return history.loss[-1]


def main():
    """Four tasks, and one actor that is called twice."""
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False)
    try:
        found = ray.get([task.remote(seed) for seed in range(4)])
        learner = Learner.remote()
        losses = [ray.get(learner.learn.remote(2)) for _ in range(2)]
    finally:
        ray.shutdown()
    print(f"{len(found)} networks, best accuracy {max(a for _, a in found):.2f}")
    print(f"the actor learns on: {losses[1] < losses[0]}")


if __name__ == "__main__":
    main()
