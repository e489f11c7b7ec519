/* A GRU forward and backward, PyTorch's weights, where -DBUG=N plants one mistake (plants_in_c.py names them). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifndef BUG
#define BUG 0
#endif
typedef float F;

static F sigmoid(F a) {
    if (BUG == 1) { F s = 0.2f * a + 0.5f; return s < 0 ? 0 : s > 1 ? 1 : s; }
    return a >= 0 ? 1 / (1 + expf(-a)) : expf(a) / (1 + expf(a));
}

static F activation(F a) {
    if (BUG == 2) return a > 0 ? a : 0;
    if (BUG == 3) return a;
    return tanhf(a);
}

static F dot(int n, const F *a, const F *b, int stride) {
    F sum = 0;
    for (int k = 0; k < n; k++) sum += a[k] * b[k * stride];
    return sum;
}

/* One step: r, z, n and u = U_n h + c_n of a sample, and the state after it. */
static void step(int I, int H, const F *x, const F *h, const F *W, const F *U, const F *b, const F *c,
                 F *r, F *z, F *n, F *u, F *next) {
    const int R = BUG == 4 ? 1 : 0, Z = BUG == 4 ? 0 : 1, N = 2; /* gate-order:zrn */
    for (int i = 0; i < H; i++) {
        F a[3], d[3];
        for (int g = 0; g < 3; g++) {
            int row = g * H + i;
            a[g] = dot(I, x, W + row * I, 1) + (BUG == 5 ? 0 : BUG == 6 ? 2 * b[row] : b[row]);
            d[g] = BUG == 7 ? dot(H, h, U + g * H * H + i, H) : dot(H, h, U + row * H, 1);
            if (BUG != 8) d[g] += BUG == 9 && g == N ? 0 : c[row];
        }
        r[i] = sigmoid(a[R] + d[R]);
        z[i] = sigmoid(a[Z] + d[Z]);
        u[i] = d[N];
        n[i] = a[N];
    }
    for (int i = 0; i < H; i++) {
        F recurrent = BUG == 11 ? u[i] : r[i] * u[i];
        if (BUG == 10) { /* reset-before */
            recurrent = c[2 * H + i];
            for (int k = 0; k < H; k++) recurrent += U[(2 * H + i) * H + k] * (r[k] * h[k]);
        }
        if (BUG == 12) recurrent = r[i] * (u[i] - c[2 * H + i]) + c[2 * H + i];
        n[i] = activation(n[i] + recurrent);
    }
    for (int i = 0; i < H; i++) next[i] = BUG == 13 ? (1 - z[i]) * h[i] + z[i] * n[i] : (1 - z[i]) * n[i] + z[i] * h[i];
}

static F *saved(F *tape, int t, int B, int s, int H) { return tape + ((size_t)t * B + s) * 6 * H; }

static F *run(int T, int B, int I, int H, const F *x, const F *h0, const F *W, const F *U, const F *b, const F *c,
              F *y, F *h_n) {
    F *tape = calloc((size_t)T * B * 6 * H + 1, sizeof(F)), *zero = calloc(H, sizeof(F));
    for (int s = 0; s < B; s++)
        for (int t = 0; t < T; t++) {
            int at = BUG == 14 ? T - 1 - t : t; /* sequence-reversed */
            F *own = saved(tape, t, B, s, H);
            const F *before = t ? saved(tape, t - 1, B, s, H) + 5 * H : h0 + s * H;
            if (BUG == 15 && !t) before = zero;                                       /* initial-state-ignored */
            if (BUG == 16 && t) before = h0 + s * H;                                  /* state-not-carried */
            if (BUG == 17 && !t && s) before = saved(tape, T - 1, B, s - 1, H) + 5 * H; /* scratch-shared */
            size_t place = BUG == 18 ? (size_t)s * T + at : (size_t)at * B + s;       /* batch-first-confused */
            size_t shown = BUG == 18 ? (size_t)s * T + t : (size_t)t * B + s;
            memcpy(own, before, H * sizeof(F));
            step(I, H, x + place * I, own, W, U, b, c, own + H, own + 2 * H, own + 3 * H, own + 4 * H, own + 5 * H);
            memcpy(y + shown * H, own + 5 * H, H * sizeof(F));
            memcpy(h_n + s * H, own + 5 * H, H * sizeof(F));
        }
    free(zero);
    return tape;
}

