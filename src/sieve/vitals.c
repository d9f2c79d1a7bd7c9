#include "vitals.h"

bool vitals_fill(const struct hit *hit, struct event *e, unsigned *ret_dropped) {
    const struct {
        enum hit_vital from;
        enum event_field to;
        uint32_t *field;
        int64_t unit; /* thousandths of what was sent */
        uint32_t plus;
    } fields[] = {
        {VITAL_LCP, EVENT_FIELD_lcp_ms, &e->lcp_ms, 1000, 0},
        {VITAL_INP, EVENT_FIELD_inp_ms, &e->inp_ms, 1000, 0},
        {VITAL_CLS, EVENT_FIELD_cls_milli, &e->cls_milli, 1, 1},
    };
    bool any = false;
    *ret_dropped = 0;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        int64_t sent = hit->vitals_milli[fields[i].from], unit = fields[i].unit;
        int64_t most = (int64_t)event_fields[fields[i].to].most - fields[i].plus;
        if (sent == VITAL_NOT_SENT)
            continue;
        if (sent < 0 || sent > most * unit) {
            ++*ret_dropped;
            continue;
        }
        uint32_t value = (uint32_t)((sent + unit / 2) / unit) + fields[i].plus;
        *fields[i].field = value ? value : 1; /* 0 is for what was not measured */
        any = true;
    }
    return any;
}
