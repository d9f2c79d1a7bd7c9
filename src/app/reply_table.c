#include "reply_table.h"

#include <stdio.h>

enum { MOST_WIDTH = 60, NUMBER_TEXT = 32 };

static const json_t *words_of(const json_t *reply, const char *key) {
    return json_member(json_member(reply, "query"), key);
}

enum { HEAD_TEXT = 400 };

/* A column of the table: the reply's dimensions, then its metrics, each of them with what it was before
 * and how it changed where two ranges are compared. */
struct column {
    const char *name, *ending; /* its head */
    const char *list; /* of a row, or of its comparison: "dimensions", "metrics" or "change" */
    size_t at;
    bool compared;
};

static const char *name_at(const json_t *reply, const char *key, size_t i) {
    const char *name = json_string_value(json_array_get(words_of(reply, key), i));
    return name ? name : "";
}

static size_t columns_of_metric(const json_t *reply) {
    return words_of(reply, "comparison_date_range") ? 3 : 1;
}

static size_t column_count(const json_t *reply) {
    return json_array_size(words_of(reply, "dimensions")) +
           json_array_size(words_of(reply, "metrics")) * columns_of_metric(reply);
}

static struct column column_at(const json_t *reply, size_t i) {
    static const struct {
        const char *ending, *list;
    } kinds[] = {{"", "metrics"}, {"_before", "metrics"}, {"_change", "change"}};
    struct column c = {.ending = "", .list = "dimensions", .at = i};
    size_t before = json_array_size(words_of(reply, "dimensions"));
    size_t each = columns_of_metric(reply);
    if (i < before) {
        c.name = name_at(reply, "dimensions", i);
        return c;
    }
    size_t kind = (i - before) % each;
    c.at = (i - before) / each;
    c.list = kinds[kind].list;
    c.compared = kind > 0;
    c.name = name_at(reply, "metrics", c.at);
    c.ending = kinds[kind].ending;
    return c;
}

static struct span head_of(struct column c, char scratch[HEAD_TEXT]) {
    int n = snprintf(scratch, HEAD_TEXT, "%s%s", c.name, c.ending);
    return span_of(scratch, n < HEAD_TEXT ? (size_t)n : HEAD_TEXT - 1);
}

static const json_t *cell_value(const json_t *row, struct column c) {
    const json_t *from = c.compared ? json_member(row, "comparison") : row;
    return json_array_get(json_member(from, c.list), c.at);
}

/* A sum of money is an object: its amount. */
static const json_t *number_in(const json_t *v) {
    return json_is_object(v) ? json_member(v, "value") : v;
}

/* A number is written to `scratch`. */
static struct span cell_text(const json_t *row, struct column c, char scratch[NUMBER_TEXT]) {
    const json_t *v = number_in(cell_value(row, c));
    if (json_is_string(v))
        return json_span(v);
    if (!json_is_number(v))
        return SPAN_EMPTY;
    int n = snprintf(scratch, NUMBER_TEXT, "%.10g", json_number_value(v));
    return span_of(scratch, (size_t)n);
}

/* --- for people ---------------------------------------------------------------------------------
 */

static bool begins_character(char c) {
    return ((unsigned char)c & 0xc0) != 0x80;
}

static size_t width_of(struct span text) {
    size_t width = 0;
    for (size_t i = 0; i < text.len; i++)
        width += begins_character(text.ptr[i]);
    return width < MOST_WIDTH ? width : MOST_WIDTH;
}

/* C0, DEL, and C1 as UTF-8 has it (C2 80 to C2 9F). */
static size_t control_bytes(struct span text, size_t at) {
    unsigned char c = (unsigned char)text.ptr[at];
    if (c < 0x20 || c == 0x7f)
        return 1;
    bool c1 = c == 0xc2 && at + 1 < text.len && (unsigned char)text.ptr[at + 1] < 0xa0;
    return c1 ? 2 : 0;
}

/* A longer one is cut, with … as its last character. */
static void put_text(struct buf *out, struct span text) {
    size_t characters = 0;
    for (size_t i = 0; i < text.len; i++)
        characters += begins_character(text.ptr[i]);
    size_t most = characters > MOST_WIDTH ? MOST_WIDTH - 1 : MOST_WIDTH;
    size_t put = 0;
    for (size_t i = 0; i < text.len;) {
        size_t control = control_bytes(text, i);
        if (begins_character(text.ptr[i]) && put++ == most) {
            buf_adds(out, "…");
            return;
        }
        if (control)
            buf_addc(out, '?');
        else
            buf_addc(out, text.ptr[i]);
        i += control ? control : 1;
    }
}

static void put_spaces(struct buf *out, size_t n) {
    while (n--)
        buf_addc(out, ' ');
}

static void put_cell(struct buf *out, struct span text, size_t width, bool right, bool last) {
    size_t fill = width - width_of(text);
    if (right)
        put_spaces(out, fill);
    put_text(out, text);
    if (!right && !last)
        put_spaces(out, fill);
    buf_adds(out, last ? "\n" : "  ");
}

