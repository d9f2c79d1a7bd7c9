/* query_parts.h — what the stages of a query hand to each other; private to src/query.
 *
 * JSON → query_parse → struct query → query_plan → struct plan; with a view → query_reach → struct
 * reach; all of them → query_sql → text and parameters → query_run → query_reply → JSON.
 */
#ifndef TAMIS_QUERY_PARTS_H
#define TAMIS_QUERY_PARTS_H

#include "arena.h"
#include "buf.h"
#include "output.h"
#include "query.h"

enum metric {
#define METRIC(ID, word, KIND) METRIC_##ID,
#include "query_words.def"
#undef METRIC
    METRICS
};

enum dim {
#define DIMENSION(ID, word, SCOPE, column, empty) DIM_##ID,
#include "query_words.def"
#undef DIMENSION
    DIMS
};

enum dim_scope { SCOPE_TIME, SCOPE_EVENT, SCOPE_VISIT, SCOPE_SITE };

struct dim_info {
    const char *word;
    enum dim_scope scope;
    const char *column;
    const char *empty;
};

extern const struct dim_info dim_infos[DIMS];
extern const char *const metric_words[METRICS];

enum metric_kind {
    KIND_COUNT,
    KIND_RATIO, /* 0 of nothing */
    KIND_MEAN,  /* of nothing null */
    KIND_MONEY,
    KIND_QUARTILE, /* of nothing null */
};
extern const enum metric_kind metric_kinds[METRICS];

enum {
    QUERY_MOST_DIMS = 8,
    QUERY_MOST_LIMIT = 10000,
    QUERY_MOST_OFFSET = 100000000,
    QUERY_MOST_FILTER_DEPTH = 16,
    QUERY_MOST_FILTER_NODES = 200,
    QUERY_MOST_VALUES = 2000,
    QUERY_MOST_VALUE_BYTES = 2000,
    QUERY_MOST_PATTERNS = 100,
    QUERY_MOST_PATTERN_BYTES = 500,
    QUERY_MOST_PATTERN_SIZE = 10000, /* its bytes times its counted repetitions */
    QUERY_MOST_LABELS = 20000,
    QUERY_MOST_PROP_BYTES = 300,
};

enum filter_op {
    FILTER_AND,
    FILTER_OR,
    FILTER_NOT,
    FILTER_HAS_DONE, /* true of visits that have an event of which the child is true */
    FILTER_SCROLLED, /* of a page of a visit: scrolled to at_least per cent; the child chooses pages */
    FILTER_ENGAGED, /* of visits: engaged for at_least ms */
    FILTER_IS,      /* from here on leaves */
    FILTER_CONTAINS,
    FILTER_MATCHES,
};

/* What DIM_PROP is of. */
struct property {
    struct span name;    /* borrowed from the request */
    struct span pointer; /* to it within an event's properties (RFC 6901); in the query's arena */
};

/* A tree in the query's arena. Negative operators are parsed to NOT around their positive. */
struct filter {
    enum filter_op op;
    struct filter *children; /* AND, OR: any number; NOT, HAS_DONE, SCROLLED: one */
    size_t child_count;
    const struct policy_goal *goal; /* AND: it stands for that goal; OR: its children do */
    uint32_t at_least;              /* SCROLLED, ENGAGED */
    enum dim dim;                   /* leaves */
    bool fold_case;
    struct span *values; /* borrowed from the request; a label for "empty" is already empty */
    size_t value_count;
    size_t first_param;   /* number of the first value's parameter; set by query_sql */
    struct property prop; /* DIM_PROP */
    bool lacks;           /* DIM_PROP: true of events that have it, and none of the values */
    size_t prop_param;    /* of its pointer; set by query_sql */
};

static inline bool filter_is_leaf(const struct filter *f) {
    return f->op >= FILTER_IS;
}

struct range {
    bool by_ts;       /* from_ms and to_ms bound it besides the days */
    bool from_first;  /* "all": from_day is the site's first day, not known yet */
    int32_t from_day; /* site-local dates, both included */
    int32_t to_day;
    int64_t from_ms; /* included */
    int64_t to_ms;   /* not included */
};

struct order {
    bool by_dim;
    size_t index; /* into dims or metrics */
    bool desc;
};

