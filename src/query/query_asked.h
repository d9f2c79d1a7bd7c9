/* query_asked.h — what is asked: metrics, dimensions, filters, ranges, as read from a request; private to
 * src/query. */
#ifndef TAMIS_QUERY_ASKED_H
#define TAMIS_QUERY_ASKED_H

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
    size_t filter_dim_count;  /* the first so many only split, see output_cells() */
    struct filter filter;     /* an AND; without children when there is none */
    size_t plain_filters;     /* its first children: what all visitors fulfil, converting or not */
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

/* ERR_INVALID: err->text begins with the key at fault and holds nothing the request holds. `kept`: an
 * array for JSON that the query borrows from besides the request. */
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

#endif
