/* query_parts.h — what the stages of a query hand to each other; private to src/query.
 *
 * JSON → query_parse → struct query → query_plan → struct plan; with a view → query_reach → struct
 * reach; all of them → query_sql → text and parameters → query_run → query_reply → JSON.
 */
#ifndef TAMIS_QUERY_PARTS_H
#define TAMIS_QUERY_PARTS_H

#include "query_asked.h"

/* --- query_known.c --- */

/* Whether it asks for visitors who are known again: answered by known_answer() alone. */
bool known_asked(const struct query *q);
/* What goes with such metrics; anything does without them. */
int known_check(const struct query *q, const struct policy *policy, struct err *err) WARN_UNUSED;
/* The reply to a query that is resolved. */
int known_answer(const struct query_env *env, struct store_view *view, const struct policy *policy,
                 const json_t *request, const struct query *q, struct arena *arena, json_t **ret,
                 struct err *err) WARN_UNUSED;

/* --- query_money.c --- */

/* {"value", "currency", "short", "long"}; null for null. */
json_t *money_json(struct sql_value amount, struct span currency);

/* --- query_plan.c, query_count.c --- */

enum quantity {
    Q_VISITORS = 1 << 0,
    Q_VISITS = 1 << 1,
    Q_PAGEVIEWS = 1 << 2,
    Q_EVENTS = 1 << 3,
    Q_BOUNCES = 1 << 4,
    Q_DURATION = 1 << 5,
    Q_ENGAGED = 1 << 6, /* time and scrolling, which some events carry */
    Q_REVENUE = 1 << 7,
    Q_VITALS = 1 << 8,
};

/* Where rows are, fastest first. What the levels give is added up. */
enum level { LEVEL_ROLLUP, LEVEL_CELL, LEVEL_SEALED, LEVEL_HOT, LEVELS };

/* How persons and visits are told apart on one side: by flags of rows (first.h) where these are
 * exact, by ids elsewhere. */
struct counting {
    unsigned person_flag; /* 0: persons by ids */
    unsigned visit_flag;  /* event side; 0: visits by ids */
    unsigned varies;      /* persons with one of these bits, by ids (sealed rows know them) */
};

/* One set of sums: the rows of the result, or, without dimensions, the total for percentages. */
struct shape {
    size_t dim_count;        /* the query's first so many: all, or those of its filter */
    unsigned from_events;    /* bits of enum quantity */
    unsigned from_visits;    /* with both, the event side says which rows there are */
    unsigned from_measures;  /* Q_ENGAGED, Q_REVENUE, which need the event side too; Q_VITALS */
    bool vitals_alone;       /* no other metric: rows without a measurement are none */
    bool exit_views;         /* page views too, by the page that visits left by */
    bool persons_alone;      /* nothing but visitors is asked */
    bool events_need_visits; /* the event side looks at attributes of the visit */
    bool visits_need_events; /* the visit side looks at attributes of events */
    struct counting of_events;
    struct counting of_visits;
    unsigned joined_flag; /* visits_need_events: one event a visit and value has it; 0: distinct */
    enum dim roll;        /* the roll-up that has it; DIM_TIME: that of all; DIMS: none has */
    bool cells;           /* the cell cache has it */
    bool cells_by_page;   /* in its rows by pages */
    bool cells_by_name;   /* in its rows by names; both: by pages and names */
    unsigned varies;      /* bits of the attributes of visits that are asked for */
};

struct plan {
    struct shape rows;
    struct shape total; /* from_events, from_visits 0: not needed */
    struct output output;
    bool rollup; /* roll-ups can answer all of it */
    bool cells;  /* the cell cache can, of the parts that are in it */
};

struct plan plan_make(const struct query *q, enum profile profile);
/* Fills in the rest of a shape, from of_events on. */
void count_make(const struct query *q, struct shape *s);
/* Whether the cell cache is split by it. */
bool cells_have(enum dim d);
/* Whether a metric is money. */
bool query_has_money(const struct query *q);

/* --- query_exits.c --- */

/* Whether filters on the page that visits left by stand beside the others, not among them. */
bool exits_are_told_apart(const struct filter *f);

/* --- query_reach.c --- */

/* What there is to read of one site within one view, which its parts belong to. */
struct reach {
    unsigned levels;                  /* bits 1 << enum level: where to read */
    const struct sealed_part **parts; /* by their roll-ups or by their raw rows */
    size_t part_count;
    const struct sealed_part **cell_parts; /* by the cell cache */
    size_t cell_part_count;
    uint32_t watermark;   /* rows of roll-ups up to this part are visible */
    bool rows_gone;       /* raw rows of the range are gone, and roll-ups cannot answer */
    int32_t raw_from_day; /* rows_gone: from this day on all are there */
};

extern const char *const level_words[LEVELS];

int reach_make(const struct store_view *view, const struct query *q, const struct plan *plan,
               uint32_t site, struct arena *arena, struct reach *ret, struct err *err) WARN_UNUSED;
/* The least day of the site's parts; false when there are none. */
bool reach_first_day(const struct store_view *view, uint32_t site, int32_t *ret);
/* The days whose rows may lie in the range. */
void reach_days(const struct range *r, int32_t *ret_from, int32_t *ret_to);

/* --- query_sql.c --- */

