#include "country.h"

#include <stdlib.h>

#include "arena.h"
#include "buf.h"

enum { SLOTS = 2048, MOST_ENTRIES = SLOTS / 2, LARGEST_FILE = 1 << 20 };

struct entry {
    struct span zone;
    char code[2];
};

struct country {
    struct arena arena;
    size_t count;
    struct entry slots[SLOTS];
};

static struct entry *slot_of(const struct country *c, struct span zone) {
    size_t at = span_hash(zone) & (SLOTS - 1);
    while (c->slots[at].zone.len && !span_eq(c->slots[at].zone, zone))
        at = (at + 1) & (SLOTS - 1);
    return (struct entry *)(uintptr_t)&c->slots[at];
}

/* The first entry of a zone stays: zone.tab knows better than a link. */
static int add(struct country *c, struct span zone, const char *code, struct err *err) {
    struct entry *e = slot_of(c, zone);
    if (zone.len == 0 || e->zone.len || c->count == MOST_ENTRIES)
        return 0;
    struct span copy = arena_copy(&c->arena, zone);
    if (!copy.ptr)
        return err_set(err, ERR_NOMEM, "out of memory");
    *e = (struct entry){.zone = copy, .code = {code[0], code[1]}};
    c->count++;
    return 0;
}

/* zone.tab: code, coordinates, zone, comment, parted by tabs. */
static int zone_line(struct country *c, struct span line, struct err *err) {
    struct span code, place, zone;
    if (!span_next(&line, '\t', &code) || code.len != 2 || !span_next(&line, '\t', &place) ||
        !span_next(&line, '\t', &zone))
        return 0;
    return add(c, zone, code.ptr, err);
}

/* tzdata.zi: "L target alias". */
static int link_line(struct country *c, struct span line, struct err *err) {
    struct span letter, target, alias;
    if (!span_next(&line, ' ', &letter) || !span_eq(letter, SPAN_LIT("L")) ||
        !span_next(&line, ' ', &target) || !span_next(&line, ' ', &alias))
        return 0;
    struct span code = country_of(c, target);
    return code.len ? add(c, alias, code.ptr, err) : 0;
}

typedef int (*line_fn)(struct country *c, struct span line, struct err *err);

static int read_lines(struct country *c, const struct os *os, const char *folder, const char *name,
                      line_fn each, struct err *err) {
    CLEANUP(free_charp) char *path = path_join(folder, name);
    if (!path)
        return err_set(err, ERR_NOMEM, "out of memory");
    BUF_AUTO text = {0};
    if (os_read_file(os, path, LARGEST_FILE, &text, NULL) < 0)
        return 0;
    struct span rest = buf_span(&text), line;
    while (span_next(&rest, '\n', &line)) {
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        int rc = each(c, line, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int country_open(const struct os *os, const char *folder, struct country **ret, struct err *err) {
    struct country *c = calloc(1, sizeof(*c));
    if (!c)
        return err_set(err, ERR_NOMEM, "out of memory");
    arena_init(&c->arena, 0);
    int rc = read_lines(c, os, folder, "zone.tab", zone_line, err);
    if (rc == 0)
        rc = read_lines(c, os, folder, "tzdata.zi", link_line, err);
    if (rc < 0) {
        country_close(c);
        return rc;
    }
    *ret = c;
    return 0;
}

void country_close(struct country *c) {
    arena_release(&c->arena);
    free(c);
}

struct span country_of(const struct country *c, struct span zone) {
    if (zone.len == 0)
        return SPAN_EMPTY;
    const struct entry *e = slot_of(c, zone);
    return e->zone.len ? span_of(e->code, sizeof(e->code)) : SPAN_EMPTY;
}
