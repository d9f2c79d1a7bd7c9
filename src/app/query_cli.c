/* `tamis query`: figures as a table, CSV or the API's JSON; again and again with --watch. */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "query_cli.h"
#include "reply_table.h"
#include "reports.h"

enum { MOST_WATCH_SEC = 86400, MOST_BARS = 400 };

static const char *text_of(const json_t *args, const char *key, const char *fallback) {
    const char *s = json_string_value(json_member(args, key));
    return s ? s : fallback;
}

/* --- what is asked ------------------------------------------------------------------------------
 */

/* "a,b" or a list of such → an array of words. */
static json_t *words_from(const json_t *list) {
    json_t *out = json_array();
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) {
        struct span rest = json_span(item), word;
        while (span_next(&rest, ',', &word))
            if (word.len)
                (void)json_array_append_new(out, json_stringn(word.ptr, word.len));
    }
    return out;
}

/* "visit:source is Google|Bing" → ["is", "visit:source", ["Google", "Bing"]] */
static int filter_from(struct span text, json_t **ret, struct err *err) {
    struct span rest = text, dimension, operator;
    if (!span_next(&rest, ' ', &dimension) || !span_next(&rest, ' ', &operator) || !rest.len)
        return err_set(
            err, ERR_INVALID,
            "--filter takes \"DIMENSION OPERATOR VALUE\"; several values with | between");
    json_t *values = json_array();
    struct span value;
    while (span_next(&rest, '|', &value))
        (void)json_array_append_new(values, json_stringn(value.ptr, value.len));
    *ret =
        json_pack("[s%, s%, o]", operator.ptr, operator.len, dimension.ptr, dimension.len, values);
    return *ret ? 0 : err_set(err, ERR_INVALID, "--filter must be UTF-8");
}

int query_each(const json_t *list, int (*parse)(struct span text, json_t **ret, struct err *err),
               const char *key, json_t *request, struct err *err) {
    json_t *parsed = json_array();
    (void)json_object_set_new(request, key, parsed);
    size_t i;
    json_t *item;
    json_array_foreach (list, i, item) {
        json_t *one = NULL;
        int rc = parse(json_span(item), &one, err);
        if (rc < 0)
            return rc;
        (void)json_array_append_new(parsed, one);
    }
    return 0;
}

json_t *query_range(const char *text) {
    struct span from = span_str(text);
    size_t comma = span_find(from, ',', 0);
    if (comma == from.len)
        return json_string(text);
    struct span to = span_from(from, comma + 1);
    return json_pack("[s%, s%]", from.ptr, comma, to.ptr, to.len);
}

int query_filters(const json_t *list, json_t *request, struct err *err) {
    return query_each(list, filter_from, "filters", request, err);
}

/* The options as a request of the API. */
static int request_from(const json_t *args, json_t **ret, struct err *err) {
    static const char five[] = "visitors,visits,pageviews,bounce_rate,visit_duration";
    const json_t *by = json_member(args, "by");
    const json_t *asked = json_member(args, "metrics");
    const char *report = text_of(args, "report", NULL);
    if (report && by)
        return err_set(err, ERR_INVALID, "--by does not go with --report");
    JSON_AUTO usual = json_pack("[s]", report ? "visitors,events"
                                       : by   ? "visitors,visits,pageviews"
                                              : five);
    JSON_AUTO request =
        json_pack("{s:o, s:o, s:o}", "metrics", words_from(asked ? asked : usual), "date_range",
                  query_range(text_of(args, "range", "day")), "dimensions", words_from(by));
    if (!request)
        return err_set(err, ERR_NOMEM, "out of memory");
    int rc = query_filters(json_member(args, "filter"), request, err);
    if (rc == 0 && report)
        rc = report_add(report, request, err);
    if (rc < 0)
        return rc;
    json_t *include = json_object();
    (void)json_object_set_new(request, "include", include);
    const char *compare = text_of(args, "compare", NULL);
    if (compare)
        (void)json_object_set_new(include, "compare", query_range(compare));
    if (json_member(args, "match_weekdays"))
        (void)json_object_set_new(include, "compare_match_day_of_week", json_true());
    const json_t *limit = json_member(args, "limit");
    if (limit)
        (void)json_object_set_new(request, "pagination",
                                  json_pack("{s:I}", "limit", json_integer_value(limit)));
    *ret = TAKE_PTR(request);
    return 0;
}

/* --- how it is shown ----------------------------------------------------------------------------
 */

