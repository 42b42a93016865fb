# Threads that help with one training, for as long as it lasts: helpers.
#
# A step is a few phases, each of some shares. The thread that trains begins a phase, takes shares
# as its helpers do, and goes on once all are done. A share belongs to whoever claims it first: what
# a helper that sleeps, or is not let run, has not claimed costs nothing but its help. Which shares
# there are does not depend on who takes them, so no bit does.
#
# A helper looks for the next phase for SPIN seconds, then it sleeps. POSIX threads and not OpenMP,
# whose pool hangs in a forked child and spins while it waits.
from pace cimport Pace

cdef extern from *:
    """
    #include <pthread.h>
    #include <signal.h>
    #include <stdlib.h>
    #include <string.h>
    #include <time.h>
    #include <unistd.h>

    #if defined(_WIN32)         /* where threads get no signals */
    #include <malloc.h>
    #define HOLD_SIGNALS()
    #define LET_SIGNALS_IN()
    #define free_aligned _aligned_free
    static void *aligned(size_t size) { return _aligned_malloc(size, 128); }
    #else       /* signals are for the threads of the program, but its own faults */
    #define HOLD_SIGNALS() \\
        sigset_t all, before; \\
        sigfillset(&all); \\
        sigdelset(&all, SIGSEGV); sigdelset(&all, SIGBUS); sigdelset(&all, SIGFPE); \\
        sigdelset(&all, SIGILL); sigdelset(&all, SIGABRT); sigdelset(&all, SIGTRAP); \\
        pthread_sigmask(SIG_SETMASK, &all, &before)
    #define LET_SIGNALS_IN() pthread_sigmask(SIG_SETMASK, &before, NULL)
    #define free_aligned free
    static void *aligned(size_t size) {
        void *memory = NULL;
        return posix_memalign(&memory, 128, size) ? NULL : memory;
    }
    #endif

    #define SPIN 1e-4
    #define SHARES 65536        /* a phase is its number times this, plus how many shares it has */
    #define ALIGNED __attribute__((aligned(128)))   /* two cache lines are fetched at once */

    #if defined(__x86_64__) || defined(__i386__)
    #define RELAX() __builtin_ia32_pause()
    #elif defined(__aarch64__)
    #define RELAX() __asm__ volatile("isb" ::: "memory")
    #else
    #define RELAX() ((void) 0)
    #endif

    typedef void (*share_function)(void *shared, Py_ssize_t share);

    struct Crew;

    typedef struct {
        ALIGNED long long claimed;      /* the last phase whose share of this number was claimed */
        ALIGNED int sleeps;
        struct Crew *crew;
        long number;
        pthread_t id;
        pthread_mutex_t mutex;
        pthread_cond_t called;
    } Helper;

    typedef struct Crew {
        ALIGNED long long phase;
        int ends;
        ALIGNED long done;              /* shares of this phase */
        int waits;                      /* whether who trains sleeps until all are done */
        ALIGNED share_function work;
        void *shared;
        long most, made;                /* threads that there may be, and are, with who trains */
        int chooses;                    /* the clock says how many take part */
        pid_t pid;
        pthread_mutex_t mutex;
        pthread_cond_t all_done;
        Pace pace;
        Helper helpers[];               /* (most,); the first is who trains */
    } Crew;

    static double seconds_now(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec + 1e-9 * t.tv_nsec;
    }

    /* The first phase after `seen` that has a share for this helper; or any, if it is to end. */
    static int is_called(const Helper *h, long long seen, long long *phase) {
        *phase = __atomic_load_n(&h->crew->phase, __ATOMIC_SEQ_CST);
        return (*phase != seen && *phase % SHARES > h->number)
            || __atomic_load_n(&h->crew->ends, __ATOMIC_SEQ_CST);
    }

    static long long next_phase(Helper *h, long long seen) {
        long long phase;
        const double until = seconds_now() + SPIN;
        do {
            for (int look = 0; look < 64; look++) {
                if (is_called(h, seen, &phase)) return phase;
                RELAX();
            }
        } while (seconds_now() < until);
        pthread_mutex_lock(&h->mutex);
        for (;;) {      /* `sleeps` is set before the last look, so that no call is missed */
            __atomic_store_n(&h->sleeps, 1, __ATOMIC_SEQ_CST);
            if (is_called(h, seen, &phase)) break;
            pthread_cond_wait(&h->called, &h->mutex);
        }
        __atomic_store_n(&h->sleeps, 0, __ATOMIC_SEQ_CST);
        pthread_mutex_unlock(&h->mutex);
        return phase;
    }

    static void wake(Helper *h) {
        pthread_mutex_lock(&h->mutex);
        pthread_cond_signal(&h->called);
        pthread_mutex_unlock(&h->mutex);
    }

    /* A phase that is over has no share left whose `claimed` is below it: late claims fail. */
    static int claim(Helper *share, long long phase) {
        long long old = __atomic_load_n(&share->claimed, __ATOMIC_RELAXED);
        while (old < phase)
            if (__atomic_compare_exchange_n(&share->claimed, &old, phase, 0, __ATOMIC_ACQ_REL,
                                            __ATOMIC_RELAXED)) return 1;
        return 0;
    }

    /* Shares from that number on; only this one, if every thread is to take its own. */
    static void take_shares(Crew *crew, long long phase, long number) {
        const long n = phase % SHARES;
        for (long k = 0; k < n; k++) {
            const long share = (number + k) % n;
            if (!crew->chooses && k > 0 && (number > 0 || share < crew->made)) continue;
            if (!claim(&crew->helpers[share], phase)) continue;
            crew->work(crew->shared, share);
            __atomic_fetch_add(&crew->done, 1, __ATOMIC_SEQ_CST);
            if (number > 0 && __atomic_load_n(&crew->waits, __ATOMIC_SEQ_CST)) {
                pthread_mutex_lock(&crew->mutex);
                pthread_cond_signal(&crew->all_done);
                pthread_mutex_unlock(&crew->mutex);
            }
        }
    }

    static void *help(void *argument) {
        Helper *me = argument;
        long long phase = 0;
        for (;;) {
            phase = next_phase(me, phase);
            if (__atomic_load_n(&me->crew->ends, __ATOMIC_SEQ_CST)) return NULL;
            take_shares(me->crew, phase, me->number);
        }
    }

    /* Start the threads that are missing; as many as the system allows. */
    static void make_helpers(Crew *crew, long n) {
        if (n > crew->most) n = crew->most;
        if (crew->made >= n) return;
        HOLD_SIGNALS();
        while (crew->made < n) {
            Helper *h = &crew->helpers[crew->made];
            if (pthread_create(&h->id, NULL, help, h)) {
                crew->most = crew->made;    /* refused: who trains takes their shares */
                break;
            }
            crew->made++;
        }
        LET_SIGNALS_IN();
    }

    /* Calls work(shared, k) for k = 0..n-1, in several threads if n > 1; returns after all. */
    static void together(Crew *crew, long n, share_function work, void *shared) {
        if (n == 1) {
            work(shared, 0);
            return;
        }
        make_helpers(crew, n);
        crew->work = work;
        crew->shared = shared;
        __atomic_store_n(&crew->done, 0, __ATOMIC_RELAXED);
        const long long phase = (crew->phase / SHARES + 1) * SHARES + n;
        __atomic_store_n(&crew->phase, phase, __ATOMIC_SEQ_CST);
        for (long k = 1; k < n && k < crew->made; k++)
            if (__atomic_exchange_n(&crew->helpers[k].sleeps, 0, __ATOMIC_SEQ_CST))
                wake(&crew->helpers[k]);
        take_shares(crew, phase, 0);
        double until = 0;
        do {
            for (int look = 0; look < 64; look++) {
                if (__atomic_load_n(&crew->done, __ATOMIC_ACQUIRE) == n) return;
                RELAX();
            }
            if (until == 0) until = seconds_now() + SPIN;
        } while (seconds_now() < until);
        pthread_mutex_lock(&crew->mutex);
        __atomic_store_n(&crew->waits, 1, __ATOMIC_SEQ_CST);
        while (__atomic_load_n(&crew->done, __ATOMIC_SEQ_CST) != n)
            pthread_cond_wait(&crew->all_done, &crew->mutex);
        __atomic_store_n(&crew->waits, 0, __ATOMIC_SEQ_CST);
        pthread_mutex_unlock(&crew->mutex);
    }

    /* Memory for a crew without helpers yet, or NULL. */
    static Crew *new_crew(long most, int chooses, double budget) {
        const size_t size = sizeof(Crew) + most * sizeof(Helper);
        Crew *crew = aligned(size);
        if (crew == NULL) return NULL;
        memset(crew, 0, size);
        crew->most = most;
        crew->made = 1;
        crew->chooses = chooses;
        crew->pid = getpid();
        start_pace(&crew->pace, most, budget);
        pthread_mutex_init(&crew->mutex, NULL);
        pthread_cond_init(&crew->all_done, NULL);
        for (long k = 0; k < most; k++) {
            crew->helpers[k].crew = crew;
            crew->helpers[k].number = k;
            pthread_mutex_init(&crew->helpers[k].mutex, NULL);
            pthread_cond_init(&crew->helpers[k].called, NULL);
        }
        return crew;
    }

    /* Whether this is a child of the process that made the crew: its helpers are not here. */
    static int is_inherited(const Crew *crew) { return crew->pid != getpid(); }

    static void end_crew(Crew *crew) {
        if (crew == NULL || is_inherited(crew)) return;     /* mutexes may be locked for ever */
        __atomic_store_n(&crew->ends, 1, __ATOMIC_SEQ_CST);
        for (long k = 1; k < crew->made; k++) {
            wake(&crew->helpers[k]);
            pthread_join(crew->helpers[k].id, NULL);
        }
        free_aligned(crew);
    }

    /* What crews that have ended did not lose is for the next one to lose, in nanoseconds. */
    static long left_over = 1000000;

    static double take_budget(void) {
        return 1e-9 * __atomic_exchange_n(&left_over, 0, __ATOMIC_RELAXED);
    }

    static void give_budget(double seconds) {
        long left = seconds > 1e-3 ? 1000000 : (long) (seconds * 1e9);
        left += __atomic_exchange_n(&left_over, 0, __ATOMIC_RELAXED);
        left = left > 1000000 ? 1000000 : left < -10000000 ? -10000000 : left;
        __atomic_store_n(&left_over, left, __ATOMIC_RELAXED);
    }
    """
    ctypedef struct Crew:
        long made
        int chooses
        Pace pace
    double seconds_now() noexcept nogil
    void together(Crew *crew, long n, void (*work)(void *shared, Py_ssize_t share) noexcept nogil,
                  void *shared) noexcept nogil
    Crew *new_crew(long most, int chooses, double budget) noexcept nogil
    int is_inherited(const Crew *crew) noexcept nogil
    void end_crew(Crew *crew) noexcept nogil
    double take_budget() noexcept nogil
    void give_budget(double seconds) noexcept nogil
