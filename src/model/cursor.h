/* cursor.h — a position in the journal: everything before it has been read. */
#ifndef TAMIS_CURSOR_H
#define TAMIS_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

struct cursor {
    uint64_t segment; /* number of the segment, from 1; 0: before the first */
    uint64_t offset;  /* bytes from the start of the segment's file */
};

static inline bool cursor_before(struct cursor a, struct cursor b) {
    return a.segment != b.segment ? a.segment < b.segment : a.offset < b.offset;
}

#endif
