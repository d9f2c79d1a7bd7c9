#include "cohorts.h"

#include "civil.h"
#include "day_buckets.h"

/* 13 months: so long visitors are kept. */
enum { DEFAULT_PERIODS = 8, MOST_WEEKS = 56, MOST_MONTHS = 13 };

struct counting {
    struct day_buckets periods;
    uint16_t *hit;
    uint64_t *came; /* for each cohort a row: in each period, counted from the first of all */
};

static int parse(const struct cohorts_asked *asked, bool *ret_months, uint64_t *ret_periods,
                 struct err *err) {
    *ret_months = span_eq(asked->period, SPAN_LIT("month"));
    if (asked->period.len && !*ret_months && !span_eq(asked->period, SPAN_LIT("week")))
        return err_set(err, ERR_INVALID, "period: must be week or month");
    unsigned most = *ret_months ? MOST_MONTHS : MOST_WEEKS;
    *ret_periods = DEFAULT_PERIODS;
    if (asked->periods.len &&
        (!span_u64(asked->periods, ret_periods) || *ret_periods == 0 || *ret_periods > most))
        return err_set(err, ERR_INVALID, "periods: must be 1 to %u", most);
    return 0;
}

static void count_visitor(void *arg, int32_t first_day, struct span days) {
    struct counting *c = arg;
    unsigned cohort = day_buckets_of(&c->periods, first_day);
    if (cohort == BUCKETS_NONE)
        return;
    size_t n = day_buckets_hit(&c->periods, first_day, days, c->hit);
    for (size_t i = 0; i < n; i++)
        c->came[cohort * c->periods.count + c->hit[i]]++;
}

static int32_t first_day_of(bool months, uint64_t periods, int32_t today) {
    return months ? civil_add_months(civil_month_start(today), 1 - (int)periods)
                  : civil_week_start(today) - 7 * ((int32_t)periods - 1);
}

static int prepare(bool months, uint64_t periods, int32_t today, struct arena *arena,
                   struct counting *ret, struct err *err) {
    int r = day_buckets_make(first_day_of(months, periods, today), today, today,
                             months ? BUCKET_MONTH : BUCKET_WEEK, arena, &ret->periods, err);
    if (r < 0)
        return r;
    size_t count = ret->periods.count;
    ret->hit = ARENA_NEW(arena, uint16_t, count);
    ret->came = ARENA_NEW(arena, uint64_t, count * count);
    if (!ret->hit || !ret->came)
        return err_set(err, ERR_NOMEM, "out of memory");
    memset(ret->came, 0, count * count * sizeof(*ret->came));
    return 0;
}

static json_t *day_json(int32_t day) {
    char text[CIVIL_TEXT];
    civil_format(day, text);
    return json_string(text);
}

static json_t *cohort_json(const struct counting *c, size_t cohort) {
    const uint64_t *came = &c->came[cohort * c->periods.count];
    json_t *returned = json_array();
    for (size_t i = cohort; i < c->periods.count; i++)
        (void)json_array_append_new(returned, json_integer((json_int_t)came[i]));
    return json_pack("{s:o, s:I, s:o}", "cohort", day_json(c->periods.starts[cohort]), "visitors",
                     (json_int_t)came[cohort], "returned", returned);
}

static json_t *reply_json(const struct counting *c, bool months, const int32_t *since) {
    JSON_AUTO cohorts = json_array();
    for (size_t i = 0; i < c->periods.count; i++)
        if (json_array_append_new(cohorts, cohort_json(c, i)) < 0)
            return NULL;
    return json_pack("{s:s, s:o, s:o, s:O}", "period", months ? "month" : "week", "unfinished",
                     day_json(c->periods.starts[c->periods.count - 1]), "diary_from",
                     since ? day_json(*since) : json_null(), "cohorts", cohorts);
}

static void arena_releasep(struct arena *a) {
    arena_release(a);
}

int cohorts_run(const struct query_env *env, const struct policy *policy,
                const struct cohorts_asked *asked, json_t **ret, struct err *err) {
    bool months;
    uint64_t periods;
    int r = parse(asked, &months, &periods, err);
    if (r < 0)
        return r;
    if (!policy->visitor_cookie)
        return err_set(err, ERR_INVALID,
                       "site_id: must be of a site with visitor_cookie on: nobody is known again"
                       " here");
    CLEANUP(arena_releasep) struct arena arena;
    arena_init(&arena, 0);
    struct counting c;
    int32_t today = zone_to_local(policy->zone, clock_wall_ms(env->clock)).day, since;
    if ((r = prepare(months, periods, today, &arena, &c, err)) < 0)
        return r;
    if (env->known)
        r = known_each(env->known, policy->site, env->timeout_ms, count_visitor, &c, err);
    bool begun =
        r == 0 && env->known && (r = known_since(env->known, policy->site, today, &since, err)) > 0;
    if (r < 0)
        return r;
    *ret = reply_json(&c, months, begun ? &since : NULL);
    return *ret ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}
