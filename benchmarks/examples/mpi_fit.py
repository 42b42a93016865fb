"""One training on all ranks of MPI: mpiexec -n 2 python -m mpi4py mpi_fit.py."""

from mpi4py import MPI
from one_fit import digits

import deltaloop as dl


def main():
    """Every rank has every size-th sample, and ends with the same network."""
    comm = MPI.COMM_WORLD
    X, y, X_test, y_test = (part[comm.rank :: comm.size] for part in digits())
    net = dl.Network([64, 30, 10], activation="tanh", loss="cross_entropy")
    history = net.fit(X, y, epochs=8, batch_size=10, optimizer=dl.SGD(0.1), comm=comm,
                      validation_data=(X_test, y_test), metrics=["accuracy"])  # fmt: skip
    if comm.rank == 0:
        print(f"{comm.size} ranks, accuracy {history.metrics['accuracy'][-1]:.2f}")


if __name__ == "__main__":
    main()