static const struct figure {
    const char *metric, *label, *unit;
} figures[] = {
    {"visitors", "visitors", ""},
    {"visits", "visits", ""},
    {"pageviews", "page views", ""},
    {"bounce_rate", "bounce rate", " %"},
    {"visit_duration", "visit duration", " s"},
};

static const struct figure *figure_of(const char *metric) {
    for (size_t i = 0; i < ARRAY_LEN(figures); i++)
        if (strcmp(figures[i].metric, metric) == 0)
            return &figures[i];
    return NULL;
}

static void put_figure(const json_t *v, const char *unit, struct buf *out) {
    if (json_is_number(v))
        buf_addf(out, "%.10g%s", json_number_value(v), unit);
    else
        buf_adds(out, text_of(v, "long", "-")); /* money */
}

/* A rate changes by points, all else by per cent. */
static void put_change(const char *metric, const json_t *comparison, size_t i, const char *unit,
                       struct buf *out) {
    const json_t *change = json_array_get(json_member(comparison, "change"), i);
    bool points = span_ends(span_str(metric), SPAN_LIT("_rate"));
    buf_adds(out, "   before: ");
    put_figure(json_array_get(json_member(comparison, "metrics"), i), unit, out);
    if (json_is_number(change))
        buf_addf(out, ", %+.10g %s", json_number_value(change), points ? "points" : "%");
}

/* One row: a line each. */
static void put_figures(const json_t *reply, struct buf *out) {
    const json_t *row = json_array_get(json_member(reply, "results"), 0);
    const json_t *comparison = json_member(row, "comparison");
    size_t i;
    json_t *word;
    json_array_foreach (json_member(json_member(reply, "query"), "metrics"), i, word) {
        const char *metric = json_string_value(word);
        const struct figure *f = figure_of(metric);
        const char *unit = f ? f->unit : "";
        buf_addf(out, "%-16s ", f ? f->label : metric);
        put_figure(json_array_get(json_member(row, "metrics"), i), unit, out);
        if (comparison)
            put_change(metric, comparison, i, unit, out);
        buf_addc(out, '\n');
    }
}

static bool over_time(const json_t *query) {
    const json_t *dimensions = json_member(query, "dimensions");
    return json_array_size(dimensions) == 1 &&
           span_starts(json_span(json_array_get(dimensions, 0)), SPAN_LIT("time"));
}

/* Rows alone would hide the times when nothing was. */
static bool has_course(const json_t *reply) {
    size_t times = json_array_size(json_member(json_member(reply, "meta"), "time_labels"));
    return times > 1 && times <= MOST_BARS && over_time(json_member(reply, "query"));
}

static void put_courses(const json_t *reply, struct buf *out) {
    size_t i;
    json_t *word;
    json_array_foreach (json_member(json_member(reply, "query"), "metrics"), i, word) {
        buf_addf(out, "%-16s ", json_string_value(word));
        reply_sparkline(reply, i, out);
        buf_addc(out, '\n');
    }
    buf_addc(out, '\n');
}

static void put_explanation(const json_t *explain, struct buf *out) {
    size_t i;
    json_t *item;
    buf_adds(out, "\nlevels           ");
    json_array_foreach (json_member(explain, "levels"), i, item)
        buf_addf(out, "%s%s", i ? " + " : "", json_string_value(item));
    buf_adds(out, "\nparts            ");
    json_array_foreach (json_member(explain, "parts"), i, item)
        buf_addf(out, "%s%lld", i ? ", " : "", (long long)json_integer_value(item));
    if (json_array_size(json_member(explain, "parts")) == 0)
        buf_adds(out, "none");
    const json_t *ms = json_member(explain, "ms");
    buf_addf(out, "\ntime             %.1f ms to plan, %.1f ms to run\n\n",
             json_number_value(json_member(ms, "plan")),
             json_number_value(json_member(ms, "rows")));
    buf_adds(out, text_of(explain, "sql", ""));
    buf_addc(out, '\n');
}

/* What has to be known about the figures. */
static void put_notes(const json_t *meta, struct buf *out) {
    const char *metric;
    json_t *note;
    json_object_foreach (json_member(meta, "metric_notes"), metric, note)
        buf_addf(out, "\n%s: %s\n", metric, json_string_value(note));
    const char *from = text_of(meta, "raw_rows_from", NULL);
    if (from)
        buf_addf(out, "\nRows of days before %s are not kept any more: they are not in this.\n",
                 from);
    json_int_t rounded = json_integer_value(json_member(meta, "rounded_to"));
    if (rounded)
        buf_addf(out, "\nCounts are rounded to %lld.\n", (long long)rounded);
    json_int_t hidden = json_integer_value(json_member(meta, "hidden_below"));
    if (hidden)
        buf_addf(out, "\nWhat fewer than %lld visitors did is not shown.\n", (long long)hidden);
}

