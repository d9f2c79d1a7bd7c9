/* query_write.h — writing the parts of the statement; private to src/query.
 *
 * Each level gives rows of the same columns, which query_sql.c adds up: d0 … the dimensions, b_…
 * quantities of the event side, a_… of the visit side (NULL where a row is of the other side). */
#ifndef TAMIS_QUERY_WRITE_H
#define TAMIS_QUERY_WRITE_H

#include "query_parts.h"

struct writer {
    const struct query *q;     /* what the levels are asked */
    const struct query *asked; /* what the result is */
    const size_t *place;       /* of its dimensions among those of q */
    const struct plan *plan;
    const struct reach *reach;
    const struct shape *shape;
    const struct period *period;
    size_t goal_param; /* number of the parameter with the goal's name */
    uint32_t site;
    struct buf *out;
};

/* What a row stands for and where it takes its columns from. */
enum side {
    SIDE_EVENT,   /* an event e; hot attributes of the visit from v */
    SIDE_VISIT,   /* a visit v; a page is the page it entered by */
    SIDE_ENGAGED, /* an event e with engagement or scrolling, which is counted nowhere else */
    SIDE_VITALS,  /* an event e with web vitals, likewise */
    SIDE_BOTH,    /* a visit v that has an event e; a page is the page it entered by */
};

struct quantity_word {
    enum quantity bit;
    const char *name;
    const char *signed_sum; /* over rows of the hot table visit_row */
    const char *sum;        /* over rows of the visit file */
};

extern const struct quantity_word quantity_words[5]; /* all but visitors; visits first */

/* --- query_where.c --- */

/* Weeks and months of a result split by these alone are made when the levels are added up, from
 * few rows; the levels give days. */
bool time_is_late(const struct shape *s, const struct query *q);
void put_time(struct buf *o, enum dim d, const char *day); /* DAY, WEEK and MONTH of `day` */
/* SQL for an attribute, as a code where the level has codes. */
void put_column(struct buf *o, enum dim d, enum level level, enum side side);
/* "… AS d0, … AS d1, " */
void put_dims(const struct writer *w, enum level level, enum side side);
void put_dim_names(const struct writer *w); /* "d0, d1, " */
/* Around rows added up by codes, in levels that have them: words in their place, when few are left. */
void put_words_begin(const struct writer *w, enum level level);
void put_words_end(const struct writer *w, enum level level);
void put_where(const struct writer *w, enum level level, enum side side);
/* " AND …": its end, the moments of the range and the filters. */
void put_bounds(const struct writer *w, enum level level, enum side side);
/* A leaf's test; `column` is SQL for the text that is looked at. */
void put_test(struct buf *o, const struct filter *f, const char *column);
void put_filters(const struct writer *w, enum level level, enum side side); /* " AND …" */
/* The hot visits as they are now: one row a visit, with the attributes this side needs. */
void put_net_visits(const struct writer *w, enum side side);
/* The parts' files of a kind; in the hot level, the table. */
enum source { SOURCE_EVENT, SOURCE_VISIT };
void put_files(const struct writer *w, enum source source);
void put_file_list(const struct writer *w, enum source source); /* "['…', '…']" */
void put_source(const struct writer *w, enum level level, enum source source, enum side side);
/* What tells visits apart. */
void put_visit_id(struct buf *o, enum level level, const char *alias);
/* Events e, and in the hot level their visits v where their attributes are asked for. */
void put_event_source(const struct writer *w, enum level level, enum side side);
/* Whether a person is counted by its id in this level: never, always, or where `varies` says. */
enum by_id { BY_FLAG, BY_ID, BY_VARIES };
enum by_id persons_by(const struct counting *c, enum level level);
/* "CASE … END AS k, " and "count(*) FILTER (…)": ids and flagged rows for the above. */
void put_person_id(const struct writer *w, enum level level, const struct counting *c,
                   const char *alias);
void put_person_flags(const struct writer *w, enum level level, const struct counting *c,
                      const char *alias);

/* " AND …": when nothing else is asked, the rows that are not counted stay away. */
void put_persons_alone(const struct writer *w, enum level level, const struct counting *c,
                       const char *alias);

/* --- query_prop.c --- */

/* The text of the dimension's property, empty for events e without it; a leaf on one. */
void put_prop_dim(const struct writer *w, size_t dim);
void put_prop_leaf(struct buf *o, const struct filter *f);

/* --- query_sides.c --- */

/* A parenthesised SELECT each; the shape has that side. */
void put_event_side(const struct writer *w, enum level level);
void put_visit_side(const struct writer *w, enum level level);

/* --- query_measures.c --- */

/* " UNION ALL BY NAME " and a SELECT, for each measure the shape has. */
void put_measures(const struct writer *w, enum level level);
void put_measure_sums(const struct writer *w); /* "sum(…) AS …, " */
void put_measure(const struct writer *w, enum metric m);
void put_currency(const struct writer *w); /* "… AS currency, " */

/* --- query_engaged.c --- */

/* FILTER_SCROLLED, FILTER_ENGAGED. */
void put_engagement_leaf(const struct writer *w, const struct filter *f, enum level level,
                         enum side side);

/* --- query_conversion.c --- */

void put_goal(const struct writer *w);           /* the name of the goal the rows are of */
void put_shown_of_goals(const struct writer *w); /* as put_shown(), of all goals */
void put_conversions(const struct writer *w);    /* joins: ca all visitors, cg those of the row */
void put_conversion_rate(const struct writer *w, enum metric m);
/* --- query_vitals.c --- */

/* The same for web vitals: the SELECT alone; what its rows come to; that of cells; a metric. */
void put_vitals(const struct writer *w, enum level level);
void put_vital_sums(const struct writer *w);
void put_vitals_shown(const struct writer *w);
void put_vital(const struct writer *w, enum metric m);
/* The parts' event files, with columns of web vitals also where a file has none. */
void put_vital_files(const struct writer *w);
/* --- query_view.c --- */

/* The rows of each site of the writer's view, put by put_levels(), one after the other. */
void put_members(const struct writer *w, void (*put_levels)(const struct writer *w));
void put_site(const struct writer *w); /* the domain of the site the rows are of */

/* --- query_exits.c --- */

/* " UNION ALL BY NAME " and a SELECT of x_views, if the shape has them. */
void put_exit_views(const struct writer *w, enum level level);

/* --- query_sql.c --- */

/* "(SELECT d0 …, b_… …, a_… … )" of the writer's shape. */
void put_sums_of_levels(const struct writer *w);
/* The whole result of the writer's query: d0 …, m0 … */
void put_rows(const struct writer *w);

/* --- output_sql.c --- */

/* The same of what the profile lets out, by the first dimensions of the result. */
void put_shown(const struct writer *w, size_t dim_count);
/* The same where others beside it hide something: its columns are those of such results. */
void put_ruled(const struct writer *w, size_t dim_count);

/* --- query_compare.c --- */

/* The other period's rows beside those of the result's page `p`: "LEFT JOIN … o ON …". */
void put_comparison(const struct writer *w, const struct writer *other);

/* --- query_roll.c --- */

void put_rollup(const struct writer *w); /* both sides at once */

/* --- query_cell.c --- */

void put_cells(const struct writer *w); /* both sides at once */
/* The column with the code of a word; NULL: the attribute is there in words. */
const char *cell_code(enum dim d, enum side side);

#endif
