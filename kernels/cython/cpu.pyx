"""Which x86-64 level this processor and its operating system offer."""

cdef extern from *:
    """
    #if defined(__x86_64__)
    static int x86_64_level(void) {
        __builtin_cpu_init();
    #if !defined(__clang__) && __GNUC__ >= 12
        if (__builtin_cpu_supports("x86-64-v4")) return 4;
        if (__builtin_cpu_supports("x86-64-v3")) return 3;
        return __builtin_cpu_supports("x86-64-v2") ? 2 : 1;
    #else
        /* __builtin_cpu_supports asks the operating system too (XGETBV) */
        if (!(__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt"))) return 1;
        if (!(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
              && __builtin_cpu_supports("bmi2"))) return 2;
        if (!(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
              && __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq")
              && __builtin_cpu_supports("avx512vl"))) return 3;
        return 4;
    #endif
    }
    #else
    static int x86_64_level(void) { return 0; }
    #endif
    """
    int x86_64_level()


def level() -> int:
    """1 to 4, or 0 on another kind of processor."""
    return x86_64_level()
