/* Metrics of visitors who agreed to be known again: from the diary alone, which knows days and nothing
 * of what was done on them. Exact over any range: a person counts once. */
#include "civil.h"
#include "day_buckets.h"
#include "query_parts.h"

static bool is_known_metric(enum metric m) {
    return m == METRIC_UNIQUE_VISITORS || m == METRIC_NEW_VISITORS ||
           m == METRIC_RETURNING_VISITORS;
}

bool known_asked(const struct query *q) {
    for (size_t i = 0; i < q->metric_count; i++)
        if (is_known_metric(q->metrics[i]))
            return true;
    return false;
}

static const char *word_asked(const struct query *q) {
    size_t i = 0;
    while (!is_known_metric(q->metrics[i]))
        i++;
    return metric_words[q->metrics[i]];
}

/* --- what goes with them ------------------------------------------------------------------------
 */

static int check_alone(const struct query *q, const char *word, struct err *err) {
    for (size_t i = 0; i < q->metric_count; i++)
        if (!is_known_metric(q->metrics[i]))
            return err_set(err, ERR_INVALID,
                           "metrics: %s does not go with others than unique_visitors,"
                           " new_visitors and returning_visitors",
                           word);
    return 0;
}

static int check_dims(const struct query *q, const char *word, struct err *err) {
    for (size_t i = 0; i < q->dim_count; i++)
        if (q->dims[i] != DIM_TIME_DAY && q->dims[i] != DIM_TIME_WEEK &&
            q->dims[i] != DIM_TIME_MONTH)
            return err_set(err, ERR_INVALID,
                           "dimensions: %s goes with time:day, time:week or time:month only", word);
    return 0;
}

int known_check(const struct query *q, const struct policy *policy, struct err *err) {
    if (!known_asked(q))
        return 0;
    const char *word = word_asked(q);
    int r = check_alone(q, word, err);
    if (r < 0)
        return r;
    if (!policy->visitor_cookie)
        return err_set(
            err, ERR_INVALID,
            "metrics: %s needs a site with visitor_cookie on: nobody is known again here", word);
    if ((r = check_dims(q, word, err)) < 0)
        return r;
    if (q->filter.child_count)
        return err_set(err, ERR_INVALID, "filters: do not go with %s", word);
    if (q->range.by_ts)
        return err_set(err, ERR_INVALID, "date_range: %s needs whole days", word);
    if (q->compare.kind == COMPARE_CUSTOM && q->compare.range.by_ts)
        return err_set(err, ERR_INVALID, "include: compare needs whole days with %s", word);
    return 0;
}

/* --- counting -----------------------------------------------------------------------------------
 */

struct tally {
    uint64_t unique, new; /* new: the first day is in the bucket */
};

struct counting_known {
    struct day_buckets buckets;
    struct tally *tallies;
    uint16_t *hit;
};

static void count_visitor(void *arg, int32_t first_day, struct span days) {
    struct counting_known *c = arg;
    size_t n = day_buckets_hit(&c->buckets, first_day, days, c->hit);
    for (size_t i = 0; i < n; i++)
        c->tallies[c->hit[i]].unique++;
    if (n && c->hit[0] == day_buckets_of(&c->buckets, first_day))
        c->tallies[c->hit[0]].new ++;
}

static enum bucket_size size_of(const struct query *q) {
    switch (query_time_dim(q)) {
    case DIM_TIME_DAY:
        return BUCKET_DAY;
    case DIM_TIME_WEEK:
        return BUCKET_WEEK;
    case DIM_TIME_MONTH:
        return BUCKET_MONTH;
    default:
        return BUCKET_ALL;
    }
}

static int prepare(const struct query *q, struct arena *arena, struct counting_known *ret,
                   struct err *err) {
    int r = day_buckets_make(q->range.from_day, q->range.to_day, q->today, size_of(q), arena,
                             &ret->buckets, err);
    if (r < 0)
        return r;
    ret->tallies = ARENA_NEW(arena, struct tally, ret->buckets.count + 1);
    ret->hit = ARENA_NEW(arena, uint16_t, ret->buckets.count + 1);
    if (!ret->tallies || !ret->hit)
        return err_set(err, ERR_NOMEM, "out of memory");
    memset(ret->tallies, 0, (ret->buckets.count + 1) * sizeof(*ret->tallies));
    return 0;
}

/* Both ranges in one look through the diary. */
struct counting_both {
    struct counting_known here, there;
    bool compares;
};

static void count_both(void *arg, int32_t first_day, struct span days) {
    struct counting_both *c = arg;
    count_visitor(&c->here, first_day, days);
    if (c->compares)
        count_visitor(&c->there, first_day, days);
}

/* --- rows ---------------------------------------------------------------------------------------
 */

static uint64_t value_of(const struct tally *t, enum metric m) {
    return m == METRIC_UNIQUE_VISITORS ? t->unique
           : m == METRIC_NEW_VISITORS  ? t->new
                                       : t->unique - t->new;
}

static void put_values(struct buf *o, const struct query *q, const struct tally *t) {
    for (size_t i = 0; i < q->metric_count; i++)
        buf_addf(o, ",%llu", (unsigned long long)value_of(t, q->metrics[i]));
}

/* The bucket of the other range that stands beside; NULL: nobody came in it. */
static const struct tally *beside(const struct query *q, const struct counting_known *there,
                                  int32_t start) {
    enum dim d = query_time_dim(q);
    if (d == DIMS)
        return there->tallies;
    int64_t number = compare_number(q, d, start);
    for (size_t i = 0; i < there->buckets.count; i++)
        if (there->buckets.starts[i] == number && there->tallies[i].unique)
            return &there->tallies[i];
    return NULL;
}

