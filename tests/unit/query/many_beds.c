#include "many_beds.h"

#include <stdlib.h>

const char *const many_beds_names[BEDS] = {"hot", "sealed", "mixed", "compacted"};

static void apply_some(const struct many_beds *m, struct bed *b, bool late) {
    struct event *batch = calloc(m->count, sizeof *batch);
    assert_non_null(batch);
    size_t n = 0;
    for (size_t i = 0; i < m->count; i++) {
        if (random_is_late(&m->events[i]) == late)
            batch[n++] = m->events[i];
        if (n > 0 && (i == m->count - 1 || dice(150) == 0)) {
            bed_apply(b, batch, n);
            n = 0;
        }
    }
    free(batch);
}

/* Seals each day that is hot with a chance of one in `of`. */
static void seal_some(struct bed *b, uint32_t of) {
    struct store_day *days = NULL;
    size_t count = 0;
    struct err err = {0};
    assert_int_equal(store_hot_days(b->store, &days, &count, &err), 0);
    for (size_t i = 0; i < count; i++)
        if (dice(of) == 0)
            bed_seal(b, days[i].site, days[i].day);
    free(days);
    bed_publish(b);
}

void many_beds_open(struct many_beds *m, size_t count) {
    *m = (struct many_beds){.count = count, .events = calloc(count, sizeof *m->events)};
    assert_non_null(m->events);
    for (size_t i = 0; i < BEDS; i++)
        m->beds[i] = bed_open();
    random_events(m->beds[0], m->events, count);
    for (size_t i = 0; i < BEDS; i++) {
        apply_some(m, m->beds[i], false);
        if (i == BED_MIXED || i == BED_COMPACTED)
            seal_some(m->beds[i], i == BED_MIXED ? 2 : 1);
        apply_some(m, m->beds[i], true);
        if (i != BED_HOT)
            seal_some(m->beds[i], i == BED_MIXED ? 3 : 1);
    }
    for (uint32_t site = SITE; site <= HONG_KONG_SITE; site++)
        bed_compact(m->beds[BED_COMPACTED], site, random_first_day());
    model_build(&m->model, m->events, count);
}

void many_beds_close(struct many_beds *m) {
    model_release(&m->model);
    for (size_t i = 0; i < BEDS; i++)
        bed_close(m->beds[i]);
    free(m->events);
}

void many_beds_set_clock(struct many_beds *m, int64_t now_ms) {
    for (size_t i = 0; i < BEDS; i++)
        m->beds[i]->clock.now_ms = now_ms;
}
