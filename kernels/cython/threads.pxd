# Threads that live as long as one call, and a barrier at which they wait for each other.
#
# POSIX threads and not OpenMP, whose pool hangs in a forked child and spins while it waits. A
# thread that waits here polls 2000 times (microseconds), then sleeps.

cdef extern from *:
    """
    #include <errno.h>
    #include <pthread.h>
    #include <stdlib.h>
    #if defined(__x86_64__) || defined(__i386__)
    #define RELAX() __builtin_ia32_pause()
    #else
    #define RELAX() ((void)0)
    #endif

    typedef struct {
        long n, arrived, generation;
        pthread_mutex_t mutex;
        pthread_cond_t all_here;
    } Barrier;

    /* Returns once all n threads have called it; each then sees what the others wrote before. */
    static void meet(Barrier *b) {
        if (b->n == 1) return;
        const long generation = __atomic_load_n(&b->generation, __ATOMIC_ACQUIRE);
        if (__atomic_add_fetch(&b->arrived, 1, __ATOMIC_ACQ_REL) == b->n) {
            __atomic_store_n(&b->arrived, 0, __ATOMIC_RELAXED);
            pthread_mutex_lock(&b->mutex);
            __atomic_store_n(&b->generation, generation + 1, __ATOMIC_RELEASE);
            pthread_cond_broadcast(&b->all_here);
            pthread_mutex_unlock(&b->mutex);
            return;
        }
        for (int look = 0; look < 2000; look++) {
            if (__atomic_load_n(&b->generation, __ATOMIC_ACQUIRE) != generation) return;
            RELAX();
        }
        pthread_mutex_lock(&b->mutex);
        while (__atomic_load_n(&b->generation, __ATOMIC_ACQUIRE) == generation)
            pthread_cond_wait(&b->all_here, &b->mutex);
        pthread_mutex_unlock(&b->mutex);
    }

    typedef struct {
        void (*work)(void *shared, Py_ssize_t thread);
        void *shared;
        Barrier *barrier;
        Py_ssize_t number;
        const int *cancelled;
        pthread_t id;
    } Thread;

    static void *run_thread(void *argument) {
        Thread *thread = argument;
        pthread_mutex_lock(&thread->barrier->mutex);      /* held until all threads are made */
        const int cancelled = *thread->cancelled;
        pthread_mutex_unlock(&thread->barrier->mutex);
        if (!cancelled) thread->work(thread->shared, thread->number);
        return NULL;
    }

    /* Calls work(shared, k) for k = 0..n-1, each in a thread of its own, 0 in the caller's.
       Returns 0, or an errno if threads could not be made; then work was not called. */
    static int run_threads(void (*work)(void *, Py_ssize_t), void *shared, Barrier *barrier,
                           Py_ssize_t n) {
        barrier->n = n;
        barrier->arrived = barrier->generation = 0;
        if (n == 1) { work(shared, 0); return 0; }
        Thread *threads = malloc(n * sizeof(Thread));
        if (threads == NULL) return ENOMEM;
        int failed = 0;
        Py_ssize_t made = 1;
        pthread_mutex_init(&barrier->mutex, NULL);
        pthread_cond_init(&barrier->all_here, NULL);
        pthread_mutex_lock(&barrier->mutex);
        for (; made < n; made++) {
            Thread thread = {work, shared, barrier, made, &failed};
            threads[made] = thread;
            failed = pthread_create(&threads[made].id, NULL, run_thread, &threads[made]);
            if (failed) break;
        }
        pthread_mutex_unlock(&barrier->mutex);
        if (!failed) work(shared, 0);
        while (--made > 0) pthread_join(threads[made].id, NULL);
        pthread_cond_destroy(&barrier->all_here);
        pthread_mutex_destroy(&barrier->mutex);
        free(threads);
        return failed;
    }

    /* *flag = 0, safe when several threads do so at once */
    static void become_false(int *flag) { __atomic_store_n(flag, 0, __ATOMIC_RELAXED); }
    """
    ctypedef struct Barrier:
        pass
    void become_false(int *flag) noexcept nogil
    void meet(Barrier *barrier) noexcept nogil
    int run_threads(void (*work)(void *shared, Py_ssize_t thread) noexcept nogil, void *shared,
                    Barrier *barrier, Py_ssize_t n) noexcept nogil