/* One range of a query and what there is to read of it. */
struct period {
    struct query q;
    struct query cells; /* the same in smaller rows, see output_cells() */
    size_t place[QUERY_MOST_DIMS];
    struct plan plan;
    struct reach reach;
    struct period *within; /* of each of the query's goals, then all and group; NULL: none */
    size_t within_count;
    struct period *all;   /* conversion_rate: all visitors */
    struct period *group; /* group_conversion_rate: all visitors of each row */

    const struct policy *policy; /* of the site whose rows these are */
    /* Of a consolidated view: the same question to each of its sites, whose rows are added up; the
     * above is what these agree on, without reach. NULL: of one site. */
    struct period **members;
    size_t member_count;
    int64_t
        label_shift; /* of a member compared with: from its times to the view's, as in compare */
};

struct sql_text {
    struct buf text; /* the caller releases it */
    struct sql_value *params;
    size_t param_count;
    bool counted; /* columns 0 and 1 are total rows, 1 where there is a row */
};

static inline void sql_text_release(struct sql_text *s) {
    buf_release(&s->text);
}

/* Makes the parameters and tells the query's filter their numbers. */
int query_bind(struct query *q, struct arena *arena, struct sql_text *ret,
               struct err *err) WARN_UNUSED;
/* The same for queries of one statement, which have the same dimensions and names of goals: the first one
 * is told the latter's numbers. The engine takes no value that the statement does not use. */
int query_bind_all(struct query *const *list, size_t count, struct arena *arena,
                   struct sql_text *ret, struct err *err) WARN_UNUSED;

/* What stands for a currency where rows have several. */
#define CURRENCY_MIXED "*"

/* Columns: dimensions (times as numbers), metrics, and the currency when revenue is asked; with
 * `other`, the period to compare with, 1 where it has such a row, its metrics and currency. Texts are
 * parameters and borrow from the query; numbers of ours are written out, so that the engine plans with
 * them. */
int query_sql(struct period *p, const struct period *other, uint32_t site, struct arena *arena,
              struct sql_text *ret, struct err *err) WARN_UNUSED;

/* Puts the values of a filter behind the first `next` parameters, and returns how many there are then. */
size_t filter_bind(struct filter *f, struct sql_value *params, size_t next);
/* How many those are. */
size_t filter_params(const struct filter *f);

/* --- query_run.c --- */

/* The error of a statement in words for the sender: the engine's own may quote values of the query. */
int query_failed(int code, struct err *err);
/* Whether the engine takes the patterns of all `matches`: it is asked, since it is the one to say. */
int query_check_patterns(const struct query_env *env, struct store_view *view,
                         const struct filter *f, struct err *err) WARN_UNUSED;
/* Fills in what only the view and the whole range can tell. */
int query_resolve(const struct query_env *env, struct store_view *view, const struct policy *policy,
                  struct query *q, struct err *err) WARN_UNUSED;
/* "all" begins with the site's first day: the earlier of range->from_day and that. */
int query_resolve_first_day(const struct query_env *env, struct store_view *view, uint32_t site,
                            struct range *range, struct err *err) WARN_UNUSED;
/* Plans a query that is resolved, over the view's levels. */
int query_plan_period(const struct query_env *env, struct store_view *view,
                      const struct policy *policy, struct arena *arena, struct period *p,
                      struct err *err) WARN_UNUSED;
/* Runs the statement; no words of the engine get out. */
int query_select(const struct query_env *env, struct store_view *view, struct sql_text *s,
                 struct sql_result **ret, struct err *err) WARN_UNUSED;

/* Who is asked what, since when. */
struct answering {
    const struct query_env *env;
    struct store_view *view;
    const struct policy *policy;
    const json_t *request;
    int64_t begun_ns;
};
/* Makes the statement of planned periods, runs it, and replies. `other`: to compare with, or NULL. */
int query_answer(const struct answering *a, struct period *p, const struct period *other,
                 struct arena *arena, json_t **ret, struct err *err) WARN_UNUSED;

/* --- query_view.c --- */

/* range_labels() of all sites of a view, each in its own zone. */
int view_labels(const struct period *p, enum dim dim, struct arena *arena, int64_t **ret,
                size_t *ret_count, struct err *err) WARN_UNUSED;

/* --- query_conversion.c --- */

/* Makes the periods within one, their queries only. */
int conversion_periods(struct period *p, struct arena *arena, struct err *err) WARN_UNUSED;
/* Levels and missing rows of all that is read. */
struct reach period_reach(const struct period *p);

/* --- query_reply.c --- */

/* "levels", and "raw_rows_from" when rows are gone. Whether there was memory. */
bool reply_put_reach(json_t *meta, const struct reach *r);

struct outcome {
    const struct period *period;
    const struct period *other; /* NULL: nothing to compare with */
    const struct sql_text *sql;
    const struct sql_result *rows;
    double plan_ms, rows_ms; /* what it took */
};

/* [first moment, last moment] */
json_t *reply_range(const struct range *r, const struct zone *zone);
/* Into meta: what was read, and since when there are rows. */
bool reply_put_reach(json_t *meta, const struct reach *r);
/* The whole reply; `explain` adds how it was made. */
int reply_make(const struct outcome *o, const struct policy *policy, const json_t *request,
               bool explain, struct arena *arena, json_t **ret, struct err *err) WARN_UNUSED;

#endif