static void put_row(struct buf *o, const struct query *q, const struct counting_both *c,
                    size_t bucket) {
    static const struct tally none = {0};
    int32_t start = c->here.buckets.count ? c->here.buckets.starts[bucket] : 0;
    buf_addf(o, ",(%d", start);
    put_values(o, q, &c->here.tallies[bucket]);
    if (c->compares) {
        const struct tally *t = beside(q, &c->there, start);
        buf_adds(o, t ? ",1" : ",NULL");
        put_values(o, q, t ? t : &none);
    }
    buf_addc(o, ')');
}

/* A first row, which is left out, gives the columns their type. */
static void put_table(struct buf *o, const struct query *q, const struct counting_both *c) {
    size_t columns = 1 + q->metric_count * (c->compares ? 2 : 1) + c->compares;
    buf_adds(o, "WITH t AS (SELECT * FROM (VALUES (NULL::BIGINT");
    for (size_t i = 1; i < columns; i++)
        buf_adds(o, ",NULL::BIGINT");
    buf_addc(o, ')');
    if (query_time_dim(q) == DIMS)
        put_row(o, q, c, 0);
    else
        for (size_t i = 0; i < c->here.buckets.count; i++)
            if (c->here.tallies[i].unique)
                put_row(o, q, c, i);
    buf_adds(o, ") v(d0");
    for (size_t i = 1; i < columns; i++)
        buf_addf(o, ",c%zu", i);
    buf_adds(o, ") WHERE d0 IS NOT NULL)");
}

static void put_order(struct buf *o, const struct query *q) {
    buf_adds(o, " ORDER BY ");
    for (size_t i = 0; i < q->order_count; i++) {
        const struct order *by = &q->orders[i];
        const char *direction = by->desc ? "DESC" : "ASC";
        if (by->by_dim)
            buf_addf(o, "d0 %s, ", direction);
        else
            buf_addf(o, "c%zu %s, ", by->index + 1, direction);
    }
    buf_adds(o, "d0");
}

static void put_statement(struct buf *o, const struct query *q, const struct counting_both *c) {
    const char *columns = query_time_dim(q) == DIMS ? "* EXCLUDE (d0)" : "*";
    put_table(o, q, c);
    buf_addf(o,
             " SELECT (SELECT count(*) FROM t), 0, p.row, p.* EXCLUDE (row) FROM (SELECT 1)"
             " LEFT JOIN (SELECT 1 AS row, %s FROM (SELECT * FROM t",
             columns);
    put_order(o, q);
    buf_addf(o, " LIMIT %lld OFFSET %lld)", (long long)q->limit, (long long)q->offset);
    buf_adds(o, ") p ON true");
    if (query_time_dim(q) != DIMS)
        put_order(o, q);
}

/* --- all of it ----------------------------------------------------------------------------------
 */

/* Since when there is a diary: a range that begins before it lacks who came before. */
static int put_since(const struct query_env *env, const struct policy *policy,
                     const struct query *q, json_t *reply, struct err *err) {
    int32_t since;
    char text[CIVIL_TEXT];
    int r = env->known ? known_since(env->known, policy->site, q->today, &since, err) : 0;
    if (r < 0)
        return r;
    if (r > 0)
        civil_format(since, text);
    return json_object_set_new(json_member(reply, "meta"), "diary_from",
                               r > 0 ? json_string(text) : json_null()) == 0
               ? 0
               : err_set(err, ERR_NOMEM, "out of memory");
}

static int count(const struct query_env *env, const struct policy *policy, const struct period *p,
                 const struct period *other, struct arena *arena, struct counting_both *c,
                 struct err *err) {
    int r = prepare(&p->q, arena, &c->here, err);
    if (r == 0 && other)
        r = prepare(&other->q, arena, &c->there, err);
    c->compares = other != NULL;
    return r < 0 || !env->known
               ? r
               : known_each(env->known, policy->site, env->timeout_ms, count_both, c, err);
}

int known_answer(const struct query_env *env, struct store_view *view, const struct policy *policy,
                 const json_t *request, const struct query *q, struct arena *arena, json_t **ret,
                 struct err *err) {
    int64_t begun_ns = clock_mono_ns(env->clock);
    struct period here = {.q = *q}, there = {.q = *q};
    const struct period *other = NULL;
    struct counting_both c = {0};
    if (q->compare.kind != COMPARE_NONE) {
        there.q = compare_query(q);
        other = &there;
    }
    int r = count(env, policy, &here, other, arena, &c, err);
    if (r < 0)
        return r;
    CLEANUP(sql_text_release) struct sql_text s = {.counted = true};
    put_statement(&s.text, q, &c);
    CLEANUP(sql_result_freep) struct sql_result *rows = NULL;
    if ((r = query_select(env, view, &s, &rows, err)) < 0)
        return r;
    struct outcome o = {.period = &here, .other = other, .sql = &s, .rows = rows};
    o.rows_ms = (double)(clock_mono_ns(env->clock) - begun_ns) / 1e6;
    JSON_AUTO reply = NULL;
    r = reply_make(&o, policy, request, env->explain, arena, &reply, err);
    if (r == 0)
        r = put_since(env, policy, q, reply, err);
    if (r == 0)
        *ret = TAKE_PTR(reply);
    return r;
}
