"""A network with everything that a file can hold, and when two of them are the same."""

import pickle

import numpy as np

import deltaloop as dl


def new_net(dtype="float32", **options):
    layers = [dl.Dense(5, dl.Activation("leaky_relu", 0.3)), dl.Dense(17, "elu", bias=False)]
    net = dl.Network(3, [*layers, dl.Dense(2, "softplus")], dtype=dtype, seed=6, **options)
    net.classes = ("first", "zweite, größer")
    net.optimizer = dl.Adam(learning_rate=1 / 3, beta1=0.8, beta2=0.99, epsilon=1e-5)
    net.metadata = {"columns": ["a", "b"], "target": "c", "levels": {"b": ["x", "y"]}, "width": 1.5}
    net.scaling = dl.Scaling(
        np.array([1.0, 1e300, -0.0]), np.array([1 / 3, 5e-324, 2.0]), np.ones(2), np.full(2, 0.1)
    )
    return net


def with_everything(dtype="float32"):
    """Masks, shortcuts, heads, dropout, noise, frozen layers, learning rates of layers."""
    mask = np.random.default_rng(1).random((4, 8)) < 0.5
    layers = [
        dl.Dense(5, "gelu", dropout=0.25, rate_of_W=0.5), dl.Dense(4, mask=mask, shortcuts=[0]),
        dl.Dense(heads={"p": dl.Head(3, loss="cross_entropy"), "v": dl.Head(1, weight=0.5)}),
    ]  # fmt: skip
    net = dl.Network(3, layers, dtype=dtype, input_noise=0.1, seed=2)
    net.trainable = [False, True, True]
    return net


def same(a, b):
    """Whether two networks compute the same and say the same, bit for bit."""
    scalings = [
        None
        if net.scaling is None
        else [np.asarray(v).tobytes() for v in vars(net.scaling).values()]
        for net in (a, b)
    ]
    return (
        a.theta.tobytes() == b.theta.tobytes()
        and repr(a) == repr(b)
        and a.layers == b.layers
        and (a.loss_name, a.dtype, a.classes, a.metadata)
        == (b.loss_name, b.dtype, b.classes, b.metadata)
        and a.optimizer == b.optimizer
        and scalings[0] == scalings[1]
    )


def earlier_state(net):
    """What `net` had in the pickles of versions before those of plain values."""
    names = ("layers", "loss_name", "_loss", "dtype", "sizes", "_noise", "_run")
    return {name: net.__dict__[name] for name in (*names, "metadata", "reproducible")} | {
        "_theta": np.concatenate([view.T.ravel() for view in net.plan.views(net.theta)]),
        "classes": net.classes,
        "_backend": net.backend_name,
        "_optimizer": net.optimizer,
        "_scaling": net.scaling,
        "_of_inputs": (net.input_dropout, net.input_noise),
        "_progress": net._session.progress(),
        "generator": pickle.dumps(net.generator),
    }
