#include "headline.h"

#include "query_parts.h"

static json_t *request_of(struct span period, struct span date) {
    JSON_AUTO request =
        json_pack("{s:[s,s], s:s%, s:{s:s}}", "metrics", "visitors", "pageviews", "date_range",
                  period.ptr, period.len, "include", "compare", "previous_period");
    if (!request)
        return NULL;
    if (date.len > 0 && json_object_set_new(request, "date", json_stringn(date.ptr, date.len)) < 0)
        return NULL;
    return TAKE_PTR(request);
}

/* "date_range: …" is said of what is a period here. */
static void rename_error(struct err *err) {
    struct span rest = span_str(err->text), key = SPAN_LIT("date_range:");
    if (!span_starts(rest, key))
        return;
    char text[sizeof(err->text)];
    rest = span_from(rest, key.len);
    (void)snprintf(text, sizeof(text), "period:%.*s", SPAN_ARG(rest));
    memcpy(err->text, text, sizeof(text));
}

static int ask(const struct query_env *env, const struct headline *h, const json_t *request,
               json_t **ret, struct err *err) {
    int rc = h->view ? query_run_view(env, h->view, request, ret, err)
                     : query_run(env, h->site, request, ret, err);
    if (rc == ERR_INVALID)
        rename_error(err);
    return rc;
}

static const struct zone *zone_of(const struct headline *h) {
    if (h->site)
        return h->site->zone;
    return h->view->site_count ? h->view->sites[0]->zone : NULL;
}

/* Labels sort as their times do: "2026-11-24" before "2026-11-24 13:00:00". */
static void label_of_now(const struct query_env *env, const struct zone *zone,
                         char out[TIME_TEXT]) {
    struct zone_local now = zone_to_local(zone, clock_wall_ms(env->clock));
    range_format(DIM_TIME_HOUR, (int64_t)now.day * 24 + now.second / 3600, out);
}

/* One value a label; where there is no row, nobody came. */
static json_t *values_of(const json_t *reply, const char *until) {
    JSON_AUTO list = json_array();
    const json_t *rows = json_member(reply, "results");
    size_t i, at = 0;
    json_t *label;
    json_array_foreach (json_member(json_member(reply, "meta"), "time_labels"), i, label) {
        const char *text = json_string_value(label);
        const json_t *row = json_array_get(rows, at);
        const json_t *of = json_array_get(json_member(row, "dimensions"), 0);
        bool is_there = of && strcmp(json_string_value(of), text) == 0;
        json_t *value = is_there ? json_array_get(json_member(row, "metrics"), 0) : NULL;
        at += is_there;
        if (strcmp(text, until) > 0)
            break;
        if (json_array_append_new(list, value ? json_incref(value) : json_integer(0)) < 0)
            return NULL;
    }
    return TAKE_PTR(list);
}

static int put_trend(const struct query_env *env, const struct headline *h, json_t *request,
                     json_t *line, struct err *err) {
    JSON_AUTO reply = NULL;
    char until[TIME_TEXT] = "";
    if (json_object_set_new(request, "metrics", json_pack("[s]", "visitors")) < 0 ||
        json_object_set_new(request, "dimensions", json_pack("[s]", "time")) < 0 ||
        json_object_set_new(request, "include", json_pack("{s:b}", "time_labels", 1)) < 0)
        return err_set(err, ERR_NOMEM, "out of memory");
    int rc = ask(env, h, request, &reply, err);
    if (rc < 0)
        return rc;
    if (zone_of(h))
        label_of_now(env, zone_of(h), until);
    return json_object_set_new(line, "trend", values_of(reply, until)) == 0
               ? 0
               : err_set(err, ERR_NOMEM, "out of memory");
}

int headline_run(const struct query_env *env, const struct headline *h, json_t **ret,
                 struct err *err) {
    JSON_AUTO request = request_of(h->period, h->date);
    JSON_AUTO reply = NULL;
    if (!request)
        return err_set(err,
                       span_is_utf8(h->period) && span_is_utf8(h->date) ? ERR_NOMEM : ERR_INVALID,
                       "period: is not a range");
    int rc = ask(env, h, request, &reply, err);
    if (rc < 0)
        return rc;
    const json_t *row = json_array_get(json_member(reply, "results"), 0);
    const json_t *now = json_member(row, "metrics");
    const json_t *change = json_member(json_member(row, "comparison"), "change");
    JSON_AUTO line = json_pack("{s:O, s:O, s:{s:O, s:O}}", "visitors", json_array_get(now, 0),
                               "pageviews", json_array_get(now, 1), "change", "visitors",
                               json_array_get(change, 0), "pageviews", json_array_get(change, 1));
    if (!line)
        return err_set(err, ERR_NOMEM, "out of memory");
    if (h->trend && (rc = put_trend(env, h, request, line, err)) < 0)
        return rc;
    *ret = TAKE_PTR(line);
    return 0;
}
