/* Properties of events: their names as words of a query, their values in the statement.
 *
 * A name is no part of the statement: it travels as a JSON pointer (RFC 6901), which the engine
 * follows. Most events have no properties, and are not looked into. */
#include "query_write.h"

/* --- names --------------------------------------------------------------------------------------
 */

/* "/a~1b~0c" for a/b~c. */
static int point_to(struct span name, struct arena *arena, struct span *ret, struct err *err) {
    char *text = arena_alloc(arena, 1 + 2 * name.len);
    if (!text)
        return err_set(err, ERR_NOMEM, "out of memory");
    size_t n = 0;
    text[n++] = '/';
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        text[n++] = c == '/' ? '~' : c;
        if (c == '/' || c == '~')
            text[n++] = c == '/' ? '1' : '0';
    }
    *ret = span_of(text, n);
    return 0;
}

int prop_parse(struct span word, const char *key, struct arena *arena, struct property *ret,
               struct err *err) {
    struct property p = {.name = span_from(word, strlen(dim_infos[DIM_PROP].word))};
    if (p.name.len == 0)
        return err_set(err, ERR_INVALID, "%s: event:props: needs the name of a property", key);
    if (p.name.len > QUERY_MOST_PROP_BYTES)
        return err_set(err, ERR_INVALID, "%s: the name of a property is longer than %d bytes", key,
                       QUERY_MOST_PROP_BYTES);
    int r = point_to(p.name, arena, &p.pointer, err);
    if (r == 0)
        *ret = p;
    return r;
}

bool query_splits_by_prop(const struct query *q) {
    for (size_t i = 0; i < q->dim_count; i++)
        if (q->dims[i] == DIM_PROP)
            return true;
    return false;
}

/* Also within has_done. */
static bool filter_asks(const struct filter *f) {
    if (filter_is_leaf(f))
        return f->dim == DIM_PROP;
    for (size_t i = 0; i < f->child_count; i++)
        if (filter_asks(&f->children[i]))
            return true;
    return false;
}

int prop_check_profile(const struct query *q, enum profile profile, struct err *err) {
    const char *key = query_splits_by_prop(q)   ? "dimensions"
                      : filter_asks(&q->filter) ? "filters"
                                                : NULL;
    if (!key || profile != PROFILE_CNIL)
        return 0;
    return err_set(err, ERR_INVALID, "%s: the site's profile, cnil, keeps no properties", key);
}

/* --- the statement ------------------------------------------------------------------------------
 */

size_t prop_bind_dims(const struct query *q, struct sql_value *params) {
    size_t count = 0;
    for (size_t i = 0; i < q->dim_count; i++)
        if (q->dims[i] == DIM_PROP)
            params[count++] =
                (struct sql_value){.type = SQL_TEXT_VALUE, .text = q->props[i].pointer};
    return count;
}

/* The text; NULL for events e without it. */
static void put_prop(struct buf *o, size_t param) {
    buf_addf(o, "CASE WHEN e.props <> '' THEN json_extract_string(e.props, $%zu) END", param);
}

static void put_prop_or_empty(struct buf *o, size_t param) {
    buf_adds(o, "coalesce(");
    put_prop(o, param);
    buf_adds(o, ", '')");
}

void put_prop_dim(const struct writer *w, size_t dim) {
    size_t param = 1;
    for (size_t i = 0; i < dim; i++)
        param += w->q->dims[i] == DIM_PROP;
    put_prop_or_empty(w->out, param);
}

/* Only `is` can be true of events without the property. */
void put_prop_leaf(struct buf *o, const struct filter *f) {
    BUF_AUTO column = {0};
    if (f->op == FILTER_IS)
        put_prop_or_empty(&column, f->prop_param);
    else
        put_prop(&column, f->prop_param);
    const char *text = buf_cstr(&column);
    o->failed |= !text;
    buf_adds(o, f->lacks ? "coalesce(NOT (" : "coalesce((");
    if (text)
        put_test(o, f, text);
    buf_adds(o, "), false)");
}
