#include "alias.h"

#include "host.h"

bool alias_of_name(const struct policy *p, struct span name, struct span *ret) {
    for (size_t i = 0; i < p->source_alias_count; i++)
        if (span_eq_nocase(p->source_aliases[i].from, name)) {
            *ret = p->source_aliases[i].name;
            return true;
        }
    return false;
}

static bool alias_of_app(const struct policy *p, struct span package, struct span *ret) {
    for (size_t i = 0; i < p->source_alias_count; i++) {
        struct span from = p->source_aliases[i].from;
        if (span_starts(from, SPAN_LIT("app:")) && span_eq_nocase(span_from(from, 4), package)) {
            *ret = p->source_aliases[i].name;
            return true;
        }
    }
    return false;
}

bool alias_of(const struct policy *p, struct span from, bool app, struct span *ret) {
    if (app)
        return alias_of_app(p, from, ret);
    if (alias_of_name(p, from, ret))
        return true;
    const struct policy_alias *best = NULL;
    for (size_t i = 0; i < p->source_alias_count; i++) {
        const struct policy_alias *a = &p->source_aliases[i];
        /* "news" is a word, and not the top-level domain. */
        bool is_host = span_find(a->from, '.', 0) < a->from.len;
        if (is_host && host_is_within(from, a->from) && (!best || a->from.len > best->from.len))
            best = a;
    }
    if (best)
        *ret = best->name;
    return best != NULL;
}
