#include "funnel_table.h"

#include "buf.h"

enum { BAR_WIDTH = 20, EIGHTHS = 8 };

/* "████▌": its share of the whole; the smallest that there is, is seen. */
static json_t *bar_of(const json_t *value, const json_t *whole) {
    static const char *const parts[EIGHTHS] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    double share = json_number_value(value) / json_number_value(whole);
    if (!json_is_number(value) || json_number_value(value) <= 0 || !(share <= 1))
        return json_string(" ");
    size_t eighths = (size_t)(share * BAR_WIDTH * EIGHTHS + 0.5);
    BUF_AUTO bar = {0};
    for (size_t i = 0; i < eighths / EIGHTHS; i++)
        buf_adds(&bar, "█");
    buf_adds(&bar, eighths ? parts[eighths % EIGHTHS] : parts[1]);
    return json_stringn(bar.data, bar.len);
}

static json_t *figures_of(const json_t *row, const char *const *keys, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *value = json_member(row, keys[i]);
        (void)json_array_append_new(list, value ? json_incref(value) : json_null());
    }
    return list;
}

static json_t *words_of(const char *const *words, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(list, json_string(words[i]));
    return list;
}

/* What differs between the two. */
struct look {
    const char *label; /* of the first column */
    const char *const *figures;
    size_t figure_count;
    const char *whole; /* what bars are of, in the first row */
    json_t *(*name)(const json_t *row, size_t base, bool bars);
};

static json_t *table_of(const json_t *reply, const struct look *look, bool bars) {
    const json_t *from = json_member(reply, "results"), *first = json_array_get(from, 0);
    size_t base = json_array_size(json_member(first, "path"));
    json_t *rows = json_array();
    size_t i;
    json_t *row;
    json_array_foreach ((json_t *)(uintptr_t)from, i, row) {
        json_t *labels = json_pack("[o]", look->name(row, base, bars));
        if (bars)
            (void)json_array_append_new(
                labels, bar_of(json_member(row, look->whole), json_member(first, look->whole)));
        (void)json_array_append_new(rows,
                                    json_pack("{s:o, s:o}", "dimensions", labels, "metrics",
                                              figures_of(row, look->figures, look->figure_count)));
    }
    json_t *labels = bars ? json_pack("[s, s]", look->label, "") : json_pack("[s]", look->label);
    return json_pack("{s:{s:o, s:o}, s:o}", "query", "dimensions", labels, "metrics",
                     words_of(look->figures, look->figure_count), "results", rows);
}

static json_t *step_name(const json_t *row, size_t base, bool bars) {
    (void)base, (void)bars;
    return json_incref(json_member(row, "name"));
}

json_t *funnel_table(const json_t *reply, bool bars) {
    static const char *const figures[] = {"visitors", "visits", "conversion_rate",
                                          "conversion_rate_step", "dropoff"};
    static const struct look look = {"step", figures, ARRAY_LEN(figures), "visitors", step_name};
    return table_of(reply, &look, bars);
}

/* For people only the last page, as far to the right as the path is long. */
static json_t *path_name(const json_t *row, size_t base, bool bars) {
    const json_t *path = json_member(row, "path");
    size_t count = json_array_size(path);
    BUF_AUTO out = {0};
    for (size_t i = 0; i < count; i++) {
        struct span page = json_span(json_array_get(path, i));
        if (!bars)
            buf_adds(&out, i ? " > " : "");
        else if (i >= base)
            buf_adds(&out, "  ");
        if (!bars || i + 1 == count)
            buf_add(&out, page);
    }
    return count ? json_stringn(out.data, out.len) : json_string(bars ? "all visits" : "");
}

json_t *journey_table(const json_t *reply, bool bars) {
    static const char *const figures[] = {"visits", "ended", "other"};
    static const struct look look = {"path", figures, ARRAY_LEN(figures), "visits", path_name};
    return table_of(reply, &look, bars);
}
