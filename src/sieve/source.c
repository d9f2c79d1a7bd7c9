#include "source.h"

#include <stdlib.h>

#include "host.h"
#include "must.h"

enum { SLOTS = 4096, MOST_KEYS = SLOTS / 2, LONGEST_KEY = 53 };

static const struct row {
    const char *name;
    enum source_kind kind;
    const char *keys;
} rows[] = {
#define SOURCE(name, KIND, keys) {(name), SOURCE_##KIND, (keys)},
#include "sources.def"
#undef SOURCE
};

static const struct span no_word = {"-", 1};

/* Keys and, in lower case, names; open addressing. A slot fills a cache line. */
struct source_table {
    struct slot {
        const struct row *row;
        uint8_t len;
        char key[LONGEST_KEY];
    } slots[SLOTS];
    size_t count;
};

static const struct slot *slot_of(const struct source_table *t, struct span key) {
    size_t at = span_hash(key) & (SLOTS - 1);
    while (t->slots[at].row && !span_eq(span_of(t->slots[at].key, t->slots[at].len), key))
        at = (at + 1) & (SLOTS - 1);
    return &t->slots[at];
}

static bool lower(struct span s, char out[LONGEST_KEY]) {
    if (s.len > LONGEST_KEY)
        return false;
    for (size_t i = 0; i < s.len; i++)
        out[i] = ascii_lower(s.ptr[i]);
    return true;
}

/* The first row of a key counts. */
static void add(struct source_table *t, struct span key, const struct row *row) {
    char text[LONGEST_KEY];
    must(lower(key, text));
    const struct slot *found = slot_of(t, span_of(text, key.len));
    if (found->row)
        return;
    must(t->count++ < MOST_KEYS); /* full, a search for what is not there would not end */
    struct slot *slot = &t->slots[found - t->slots];
    memcpy(slot->key, text, key.len);
    slot->len = (uint8_t)key.len;
    slot->row = row;
}

int source_table_open(struct source_table **ret, struct err *err) {
    struct source_table *t = calloc(1, sizeof(*t));
    if (!t)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct span keys = span_str(rows[i].keys), key;
        while (span_next(&keys, ' ', &key))
            if (!span_eq(key, no_word))
                add(t, key, &rows[i]);
    }
    /* After all keys: a host that is also a name stays what the list says of the host. */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!span_starts(span_str(rows[i].keys), no_word))
            add(t, span_str(rows[i].name), &rows[i]);
    *ret = t;
    return 0;
}

void source_table_close(struct source_table *t) {
    free(t);
}

static bool get(const struct source_table *t, struct span key, struct source_info *ret) {
    const struct row *row = slot_of(t, key)->row;
    if (!row)
        return false;
    *ret = (struct source_info){.name = span_str(row->name), .kind = row->kind};
    return true;
}

/* `s` = "google.co.uk": looks "google.*" up; "mail.yahoo.fr": "mail.yahoo.*". */
static bool get_any_suffix(const struct source_table *t, struct span s, struct source_info *ret) {
    char key[LONGEST_KEY];
    for (size_t dot = span_find(s, '.', 0); dot < s.len; dot = span_find(s, '.', dot + 1)) {
        if (dot + 2 > sizeof(key))
            return false;
        memcpy(key, s.ptr, dot);
        memcpy(key + dot, ".*", 2);
        struct source_info info;
        if (get(t, span_of(key, dot + 2), &info) && host_is_suffix(span_from(s, dot + 1))) {
            *ret = info;
            return true;
        }
    }
    return false;
}

bool source_by_host(const struct source_table *t, struct span host, bool app,
                    struct source_info *ret) {
    if (app) {
        char key[LONGEST_KEY] = "app:";
        size_t n = 4;
        if (host.len > sizeof(key) - n)
            return false;
        memcpy(key + n, host.ptr, host.len);
        return get(t, span_of(key, n + host.len), ret);
    }
    while (host.len) {
        size_t dot = span_find(host, '.', 0);
        if (dot == host.len)
            return false;
        if (get(t, host, ret) || get_any_suffix(t, host, ret))
            return true;
        host = span_from(host, dot + 1);
    }
    return false;
}

bool source_by_word(const struct source_table *t, struct span word, struct source_info *ret) {
    char text[LONGEST_KEY];
    if (!lower(word, text))
        return false;
    struct span key = span_of(text, word.len);
    if (span_starts(key, SPAN_LIT("www.")))
        key = span_from(key, 4);
    return get(t, key, ret) || source_by_host(t, key, false, ret);
}
