/* bed.h — a store in a folder of its own, sites, and what the tests of src/query do with them. */
#ifndef TAMIS_TEST_QUERY_BED_H
#define TAMIS_TEST_QUERY_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

#include "civil.h"
#include "query.h"

/* All in Paris but HONG_KONG_SITE, which is consented like SITE and OTHER_SITE. */
enum { SITE = 1, CNIL_SITE = 2, OTHER_SITE = 3, FRUGAL_SITE = 4, HONG_KONG_SITE = 5 };

struct bed {
    char dir[64];
    struct store *store;
    struct policy_set *policies;
    struct fake_clock clock;
    struct cursor cursor;
    bool no_rollup, no_cells; /* of queries */
    char root[80];            /* of the sealed parts */
    uint32_t last_part;
    struct {
        uint32_t site, visits, persons;
        int32_t day;
    } bases[64]; /* ordinals given out, by site and day */
    size_t base_count;
    struct bed_part {
        uint32_t id, site;
        int32_t day;
        char paths[3][100]; /* below the root: event, visit, roll */
    } parts[128];           /* days that are sealed and in no month */
    size_t part_count;
    struct sealed_part ready[128]; /* to be published; their paths are owned */
    size_t ready_count;
};

struct bed *bed_open(void);
void bed_close(struct bed *b);
void bed_apply(struct bed *b, const struct event *events, size_t count);
/* Seals what the hot tables have of that day, to be published; nothing when that is nothing. The
 * second as if its raw rows had been purged since. */
void bed_seal(struct bed *b, uint32_t site, int32_t day);
void bed_seal_rollups(struct bed *b, uint32_t site, int32_t day);
void bed_publish(struct bed *b);
/* Puts the parts of that day's month together into one; the month has no hot rows. */
void bed_compact(struct bed *b, uint32_t site, int32_t day);
/* As many steps of store_build_cells() at most. */
void bed_build_cells(struct bed *b, int steps);
const struct policy *bed_policy(struct bed *b, uint32_t site);

/* An event of that person, who is another one each day. */
struct event bed_event(struct bed *b, uint32_t site, int64_t ts_ms, uint64_t person, int kind,
                       const char *page);

static inline int32_t day_of(int year, int month, int day) {
    return civil_to_day((struct civil){year, month, day});
}

#endif
