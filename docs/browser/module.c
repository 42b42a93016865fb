/* The network of digits.h as a module of WebAssembly: three arrays, and two functions on them. */
#include "digits.h"

#define EXPORT(name) __attribute__((export_name(#name)))

static float x[DIGITS_N_IN], y[DIGITS_N_OUT], target[DIGITS_N_OUT];

EXPORT(x) float *address_of_x(void) { return x; }
EXPORT(y) float *address_of_y(void) { return y; }
EXPORT(target) float *address_of_target(void) { return target; }

EXPORT(predict) void predict(void) { digits_predict(x, y); }

EXPORT(learn) float learn(float learning_rate)
{
    return digits_learn_one(x, target, learning_rate);
}
