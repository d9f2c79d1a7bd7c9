/* Replies of the query API as text. */
#include "reply_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four above */
#include <cmocka.h>

static json_t *reply_from(const char *text) {
    json_t *j = NULL;
    struct err err = {0};
    if (json_parse(span_str(text), &j, &err))
        fail_msg("%s", err.text);
    return j;
}

static void shows(void (*how)(const json_t *, struct buf *), const char *reply, const char *want) {
    JSON_AUTO j = reply_from(reply);
    BUF_AUTO out = {0};
    how(j, &out);
    assert_string_equal(buf_cstr(&out), want);
}

#define HEAD \
    "{\"query\":{\"dimensions\":[\"event:page\"],\"metrics\":[\"visitors\",\"bounce_rate\"]},"

static void columns_stand_in_line(void **state) {
    (void)state;
    shows(reply_table,
          HEAD "\"results\":[{\"dimensions\":[\"/\"],\"metrics\":[12345,null]},"
               "{\"dimensions\":[\"/caf\u00e9/menu\"],\"metrics\":[7,33.5]}]}",
          "event:page  visitors  bounce_rate\n"
          "/              12345            -\n"
          "/café/menu         7         33.5\n");
    shows(reply_table, HEAD "\"results\":[]}", "event:page  visitors  bounce_rate\n");
}

/* Sixty characters at most, however many bytes they have. */
static void long_texts_are_cut(void **state) {
    (void)state;
    BUF_AUTO reply = {0};
    BUF_AUTO want = {0};
    buf_adds(&reply, HEAD "\"results\":[{\"metrics\":[1,2],\"dimensions\":[\"");
    buf_adds(&want, "event:page");
    for (int i = 0; i < 50; i++)
        buf_addc(&want, ' ');
    buf_adds(&want, "  visitors  bounce_rate\n");
    for (int i = 0; i < 61; i++)
        buf_adds(&reply, "é");
    for (int i = 0; i < 59; i++)
        buf_adds(&want, "é");
    buf_adds(&reply, "\"]}]}");
    buf_adds(&want, "…         1            2\n");
    shows(reply_table, buf_cstr(&reply), buf_cstr(&want));
}

static void nothing_steers_the_terminal(void **state) {
    (void)state;
    shows(reply_table,
          HEAD
          "\"results\":[{\"dimensions\":[\"a\\u001b[2J\\u009b1m\\u007f\"],\"metrics\":[1,2]}]}",
          "event:page  visitors  bounce_rate\n"
          "a?[2J?1m?          1            2\n");
}

static void fields_are_quoted(void **state) {
    (void)state;
    shows(reply_csv,
          HEAD "\"results\":[{\"dimensions\":[\"a,\\\"b\\\"\"],\"metrics\":[1,null]},"
               "{\"dimensions\":[\"=1+1\"],\"metrics\":[-2,0.5]}]}",
          "event:page,visitors,bounce_rate\r\n"
          "\"a,\"\"b\"\"\",1,\r\n"
          "'=1+1,-2,0.5\r\n");
}

#define MONEY                                                                                  \
    "{\"query\":{\"dimensions\":[\"event:name\"],\"metrics\":[\"events\",\"total_revenue\"]}," \
    "\"results\":[{\"dimensions\":[\"Buy\"],\"metrics\":[2,{\"value\":1030.5,\"currency\":"    \
    "\"EUR\",\"short\":\"€1.0K\",\"long\":\"€1,030.50\"}]},"                               \
    "{\"dimensions\":[\"Look\"],\"metrics\":[3,null]}]}"

static void money_has_its_currency(void **state) {
    (void)state;
    shows(reply_table, MONEY,
          "event:name  events  total_revenue\n"
          "Buy              2      €1,030.50\n"
          "Look             3              -\n");
    shows(reply_csv, MONEY,
          "event:name,events,total_revenue,currency\r\n"
          "Buy,2,1030.5,EUR\r\n"
          "Look,3,,\r\n");
}

static void what_was_before_stands_beside(void **state) {
    (void)state;
    static const char reply[] =
        "{\"query\":{\"dimensions\":[\"event:page\"],\"metrics\":[\"visits\",\"bounce_rate\"],"
        "\"comparison_date_range\":[\"a\",\"b\"]},\"results\":[{\"dimensions\":[\"/\"],"
        "\"metrics\":[6,50],\"comparison\":{\"dimensions\":[\"/\"],\"metrics\":[4,0],"
        "\"change\":[50,null]}}]}";
    shows(reply_table, reply,
          "event:page  visits  visits_before  visits_change  bounce_rate  bounce_rate_before  "
          "bounce_rate_change\n"
          "/                6              4             50           50                   0  "
          "                 -\n");
    shows(reply_csv, reply,
          "event:page,visits,visits_before,visits_change,bounce_rate,bounce_rate_before,"
          "bounce_rate_change\r\n"
          "/,6,4,50,50,0,\r\n");
}

static void draws(const char *rows, size_t metric, const char *want) {
    BUF_AUTO text = {0};
    buf_addf(&text, "{\"results\":[%s]}", rows);
    JSON_AUTO j = reply_from(buf_cstr(&text));
    BUF_AUTO out = {0};
    reply_sparkline(j, metric, &out);
    assert_string_equal(buf_cstr(&out), want);
}

static void bars_follow_the_figures(void **state) {
    (void)state;
    draws("{\"metrics\":[0,7]},{\"metrics\":[7,7]},{\"metrics\":[14,null]}", 0, "▁▅█");
    draws("{\"metrics\":[0,7]},{\"metrics\":[7,7]},{\"metrics\":[14,null]}", 1, "██▁");
    draws("{\"metrics\":[0]},{\"metrics\":[0]}", 0, "▁▁");
    draws("{\"metrics\":[3]}", 0, "");
    draws("{\"metrics\":[{\"value\":7}]},{\"metrics\":[{\"value\":14}]}", 0, "▅█");
}

/* Times without a row are part of the course. */
static void bars_stand_where_nothing_was(void **state) {
    (void)state;
    JSON_AUTO j = reply_from("{\"meta\":{\"time_labels\":[\"a\",\"b\",\"c\",\"d\"]},\"results\":["
                             "{\"dimensions\":[\"b\"],\"metrics\":[7]},"
                             "{\"dimensions\":[\"d\"],\"metrics\":[14]}]}");
    BUF_AUTO out = {0};
    reply_sparkline(j, 0, &out);
    assert_string_equal(buf_cstr(&out), "▁▅▁█");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_stand_in_line),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(nothing_steers_the_terminal),
        cmocka_unit_test(fields_are_quoted),
        cmocka_unit_test(money_has_its_currency),
        cmocka_unit_test(bars_follow_the_figures),
        cmocka_unit_test(bars_stand_where_nothing_was),
        cmocka_unit_test(what_was_before_stands_beside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