/* Another range, whose figures stand beside each row's. */
struct compare {
    enum { COMPARE_NONE, COMPARE_PREVIOUS, COMPARE_YEAR, COMPARE_CUSTOM } kind;
    bool match_weekdays;
    struct range range; /* CUSTOM: as asked; else from compare_resolve() */
    int64_t shift;      /* of numbers of the time dimension; of months in months */
};

/* A goal that has a row in the result. */
struct query_goal {
    struct span name;
    struct filter filter;
    size_t name_param; /* number of the name's parameter; set by query_sql */
    bool grouped;      /* its row is one of a goal_group's */
};

/* Goals that one query has, split by what they differ in. */
struct goal_group {
    enum dim dim;
    struct filter filter; /* of them all; the values of its first child are theirs, in order */
    size_t *goals;        /* indices */
    size_t count;
};

struct query {
    enum metric metrics[METRICS];
    size_t metric_count;
    enum dim dims[QUERY_MOST_DIMS + 1]; /* one more for what only splits, see output_cells() */
    struct property props[QUERY_MOST_DIMS + 1]; /* of those that are DIM_PROP */
    size_t dim_count;
    size_t filter_dim_count; /* the first so many only split, see output_cells() */
    struct filter filter;    /* an AND; without children when there is none */
    size_t
        plain_filters; /* the first children: those that all visitors fulfil, converting or not */
    struct query_goal *goals; /* event:goal is a dimension: its values; NULL: it is none */
    size_t goal_count;
    struct goal_group groups[2];
    size_t group_count;
    bool by_group;        /* a query of a group: its dimension is in the place of event:goal */
    struct span currency; /* of revenue; ptr NULL: any; empty: none */
    const struct output *floor; /* of a view's site: its rule is this one at least; NULL: none */
    struct order orders[METRICS + QUERY_MOST_DIMS];
    size_t order_count;
    struct range range;
    struct compare compare;
    int32_t today; /* in the site's zone */
    int64_t limit;
    int64_t offset;
    bool time_labels;
    bool total_rows;
    bool imports;
};

/* --- query_parse.c, query_filter.c --- */

/* ERR_INVALID: err->text begins with the key at fault and holds nothing the request holds. */
/* `kept`: an array for JSON that the query borrows from besides the request. */
int query_parse(const json_t *request, const struct policy *policy, int64_t now_ms,
                struct arena *arena, json_t *kept, struct query *ret, struct err *err) WARN_UNUSED;
/* Without event:goal; see filter_parse_goals(). */
int filter_parse(const json_t *list, struct arena *arena, struct filter *ret,
                 struct err *err) WARN_UNUSED;
/* Whether a leaf is on an attribute of that scope other than `but`. What a visit has done is not
 * looked into: it is about other events. */
bool filter_uses(const struct filter *f, enum dim_scope scope, enum dim but);
bool filter_has(const struct filter *f, enum filter_op op);
/* Whether a leaf is on that attribute, likewise. */
bool filter_names(const struct filter *f, enum dim d);
bool dim_from_word(struct span word, enum dim *ret);
bool metric_from_word(struct span word, enum metric *ret);
/* Whether it is told by events with web vitals alone. */
static inline bool metric_of_vitals(enum metric m) {
    return m == METRIC_VITALS || metric_kinds[m] == KIND_QUARTILE;
}
/* The dimension of time among the query's; DIMS: none. */
enum dim query_time_dim(const struct query *q);

/* --- query_prop.c --- */

/* Reads a word that dim_from_word() took for DIM_PROP; `key` begins the message of an error. */
int prop_parse(struct span word, const char *key, struct arena *arena, struct property *ret,
               struct err *err) WARN_UNUSED;
/* Whether the profile keeps what is asked for. */
int prop_check_profile(const struct query *q, enum profile profile, struct err *err) WARN_UNUSED;
bool query_splits_by_prop(const struct query *q);
/* Puts the pointers of the query's dimensions before all other parameters; how many. */
size_t prop_bind_dims(const struct query *q, struct sql_value *params);
/* --- query_goal.c, query_goals.c --- */

/* Whose goals are meant, and where their filters are put. */
struct goal_book {
    const struct policy *policy;
    struct arena *arena;
    json_t *kept; /* as of query_parse() */
};

/* filter_parse() of filters that may be on event:goal. */
int filter_parse_goals(const json_t *list, const struct goal_book *book, struct filter *ret,
                       struct err *err) WARN_UNUSED;
