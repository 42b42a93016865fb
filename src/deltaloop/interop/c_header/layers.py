"""Functions of whole layers in C: scaling, and the products forward, backward and in steps."""

LAYERS: dict[str, str] = {}  # name, without its prefix: text

# ---------------------------------------------------------------- scaling

LAYERS["standardize"] = """\
/* (values - mean) / scale; rest (0: none) is what rounding took from the mean */
static inline void NAME_standardize(int n, const float *values, const float *mean,
        const float *rest, const float *scale, float *out)
{
    for (int j = 0; j < n; j++)
        out[j] = (values[j] - FLASH(mean[j]) - (rest ? FLASH(rest[j]) : 0.0f)) / FLASH(scale[j]);
}
"""

LAYERS["restore"] = """\
/* From the units of the network to those of the targets */
static inline void NAME_restore(int n, const float *mean, const float *scale, float *a)
{
    for (int j = 0; j < n; j++)
        a[j] = a[j] * FLASH(scale[j]) + FLASH(mean[j]);
}
"""

# ---------------------------------------------------------------- forward: z = W a_prev + b, f(z)

LAYERS["dense"] = """\
/* z = W a_prev + b (0: no bias); four inputs at a time, whose sum waits for no other */
UPPER_INLINED void NAME_dense(int n_in, int n_out, const float *UPPER_RESTRICT W, const float *b,
        const float *UPPER_RESTRICT a_prev, float *UPPER_RESTRICT z)
{
#ifdef __OPTIMIZE_SIZE__
    for (int j = 0; j < n_out; j++) {
        float sum = b ? FLASH(b[j]) : 0.0f;
        for (int k = 0, i = j; k < n_in; k++, i += n_out)
            sum += FLASH(W[i]) * a_prev[k];
        z[j] = sum;
    }
#else
    int k = 0;
    for (int j = 0; j < n_out; j++)
        z[j] = b ? FLASH(b[j]) : 0.0f;
    for (; k + 4 <= n_in; k += 4, W += 4 * n_out) {
        const float a0 = a_prev[k], a1 = a_prev[k + 1], a2 = a_prev[k + 2], a3 = a_prev[k + 3];
        const float *W1 = W + n_out, *W2 = W1 + n_out, *W3 = W2 + n_out;
        for (int j = 0; j < n_out; j++)
            z[j] += (FLASH(W[j]) * a0 + FLASH(W1[j]) * a1)
                  + (FLASH(W2[j]) * a2 + FLASH(W3[j]) * a3);
    }
    for (; k < n_in; k++, W += n_out)
        for (int j = 0; j < n_out; j++)
            z[j] += FLASH(W[j]) * a_prev[k];
#endif
}
"""

LAYERS["dense_int8"] = """\
/* z_j = s_j sum_k W_jk a_prev_k + b_j, with weights of one byte */
UPPER_INLINED void NAME_dense_int8(int n_in, int n_out, const int8_t *UPPER_RESTRICT W,
        const float *s, const float *b, const float *UPPER_RESTRICT a_prev,
        float *UPPER_RESTRICT z)
{
#ifdef __OPTIMIZE_SIZE__
    for (int j = 0; j < n_out; j++) {
        float sum = 0.0f;
        for (int k = 0, i = j; k < n_in; k++, i += n_out)
            sum += (float)FLASH_BYTE(W[i]) * a_prev[k];
        z[j] = FLASH(s[j]) * sum + (b ? FLASH(b[j]) : 0.0f);
    }
#else
    for (int j = 0; j < n_out; j++)
        z[j] = 0.0f;
    for (int k = 0; k < n_in; k++, W += n_out)
        for (int j = 0; j < n_out; j++)
            z[j] += (float)FLASH_BYTE(W[j]) * a_prev[k];
    for (int j = 0; j < n_out; j++)
        z[j] = FLASH(s[j]) * z[j] + (b ? FLASH(b[j]) : 0.0f);
#endif
}
"""

# ---------------------------------------------------------------- backward

LAYERS["backward"] = """\
/* dC/da_prev = W^T delta, in eight sums side by side */
UPPER_INLINED void NAME_backward(int n_in, int n_out, const float *UPPER_RESTRICT W,
        const float *UPPER_RESTRICT delta, float *UPPER_RESTRICT dC_da_prev)
{
    for (int k = 0; k < n_in; k++, W += n_out) {
        float sum = 0.0f;
        int j = 0;
#ifndef __OPTIMIZE_SIZE__
        float s[8] = {0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f};
        for (; j + 8 <= n_out; j += 8)
            for (int i = 0; i < 8; i++)
                s[i] += W[j + i] * delta[j + i];
        sum = ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
#endif
        for (; j < n_out; j++)
            sum += W[j] * delta[j];
        dC_da_prev[k] = sum;
    }
}
"""

LAYERS["descend"] = """\
/* W -= learning_rate delta a_prev^T, b -= learning_rate delta (0: no bias); delta is used up */
UPPER_INLINED void NAME_descend(int n_in, int n_out, float *UPPER_RESTRICT W, float *b,
        const float *UPPER_RESTRICT a_prev, float *UPPER_RESTRICT delta, float learning_rate)
{
#ifdef __OPTIMIZE_SIZE__
    for (int j = 0; j < n_out; j++) {
        const float step = learning_rate * delta[j];
        for (int k = 0, i = j; k < n_in; k++, i += n_out)
            W[i] -= step * a_prev[k];
        if (b)
            b[j] -= step;
    }
#else
    for (int j = 0; j < n_out; j++) {
        delta[j] *= learning_rate;
        if (b)
            b[j] -= delta[j];
    }
    for (int k = 0; k < n_in; k++)
        for (int j = 0; j < n_out; j++)
            *W++ -= delta[j] * a_prev[k];
#endif
}
"""

LAYERS["descend_with_momentum"] = """\
/* v = momentum v + delta a_prev^T, W -= learning_rate v; the same for b with vb (0: no bias) */
UPPER_INLINED void NAME_descend_with_momentum(int n_in, int n_out, float *UPPER_RESTRICT W,
        float *b, float *UPPER_RESTRICT v, float *vb, const float *UPPER_RESTRICT a_prev,
        const float *UPPER_RESTRICT delta, float learning_rate, float momentum)
{
    for (int k = 0; k < n_in; k++, W += n_out, v += n_out)
        for (int j = 0; j < n_out; j++) {
            v[j] = momentum * v[j] + delta[j] * a_prev[k];
            W[j] -= learning_rate * v[j];
        }
    for (int j = 0; b && j < n_out; j++) {
        vb[j] = momentum * vb[j] + delta[j];
        b[j] -= learning_rate * vb[j];
    }
}
"""
