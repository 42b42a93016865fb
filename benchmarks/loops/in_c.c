/* A loop over samples as a user writes it, with the steps of a handle. */
#include "deltaloop.h"

void epoch(deltaloop_handle *net, const float *X, const float *Y, ptrdiff_t n)
{
    for (ptrdiff_t t = 0; t < n; t++)
        net->learn(net, X + t * net->n_in, Y + t * net->n_out, 1);
}