static struct span shown(const json_t *row, struct column c, char scratch[NUMBER_TEXT]) {
    struct span money = json_span(json_member(cell_value(row, c), "long"));
    struct span text = money.ptr ? money : cell_text(row, c, scratch);
    return text.len ? text : SPAN_LIT("-");
}

static size_t column_width(const json_t *reply, struct column c) {
    char head[HEAD_TEXT], scratch[NUMBER_TEXT];
    size_t width = width_of(head_of(c, head));
    size_t i;
    json_t *row;
    json_array_foreach (json_member(reply, "results"), i, row) {
        size_t w = width_of(shown(row, c, scratch));
        if (w > width)
            width = w;
    }
    return width;
}

static bool is_figure(struct column c) {
    return c.list[0] != 'd';
}

void reply_table(const json_t *reply, struct buf *out) {
    enum { MOST_COLUMNS = 80 };
    size_t width[MOST_COLUMNS];
    size_t columns = column_count(reply);
    if (columns > MOST_COLUMNS)
        columns = MOST_COLUMNS;
    for (size_t k = 0; k < columns; k++) {
        struct column c = column_at(reply, k);
        width[k] = column_width(reply, c);
        char head[HEAD_TEXT];
        put_cell(out, head_of(c, head), width[k], is_figure(c), k + 1 == columns);
    }
    size_t i;
    json_t *row;
    json_array_foreach (json_member(reply, "results"), i, row)
        for (size_t k = 0; k < columns; k++) {
            struct column c = column_at(reply, k);
            char scratch[NUMBER_TEXT];
            put_cell(out, shown(row, c, scratch), width[k], is_figure(c), k + 1 == columns);
        }
}

/* --- for spreadsheets ---------------------------------------------------------------------------
 */

static bool looks_like_formula(struct span text) {
    return text.len && memchr("=+-@\t\r", text.ptr[0], 6);
}

static void put_field(struct buf *out, struct span text, bool figure, bool last) {
    bool quoted = false;
    for (size_t i = 0; i < text.len; i++)
        quoted |= memchr("\",\r\n", text.ptr[i], 4) != NULL;
    if (quoted)
        buf_addc(out, '"');
    if (!figure && looks_like_formula(text))
        buf_addc(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            buf_addc(out, '"');
        buf_addc(out, text.ptr[i]);
    }
    if (quoted)
        buf_addc(out, '"');
    buf_adds(out, last ? "\r\n" : ",");
}

/* The first metric that is money. A row's sums are of one currency. */
static bool find_money(const json_t *reply, struct column *ret) {
    for (size_t k = 0; k < column_count(reply); k++) {
        struct column c = column_at(reply, k);
        if (is_figure(c) && !c.compared && span_ends(span_str(c.name), SPAN_LIT("_revenue"))) {
            *ret = c;
            return true;
        }
    }
    return false;
}

void reply_csv(const json_t *reply, struct buf *out) {
    size_t columns = column_count(reply);
    struct column money;
    bool paid = find_money(reply, &money);
    for (size_t k = 0; k < columns; k++) {
        struct column c = column_at(reply, k);
        char head[HEAD_TEXT];
        put_field(out, head_of(c, head), false, !paid && k + 1 == columns);
    }
    if (paid)
        put_field(out, SPAN_LIT("currency"), false, true);
    size_t i;
    json_t *row;
    json_array_foreach (json_member(reply, "results"), i, row) {
        for (size_t k = 0; k < columns; k++) {
            struct column c = column_at(reply, k);
            char scratch[NUMBER_TEXT];
            put_field(out, cell_text(row, c, scratch), is_figure(c), !paid && k + 1 == columns);
        }
        if (paid)
            put_field(out, json_span(json_member(cell_value(row, money), "currency")), false, true);
    }
}

/* --- a line of bars -----------------------------------------------------------------------------
 */

/* Rows and labels ascend: what the next row has, when it is of that time; else 0. */
static double value_at(const json_t *rows, const json_t *label, size_t metric, size_t *next) {
    const json_t *row = json_array_get(rows, *next);
    if (label && !json_equal(label, json_array_get(json_member(row, "dimensions"), 0)))
        return 0;
    ++*next;
    return json_number_value(number_in(json_array_get(json_member(row, "metrics"), metric)));
}

void reply_sparkline(const json_t *reply, size_t metric, struct buf *out) {
    static const char *const bars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const json_t *rows = json_member(reply, "results");
    const json_t *labels = json_member(json_member(reply, "meta"), "time_labels");
    const size_t tallest = ARRAY_LEN(bars) - 1;
    size_t count = json_array_size(labels ? labels : rows), next = 0;
    double most = 0;
    if (count < 2)
        return;
    for (size_t i = 0; i < count; i++) {
        double v = value_at(rows, json_array_get(labels, i), metric, &next);
        most = v > most ? v : most;
    }
    next = 0;
    for (size_t i = 0; i < count; i++) {
        double v = value_at(rows, json_array_get(labels, i), metric, &next);
        size_t bar = most > 0 && v > 0 ? (size_t)(v / most * (double)tallest + 0.5) : 0;
        buf_adds(out, bars[bar]);
    }
}
