/* The stats API v1 as queries of v2, and replies back. The whole way: tests/flow/stats.test.ts. */
#include "asking.h"

#include <stdlib.h>

#include "query_v1.h"

/* "key=value&key=value", nothing encoded. */
static int translate(enum v1_kind kind, const char *text, json_t **ret, struct err *err) {
    struct v1_param params[16];
    size_t count = 0;
    struct span rest = span_str(text), pair;
    while (span_next(&rest, '&', &pair)) {
        size_t at = span_find(pair, '=', 0);
        params[count++] = (struct v1_param){span_head(pair, at), span_from(pair, at + 1)};
    }
    return v1_query(kind, params, count, ret, err);
}

static void parameters_become_a_query(void **state) {
    (void)state;
    static const struct {
        enum v1_kind kind;
        const char *text, *query;
    } cases[] = {
        {V1_AGGREGATE, "site_id=x", "{'metrics':['visitors'],'date_range':'30d','include':{}}"},
        {V1_AGGREGATE, "metrics=visits, events&period=month&date=2026-01-31&with_imported=false",
         "{'metrics':['visits','events'],'date_range':'month','date':'2026-01-31',"
         "'include':{'imports':false}}"},
        {V1_AGGREGATE, "period=custom&date=2026-01-01,2026-01-31&compare=previous_period",
         "{'metrics':['visitors'],'date_range':['2026-01-01','2026-01-31'],"
         "'include':{'compare':'previous_period'}}"},
        {V1_TIMESERIES, "period=day",
         "{'metrics':['visitors'],'date_range':'day','include':{'time_labels':true},"
         "'dimensions':['time:hour']}"},
        {V1_TIMESERIES, "period=12mo",
         "{'metrics':['visitors'],'date_range':'12mo','include':{'time_labels':true},"
         "'dimensions':['time:month']}"},
        {V1_TIMESERIES, "period=12mo&interval=week",
         "{'metrics':['visitors'],'date_range':'12mo','include':{'time_labels':true},"
         "'dimensions':['time:week']}"},
        {V1_BREAKDOWN, "property=visit:source",
         "{'metrics':['visitors'],'date_range':'30d','include':{},'dimensions':['visit:source'],"
         "'pagination':{'limit':100,'offset':0}}"},
        /* The rate of a row is that of its group; of goals there is but one. */
        {V1_AGGREGATE, "metrics=conversion_rate&filters=event:goal==Visit /blog/**|Signup",
         "{'metrics':['conversion_rate'],'date_range':'30d','filters':[['is','event:goal',["
         "'Visit /blog/**','Signup']]],'include':{}}"},
        {V1_TIMESERIES, "period=day&metrics=visitors,conversion_rate",
         "{'metrics':['visitors','group_conversion_rate'],'date_range':'day','include':{"
         "'time_labels':true},'dimensions':['time:hour']}"},
        {V1_BREAKDOWN, "property=visit:source&metrics=conversion_rate",
         "{'metrics':['group_conversion_rate'],'date_range':'30d','include':{},"
         "'dimensions':['visit:source'],'pagination':{'limit':100,'offset':0}}"},
        {V1_BREAKDOWN, "property=event:goal&metrics=conversion_rate",
         "{'metrics':['conversion_rate'],'date_range':'30d','include':{},"
         "'dimensions':['event:goal'],'pagination':{'limit':100,'offset':0}}"},
        {V1_BREAKDOWN, "property=event:page&limit=7&page=3",
         "{'metrics':['visitors'],'date_range':'30d','include':{},'dimensions':['event:page'],"
         "'pagination':{'limit':7,'offset':14}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        JSON_AUTO query = NULL;
        struct err err = {0};
        assert_int_equal(translate(cases[i].kind, cases[i].text, &query, &err), 0);
        CLEANUP(free_charp) char *got = json_dumps(query, JSON_COMPACT);
        CLEANUP(free_charp) char *expected = requoted(cases[i].query);
        assert_string_equal(got, expected);
    }
}

static void filters_are_read(void **state) {
    (void)state;
    static const struct {
        const char *text, *filters;
    } cases[] = {
        {"event:page==/a", "[['is','event:page',['/a']]]"},
        {"event:page!=/a|/b", "[['is_not','event:page',['/a','/b']]]"},
        {"visit:source==a\\|b\\;c\\*d|e", "[['is','visit:source',['a|b;c*d','e']]]"},
        {"event:page==/x==y", "[['is','event:page',['/x==y']]]"},
        {"event:page==", "[['is','event:page',['']]]"},
        {"event:page==/a; visit:os !=Mac",
         "[['is','event:page',['/a']],['is_not','visit:os',['Mac']]]"},
        {"event:page==/a/**|/b.(c)", "[['matches','event:page',['^(?s:/a/.*.*)$',"
                                     "'^(?s:/b~.~(c~))$']]]"},
        {"event:page!=*\\*", "[['matches_not','event:page',['^(?s:.*~*)$']]]"},
        {"event:page==\\", "[['is','event:page',['\\\\']]]"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct v1_param param = {SPAN_LIT("filters"), span_str(cases[i].text)};
        JSON_AUTO query = NULL;
        struct err err = {0};
        assert_int_equal(v1_query(V1_AGGREGATE, &param, 1, &query, &err), 0);
        CLEANUP(free_charp)
        char *got = json_dumps(json_member(query, "filters"), JSON_COMPACT);
        /* ~ stands for a backslash, which JSON doubles. */
        BUF_AUTO expected = {0};
        for (const char *p = cases[i].filters; *p; p++)
            if (*p == '~')
                buf_adds(&expected, "\\\\");
            else
                buf_addc(&expected, *p == '\'' ? '"' : *p);
        assert_string_equal(got, buf_cstr(&expected));
    }
}

static void wrong_ones_are_refused(void **state) {
    (void)state;
    static const struct {
        enum v1_kind kind;
        const char *text, *error;
    } cases[] = {
        {V1_AGGREGATE, "period=", "period: unknown period"},
        {V1_AGGREGATE, "period=7d&period=7d", "period: is given twice"},
        {V1_AGGREGATE, "Period=7d", "query: unknown parameter"},
        {V1_AGGREGATE, "metrics=\xff", "metrics: is not UTF-8"},
        {V1_AGGREGATE, "filters=a", "filters: each must be property==value or property!=value"},
        {V1_AGGREGATE, "filters=a=b", "filters: each must be property==value or property!=value"},
        {V1_AGGREGATE, "filters=;", "filters: each must be property==value or property!=value"},
        {V1_BREAKDOWN, "limit=1", "property: is required"},
        {V1_BREAKDOWN, "property=x&limit=-1", "limit: must be 1 to 1000"},
        {V1_BREAKDOWN, "property=x&page=99999999999999999999", "page: must be 1 to 100000"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        json_t *query = NULL;
        struct err err = {0};
        int r = translate(cases[i].kind, cases[i].text, &query, &err);
        assert_int_equal(r, ERR_INVALID);
        assert_string_equal(err.text, cases[i].error);
    }
}

static void replies_are_told_the_older_way(void **state) {
    (void)state;
    static const struct {
        enum v1_kind kind;
        const char *reply, *expected;
    } cases[] = {
        {V1_AGGREGATE,
         "{'results':[{'metrics':[3,null],'dimensions':[]}],'query':{'metrics':['visits',"
         "'bounce_rate']}}",
         "{'results':{'visits':{'value':3},'bounce_rate':{'value':null}}}"},
        {V1_AGGREGATE,
         "{'results':[{'metrics':[3,4],'dimensions':[],'comparison':{'change':[5,null]}}],"
         "'query':{'metrics':['visits','bounce_rate']}}",
         "{'results':{'visits':{'value':3,'change':5},'bounce_rate':{'value':4,'change':null}}}"},
        {V1_TIMESERIES,
         "{'results':[{'metrics':[3,4],'dimensions':['b']}],'meta':{'time_labels':['a','b','c']},"
         "'query':{'metrics':['visits','bounce_rate']}}",
         "{'results':[{'visits':0,'bounce_rate':null,'date':'a'},"
         "{'visits':3,'bounce_rate':4,'date':'b'},{'visits':0,'bounce_rate':null,'date':'c'}]}"},
        {V1_BREAKDOWN,
         "{'results':[{'metrics':[3],'dimensions':['FR']}],'query':{'metrics':['visits'],"
         "'dimensions':['visit:country']}}",
         "{'results':[{'visits':3,'country':'FR'}]}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(free_charp) char *text = requoted(cases[i].reply);
        CLEANUP(free_charp) char *expected = requoted(cases[i].expected);
        JSON_AUTO reply = json_loads(text, 0, NULL);
        assert_non_null(reply);
        JSON_AUTO told = v1_reply(cases[i].kind, reply);
        CLEANUP(free_charp) char *got = json_dumps(told, JSON_COMPACT);
        assert_string_equal(got, expected);
    }
}

static void errors_name_parameters(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"date_range: ends before it begins", "date: ends before it begins"},
        {"dimensions: unknown dimension", "property: unknown dimension"},
        {"metrics: unknown metric", "metrics: unknown metric"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err err = {0};
        (void)err_set(&err, ERR_INVALID, "%s", cases[i][0]);
        v1_rename_error(&err);
        assert_string_equal(err.text, cases[i][1]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_become_a_query),
        cmocka_unit_test(filters_are_read),
        cmocka_unit_test(wrong_ones_are_refused),
        cmocka_unit_test(replies_are_told_the_older_way),
        cmocka_unit_test(errors_name_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
