/* Random calls of the functions of a handle, with any bits as numbers.

   Between calls nothing but results may have changed: not x and y, not what lies around a result,
   not the handle, not the floating-point environment; and what only reads gives the same bits
   again. Numbers of all kinds lie in x and y, at any address that their type allows. x86-64. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xmmintrin.h>

#include "deltaloop.h"

enum { GUARD = 64 };    /* bytes on both sides of a result */

static uint64_t state;

static uint64_t draw(void)      /* splitmix64 */
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void put(void *at, int itemsize, double value)
{
    if (itemsize == 8) memcpy(at, &value, 8);
    else {
        const float narrow = (float)value;
        memcpy(at, &narrow, 4);
    }
}

/* Numbers between -2 and 2, or odd ones: zeros, units, any bits. */
static void fill(char *x, ptrdiff_t n, int itemsize, int odd)
{
    static const double some[] = {0, -0.0, 1, -1, 1e30, -1e30, 1e-40, 3.5e38, 1e300, -1e-310};
    for (ptrdiff_t k = 0; k < n; k++) {
        const uint64_t bits = draw();
        if (!odd || bits % 4) put(x + k * itemsize, itemsize, (double)(bits >> 11) * 0x1p-51 - 2);
        else if (bits % 8 == 4) put(x + k * itemsize, itemsize, some[(bits >> 8) % 10]);
        else {
            const uint64_t any = draw();
            memcpy(x + k * itemsize, &any, itemsize);   /* nan, inf, subnormal */
        }
    }
}

static int is_guarded(const unsigned char *room, ptrdiff_t size)
{
    for (ptrdiff_t k = 0; k < GUARD; k++)
        if (room[k] != 0xa5 || room[GUARD + size + k] != 0xa5) return 0;
    return 1;
}

#define CHECK(what) do { if (!(what)) { failed = #what; goto end; } } while (0)

/* n calls; NULL, or what does not hold. */
const char *trust_calls(deltaloop_handle *net, uint64_t seed, long n, long *counts)
{
    const int size = net->itemsize;
    const ptrdiff_t most = 2 * net->batch_size + 3, of_theta = net->n_theta * size;
    char *x = malloc((most * net->n_in + 16) * size), *y = malloc((most * net->n_out + 16) * size);
    char *x_before = malloc(most * net->n_in * size), *y_before = malloc(most * net->n_out * size);
    const ptrdiff_t largest = of_theta + most * net->n_out * size + 2 * GUARD + 64;
    unsigned char *first = malloc(largest), *second = malloc(largest);
    char *theta = malloc(of_theta);
    const char *failed = NULL;
    state = seed;
    memcpy(theta, net->theta, of_theta);
    for (long call = 0; call < n; call++) {
        const uint64_t how = draw();
        const int odd = how % 3 == 0, kind = (how >> 4) % 4;
        const ptrdiff_t rows = 1 + (ptrdiff_t)((how >> 8) % (kind == 0 ? most : net->batch_size));
        const ptrdiff_t shift = (how >> 24) % 16 * size;
        const ptrdiff_t of_x = rows * net->n_in * size, of_y = rows * net->n_out * size;
        char *at_x = x + shift, *at_y = y + (how >> 28) % 16 * size;
        fill(at_x, rows * net->n_in, size, odd);
        fill(at_y, rows * net->n_out, size, odd);
        memcpy(x_before, at_x, of_x);
        memcpy(y_before, at_y, of_y);
        net->learning_rate = odd && how % 5 == 0 ? 1e6 : 0.01;
        deltaloop_handle before = *net;
        const unsigned csr = _mm_getcsr() & 0xffc0;     /* but the flags */
        if (kind < 2) {     /* forward, and a gradient, twice each */
            const ptrdiff_t result = kind ? of_theta : of_y;
            double loss = 0, again = 0;
            memset(first, 0xa5, largest);
            memset(second, 0xa5, largest);
            if (kind == 0) {
                net->forward(net, at_x, rows, first + GUARD);
                net->forward(net, at_x, rows, second + GUARD);
            } else {
                loss = net->loss_gradient(net, at_x, at_y, rows, first + GUARD);
                again = net->loss_gradient(net, at_x, at_y, rows, second + GUARD);
            }
            CHECK(!memcmp(first, second, largest));
            CHECK(is_guarded(first, result));
            CHECK(!memcmp(&loss, &again, 8));
        } else if (kind == 2) {
            const double loss = net->loss_gradient(net, at_x, at_y, rows, NULL);
            (void)loss;
        } else {
            const double loss = net->learn(net, at_x, at_y, rows);
            (void)loss;
            if (odd || how % 512 == 1) memcpy(net->theta, theta, of_theta);
        }
        counts[kind]++;
        CHECK(!memcmp(&before, net, sizeof before));
        CHECK(!memcmp(x_before, at_x, of_x));
        CHECK(!memcmp(y_before, at_y, of_y));
        CHECK((_mm_getcsr() & 0xffc0) == csr);
    }
end:
    memcpy(net->theta, theta, of_theta);
    free(x), free(y), free(x_before), free(y_before), free(first), free(second), free(theta);
    return failed;
}