/* The events by which the goal is reached, as an AND. */
int goal_filter(const struct goal_book *book, const struct policy_goal *g, struct filter *ret,
                struct err *err) WARN_UNUSED;
/* What a leaf on event:goal stands for. */
int goal_leaf(const struct goal_book *book, const struct filter *leaf, struct filter *ret,
              struct err *err) WARN_UNUSED;
/* Checks what goes with goals and sets all that the query has of them; `filters` are the request's. */
int goals_resolve(const struct goal_book *book, const json_t *filters, struct query *q,
                  struct err *err) WARN_UNUSED;
bool query_has_conversion(const struct query *q);

/* --- query_goal_groups.c --- */

/* Finds the groups of the query's goals. Not for the sites of a view, which may reach goals of one
 * name in other ways. */
int goals_group(struct query *q, struct arena *arena, struct err *err) WARN_UNUSED;
/* `q` split by what the group's goals differ in; its filter is still that of q. */
struct query goal_group_query(const struct query *q, const struct goal_group *group);

/* That all members of `object` are among `known`; `where` begins the message. */
int query_check_keys(const json_t *object, const char *where, const char *const *known,
                     size_t count, struct err *err) WARN_UNUSED;

/* --- query_range.c --- */

int range_parse(const json_t *value, const json_t *date, const struct zone *zone, int64_t now_ms,
                struct range *ret, struct err *err) WARN_UNUSED;
/* Two dates or two moments; `key` begins the message of an error. */
int range_parse_pair(const json_t *pair, const char *key, const struct zone *zone,
                     struct range *ret, struct err *err) WARN_UNUSED;
/* Makes it the moments from from_ms to before to_ms. */
void range_bound_by_ts(struct range *r, const struct zone *zone, int64_t from_ms, int64_t to_ms);
/* What "time" stands for: hours up to a day, days up to three months, months above. */
enum dim range_auto_dim(const struct range *r);
/* Numbers as in results, see query_sql_dim; a new array in the arena. */
int range_labels(const struct range *r, enum dim dim, const struct zone *zone, struct arena *arena,
                 int64_t **ret, size_t *ret_count, struct err *err) WARN_UNUSED;

/* The same of all sites of a view, each in its own zone. */
struct period;
int view_labels(const struct period *p, enum dim dim, struct arena *arena, int64_t **ret,
                size_t *ret_count, struct err *err) WARN_UNUSED;

/* The least number of a row of that range. */
int64_t range_first_label(const struct range *r, enum dim dim, const struct zone *zone);

enum { TIME_TEXT = 32 };
/* Writes the label of a time dimension's number: day number, or day × 24 + hour for DIM_TIME_HOUR.
 */
void range_format(enum dim dim, int64_t number, char out[TIME_TEXT]);
/* Writes "2026-01-31T00:00:00+01:00". */
void range_format_moment(const struct zone *zone, int64_t ts_ms, char out[TIME_TEXT]);

/* --- query_compare.c --- */

/* Reads include.compare. */
int compare_parse(const json_t *value, const struct zone *zone, struct compare *ret,
                  struct err *err) WARN_UNUSED;
/* Sets range and shift; the query's range and dimensions are whole by now. */
void compare_resolve(struct query *q, const struct zone *zone);
/* The query over the other range. */
struct query compare_query(const struct query *q);
/* What stands in the other range beside that number of a time dimension. */
int64_t compare_number(const struct query *q, enum dim d, int64_t number);
/* What became of a figure: per cent, for rates points. */
json_t *compare_change(enum metric m, struct sql_value before, struct sql_value now);

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
    size_t dim_count;     /* the query's first so many: all, or those of its filter */
    unsigned from_events; /* bits of enum quantity */
    unsigned from_visits; /* with both, the event side says which rows there are */
    unsigned
        from_measures;  /* Q_ENGAGED, Q_REVENUE, with which the event side is asked too; Q_VITALS */
    bool vitals_alone;  /* no other metric: rows without a measurement are none */
    bool exit_views;    /* page views too, by the page that visits left by */
    bool persons_alone; /* nothing but visitors is asked */
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
        label_shift; /* of a member compared with: from its times to the view's, see struct compare */
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
 * `other`, the period to compare with, 1 where it has such a row, its metrics and currency. Texts are parameters and borrow from the query; numbers
 * of ours are written out, so that the engine plans with them. */
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
