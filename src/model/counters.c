#include "counters.h"

#include <inttypes.h>

static const struct {
    const char *name, *reason, *text;
} table[COUNTERS] = {
#define COUNTER(ID, name, reason, text) [COUNT_##ID] = {name, reason, text},
#include "counters.def"
#undef COUNTER
};

void counters_write(struct counters *c, struct buf *out) {
    for (unsigned i = 0; i < COUNTERS; i++) {
        if (table[i].text[0])
            buf_addf(out, "# HELP tamis_%s_total %s\n# TYPE tamis_%s_total counter\n",
                     table[i].name, table[i].text, table[i].name);
        buf_addf(out, "tamis_%s_total", table[i].name);
        if (table[i].reason[0])
            buf_addf(out, "{reason=\"%s\"}", table[i].reason);
        buf_addf(out, " %" PRIu64 "\n", counters_get(c, (enum counter)i));
    }
}
