/* `tamis funnel` and `tamis journey`: a table with bars, CSV or the API's JSON. */
#include <errno.h>

#include "commands.h"
#include "funnel_table.h"
#include "query_cli.h"
#include "reply_table.h"

static const char USUAL_RANGE[] = "28d";

/* --- what is asked ------------------------------------------------------------------------------
 */

/* "/blog/" and a star: the pattern of RE2 that means the same. */
static void put_pattern(struct buf *out, struct span page) {
    buf_addc(out, '^');
    for (size_t i = 0; i < page.len; i++) {
        char c = page.ptr[i];
        bool plain = ascii_is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
                     (unsigned char)c >= 0x80 || c == '/';
        if (c == '*')
            buf_adds(out, ".*");
        else if (plain)
            buf_addc(out, c);
        else
            buf_addf(out, "\\%c", c);
    }
    buf_addc(out, '$');
}

static json_t *filter_of(const char *dimension, struct span value) {
    if (span_find(value, '*', 0) == value.len)
        return json_pack("[s, s, [s%]]", "is", dimension, value.ptr, value.len);
    BUF_AUTO pattern = {0};
    put_pattern(&pattern, value);
    return json_pack("[s, s, [s%]]", "matches", dimension, pattern.data, pattern.len);
}

/* "page:/pricing" → {"name": "/pricing", "filters": [["is", "event:page", ["/pricing"]]]} */
static int step_from(struct span text, json_t **ret, struct err *err) {
    static const struct {
        struct span prefix;
        const char *dimension;
    } kinds[] = {{SPAN_LIT("page:"), "event:page"}, {SPAN_LIT("event:"), "event:name"}};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct span value = span_from(text, kinds[i].prefix.len);
        if (!span_starts(text, kinds[i].prefix) || value.len == 0)
            continue;
        *ret = json_pack("{s:s%, s:[o]}", "name", value.ptr, value.len, "filters",
                         filter_of(kinds[i].dimension, value));
        return *ret ? 0 : err_set(err, ERR_INVALID, "--step must be UTF-8");
    }
    return err_set(err, ERR_INVALID, "--step takes page:PATH or event:NAME; * stands for anything");
}

/* Copies an option that was given. */
static void pass_on(const json_t *args, const char *option, json_t *to) {
    json_t *value = json_member(args, option);
    if (value)
        (void)json_object_set(to, option, value);
}

static json_t *request_begin(const json_t *args) {
    const char *range = json_string_value(json_member(args, "range"));
    return json_pack("{s:o}", "date_range", query_range(range ? range : USUAL_RANGE));
}

static int funnel_request(const json_t *args, json_t **ret, struct err *err) {
    JSON_AUTO request = request_begin(args);
    pass_on(args, "within", request);
    int rc = query_each(json_member(args, "step"), step_from, "steps", request, err);
    if (rc == 0)
        rc = query_filters(json_member(args, "filter"), request, err);
    if (rc == 0)
        *ret = TAKE_PTR(request);
    return rc;
}

static int journey_request(const json_t *args, json_t **ret, struct err *err) {
    JSON_AUTO request = request_begin(args);
    pass_on(args, "depth", request);
    pass_on(args, "limit", request);
    json_t *entry = json_member(args, "entry");
    if (entry)
        (void)json_object_set_new(request, "from", json_pack("{s:O}", "entry", entry));
    int rc = query_filters(json_member(args, "filter"), request, err);
    if (rc == 0)
        *ret = TAKE_PTR(request);
    return rc;
}

/* --- the commands -------------------------------------------------------------------------------
 */

struct question {
    const char *verb;
    int (*request)(const json_t *args, json_t **ret, struct err *err);
    json_t *(*table)(const json_t *reply, bool bars);
};

static void put_notes(const json_t *reply, struct buf *out) {
    const json_t *from = json_member(json_member(reply, "meta"), "raw_rows_from");
    if (from)
        buf_addf(out, "\nRows of days before %s are not kept any more: they are not in this.\n",
                 json_string_value(from));
}

static int show(const struct question *q, const json_t *reply, enum format format,
                struct err *err) {
    BUF_AUTO out = {0};
    JSON_AUTO table = q->table(reply, format == FORMAT_TABLE);
    if (format == FORMAT_JSON) {
        if (json_write(reply, &out, err) == 0)
            buf_addc(&out, '\n');
    } else if (format == FORMAT_CSV) {
        reply_csv(table, &out);
    } else {
        reply_table(table, &out);
        put_notes(reply, &out);
    }
    const char *text = buf_cstr(&out);
    if (!text || !table)
        return err_set(err, ERR_NOMEM, "out of memory");
    return fputs(text, stdout) < 0 || fflush(stdout) ? err_sys(err, errno, "print") : 0;
}

static int run(const struct cli *cli, const struct question *q, struct err *err) {
    if (!json_member(cli->args, "site"))
        return err_set(err, ERR_INVALID, "--site DOMAIN is missing");
    enum format format = FORMAT_TABLE;
    int rc = query_format(cli, &format, err);
    if (rc < 0)
        return rc;
    if (!json_member(cli->args, "query")) {
        json_t *request = NULL;
        rc = q->request(cli->args, &request, err);
        if (rc < 0)
            return rc;
        (void)json_object_set_new(cli->args, "query", request);
    }
    JSON_AUTO reply = NULL;
    rc = command_ask(cli, q->verb, &reply, err);
    return rc < 0 ? rc : show(q, reply, format, err);
}

int command_funnel(const struct cli *cli) {
    static const struct question question = {"funnel", funnel_request, funnel_table};
    struct err err = {0};
    return run(cli, &question, &err) < 0 ? command_failed(&err) : EXIT_FINE;
}

int command_journey(const struct cli *cli) {
    static const struct question question = {"journey", journey_request, journey_table};
    struct err err = {0};
    return run(cli, &question, &err) < 0 ? command_failed(&err) : EXIT_FINE;
}