int gru_forward_f32(int T, int B, int I, int H, const F *x, const F *h0, const F *W, const F *U, const F *b,
                    const F *c, F *y, F *h_n) {
    free(run(T, B, I, H, x, h0, W, U, b, c, y, h_n));
    return 0;
}

int gru_backward_f32(int T, int B, int I, int H, const F *x, const F *h0, const F *W, const F *U, const F *b,
                     const F *c, const F *dy, const F *dh_n, F *dx, F *dh0, F *dW, F *dU, F *db, F *dc) {
    F *y = calloc((size_t)T * B * H + 1, sizeof(F)), *last = calloc((size_t)B * H + 1, sizeof(F));
    F *tape = run(T, B, I, H, x, h0, W, U, b, c, y, last);
    F *da = calloc(3 * H, sizeof(F)), *dd = calloc(3 * H, sizeof(F)), *g = calloc(H, sizeof(F));
    memset(dx, 0, (size_t)T * B * I * sizeof(F));
    memset(dW, 0, 3 * H * I * sizeof(F));
    memset(dU, 0, 3 * H * H * sizeof(F));
    memset(db, 0, 3 * H * sizeof(F));
    memset(dc, 0, 3 * H * sizeof(F));
    for (int s = 0; s < B; s++) {
        F *dh = dh0 + s * H;
        for (int i = 0; i < H; i++) dh[i] = BUG == 30 ? 0 : dh_n[s * H + i]; /* grad-final-state-ignored */
        for (int t = T - 1; t >= 0; t--) {
            F *h = saved(tape, t, B, s, H), *r = h + H, *z = h + 2 * H, *n = h + 3 * H, *u = h + 4 * H, *next = h + 5 * H;
            const F *state = BUG == 31 ? next : h; /* grad-recurrent-shifted-state */
            for (int i = 0; i < H; i++) {
                if (BUG == 32 && t + 1 < T) dh[i] = 0; /* grad-carry-missing */
                g[i] = dh[i] + dy[((size_t)t * B + s) * H + i];
                F slope = BUG == 33 ? (1 - n[i]) * (1 - n[i]) : 1 - n[i] * n[i]; /* grad-tanh-derivative */
                F dn = g[i] * (1 - z[i]) * slope;
                F dz = g[i] * (h[i] - n[i]) * (BUG == 34 ? (1 - z[i]) * (1 - z[i]) : z[i] * (1 - z[i]));
                F dr = dn * u[i] * (BUG == 34 ? (1 - r[i]) * (1 - r[i]) : r[i] * (1 - r[i]));
                if (BUG == 35) dr = 0; /* grad-reset-path-missing */
                da[i] = dd[i] = dr;
                da[H + i] = dd[H + i] = dz;
                da[2 * H + i] = dn;
                dd[2 * H + i] = BUG == 36 ? dn : dn * r[i]; /* grad-candidate-reset-missing */
                dh[i] = g[i] * (BUG == 37 ? 1 - z[i] : z[i]); /* grad-direct-path-polarity */
            }
            int counts = !(BUG == 38 && s) && !(BUG == 39 && t != T - 1); /* batch-not-summed, time-last-only */
            F weight = BUG == 40 ? 1.0f / B : 1.0f;                       /* grad-batch-mean */
            for (int row = 0; row < 3 * H; row++) {
                if (counts) {
                    for (int j = 0; j < I; j++) dW[row * I + j] += weight * da[row] * x[((size_t)t * B + s) * I + j];
                    for (int k = 0; k < H; k++) dU[row * H + k] += weight * dd[row] * state[k];
                    db[row] += weight * da[row];
                    dc[row] += weight * dd[row];
                }
                for (int j = 0; j < I; j++) dx[((size_t)t * B + s) * I + j] += da[row] * W[row * I + j];
                for (int k = 0; k < H; k++) {
                    if (BUG == 41) dh[k] += dd[row - row % H + k] * U[row * H + k]; /* grad-own-unit-only */
                    else dh[k] += dd[row] * U[row * H + k];
                }
            }
        }
    }
    free(y), free(last), free(tape), free(da), free(dd), free(g);
    return 0;
}
