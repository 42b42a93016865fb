# Threads that live as long as one call, for work that each takes from a counter: with fewer of
# them, or none, the others do it all.

cdef extern from *:
    """
    #include <pthread.h>
    #include <stdlib.h>

    typedef struct {
        void (*work)(void *shared, Py_ssize_t thread);
        void *shared;
        Py_ssize_t number;
        pthread_t id;
    } Thread;

    static void *run_thread(void *argument) {
        Thread *thread = argument;
        thread->work(thread->shared, thread->number);
        return NULL;
    }

    /* Calls work(shared, k) for k = 0..n-1, each in a thread of its own, 0 in the caller's; for
       fewer k, if the system refuses threads. */
    static void run_threads(void (*work)(void *, Py_ssize_t), void *shared, Py_ssize_t n) {
        Thread *threads = n > 1 ? malloc(n * sizeof(Thread)) : NULL;
        Py_ssize_t made = 1;
        for (; threads != NULL && made < n; made++) {
            Thread thread = {work, shared, made};
            threads[made] = thread;
            if (pthread_create(&threads[made].id, NULL, run_thread, &threads[made])) break;
        }
        work(shared, 0);
        while (--made > 0) pthread_join(threads[made].id, NULL);
        free(threads);
    }

    /* The counter before it grew by `some`: no two threads get the same. */
    static Py_ssize_t next_number(Py_ssize_t *counter, Py_ssize_t some) {
        return __atomic_fetch_add(counter, some, __ATOMIC_RELAXED);
    }

    /* *flag = 0, safe when several threads do so at once */
    static void become_false(int *flag) { __atomic_store_n(flag, 0, __ATOMIC_RELAXED); }
    """
    void become_false(int *flag) noexcept nogil
    Py_ssize_t next_number(Py_ssize_t *counter, Py_ssize_t some) noexcept nogil
    void run_threads(void (*work)(void *shared, Py_ssize_t thread) noexcept nogil, void *shared,
                     Py_ssize_t n) noexcept nogil
