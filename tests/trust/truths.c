/* Every activation, slope and primitive in float64 for arguments that are float32, and how far from
   these values what was computed in float32 is. As truths.py has them, many times as fast: with
   VECTOR_MATH a compiler calls the C library's functions of vectors (libmvec, within 4 units of the
   last place of float64, of which 2^29 are one of float32).

   Nothing is lost to cancellation, but in slopes, whose errors count in ulp of 1. Functions of the
   library get numbers far from overflow, which would be slow; beyond, float32 is 0 or infinite. */
#include <math.h>
#include <string.h>

#ifdef VECTOR_MATH
#define VECTORS __attribute__((simd("notinbranch"), const, nothrow))
extern double exp(double) VECTORS, expm1(double) VECTORS, log(double) VECTORS,
    log1p(double) VECTORS, tanh(double) VECTORS, erfc(double) VECTORS, sin(double) VECTORS,
    cos(double) VECTORS;
#endif

#define INLINE static inline __attribute__((always_inline)) double
#define SELU 1.0507009873554805
#define SELU_BELOW (1.0507009873554805 * 1.6732632423543772)
#define ROOT_8_PI 1.5957691216057307918     /* sqrt(8 / pi) */
#define CUBIC 0.044715

/* x limited to [low, high]; NaN for NaN */
INLINE within(double x, double low, double high)
{
    return x < low ? low : x > high ? high : x;
}

/* The library's functions of finite x, and NaN for NaN, which they are slow with. */
#define GUARDED(name, function) \
    INLINE name(double x) { return function(x == x ? x : 0) + (x - x); }
GUARDED(exp_of, exp)
GUARDED(expm1_of, expm1)
GUARDED(log1p_of, log1p)
GUARDED(tanh_of, tanh)
GUARDED(erfc_of, erfc)

/* No constants: a compiler would put e^-690 itself in place of results, after the detour to the slow
   part of exp for all x beyond. */
double lowest = -690, highest = 690, lowest_of_mish = -340, highest_of_mish = 40, zero = 0;

INLINE e_to(double x)
{
    return exp_of(within(x, lowest, highest));
}

/* e^x - 1 for x <= 0 */
INLINE expm1_below(double x)
{
    return expm1_of(within(x, lowest, zero));
}

INLINE sigmoid(double z)
{
    const double e = e_to(-fabs(z));
    return (z >= 0 ? 1 : e) / (1 + e);
}

/* s (1 - s) of the sigmoid s of w */
INLINE logistic_bell(double w)
{
    const double e = e_to(-fabs(w));
    return e / ((1 + e) * (1 + e));
}

/* z, but not so far below 0 that 0 times it is NaN */
INLINE least(double z)
{
    return z < -1e4 ? -1e4 : z;
}

/* the normal distribution function */
INLINE normal(double z)
{
    return erfc_of(within(z, -37, 37) * -0.70710678118654752440) / 2;
}

/* sqrt(8 / pi) (z + 0.044715 z^3) */
INLINE bent(double z)
{
    z = within(z, -1e3, 1e3);
    return ROOT_8_PI * z * (1 + CUBIC * z * z);
}

INLINE square_bell(double z, double c)
{
    z = within(z, -1e3, 1e3);
    return e_to(c * (z * z));
}

INLINE mish(double z)
{
    const double e = exp_of(within(z, lowest_of_mish, highest_of_mish)), n = e * (e + 2);
    return least(z) * (n / (n + 2));
}

/* t + z (1 - t^2) s, where t = tanh(log(1 + e^z)) and s is the sigmoid of z */
INLINE mish_slope(double z)
{
    z = within(z, lowest_of_mish, highest_of_mish);
    const double e = exp_of(z), rest = 2 * (1 + e) / (2 + 2 * e + e * e), n = e * (e + 2);
    return n / (n + 2) + z * rest * rest * e / (1 + e);
}

/* 1 - tanh(z)^2 */
INLINE tanh_bell(double z)
{
    const double e = e_to(-2 * fabs(z));
    return 4 * e / ((1 + e) * (1 + e));
}

INLINE softsign(double z)
{
    z = within(z, -1e300, 1e300);
    return z / (1 + fabs(z));
}

INLINE silu_slope(double z)
{
    z = within(z, -1e4, 1e4);
    return sigmoid(z) + z * logistic_bell(z);
}

INLINE gelu_slope(double z)
{
    z = within(z, -1e3, 1e3);
    return normal(z) + z * square_bell(z, -0.5) * 0.39894228040143267794;
}

INLINE gelu_tanh_slope(double z)
{
    const double near = within(z, -1e3, 1e3), w = bent(z);
    return sigmoid(w) + near * logistic_bell(w) * ROOT_8_PI * (1 + 3 * CUBIC * near * near);
}

#define TRUTH(name, ...) \
    void name(long n, const float *x, double alpha, double *restrict y) \
    { \
        (void)alpha; \
        _Pragma("omp simd") \
        for (long k = 0; k < n; k++) { \
            const double z = x[k]; \
            (void)z; \
            y[k] = (__VA_ARGS__); \
        } \
    }

