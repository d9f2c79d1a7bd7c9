/* random.h — random events and queries from a seed, and what the model says of them. */
#ifndef TAMIS_TEST_QUERY_RANDOM_H
#define TAMIS_TEST_QUERY_RANDOM_H

#include "bed.h"
#include "model.h"

/* From the variable QUERY_SEED, else a random one; printed. */
uint64_t random_seed(void);
uint32_t dice(uint32_t sides);

enum { RANDOM_DAYS = 5 };
int32_t random_first_day(void);

/* In order of time, over some days of three sites with a change of clocks; some persons always come
 * with the same attributes, others with any. */
void random_events(struct bed *b, struct event *events, size_t count);
/* Whether it is of those that may be applied after the others: they are persons of their own. */
bool random_is_late(const struct event *e);

struct random_query {
    uint32_t site;
    json_t *request;
    struct model_range range;
    bool paired; /* by pages and names, as cells have them */
    bool paged;  /* the reply is a page of what the model says */
    bool compares;
    struct model_range other; /* the range to compare with */
};
void random_query_make(struct bed *b, struct random_query *ret);
void random_query_release(struct random_query *q);

/* Fails, saying `what` and the seed, unless the reply's rows are those of the model. */
void random_query_compare(const struct random_query *q, const struct model *m, const json_t *reply,
                          const char *what);

#endif
