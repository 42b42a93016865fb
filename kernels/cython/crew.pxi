# The helpers of a training, kept by its Work.

cdef class Helpers:
    """Threads beside the one that trains. They end with this object.

    If it `chooses`, the clock says how many take part in a step, none at first; else all do.
    """
    cdef Crew *crew
    cdef long most
    cdef bint chooses

    def __cinit__(self, long most, bint chooses):
        self.most, self.chooses = most, chooses
        self._begin()

    cdef int _begin(self) except -1:
        self.crew = new_crew(self.most, self.chooses, take_budget() if self.chooses else 0)
        if self.crew == NULL:
            raise MemoryError
        return 0

    def __dealloc__(self):
        if self.crew != NULL and not is_inherited(self.crew):
            if self.chooses:
                give_budget(self.crew.pace.budget)
            end_crew(self.crew)     # in a forked child it is left: its mutexes may be locked

    cdef Crew *ready(self) except NULL:
        """The crew, or a new one in a forked child, which has none of these threads."""
        if is_inherited(self.crew):
            self._begin()
        return self.crew

    @property
    def made(self):
        """Threads that were started."""
        return self.crew.made - 1

    @property
    def level(self):
        """How many threads the next step gets, and the seconds that may be lost."""
        return self.crew.pace.threads[self.crew.pace.at], self.crew.pace.budget

    def told(self, double samples, double seconds):
        """As if a step of so many samples had taken so long."""
        told(&self.crew.pace, samples, seconds)


cdef Crew *crew_of(object work) except? NULL:
    """The helpers of a Work for several threads; the first call makes them. NULL: one thread."""
    cdef Helpers helpers
    if work.n_threads == 1:
        return NULL
    if not isinstance(work.helpers, Helpers):
        work.helpers = Helpers(work.n_threads, work.chooses)
    helpers = work.helpers
    return helpers.ready()
