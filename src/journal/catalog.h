/* catalog.h — which segments there are and where each one ends. Internal to journal/; not
 * thread-safe. */
#ifndef TAMIS_CATALOG_H
#define TAMIS_CATALOG_H

#include "cursor.h"
#include "err.h"
#include "os.h"

struct segment {
    uint64_t number;
    uint64_t end;  /* of what is durable and valid */
    bool in_doubt; /* being replaced, or that failed: see replace() in upkeep.c */
};

struct catalog {
    struct segment *items; /* ascending by number */
    size_t count;
    size_t cap;
};

void catalog_release(struct catalog *c);

/* Makes room for one more, so that catalog_add() cannot fail. */
int catalog_reserve(struct catalog *c, struct err *err) WARN_UNUSED;
void catalog_add(struct catalog *c, struct segment s);

/* The newest segment, or NULL. */
struct segment *catalog_last(struct catalog *c);

/* The first one with that number or a higher one, or NULL. */
struct segment *catalog_from(struct catalog *c, uint64_t number);

/* Takes the oldest one out and puts it back. */
struct segment catalog_take_first(struct catalog *c);
void catalog_put_first(struct catalog *c, struct segment s);

/* Moves *at to the next place where a frame starts. True: `*ret` is the segment it lies in. False:
 * everything before the end has been read; *at stays valid to ask again. */
bool catalog_find(const struct catalog *c, struct cursor *at, struct segment *ret);

/* Bytes of frames from `at` to the end. */
uint64_t catalog_bytes_from(const struct catalog *c, struct cursor at);

#endif
