/* A network inside other compiled code: C, C++, Cython, Numba.

   A handle comes from Python: session = net.session(batch_size), whose capsule holds a
   `deltaloop_handle *` under the name DELTALOOP_CAPSULE and whose address is the same pointer as
   an integer. It lives as long as the session. Its functions take no lock and touch no Python
   object, so they may run without the GIL; a handle serves one thread at a time, and while one
   handle learns, no other handle of the same network may be used.

   Rows are contiguous, their elements are float where itemsize is 4 and double where it is 8. */
#ifndef DELTALOOP_H
#define DELTALOOP_H
#include <stddef.h>

#define DELTALOOP_HANDLE_VERSION 1
#define DELTALOOP_CAPSULE "deltaloop.handle.1"

typedef struct deltaloop_handle deltaloop_handle;
struct deltaloop_handle {
    int version;            /* DELTALOOP_HANDLE_VERSION; fields are only ever added at the end */
    int itemsize;           /* 4: float, 8: double */
    ptrdiff_t n_in, n_out;
    ptrdiff_t n_theta;      /* parameters, padding included */
    ptrdiff_t batch_size;   /* samples that one call of learn may have; forward takes any number */
    void *theta;            /* (n_theta,): see Plan in deltaloop/kernels/interface.py */
    double learning_rate;   /* read by every call of learn */

    /* out (n, n_out) = outputs for x (n, n_in) */
    void (*forward)(deltaloop_handle *, const void *x, ptrdiff_t n, void *out);
    /* one step of the optimiser on the mini-batch x (n, n_in), y (n, n_out), 1 <= n <= batch_size;
       returns its mean loss before the step, which is not finite when training diverges */
    double (*learn)(deltaloop_handle *, const void *x, const void *y, ptrdiff_t n);
    /* mean loss; its gradient by theta into grad (n_theta,), unless grad is NULL */
    double (*loss_gradient)(deltaloop_handle *, const void *x, const void *y, ptrdiff_t n,
                            void *grad);
};

#endif
