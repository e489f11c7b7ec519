/* A GRU between arrays of bfloat16, the upper halves of float32, which computes in float32. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gru_f32.h"

static float *widened(const uint16_t *numbers, int64_t count) {
    float *wide = malloc(sizeof(float) * (size_t)count);
    for (int64_t n = 0; n < count; n++) {
        const uint32_t bits = (uint32_t)numbers[n] << 16;
        memcpy(&wide[n], &bits, sizeof bits);
    }
    return wide;
}

static void narrowed(const float *wide, int64_t count, uint16_t *numbers) { /* to nearest, ties to even */
    for (int64_t n = 0; n < count; n++) {
        uint32_t bits;
        memcpy(&bits, &wide[n], sizeof bits);
        numbers[n] = (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
    }
}

int gru_forward_bf16(int64_t T, int64_t B, int64_t I, int64_t H, const uint16_t *x, const uint16_t *h0,
                     const uint16_t *weight_ih, const uint16_t *weight_hh, const uint16_t *bias_ih,
                     const uint16_t *bias_hh, uint16_t *y, uint16_t *h_n) {
    float *given[] = {widened(x, T * B * I),           widened(h0, B * H),      widened(weight_ih, 3 * H * I),
                      widened(weight_hh, 3 * H * H), widened(bias_ih, 3 * H), widened(bias_hh, 3 * H)};
    float *series = malloc(sizeof(float) * (size_t)(T * B * H)), *final = malloc(sizeof(float) * (size_t)(B * H));
    const int status = gru_forward_f32(T, B, I, H, given[0], given[1], given[2], given[3], given[4], given[5], series, final);
    narrowed(series, T * B * H, y);
    narrowed(final, B * H, h_n);
    for (int n = 0; n < 6; n++) free(given[n]);
    free(series);
    free(final);
    return status;
}
