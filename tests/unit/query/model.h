/* model.h — the plain meaning of a query, computed slowly over arrays: what the differential test
 * compares the SQL with. Knows nothing of the parser, the planner or the store. */
#ifndef TAMIS_TEST_QUERY_MODEL_H
#define TAMIS_TEST_QUERY_MODEL_H

#include <jansson.h>

#include "event.h"

struct model_visit {
    const struct event *first;
    int64_t start_ms;
    int64_t last_ms;
    int pageviews;
    int events;
    int interactive;
    struct span entry_page;
    struct span exit_page;
};

struct model {
    const struct event *events;
    int *visit_of; /* −1: engagement without a visit */
    size_t event_count;
    struct model_visit *visits;
    size_t visit_count;
};

/* Events must be in order of time. */
void model_build(struct model *m, const struct event *events, size_t count);
void model_release(struct model *m);

struct model_range {
    int32_t from_day, to_day;
    bool by_ts;
    int64_t from_ms, to_ms; /* to_ms not included */
};

/* {"label\x1flabel…": [metric, …]} for one site under exact figures; the caller owns it. */
json_t *model_run(const struct model *m, uint32_t site, const struct model_range *range,
                  const json_t *metrics, const json_t *dims, const json_t *filters);

#endif