TRUTH(f_identity, z)
TRUTH(f_sigmoid, sigmoid(z))
TRUTH(f_tanh, tanh_of(within(z, -40, 40)))
TRUTH(f_relu, within(z, 0, INFINITY))
TRUTH(f_leaky_relu, z > 0 ? z : alpha * z)
TRUTH(f_elu, z > 0 ? z : alpha * expm1_below(z))
TRUTH(f_softplus, within(z, 0, INFINITY) + log1p_of(e_to(-fabs(z))))
TRUTH(f_silu, least(z) * sigmoid(z))
TRUTH(f_selu, z > 0 ? SELU * z : SELU_BELOW * expm1_below(z))
TRUTH(f_gelu, least(z) * normal(z))
TRUTH(f_gelu_tanh, least(z) * sigmoid(bent(z)))
TRUTH(f_mish, mish(z))
TRUTH(f_softsign, softsign(z))
TRUTH(f_hard_sigmoid, within((z + 3) / 6, 0, 1))
TRUTH(f_hard_tanh, within(z, -1, 1))
TRUTH(f_lecun_tanh, 1.7159 * tanh_of(within(z, -60, 60) * 2 / 3))
TRUTH(f_gaussian, square_bell(z, -1))
TRUTH(f_sin, sin(z))
TRUTH(f_exp, e_to(z))

TRUTH(slope_identity, 1)
TRUTH(slope_sigmoid, logistic_bell(z))
TRUTH(slope_tanh, tanh_bell(z))
TRUTH(slope_relu, z > 0 ? 1 : 0)
TRUTH(slope_leaky_relu, z > 0 ? 1 : alpha)
TRUTH(slope_elu, z > 0 ? 1 : alpha * e_to(z))
TRUTH(slope_softplus, sigmoid(z))
TRUTH(slope_silu, silu_slope(z))
TRUTH(slope_selu, z > 0 ? SELU : SELU_BELOW * e_to(z))
TRUTH(slope_gelu, gelu_slope(z))
TRUTH(slope_gelu_tanh, gelu_tanh_slope(z))
TRUTH(slope_mish, mish_slope(z))
TRUTH(slope_softsign, 1 / ((1 + fabs(z)) * (1 + fabs(z))))
TRUTH(slope_hard_sigmoid, fabs(z) < 3 ? 1 / 6.0 : 0)
TRUTH(slope_hard_tanh, fabs(z) < 1 ? 1 : 0)
TRUTH(slope_lecun_tanh, 1.7159 * 2 / 3 * tanh_bell(z * 2 / 3))
TRUTH(slope_gaussian, -2 * within(z, -1e3, 1e3) * square_bell(z, -1))
TRUTH(slope_sin, cos(z))
TRUTH(slope_exp, e_to(z))

TRUTH(of_exp, e_to(z))
TRUTH(of_exp_of_negative, e_to(z))
TRUTH(of_expm1_of_negative, expm1_below(z))
TRUTH(of_exp_of_square, square_bell(z, -1))
TRUTH(of_exp_of_half_square, square_bell(z, -0.5))
TRUTH(of_log1p_of_fraction, log1p(z))
TRUTH(of_log, log(z))
TRUTH(of_log1p, log1p(z))
TRUTH(of_logistic, sigmoid(z))
TRUTH(of_tanh, tanh_of(within(z, -40, 40)))
TRUTH(of_normal, normal(z))
TRUTH(of_sin, sin(z))
TRUTH(of_cos, cos(z))
TRUTH(of_root, sqrt(z))
TRUTH(of_logistic_of_lanes, sigmoid(z))
TRUTH(of_tanh_of_lanes, tanh_of(within(z, -40, 40)))
TRUTH(of_over_root, 1 / (sqrt(z) + 1))

/* How many ulp of float32 lie between what was found and the exact value. An ulp is that of the
   exact value, at least that of `most_exact`; no more than `lost` apart is right; infinity is the
   number behind the largest one, and NaN has no neighbours. */
static inline __attribute__((always_inline)) double error_of(
    float found, double exact, double most_exact, double lost)
{
    const double x = within(exact, -0x1p128, 0x1p128), y = within(found, -0x1p128, 0x1p128);
    const double size = within(fabs(x), most_exact, 0x1.fffffep127);
    const int is_nan = found != found, should_be = exact != exact;
    double apart = fabs(x - y), per_ulp;
    long long bits;
    memcpy(&bits, &size, 8);
    bits = ((2046 + 23LL) << 52) - (bits & 0x7ff0000000000000);
    memcpy(&per_ulp, &bits, 8);
    apart = apart <= lost ? 0 : apart * per_ulp;
    return is_nan != should_be ? INFINITY : is_nan ? 0 : apart;
}

void errors(long n, const float *found, const double *exact, double least, double lost,
            double *out)
{
    for (long k = 0; k < n; k++)
        out[k] = error_of(found[k], exact[k], least, lost);
}

/* the place of the first of the largest errors, and that error */
long worst(long n, const float *found, const double *exact, double least, double lost,
           double *error)
{
    enum { PIECE = 1024 };
    double out[PIECE], top = -1;
    long at = 0;
    for (long first = 0; first < n; first += PIECE) {
        const long size = n - first < PIECE ? n - first : PIECE;
        double most = -1;
        errors(size, found + first, exact + first, least, lost, out);
        #pragma omp simd reduction(max : most)
        for (long k = 0; k < size; k++)
            most = out[k] > most ? out[k] : most;
        if (most > top) {
            top = most;
            for (at = first; out[at - first] != most; at++) {}
        }
    }
    *error = top;
    return at;
}
