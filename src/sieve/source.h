/* source.h — where a visit came from: a name by a kept list (sources.def), and a kind that
 * decides the channel. */
#ifndef TAMIS_SOURCE_H
#define TAMIS_SOURCE_H

#include "err.h"
#include "span.h"

/* When the list was last looked through. */
#define SOURCES_SEEN "2026-11-24"

enum source_kind {
    SOURCE_UNKNOWN,
    SOURCE_SEARCH,
    SOURCE_SOCIAL,
    SOURCE_VIDEO,
    SOURCE_SHOPPING,
    SOURCE_AI,
    SOURCE_EMAIL,
    SOURCE_AUDIO,
    SOURCE_OTHER,
};

struct source_info {
    struct span name; /* static */
    enum source_kind kind;
};

struct source_table;

int source_table_open(struct source_table **ret, struct err *err) WARN_UNUSED;
void source_table_close(struct source_table *t);

/* By host (of the page that linked here, or an Android package if `app`). False when the list
 * does not know it. */
bool source_by_host(const struct source_table *t, struct span host, bool app,
                    struct source_info *ret);

/* By what a campaign link says: a name of the list in any case ("google"), or a host of it. */
bool source_by_word(const struct source_table *t, struct span word, struct source_info *ret);

#endif
