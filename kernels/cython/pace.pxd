# How many threads the next step gets, judged by the clock: the one that loses least.
#
# Numbers of threads are levels: 1, 2, 4, ... and the most. Seconds per sample are known for each
# level that was tried. The best of them, `home`, is used; another one is tried now and then, and
# what may be lost so is a budget of seconds. A step at another level than one thread earns or
# spends what one thread would have needed less or more (a step of a trial: what `home` would have);
# beside that, the budget earns RATE of all time. Where it is spent, one thread goes on until it is
# earned again. So whatever other programs do with the processors, and however long a thread that
# has work is not let run, the time lost is at most RATE of all time and one such wait.

cdef extern from *:
    """
    #define LEVELS 24
    #define RATE 0.01           /* of the time, that may be lost */
    #define MOST_BUDGET 5e-3    /* seconds; about what the scheduler lets a thread wait */
    #define MOST_DEBT 10e-3
    #define TO_TRY 2e-4         /* a trial needs so much of the budget */
    #define SHORTEST 8e-6       /* seconds of a step for which threads may pay */
    #define FIRST_WAIT 10e-3    /* seconds until a level is tried again; doubled if it fails */
    #define LAST_WAIT 0.32

    typedef struct {
        int n;                  /* levels */
        int home, at;           /* the best level known, and the one in use */
        long threads[LEVELS];
        double cost[LEVELS];    /* seconds per sample, or 0 */
        double tried[LEVELS];   /* clock when it was last measured */
        double wait[LEVELS];    /* until it is tried again */
        double clock;           /* seconds of all steps */
        double budget;          /* seconds that may still be lost */
        /* since the last change of the level */
        double since;           /* clock of that change */
        long steps;
        double seconds, samples, least;     /* of the steps of a trial that are measured */
    } Pace;

    static void start_pace(Pace *p, long most, double budget) {
        *p = (Pace) {.budget = budget};
        for (long n = 1; n < most && p->n < LEVELS - 1; n *= 2) p->threads[p->n++] = n;
        p->threads[p->n++] = most;
        for (int k = 0; k < p->n; k++) p->wait[k] = FIRST_WAIT;
    }

    static void take_level(Pace *p, int level) {
        p->at = level;
        p->since = p->clock;
        p->steps = 0;
        p->seconds = p->samples = p->least = 0;
    }

    /* cost moves towards a new value, quickly down and slowly up: interruptions lengthen steps */
    static void learn_cost(double *cost, double value) {
        if (*cost == 0 || value < *cost) *cost = value;
        else *cost += 0.1 * ((value < 2 * *cost ? value : 2 * *cost) - *cost);
    }

    static void earn(Pace *p, double seconds) {
        const double budget = p->budget + seconds;
        p->budget = budget > MOST_BUDGET ? MOST_BUDGET : budget < -MOST_DEBT ? -MOST_DEBT : budget;
    }

    /* The level that should be tried now, or -1; a step has so many samples. */
    static int level_to_try(const Pace *p, double samples) {
        const double step = p->cost[p->home] * samples;
        if (step < SHORTEST && p->home == 0) return -1;
        if (p->steps < 3 && p->clock - p->since < 1e-3) return -1;
        if (p->home > 0) {      /* what one thread needs now */
            const double every = 300 * step > 20e-3 ? 300 * step : 20e-3;
            if (p->clock - p->tried[0] > every) return 0;
        }
        if (p->budget < TO_TRY) return -1;
        for (int side = 1; side >= -1; side -= 2) {
            const int k = p->home + side;
            if (k > 0 && k < p->n && (p->cost[k] == 0 || p->clock - p->tried[k] > p->wait[k]))
                return k;
        }
        return -1;
    }

    static void end_trial(Pace *p) {
        const int k = p->at;
        if (k == 0 && p->least > 0) /* an interruption must not make it look slow for long */
            p->cost[k] = p->least < 1.25 * p->cost[k] ? p->least : 1.25 * p->cost[k];
        else if (p->samples > 0) p->cost[k] = p->seconds / p->samples;
        p->tried[k] = p->clock;
        if (p->cost[k] > 0 && p->cost[k] < (k > p->home ? 0.97 : 1.0) * p->cost[p->home]) {
            p->home = k;
            p->wait[k] = FIRST_WAIT;
        } else if (p->wait[k] < LAST_WAIT) p->wait[k] *= 2;
        take_level(p, p->home);
    }

    /* A step of so many samples, at the level in use, took so long. */
    static void told(Pace *p, double samples, double seconds) {
        const double cost = seconds / samples;
        p->clock += seconds;
        p->steps++;
        earn(p, RATE * seconds);
        if (p->at != p->home) {     /* a trial */
            const int enough = p->at == 0 ? 2 : 5;
            const double warm = p->at == 0 ? 0 : 150e-6;    /* threads that sleep wake up */
            if (p->at > 0) earn(p, p->cost[p->home] * samples - seconds);
            if (p->steps > 1 && p->clock - seconds - p->since >= warm) {
                p->seconds += seconds;
                p->samples += samples;
                if (p->least == 0 || cost < p->least) p->least = cost;
            }
            if (p->budget < 0 && p->at > 0) {
                if (p->samples == 0) p->seconds = seconds, p->samples = samples;
                end_trial(p);
            } else if (p->steps >= enough && p->seconds >= (p->at == 0 ? 0 : 200e-6)) end_trial(p);
            return;
        }
        learn_cost(&p->cost[p->home], cost);
        p->tried[p->home] = p->clock;
        if (p->home > 0) {
            earn(p, p->cost[0] * samples - seconds);
            if (p->budget < 0) {
                if (p->wait[p->home] < LAST_WAIT) p->wait[p->home] *= 2;
                take_level(p, p->home = 0);
                return;
            }
        }
        const int k = level_to_try(p, samples);
        if (k >= 0) take_level(p, k);
    }
    """
    ctypedef struct Pace:
        int n
        int home
        int at
        long *threads
        double *cost
        double clock
        double budget
    void start_pace(Pace *pace, long most, double budget) noexcept nogil
    void told(Pace *pace, double samples, double seconds) noexcept nogil
