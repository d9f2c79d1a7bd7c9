/* asking_walks.h — asking a bed for funnels and journeys. Texts of requests and answers have 'single quotes'
 * where JSON has double ones. */
#ifndef TAMIS_TEST_QUERY_ASKING_WALKS_H
#define TAMIS_TEST_QUERY_ASKING_WALKS_H

#include "asking.h"

/* funnel_run() or journey_run(). */
typedef int walk_run(const struct query_env *env, const struct policy *policy,
                     const json_t *request, json_t **ret, struct err *err);

/* The reply; the caller owns it. Fails unless there is one. */
json_t *ask_walk(walk_run *run, struct bed *b, uint32_t site, const char *text);
/* Compares the rows as arrays of these members, those that are there. */
void expect_walk(walk_run *run, struct bed *b, uint32_t site, const char *text,
                 const char *const *keys, size_t count, const char *expected);
/* Midnight of 12 May 2026: the days that the tests fill are over. */
void walk_set_clock(struct bed *b);

struct refused_walk {
    const char *request, *error; /* the request without its braces; a list as it is */
};
void expect_refused(walk_run *run, const struct refused_walk *list, size_t count);

#endif
