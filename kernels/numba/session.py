"""Small calls on one network: what kernels read is laid out once, not in every call."""

from numpy import empty

from .. import lent, session
from ..interface import Rule, Work
from . import doors
from .batch import descend_batches, forward_rows
from .compiling import provide
from .doors import Bound, net_bound
from .sample import descend_samples


class Session(session.Session):
    """See kernels.session.Session. A prediction holds the GIL, so that all may share their room."""

    def __init__(self, plan, theta, batch_size=1, turns=None, *, forward, train_epoch):
        self._dtype, core = plan.dtype, lent.core(plan.dtype)
        self._address_of, self._fill_rule = core.address_of, core.fill_rule
        super().__init__(plan, theta, batch_size, turns, forward=forward, train_epoch=train_epoch)
        self._queue, self._first = self._turns.queue, theta.ctypes.data
        self._one = Work(plan, 1)  # for predictions, while others may learn
        self._reader = net_bound(plan, theta, self._one).address

    def _take_work(self, work: Work) -> None:
        # together with the work, which lives as long as its addresses are used
        self._learner = net_bound(self._plan, self._theta, work, trains=True), work
        super()._take_work(work)

    def _take_rule(self, rule: Rule, state) -> None:
        # together, whatever interrupts: the record holds the address of the state alone
        net = self._learner[0].words
        bound = Bound("rule", self._dtype, self._fill_rule, net, rule, state)
        self._how, self._step = (rule, state, bound), 0

    def predict_one(self, x, out=None):
        """Outputs (n_out,) for x (n_in,); into out, if it is given."""
        if out is None:
            out = empty(self._n_out, self._dtype)
        written = self._address_of(out, self._n_out, True) or self._place(out)
        if self._queue:  # another thread computes
            self._turns.read(self._predict_rows, x, out)
            return out
        first = self._address_of(x, self._n_in)
        if first:
            self._predict(self._reader, first, self._n_in, written)
        else:
            self._predict_rows(x, out)
        return out

    def _predict_rows(self, x, out):
        x = self._rows("x", x, 0, self._n_in)
        written = self._address_of(out, self._n_out, True) or self._place(out)
        self._predict(self._reader, self._address_of(x), self._n_in, written)

    def _rows(self, name, values, n, n_columns):
        array = super()._rows(name, values, n, n_columns)
        return array if array.flags.aligned else array.copy()

    def _place(self, out):
        return session.checked_out(out, self._n_out, self._dtype).ctypes.data

    def _predict(self, *arguments):
        provide(self._dtype, forward_rows)
        self._predict = doors.predict_one()  # instead of this, from now on
        self._predict(*arguments)

    def _descend(self, X, Y, n, looks):
        (net, _work), (rule, _state, how) = self._learner, self._how
        x, y = self._address_of(X), self._address_of(Y)
        seen = self._theta.size if looks else 0
        if n == 1 and not rule.is_flat:
            provide(self._dtype, descend_samples)
            return doors.learn_sample()(
                net.address, how.address, x, y, self._step, seen, self._first
            )
        provide(self._dtype, descend_batches)
        return doors.learn_batch()(
            net.address, how.address, x, self._n_in, y, self._n_out, n, self._step, seen,
            self._first,
        )  # fmt: skip
