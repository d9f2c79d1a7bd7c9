/* known.h — the diary (visitors.db): which visitors who agreed to be known again came on which day,
 * and nothing else: no page, no source, no time. It is joined to nothing that was measured, whose ids
 * live one day.
 *
 * A visitor is the site's own keyed hash of a cookie. The file is made when the first one comes; it
 * is truth, not a cache. What is deleted is overwritten. Any thread: writing is behind a lock, each
 * reader has a connection of its own. */
#ifndef TAMIS_KNOWN_H
#define TAMIS_KNOWN_H

#include "clock.h"
#include "err.h"
#include "policy.h"
#include "record.h"

struct known;

/* How long a visitor is kept, from the first day on: 13 months. */
enum { KNOWN_MOST_DAYS = 395 };

/* Remembers the path, and opens the file when it is there. ERR_CORRUPT: it is damaged, ERR_UNSUPPORTED:
 * of a newer tamis. The clock is borrowed. */
int known_open(const char *path, const struct clock *clock, struct known **ret,
               struct err *err) WARN_UNUSED;
void known_close(struct known *k);
/* Whether there is a diary. */
bool known_is_there(struct known *k);

struct known_entry {
    struct record_known visitor;
    bool forget; /* all days of the visitor, in place of adding one */
};

/* Writes entries in their order. With 0 returned it is durable; to do it again changes nothing. */
int known_apply(struct known *k, const struct known_entry *entries, size_t count,
                struct err *err) WARN_UNUSED;

/* Sees to it that nothing is left of who was deleted, in the file or beside it. False: a reader is in
 * the way, or there is no room; to be tried again. Nothing to do costs nothing: for once a second. */
bool known_settle(struct known *k);

/* Deletes a site's days before that one, and visitors without another; INT32_MAX: all, also since
 * when there are any. */
int known_erase(struct known *k, uint32_t site, int32_t before, struct err *err) WARN_UNUSED;

/* Deletes visitors whose first day is over 13 months ago at their site, and those of sites that are
 * not in the set. *ret: how many. */
int known_age(struct known *k, const struct policy_set *policies, uint64_t *ret,
              struct err *err) WARN_UNUSED;

/* Copies the diary to the file `path`, private and synced. ERR_NOT_FOUND: there is none. */
int known_copy(struct known *k, const char *path, struct err *err) WARN_UNUSED;

/* --- known_read.c --- */

/* `days`: bits as of known_days.h. */
typedef void (*known_visitor_fn)(void *arg, int32_t first_day, struct span days);

/* Shows each visitor of the site, as they are at one moment. ERR_TIMEOUT after timeout_ms. */
int known_each(struct known *k, uint32_t site, int timeout_ms, known_visitor_fn fn, void *arg,
               struct err *err) WARN_UNUSED;

/* 1: *ret is the day since which the site's visitors are written down; 0: none came yet. What is
 * older than 13 months at `today` has gone. */
int known_since(struct known *k, uint32_t site, int32_t today, int32_t *ret,
                struct err *err) WARN_UNUSED;

#endif
