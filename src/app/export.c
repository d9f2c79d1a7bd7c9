#include "export.h"

#include <stdlib.h>

#include "civil.h"
#include "extract.h"
#include "leases.h"

enum { PIECE_ROWS = 10000, PIECE_MS = 60000, CATCH_UP_MS = 2000 };

struct export {
    struct store_view *view;
    uint32_t site;
    int32_t from_day, to_day;
    int64_t place, least_visit;
};

static void export_free(void *thing) {
    struct export *x = thing;
    if (x->view)
        store_view_close(x->view);
    free(x);
}

static void export_freep(struct export **x) {
    if (*x)
        export_free(*x);
}

static int no_memory(struct err *err) {
    return err_set(err, ERR_NOMEM, "no memory for an export");
}

static struct sql_value number(int64_t i) {
    return (struct sql_value){.type = SQL_INT, .i = i};
}

static int parse_day(const json_t *args, const char *key, int32_t fallback, int32_t *ret,
                     struct err *err) {
    const json_t *given = json_member(args, key);
    if (!given) {
        *ret = fallback;
        return 0;
    }
    struct span text = json_span(given);
    if (!text.ptr || !civil_parse(text, ret))
        return err_set(err, ERR_INVALID, "--%s must be a date such as 2026-03-31", key);
    return 0;
}

static int choose(struct app *a, const json_t *args, struct export *x, struct err *err) {
    CLEANUP(policy_set_unrefp) struct policy_set *set = policy_board_get(a->policies);
    const char *domain = json_string_value(json_member(args, "site"));
    const struct policy *p = domain ? app_site(set, span_str(domain)) : NULL;
    if (!p)
        return err_set(err, ERR_NOT_FOUND, "no such site");
    x->site = p->site;
    int rc = parse_day(args, "from", -1000000, &x->from_day, err);
    return rc < 0 ? rc : parse_day(args, "to", 10000000, &x->to_day, err);
}

/* The files, in the order of their days. */
static json_t *list_parts(const struct app *a, const struct export *x, uint64_t *rows) {
    size_t count, root = strlen(a->sealed_root) + 1;
    const struct sealed_part *parts = store_view_parts(x->view, &count);
    json_t *list = json_array();
    for (size_t i = 0; list && i < count; i++) {
        const struct sealed_part *p = &parts[i];
        if (p->site != x->site || p->to_day < x->from_day || p->from_day > x->to_day ||
            !p->event_path)
            continue;
        *rows += p->event_rows;
        if (json_array_append_new(list, json_string(p->event_path + root)) < 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static int count_hot(struct export *x, uint64_t *rows, struct err *err) {
    CLEANUP(sql_result_freep) struct sql_result *r = NULL;
    const struct sql_value params[] = {number(x->site), number(x->from_day), number(x->to_day)};
    int rc =
        store_view_select(x->view,
                          "SELECT count(*), (SELECT coalesce(min(visit), 0) FROM visit_row WHERE"
                          " site = $1 AND day BETWEEN $2 AND $3) FROM event_row"
                          " WHERE site = $1 AND day BETWEEN $2 AND $3",
                          params, ARRAY_LEN(params), PIECE_MS, &r, err);
    if (rc < 0)
        return rc;
    *rows += (uint64_t)sql_result_at(r, 0, 0).i;
    x->least_visit = sql_result_at(r, 0, 1).i;
    return 0;
}

int verb_export_begin(struct app *a, const json_t *args, struct span body, json_t **ret,
                      struct err *err) {
    CLEANUP(export_freep) struct export *x = calloc(1, sizeof(*x));
    if (!x)
        return no_memory(err);
    int rc = choose(a, args, x, err);
    if (rc < 0 || ((rc = app_catch_up(a, CATCH_UP_MS, err)) < 0 && !a->drain) ||
        (rc = store_view_open(a->store, &x->view, err)) < 0)
        return rc;
    uint64_t rows = 0, id;
    if ((rc = count_hot(x, &rows, err)) < 0)
        return rc;
    JSON_AUTO parts = list_parts(a, x, &rows);
    JSON_AUTO reply = parts ? json_pack("{s:i, s:i, s:I, s:O}", "from_day", x->from_day, "to_day",
                                        x->to_day, "rows", (json_int_t)rows, "parts", parts)
                            : NULL;
    if (!reply)
        return no_memory(err);
    if ((rc = leases_keep(a->leases, LEASE_EXPORT, TAKE_PTR(x), export_free, &id, err)) < 0)
        return rc;
    (void)json_object_set_new(reply, "id", json_integer((json_int_t)id));
    *ret = TAKE_PTR(reply);
    return 0;
}

static int piece(struct export *x, struct buf *lines, bool *ret_done, struct err *err) {
    BUF_AUTO sql = {0};
    extract_hot_sql(&sql);
    const char *text = buf_cstr(&sql);
    if (!text)
        return no_memory(err);
    const struct sql_value params[] = {number(x->site),        number(x->from_day),
                                       number(x->to_day),      number(x->place),
                                       number(x->least_visit), number(PIECE_ROWS)};
    CLEANUP(sql_result_freep) struct sql_result *r = NULL;
    int rc = store_view_select(x->view, text, params, ARRAY_LEN(params), PIECE_MS, &r, err);
    if (rc < 0)
        return rc;
    size_t rows = sql_result_rows(r);
    for (size_t i = 0; i < rows; i++) {
        struct sql_value line = sql_result_at(r, i, 1);
        if (line.type == SQL_TEXT_VALUE) {
            buf_add(lines, line.text);
            buf_addc(lines, '\n');
        }
    }
    if (rows)
        x->place = sql_result_at(r, rows - 1, 0).i;
    *ret_done = rows < PIECE_ROWS;
    return lines->failed ? no_memory(err) : 0;
}

int verb_export_rows(struct app *a, const json_t *args, struct span body, json_t **ret,
                     struct err *err) {
    uint64_t id = (uint64_t)json_integer_value(json_member(args, "id"));
    void *thing = NULL;
    int rc = leases_take(a->leases, LEASE_EXPORT, id, &thing, err);
    if (rc < 0)
        return rc;
    BUF_AUTO lines = {0};
    bool done = false;
    rc = piece(thing, &lines, &done, err);
    leases_give(a->leases, id, rc < 0 || done);
    if (rc < 0)
        return rc;
    struct span text = buf_span(&lines);
    *ret = json_pack("{s:s%, s:b}", "lines", text.ptr, text.len, "done", done);
    return *ret ? 0 : no_memory(err);
}
