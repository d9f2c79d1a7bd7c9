/* sieve.h — the one door: a hit and its site's policy become an event, or a counted refusal. */
#ifndef TAMIS_SIEVE_H
#define TAMIS_SIEVE_H

#include "arena.h"
#include "clock.h"
#include "counters.h"
#include "err.h"
#include "event.h"
#ifdef TAMIS_IN_FRONT_OF_THE_DOOR
#include "hit.h"
#else
struct hit; /* app/ opens and closes the sieve but sees no hit */
#endif
#include "os.h"
#include "policy.h"

struct sieve;      /* shared: pattern databases, salts, tables */
struct sieve_lane; /* one a thread: scratch space and the user-agent cache */

struct sieve_options {
    const struct os *os;
    const struct clock *clock;
    const char *keys_dir;          /* salts live here, files 0600; made if missing */
    struct counters *counters;     /* may be NULL */
    struct span spam_referrers;    /* more of them, a host a line; read in sieve_open() only */
    struct span datacenter_ranges; /* a range a line, likewise */
};

int sieve_open(const struct sieve_options *options, struct sieve **ret,
               struct err *err) WARN_UNUSED;
void sieve_close(struct sieve *s);

int sieve_lane_new(struct sieve *s, struct sieve_lane **ret, struct err *err) WARN_UNUSED;
void sieve_lane_free(struct sieve_lane *lane);

enum sieve_verdict {
    SIEVE_PASS = 0,
    SIEVE_BOT,
    SIEVE_OPT_OUT,
    SIEVE_GPC,
    SIEVE_DNT,
    SIEVE_PROFILE,         /* the profile takes no such event */
    SIEVE_NO_HOST,         /* the URL has no usable host or is of a scheme that is no page */
    SIEVE_SPAM,            /* the referrer is on the list of spam */
    SIEVE_DATACENTER,      /* sent from one */
    SIEVE_BLOCKED_ADDRESS, /* the site's owner wants none such; the same for those below */
    SIEVE_BLOCKED_HOSTNAME,
    SIEVE_BLOCKED_COUNTRY,
    SIEVE_BLOCKED_PAGE,
    SIEVE_VITALS, /* web vitals without one that a browser can have measured */
    SIEVE_VERDICTS
};
const char *sieve_verdict_word(enum sieve_verdict v);

/* Turns *hit into *ret (text from the arena or static). Returns a sieve_verdict, or a negative
 * err_code (out of memory, salt not writable). Counts refusals in the counters. Depends on nothing
 * but its inputs, the salts and the tables. */
int sieve_pass(struct sieve_lane *lane, const struct policy *policy, const struct hit *hit,
               struct arena *arena, struct event *ret, struct err *err) WARN_UNUSED;

/* After a hit passed as *event: 1 when its page shows what was searched for on the site, and *ret is
 * another event to be kept of it (search.h); 0 when not; negative as above. */
int sieve_search(struct sieve_lane *lane, const struct policy *policy, const struct hit *hit,
                 const struct event *event, struct arena *arena, struct event *ret,
                 struct err *err) WARN_UNUSED;

/* After a hit passed as *event: 1 when it says that a visitor who agreed to be known again came that
 * day, and *ret is the site's own lasting hash of the visitor, for a record beside the event
 * (record.h) and for nothing else; 0 when not; negative as above. */
int sieve_known(struct sieve_lane *lane, const struct policy *policy, const struct hit *hit,
                const struct event *event, uint64_t *ret, struct err *err) WARN_UNUSED;

/* Whether that is an id as browsers have it, however old. */
bool sieve_is_visitor_id(struct span id);

/* The visitor who takes that back, by such an id: 1 and the hash as above; 0: the site has never known
 * anybody. */
int sieve_forget(struct sieve_lane *lane, const struct policy *policy, struct span id,
                 uint64_t *ret, struct err *err) WARN_UNUSED;

/* Wipes the lasting keys of sites that are not in the set. */
int sieve_wipe_removed(struct sieve *s, const struct policy_set *policies,
                       struct err *err) WARN_UNUSED;

/* Wipes the salts of days that are over: call it once a second or so. `policies` tells each site's
 * zone. */
void sieve_wipe_ended(struct sieve *s, const struct policy_set *policies);

/* Imports: past days need salts for as long as the import lasts, kept in keys/import-<id>/ so that
 * it can be resumed. From here on `lane` uses them (0: back to live salts, which refuse past days).
 */
int sieve_lane_import(struct sieve_lane *lane, uint64_t import, struct err *err) WARN_UNUSED;
/* Wipes that import's salts. */
int sieve_import_end(struct sieve *s, uint64_t import, struct err *err) WARN_UNUSED;

#endif
