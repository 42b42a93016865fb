"""The callbacks of scikit-learn, from version 1.9 on: `estimator.set_callbacks(...)`."""


class Calls:
    """Tells callbacks of the fit of an estimator, and of its epochs or steps.

    Parameters
    ----------
    estimator : estimator
    X, y, sample_weight
        As the user has given them.
    is_fit : bool
        Whether this is `fit`; in `partial_fit` nobody is called.
    """

    def __init__(self, estimator, X, y, sample_weight, is_fit: bool):
        self.estimator, self.context, self.iteration = estimator, None, None
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self.told = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        names = estimator.__dict__
        self.is_fit = is_fit and ("_skl_callbacks" in names or "_parent_callback_ctx" in names)

    def __enter__(self):
        if self.is_fit:
            self.context = self.estimator._init_callback_context(
                max_subtasks=self.estimator.max_iter
            )
            self.context.call_on_fit_task_begin(**self.told)
        return self

    def __exit__(self, kind, error, traceback):
        if self.context is not None and kind is None:
            # a copy of the estimator has all that it needs to predict
            self.context.call_on_fit_task_end(**self.told, reconstruction_attributes={})

    @property
    def is_listening(self) -> bool:
        """Whether anybody is called."""
        return self.context is not None

    def begin_iteration(self) -> None:
        """An epoch begins."""
        if self.context is not None:
            self.iteration = self.context.subcontext(task_name="iteration")
            self.iteration.call_on_fit_task_begin(**self.told, reconstruction_attributes={})

    def end_iteration(self) -> bool:
        """An epoch has ended; whether somebody asks to stop."""
        iteration, self.iteration = self.iteration, None
        if iteration is None:
            return False
        return bool(iteration.call_on_fit_task_end(**self.told, reconstruction_attributes={}))