static void put_table(const json_t *reply, struct buf *out) {
    if (json_array_size(json_member(json_member(reply, "query"), "dimensions")) == 0) {
        put_figures(reply, out);
    } else {
        if (has_course(reply))
            put_courses(reply, out);
        reply_table(reply, out);
    }
    put_notes(json_member(reply, "meta"), out);
    const json_t *explain = json_member(reply, "explain");
    if (explain)
        put_explanation(explain, out);
}

/* --- the command --------------------------------------------------------------------------------
 */

int query_format(const struct cli *cli, enum format *ret, struct err *err) {
    static const char *const names[] = {"table", "csv", "json"};
    const char *name = text_of(cli->args, "format", cli->json ? "json" : "table");
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i], name) == 0) {
            *ret = (enum format)i;
            return 0;
        }
    return err_set(err, ERR_INVALID, "--format must be table, csv or json");
}

static int show(const json_t *reply, enum format format, bool clear, struct err *err) {
    BUF_AUTO out = {0};
    if (clear)
        buf_adds(&out, "\033[H\033[J");
    if (format == FORMAT_TABLE)
        put_table(reply, &out);
    else if (format == FORMAT_CSV)
        reply_csv(reply, &out);
    else if (json_write(reply, &out, err) == 0)
        buf_addc(&out, '\n');
    const char *text = buf_cstr(&out);
    if (!text)
        return err_set(err, ERR_NOMEM, "out of memory");
    return fputs(text, stdout) < 0 || fflush(stdout) ? err_sys(err, errno, "print") : 0;
}

/* Bars over time need the times without visits too, unless they would be too many. */
static int ask_with_labels(const struct cli *cli, json_t **ret, struct err *err) {
    json_t *include = json_member(json_member(cli->args, "query"), "include");
    (void)json_object_set_new(include, "time_labels", json_true());
    int rc = command_ask(cli, "query", ret, err);
    if (rc == ERR_INVALID && span_starts(span_str(err->text), SPAN_LIT("include: time_labels"))) {
        (void)json_object_del(include, "time_labels");
        rc = command_ask(cli, "query", ret, err);
    }
    return rc;
}

static int ask_and_show(const struct cli *cli, enum format format, bool clear, struct err *err) {
    JSON_AUTO reply = NULL;
    const json_t *query = json_member(cli->args, "query");
    bool bars = format == FORMAT_TABLE && over_time(query) && json_member(query, "include");
    int rc = bars ? ask_with_labels(cli, &reply, err) : command_ask(cli, "query", &reply, err);
    return rc < 0 ? rc : show(reply, format, clear, err);
}

static int run(const struct cli *cli, struct err *err) {
    bool of_site = json_member(cli->args, "site"), of_view = json_member(cli->args, "view");
    if (!of_site && !of_view)
        return err_set(err, ERR_INVALID, "--site DOMAIN is missing");
    if (of_site && of_view)
        return err_set(err, ERR_INVALID, "--view does not go with --site");
    enum format format = FORMAT_TABLE;
    int rc = query_format(cli, &format, err);
    if (rc < 0)
        return rc;
    if (!json_member(cli->args, "query")) {
        json_t *request = NULL;
        rc = request_from(cli->args, &request, err);
        if (rc < 0)
            return rc;
        (void)json_object_set_new(cli->args, "query", request);
    }
    json_int_t watch_sec = json_integer_value(json_member(cli->args, "watch"));
    if (watch_sec > MOST_WATCH_SEC)
        return err_set(err, ERR_INVALID, "--watch takes at most %d seconds", MOST_WATCH_SEC);
    bool clear = watch_sec > 0 && format == FORMAT_TABLE && isatty(STDOUT_FILENO) == 1;
    rc = ask_and_show(cli, format, clear, err);
    while (rc == 0 && watch_sec > 0) {
        (void)nanosleep(&(struct timespec){.tv_sec = watch_sec}, NULL);
        rc = ask_and_show(cli, format, clear, err);
    }
    return rc;
}

int command_query(const struct cli *cli) {
    struct err err = {0};
    return run(cli, &err) < 0 ? command_failed(&err) : EXIT_FINE;
}
