# The floating-point environment of the kernels, whatever the caller's is: it rounds to nearest and
# traps nothing. For training it also flushes subnormal numbers to 0: else the moments of gradients
# that have become 0 would stay subnormal for good, and arithmetic on such numbers is slow.

cdef extern from *:
    """
    #if defined(__x86_64__)
    #define READ(x) __asm__ volatile("stmxcsr %0" : "=m"(x) :: "memory")
    #define WRITE(x) __asm__ volatile("ldmxcsr %0" :: "m"(x) : "memory")
    typedef unsigned int Environment;
    #define NEAREST 0x1f80u                     /* no trap, round to nearest */
    #define FLUSH 0x8040u                       /* subnormal operands and results are 0 */
    #define SEEN 0x3fu                          /* flags of past exceptions: not compared */
    #elif defined(__aarch64__)
    #define READ(x) __asm__ volatile("mrs %0, fpcr" : "=r"(x) :: "memory")
    #define WRITE(x) __asm__ volatile("msr fpcr, %0" :: "r"(x) : "memory")
    typedef unsigned long long Environment;
    #define NEAREST 0ull
    #define FLUSH (1ull << 24)
    #define SEEN 0ull
    #else
    #define READ(x) ((x) = 0)
    #define WRITE(x) ((void)(x))
    typedef unsigned int Environment;
    #define NEAREST 0u
    #define FLUSH 0u
    #define SEEN 0u
    #endif
    /* what is just below the smallest normal number, and rounded is not, processors treat each in
       their own way: reproducible kernels clear their state themselves, see same_bits.pxd */
    #ifdef DELTALOOP_REPRODUCIBLE
    #define FLUSHING NEAREST
    #else
    #define FLUSHING (NEAREST | FLUSH)
    #endif

    static inline Environment enter(Environment own) {
        Environment before;
        READ(before);
        if ((before & ~SEEN) != own) { Environment mine = own; WRITE(mine); }
        return before;
    }

    static inline void leave(Environment own, Environment before) {
        if ((before & ~SEEN) != own) { Environment theirs = before; WRITE(theirs); }
    }
    """
    ctypedef unsigned int Environment
    const Environment NEAREST, FLUSHING
    Environment enter(Environment own) noexcept nogil                   # returns the caller's
    void leave(Environment own, Environment before) noexcept nogil
