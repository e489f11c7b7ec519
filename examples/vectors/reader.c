/* Reads a .bin file of grusym vectors and judges a GRU in PyTorch's packing: cc reader.c -lm && ./a.out gru_torch.bin */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { char name[64]; uint32_t bytes, axes, extent[8]; size_t count; double *value; } array;

static FILE *file;
static void need(int ok, const char *what) { if (!ok) { fprintf(stderr, "%s\n", what); exit(2); } }
static uint32_t u32(void) {
    unsigned char b[4];
    need(fread(b, 1, 4, file) == 4, "the file ends early");
    return b[0] | b[1] << 8 | b[2] << 16 | (uint32_t)b[3] << 24;
}
static void text(char *to, size_t room) {
    uint32_t n = u32();
    need(n < room && fread(to, 1, n, file) == n, "a name is too long");
    to[n] = 0;
}
static array read_array(void) {
    array a = {0};
    text(a.name, sizeof a.name);
    a.bytes = u32(), a.axes = u32(), a.count = 1;
    need(a.axes <= 8 && (a.bytes == 4 || a.bytes == 8), "not an array of numbers");
    for (uint32_t i = 0; i < a.axes; i++) a.count *= a.extent[i] = u32();
    need(a.count < 1000000 && (a.value = malloc((a.count + 1) * sizeof(double))) != NULL, "an array is too large");
    for (size_t i = 0; i < a.count; i++) {
        float f; double d;
        if (a.bytes == 4) need(fread(&f, 4, 1, file) == 1, "the file ends early"), d = f;
        else need(fread(&d, 8, 1, file) == 1, "the file ends early");
        a.value[i] = d;
    }
    return a;
}
static const array *get(const array *all, uint32_t n, const char *name) {
    for (uint32_t i = 0; i < n; i++) if (!strcmp(all[i].name, name)) return &all[i];
    fprintf(stderr, "there is no %s\n", name);
    exit(2);
}
static double dot(const double *w, const double *v, uint32_t n) { double s = 0; while (n--) s += *w++ * *v++; return s; }
static double sigmoid(double a) { return 1 / (1 + exp(-a)); }

int main(int argc, char **argv) {
    char name[256], cell[256], convention[64], magic[4];
    need(argc == 2 && (file = fopen(argv[1], "rb")) && fread(magic, 1, 4, file) == 4 && !memcmp(magic, "GRUV", 4) && u32() == 1, "pass a .bin file of vectors");
    for (uint32_t vectors = u32(); vectors--;) {
        text(name, sizeof name), text(cell, sizeof cell), text(convention, sizeof convention);
        uint32_t n = u32();
        array *all = malloc(n * sizeof *all);
        for (uint32_t i = 0; i < n; i++) all[i] = read_array();
        const array *x = get(all, n, "x"), *h0 = get(all, n, "h0"), *wi = get(all, n, "weight_ih"), *wh = get(all, n, "weight_hh");
        const array *bi = get(all, n, "bias_ih"), *bh = get(all, n, "bias_hh"), *y = get(all, n, "=y");
        const array *bound = get(all, n, y->bytes == 4 ? "<fp32:y" : "<fp64:y");
        uint32_t T = x->extent[0], B = x->extent[1], I = x->extent[2], H = h0->extent[1];
        double *h = malloc(B * H * sizeof *h), *next = malloc(B * H * sizeof *h), worst = 0;
        memcpy(h, h0->value, B * H * sizeof *h);
        for (uint32_t t = 0; t < T; t++, memcpy(h, next, B * H * sizeof *h))
            for (uint32_t b = 0; b < B; b++)
                for (uint32_t i = 0; i < H; i++) {
                    double a[3], c[3];
                    for (uint32_t g = 0; g < 3; g++) {
                        a[g] = dot(wi->value + (g * H + i) * I, x->value + (t * B + b) * I, I) + bi->value[g * H + i];
                        c[g] = dot(wh->value + (g * H + i) * H, h + b * H, H) + bh->value[g * H + i];
                    }
                    double r = sigmoid(a[0] + c[0]), z = sigmoid(a[1] + c[1]), u = tanh(a[2] + r * c[2]);
                    next[b * H + i] = (1 - z) * u + z * h[b * H + i];
                    size_t at = (t * B + b) * H + i;
                    worst = fmax(worst, fabs((y->bytes == 4 ? (float)next[b * H + i] : next[b * H + i]) - y->value[at]) / bound->value[at]);
                }
        printf("%s: %.3f of the bound\n", name, worst);
        if (!(worst <= 1)) return 1;
    }
    return 0;
}
