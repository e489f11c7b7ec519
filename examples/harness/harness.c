/* A GRU (PyTorch's) that grusym can judge: cc -O2 harness.c -lm -o harness; grusym check --cmd ./harness
 * One request a line on stdin, one answer a line on stdout. Names come in a fixed order: only numbers need reading. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 1 << 22 };
static char line[ROOM];
static float memory[ROOM / 2];
static float sigmoid(float a) { return 1 / (1 + expf(-a)); }

/* Your code here. x (T,B,I), h0 (B,H), weight_ih (3H,I), weight_hh (3H,H), biases (3H); gates r, z, n; y (T,B,H). */
static void gru(long T, long B, long I, long H, const float *x, const float *h0, const float *weight_ih,
                const float *weight_hh, const float *bias_ih, const float *bias_hh, float *y)
{
    for (long t = 0; t < T; t++)
        for (long b = 0; b < B; b++)
            for (long i = 0; i < H; i++) {
                const float *h = t ? y + ((t - 1)*B + b)*H : h0 + b*H;
                float a[3], u[3];
                for (long g = 0, row = i; g < 3; g++, row += H) {
                    a[g] = bias_ih[row], u[g] = bias_hh[row];
                    for (long j = 0; j < I; j++) a[g] += weight_ih[row*I + j]*x[(t*B + b)*I + j];
                    for (long k = 0; k < H; k++) u[g] += weight_hh[row*H + k]*h[k];
                }
                float r = sigmoid(a[0] + u[0]), z = sigmoid(a[1] + u[1]), n = tanhf(a[2] + r*u[2]);
                y[(t*B + b)*H + i] = (1 - z)*n + z*h[i];
            }
}

static void answer(const char *name, const float *values, long count)
{
    printf("\"%s\": [", name);
    for (long i = 0; i < count; i++) printf("%s%.9g", i ? ", " : "", values[i]);
    printf("]");
}

int main(void)
{
    while (fgets(line, ROOM, stdin)) {
        long sizes[4] = {0}, id = strtol(strstr(line, "\"id\":") + 5, NULL, 10);
        float *arrays[6], *end = memory;
        if (!strstr(line, "\"op\": \"forward\"")) {
            printf("{\"id\": %ld, \"gradients\": false}\n", id);
        } else {
            char *at = strchr(strstr(line, "\"sizes\""), '{');
            for (int n = 0; n < 4; n++) sizes[n] = strtol((at = strchr(at, ':')) + 1, &at, 10);
            for (int n = 0; n < 6; n++) {
                arrays[n] = end;
                for (at = strchr(at, '[') + 1; *at != ']'; at += strspn(at, ", ")) *end++ = strtof(at, &at);
            }
            long T = sizes[0], B = sizes[1], H = sizes[3];
            gru(T, B, sizes[2], H, arrays[0], arrays[1], arrays[2], arrays[3], arrays[4], arrays[5], end);
            printf("{\"id\": %ld, \"arrays\": {", id);
            answer("y", end, T*B*H), printf(", "), answer("h_n", end + (T - 1)*B*H, B*H), printf("}}\n");
        }
        fflush(stdout);
    }
}
