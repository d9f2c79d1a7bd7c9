/* ua_table.h — the pattern table and its compiled database, as tools/gen_ua.c writes them
 * (ua_data.c).
 *
 * A pattern's place in the table is its id in the database and its precedence. */
#ifndef TAMIS_UA_TABLE_H
#define TAMIS_UA_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ua_kind {
    UA_BROWSER,
    UA_OS,
    UA_BOT,
    UA_TV,
    UA_CONSOLE,
    UA_TABLET,
    UA_MOBILE,
    UA_KINDS,
};

struct ua_pattern {
    uint8_t kind; /* enum ua_kind */
    bool caseless;
    bool always;       /* not in the database: a candidate for every string */
    const char *regex; /* what PCRE2 must confirm; NULL where the database's word is final */
    const char *name;  /* templates, with $1…$9 for captures */
    const char *version;
};

extern const struct ua_pattern ua_patterns[];
extern const size_t ua_pattern_count;

/* libhs's serialized database, for the least x86-64 (or any arm64) that libhs runs on. */
extern const unsigned char ua_database[];
extern const size_t ua_database_bytes;

#endif
