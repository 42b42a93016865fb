"""The work that the examples share out: one training on handwritten digits."""

import deltaloop as dl


def digits():
    """X and y to train with, and to test with; X from 0 to 1."""
    data = dl.datasets.load("digits")
    return data.X_train / 16, data.y_train, data.X_test / 16, data.y_test


def trained(seed=0, learning_rate=0.1, width=30, epochs=8, callbacks=()):
    """A network and its accuracy on the test part."""
    X, y, X_test, y_test = digits()
    net = dl.Network([64, width, 10], activation="tanh", loss="cross_entropy", seed=seed)
    net.fit(X, y, epochs=epochs, batch_size=10, optimizer=dl.SGD(learning_rate),
            validation_data=(X_test, y_test), callbacks=list(callbacks))  # fmt: skip
    return net, float((net.predict(X_test).argmax(axis=1) == y_test).mean())
