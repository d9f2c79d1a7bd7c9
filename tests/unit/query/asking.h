/* asking.h — asking a bed and comparing its answers with JSON written out. Texts of queries and answers
 * have 'single quotes' where JSON has double ones. */
#ifndef TAMIS_TEST_QUERY_ASKING_H
#define TAMIS_TEST_QUERY_ASKING_H

#include "bed.h"

int run_json(struct bed *b, uint32_t site, const json_t *request, json_t **ret, struct err *err);
int run_text(struct bed *b, uint32_t site, const char *text, json_t **ret, struct err *err);
/* The caller frees it. */
char *requoted(const char *text);
/* The reply; the caller owns it. Fails unless there is one. */
json_t *ask(struct bed *b, uint32_t site, const char *query);

/* Compares the reply's member a, or its member c; "absent" when there is none. */
void expect_member(struct bed *b, uint32_t site, const char *query, const char *a, const char *c,
                   const char *expected);
/* Compares its rows as [[dimensions…, metrics…], …]; the second for SITE. */
void expect_for(struct bed *b, uint32_t site, const char *query, const char *expected);
void expect(struct bed *b, const char *query, const char *expected);

/* An event of SITE at a local time. */
struct event local_event(struct bed *b, int32_t day, int hour, int minute, uint64_t person,
                         int kind, const char *page);

#endif
