"""Which x86-64 level this processor and its operating system offer."""

# By the instructions CPUID and XGETBV, and not by the compiler's __builtin_cpu_supports: its answer
# comes from a library of the compiler, and is no for everything where another linker is used.
cdef extern from *:
    """
    #if defined(__x86_64__)
    #include <cpuid.h>

    /* What the operating system saves when it changes between threads: the register XCR0. */
    static unsigned int saved_registers(void) {
        unsigned int low, high;
        __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
        return low;
    }

    /* The bits of x86-64-v2, v3 and v4 in the psABI (version 1.0, table 3.1); AMD and Intel
       document the places of the bits alike. */
    #define HAS(flags, wanted) (((flags) & (wanted)) == (wanted))
    static int x86_64_level(void) {
        unsigned int a, b, c, d, b7 = 0, c1, c_extended = 0;
        const unsigned int v2 = bit_SSE3 | bit_SSSE3 | bit_CMPXCHG16B | bit_SSE4_1 | bit_SSE4_2
            | bit_POPCNT;
        const unsigned int v3 = bit_FMA | bit_MOVBE | bit_OSXSAVE | bit_AVX | bit_F16C;
        const unsigned int v3_b7 = bit_BMI | bit_AVX2 | bit_BMI2;
        const unsigned int v4_b7 = bit_AVX512F | bit_AVX512DQ | bit_AVX512CD | bit_AVX512BW
            | bit_AVX512VL;
        if (!__get_cpuid(1, &a, &b, &c1, &d)) return 1;
        if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) b7 = b;
        if (__get_cpuid(0x80000001, &a, &b, &c, &d)) c_extended = c;
        if (!(HAS(c1, v2) && HAS(c_extended, bit_LAHF_LM))) return 1;
        if (!(HAS(c1, v3) && HAS(b7, v3_b7) && HAS(c_extended, bit_LZCNT))) return 2;
        const unsigned int saved = saved_registers();   /* OSXSAVE, above, says that one may ask */
        if (!HAS(saved, 0x06)) return 2;                /* xmm, ymm */
        return HAS(b7, v4_b7) && HAS(saved, 0xe6) ? 4 : 3;      /* and masks, zmm */
    }
    #else
    static int x86_64_level(void) { return 0; }
    #endif
    """
    int x86_64_level()


def level() -> int:
    """1 to 4, or 0 on another kind of processor."""
    return x86_64_level()
