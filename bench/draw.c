#include "draw.h"

#include <math.h>
#include <stdlib.h>

void draw_release(struct draw *d) {
    free(d->keep);
    free(d->other);
    *d = (struct draw){0};
}

/* Pairs what weighs less than the mean with what weighs more (Vose 1991). `scaled` is used up. */
static void pair_up(struct draw *d, double *scaled, uint32_t *small, uint32_t *large) {
    uint32_t smalls = 0, larges = 0;
    for (uint32_t i = 0; i < d->count; i++) {
        if (scaled[i] < 1)
            small[smalls++] = i;
        else
            large[larges++] = i;
    }
    while (smalls && larges) {
        uint32_t s = small[--smalls], l = large[larges - 1];
        d->keep[s] = (uint32_t)(scaled[s] * UINT32_MAX);
        d->other[s] = l;
        scaled[l] -= 1 - scaled[s];
        if (scaled[l] < 1) {
            larges--;
            small[smalls++] = l;
        }
    }
    while (larges)
        d->keep[large[--larges]] = UINT32_MAX;
    while (smalls) /* rounding only */
        d->keep[small[--smalls]] = UINT32_MAX;
}

bool draw_init(struct draw *d, const double *weights, uint32_t count) {
    *d = (struct draw){.count = count,
                       .keep = calloc(count, sizeof(*d->keep)),
                       .other = calloc(count, sizeof(*d->other))};
    double *scaled = calloc(count, sizeof(*scaled));
    uint32_t *lists = calloc(count, 2 * sizeof(*lists));
    bool fine = d->keep && d->other && scaled && lists;
    double sum = 0;
    for (uint32_t i = 0; i < count; i++)
        sum += weights[i];
    for (uint32_t i = 0; fine && i < count; i++) {
        scaled[i] = weights[i] * count / sum;
        d->other[i] = i;
    }
    if (fine)
        pair_up(d, scaled, lists, lists + count);
    else
        draw_release(d);
    free(scaled);
    free(lists);
    return fine;
}

bool draw_init_zipf(struct draw *d, uint32_t count, double shift, double exponent) {
    double *weights = calloc(count, sizeof(*weights));
    for (uint32_t i = 0; weights && i < count; i++)
        weights[i] = pow(1 / (i + 1 + shift), exponent);
    bool fine = weights && draw_init(d, weights, count);
    free(weights);
    return fine;
}
