/* PyTorch's GRU by the plain signature, and functions that do what none may do. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIGNATURE int64_t T, int64_t B, int64_t I, int64_t H, const float *x, const float *h0, \
                  const float *weight_ih, const float *weight_hh, const float *bias_ih, const float *bias_hh, \
                  float *y, float *h_n
#define ARGUMENTS T, B, I, H, x, h0, weight_ih, weight_hh, bias_ih, bias_hh, y, h_n
#define UNITS 64

static float sigmoid(float a) { return 1/(1 + expf(-a)); }

static void run(SIGNATURE, volatile float *a, volatile float *u)
{
    if (T == 0)
        memcpy(h_n, h0, (size_t)(B*H)*sizeof *h_n);
    for (int64_t t = 0; t < T; t++)
        for (int64_t b = 0; b < B; b++) {
            const float *h = t ? y + ((t - 1)*B + b)*H : h0 + b*H;
            for (int64_t i = 0; i < 3*H; i++) {
                a[i] = bias_ih[i];
                u[i] = bias_hh[i];
                for (int64_t j = 0; j < I; j++)
                    a[i] += weight_ih[i*I + j]*x[(t*B + b)*I + j];
                for (int64_t k = 0; k < H; k++)
                    u[i] += weight_hh[i*H + k]*h[k];
            }
            for (int64_t i = 0; i < H; i++) {
                float r = sigmoid(a[i] + u[i]), z = sigmoid(a[H + i] + u[H + i]);
                float n = tanhf(a[2*H + i] + r*u[2*H + i]);
                y[(t*B + b)*H + i] = (1 - z)*n + z*h[i];
            }
        }
    if (T > 0)
        memcpy(h_n, y + (T - 1)*B*H, (size_t)(B*H)*sizeof *h_n);
}

int right(SIGNATURE)
{
    float a[3*UNITS], u[3*UNITS];
    printf("what a library prints disturbs nobody\n");
    if (H > UNITS)
        return -1;
    run(ARGUMENTS, a, u);
    return 0;
}

int shares_scratch(SIGNATURE)
{
    static float a[3*UNITS], u[3*UNITS];
    run(ARGUMENTS, a, u);
    return 0;
}

int writes_after(SIGNATURE) { int status = right(ARGUMENTS); y[T*B*H] = 0; return status; }
int writes_before(SIGNATURE) { int status = right(ARGUMENTS); ((volatile float *)h_n)[-1] = 0; return status; }
int writes_far_after(SIGNATURE) { int status = right(ARGUMENTS); ((volatile float *)y)[4096] = 0; return status; }
int reads_before(SIGNATURE) { volatile float seen = ((volatile float *)x)[-1]; (void)seen; return right(ARGUMENTS); }
int reads_after(SIGNATURE) { volatile float seen = ((volatile float *)x)[T*B*I]; (void)seen; return right(ARGUMENTS); }
int uses_what_is_after(SIGNATURE) { int status = right(ARGUMENTS); y[0] += 0*((volatile float *)x)[T*B*I]; return status; }
int writes_input(SIGNATURE) { int status = right(ARGUMENTS); ((float *)weight_hh)[0] = 1; return status; }
int leaves_h_n(SIGNATURE) { float own[UNITS*UNITS*UNITS]; float *mine = h_n; h_n = own; (void)mine; return right(ARGUMENTS); }
int adds_to_y(SIGNATURE) { float old = y[0]; int status = right(ARGUMENTS); y[0] += old; return status; }
int refuses(SIGNATURE) { (void)right; return T > 2 ? -3 : right(ARGUMENTS); }
int aborts(SIGNATURE) { fprintf(stderr, "assertion H > 3 failed\n"); if (H > 3) abort(); return right(ARGUMENTS); }
int segfaults(SIGNATURE) { *(volatile int *)8 = 1; return right(ARGUMENTS); }
int exits(SIGNATURE) { (void)T; exit(7); return right(ARGUMENTS); }
int hangs(SIGNATURE) { while (T > 2) *(volatile float *)y = 0; return right(ARGUMENTS); }
int never_returns(SIGNATURE) { for (;;) *(volatile float *)y = 0; }
int overflows(SIGNATURE) { volatile char big[1 << 20]; big[0] = 1; return overflows(ARGUMENTS) + big[0]; }

int counts(SIGNATURE)
{
    static int calls;
    int status = right(ARGUMENTS);
    y[0] += (float)(calls++ % 2);
    return status;
}

int wants_alignment(SIGNATURE)
{
    if ((uintptr_t)x % 16)
        abort();
    return right(ARGUMENTS);
}

int rounds_addresses(SIGNATURE)
{
    int status = right(ARGUMENTS);
    if ((uintptr_t)h0 % 8 == 4 && (uintptr_t)x % 8 == 4)
        y[0] += 1;
    return status;
}
