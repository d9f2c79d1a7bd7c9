#include "spam.h"

#include <stdlib.h>

#include "arena.h"

static const struct span kept[] = {
#define SPAM(host) {(host), sizeof(host) - 1},
#include "spam.def"
#undef SPAM
};

/* Open addressing, at most half full; a free slot is empty. */
struct spam {
    struct arena arena;
    struct span *slots;
    size_t slot_count; /* power of two */
    size_t count;
};

static struct span *slot_of(const struct spam *s, struct span host) {
    size_t at = span_hash(host) & (s->slot_count - 1);
    while (s->slots[at].len && !span_eq(s->slots[at], host))
        at = (at + 1) & (s->slot_count - 1);
    return &s->slots[at];
}

static void add(struct spam *s, struct span host) {
    struct span *slot = slot_of(s, host);
    s->count += slot->len == 0;
    *slot = host;
}

static bool is_host(struct span s) {
    if (span_find(s, '.', 1) >= s.len - 1)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] <= ' ' || strchr("/:?#@,*\x7f", s.ptr[i]))
            return false;
    return true;
}

static int add_line(struct spam *s, struct span line, struct err *err) {
    line = span_trim(span_head(line, span_find(line, '#', 0)));
    if (span_starts_nocase(line, SPAN_LIT("www.")))
        line = span_from(line, 4);
    if (line.len == 0)
        return 0;
    if (!is_host(line))
        return ERR_INVALID;
    char *copy = arena_alloc(&s->arena, line.len);
    if (!copy)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < line.len; i++)
        copy[i] = ascii_lower(line.ptr[i]);
    add(s, span_of(copy, line.len));
    return 0;
}

static void spam_closep(struct spam **s) {
    spam_close(*s);
}

int spam_open(struct span more, struct spam **ret, struct err *err) {
    CLEANUP(spam_closep) struct spam *s = calloc(1, sizeof(*s));
    if (!s)
        return err_set(err, ERR_NOMEM, "out of memory");
    arena_init(&s->arena, 0);
    size_t most = ARRAY_LEN(kept) + 1;
    for (size_t i = 0; i < more.len; i++)
        most += more.ptr[i] == '\n';
    for (s->slot_count = 64; s->slot_count < most * 2;)
        s->slot_count *= 2;
    s->slots = calloc(s->slot_count, sizeof(*s->slots));
    if (!s->slots)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        add(s, kept[i]);
    struct span line;
    for (unsigned number = 1; span_next(&more, '\n', &line); number++) {
        int rc = add_line(s, line, err);
        if (rc == ERR_INVALID)
            return err_set(err, rc, "spam_referrers: line %u is no host", number);
        if (rc < 0)
            return rc;
    }
    *ret = TAKE_PTR(s);
    return 0;
}

void spam_close(struct spam *s) {
    if (!s)
        return;
    arena_release(&s->arena);
    free(s->slots);
    free(s);
}

bool spam_has(const struct spam *s, struct span host) {
    for (size_t dot = span_find(host, '.', 0); dot < host.len; dot = span_find(host, '.', 0)) {
        if (slot_of(s, host)->len)
            return true;
        host = span_from(host, dot + 1);
    }
    return false;
}

size_t spam_count(const struct spam *s) {
    return s->count;
}
