/* parts.h — the record of the sealed parts, and of what was purged.
 *
 * A part is begun (its id names the files that are being written) and then recorded: that is the
 * moment from which it counts. Files of parts that are not recorded are garbage. Any thread. */
#ifndef TAMIS_PARTS_H
#define TAMIS_PARTS_H

#include "control.h"
#include "cursor.h"

enum part_kind { PART_EVENT, PART_VISIT, PART_ROLL, PART_KINDS };

enum { PART_PATH = 96, PART_DIGEST = 32 };

struct part_file {
    char path[PART_PATH]; /* below the sealed folder; empty: no such file */
    uint64_t rows;
    uint64_t bytes;
    uint8_t digest[PART_DIGEST]; /* BLAKE2b-256 */
};

struct part_record {
    uint32_t id;
    uint32_t site;
    int32_t from_day, to_day;
    struct cursor until; /* journal: events of these days before it are in this part or another */
    uint32_t visits, persons; /* the greatest ordinals on any of its days */
    struct part_file files[PART_KINDS];
};

int control_part_begin(struct control *c, uint32_t site, int32_t from_day, int32_t to_day,
                       uint32_t *ret_id, struct err *err) WARN_UNUSED;

/* Records a part that was begun, in place of others (which are forgotten in the same step). */
int control_part_record(struct control *c, const struct part_record *p, const uint32_t *replaced,
                        size_t replaced_count, struct err *err) WARN_UNUSED;

/* Forgets parts, and those that were begun and never recorded (count 0: only these). */
int control_parts_forget(struct control *c, const uint32_t *ids, size_t count,
                         struct err *err) WARN_UNUSED;

/* The raw rows of a part are gone: forgets its event and visit files. */
int control_part_forget_raw(struct control *c, uint32_t id, struct err *err) WARN_UNUSED;

/* All recorded parts by site, first day and id; for the caller to free. */
int control_parts(struct control *c, struct part_record **ret, size_t *ret_count,
                  struct err *err) WARN_UNUSED;

enum purge_cause { PURGE_RETENTION, PURGE_ERASURE };

struct purge {
    enum purge_cause cause;
    uint32_t site;
    int32_t from_day, to_day; /* INT32_MIN, INT32_MAX: no bound */
    uint64_t files, bytes, rows;
};

int control_purge_log(struct control *c, const struct purge *p, struct err *err) WARN_UNUSED;
/* An array of objects, latest first; "domain" is null when the site is gone. */
int control_purge_list(struct control *c, json_t **ret, struct err *err) WARN_UNUSED;

#endif
