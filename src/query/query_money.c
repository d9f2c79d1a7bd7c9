/* Sums of money as the API gives them. */
#include <math.h>

#include "query_parts.h"

enum { MONEY_TEXT = 64 };

static const struct {
    const char *code, *symbol;
} symbols[] = {
    {"EUR", "\xe2\x82\xac"}, {"USD", "$"},
    {"GBP", "\xc2\xa3"},     {"JPY", "\xc2\xa5"},
    {"INR", "\xe2\x82\xb9"}, {"KRW", "\xe2\x82\xa9"},
};

/* "€", or "CHF" and a space that does not break. */
static void put_symbol(struct buf *o, struct span currency) {
    for (size_t i = 0; i < ARRAY_LEN(symbols); i++)
        if (span_eq(currency, span_str(symbols[i].code))) {
            buf_adds(o, symbols[i].symbol);
            return;
        }
    buf_add(o, currency);
    buf_adds(o, "\xc2\xa0");
}

/* 1234567.5 as "1,234,567.50" */
static void put_grouped(struct buf *o, double amount) {
    char digits[MONEY_TEXT];
    int n = snprintf(digits, sizeof(digits), "%.2f", amount);
    for (int i = 0; i < n; i++) {
        buf_addc(o, digits[i]);
        int left = n - 3 - i - 1; /* digits before the point that are still to come */
        if (left > 0 && left % 3 == 0)
            buf_addc(o, ',');
    }
}

/* 1234567.5 as "1.2M" */
static void put_short(struct buf *o, double amount) {
    static const struct {
        double from;
        const char *suffix;
    } steps[] = {{1e9, "B"}, {1e6, "M"}, {1e3, "K"}};
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        if (amount >= steps[i].from) {
            buf_addf(o, "%.1f%s", amount / steps[i].from, steps[i].suffix);
            return;
        }
    buf_addf(o, "%.2f", amount);
}

static json_t *text_json(double amount, struct span currency, void (*put)(struct buf *, double)) {
    BUF_AUTO text = {0};
    buf_adds(&text, amount < 0 ? "-" : "");
    put_symbol(&text, currency);
    put(&text, fabs(amount));
    struct span s = buf_span(&text);
    return text.failed ? NULL : json_stringn(s.ptr, s.len);
}

json_t *money_json(struct sql_value amount, struct span currency) {
    if (amount.type == SQL_NULL_VALUE)
        return json_null();
    double value = amount.type == SQL_INT ? (double)amount.i : amount.d;
    return json_pack("{s:f, s:s%, s:o, s:o}", "value", value, "currency", currency.ptr,
                     currency.len, "short", text_json(value, currency, put_short), "long",
                     text_json(value, currency, put_grouped));
}
