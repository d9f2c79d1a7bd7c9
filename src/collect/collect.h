/* collect.h — wire formats into hits.
 *
 * Parsers are pure: bytes in, hits out, memory from the caller's arena. What is invalid is named by
 * field, for the sender; the text never repeats what was sent. */
#ifndef TAMIS_COLLECT_H
#define TAMIS_COLLECT_H

#include "arena.h"
#include "err.h"
#include "hit.h"

/* The first thing wrong, e.g. field "url", text "is required". Static strings. */
struct collect_fault {
    const char *field;
    const char *text;
    size_t index; /* which element of a batch */
};

struct collect_hits {
    struct hit *items; /* in the arena */
    size_t count;      /* a `domain` list makes several of one event */
};

/* Plausible's events API (one object) or an array of such objects. `from` gives the sender's fields
 * and ts_ms; everything else is overwritten. Tamis's own additions: keys "z", the browser's time
 * zone, and "id", that of a visitor who agreed to be known again. ERR_INVALID: *ret_fault says what; an array is taken whole or not at all. Most hits a body:
 * 1,000. */
int collect_plausible(struct span body, const struct hit *from, struct arena *arena,
                      struct collect_hits *ret, struct collect_fault *ret_fault,
                      struct err *err) WARN_UNUSED;

/* A domain as sites are named: lower case, without "www."; borrows when it is already so, else from
 * the arena. ptr NULL: out of memory. */
struct span collect_site_name(struct span domain, struct arena *arena);

/* What a visitor who withdraws sends: {"d": domain or a list of them, "id": value of the cookie}. */
struct collect_withdrawal {
    struct span domains; /* with commas between them */
    struct span id;
};

/* Errors as collect_plausible(); "domain" is the long name of "d". */
int collect_withdrawal(struct span body, struct arena *arena, struct collect_withdrawal *ret,
                       struct collect_fault *ret_fault, struct err *err) WARN_UNUSED;

enum log_format { LOG_FORMAT_COMBINED, LOG_FORMAT_COMMON };

/* What one access-log line is. */
enum log_line_kind {
    LOG_LINE_PAGE,     /* *ret is filled */
    LOG_LINE_ASSET,    /* image, style, script, font, feed, robots.txt … */
    LOG_LINE_ERROR,    /* status 4xx or 5xx */
    LOG_LINE_REDIRECT, /* status 3xx but 304, or 1xx */
    LOG_LINE_METHOD,   /* not GET */
    LOG_LINE_BROKEN,   /* does not parse */
    LOG_LINE_KINDS
};

/* Parses one line without its line end. A page is a GET with status 200–299 or 304 whose path has
 * no extension or a page's (.html .htm .php .asp .aspx .jsp .cgi .pl .xhtml .shtml). `host` makes
 * the hit's URL absolute
 * ("https://" host target; from the arena). The client's address, user agent, referrer and time
 * come from the line. */
enum log_line_kind collect_log_line(enum log_format format, struct span line, struct span host,
                                    struct arena *arena, struct hit *ret);

#endif
