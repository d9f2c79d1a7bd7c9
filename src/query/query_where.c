/* Columns, filters and sources of one level's rows. */
#include "first.h"
#include "query_write.h"

bool time_is_late(const struct shape *s, const struct query *q) {
    return s->dim_count == 1 && (q->dims[0] == DIM_TIME_WEEK || q->dims[0] == DIM_TIME_MONTH);
}

void put_time(struct buf *o, enum dim d, const char *day) {
    if (d == DIM_TIME_WEEK)
        buf_addf(o, "%s - (%s + 3) %% 7", day, day);
    else if (d == DIM_TIME_MONTH)
        buf_addf(o, "date_trunc('month', DATE '1970-01-01' + %s)::DATE - DATE '1970-01-01'", day);
    else
        buf_adds(o, day);
}

/* Whether rows are events, with a page of their own. */
static bool is_of_event(enum side side) {
    return side == SIDE_EVENT || side == SIDE_ENGAGED || side == SIDE_VITALS;
}

static const char *hot_code(enum dim d, enum side side) {
    if (d == DIM_NAME)
        return "e.name";
    if (d == DIM_HOSTNAME)
        return "e.hostname";
    if (d == DIM_PAGE && is_of_event(side))
        return "e.page";
    if (d == DIM_PAGE || d == DIM_ENTRY_PAGE)
        return "v.entry_page";
    if (d == DIM_EXIT_PAGE)
        return "v.exit_page";
#define VISIT_ATTRIBUTE(name, text)
#define VISIT_CODED(name, text)                  \
    if (strcmp(dim_infos[d].column, #name) == 0) \
        return "v." #name;
#include "visit_fields.def"
    return NULL;
}

/* The column with the code of a word; NULL: the attribute is there in words. */
static const char *word_code(enum dim d, enum level level, enum side side) {
    if (level == LEVEL_HOT)
        return hot_code(d, side);
    return level == LEVEL_CELL ? cell_code(d, side) : NULL;
}

static const char *word_table(enum level level) {
    return level == LEVEL_CELL ? "cell.word" : "word";
}

static bool has_code(const struct writer *w, size_t dim, enum level level) {
    return word_code(w->q->dims[dim], level, SIDE_EVENT) != NULL;
}

void put_words_begin(const struct writer *w, enum level level) {
    size_t codes = 0;
    for (size_t i = 0; i < w->shape->dim_count; i++)
        if (has_code(w, i, level))
            buf_addf(w->out, "%sw%zu.value AS d%zu", codes++ ? ", " : "SELECT x.* REPLACE (", i, i);
    if (codes)
        buf_adds(w->out, ") FROM (");
}

void put_words_end(const struct writer *w, enum level level) {
    const char *close = ") x";
    for (size_t i = 0; i < w->shape->dim_count; i++)
        if (has_code(w, i, level)) {
            buf_addf(w->out, "%s JOIN %s w%zu ON w%zu.code = x.d%zu", close, word_table(level), i,
                     i, i);
            close = "";
        }
}

void put_column(struct buf *o, enum dim d, enum level level, enum side side) {
    const struct dim_info *info = &dim_infos[d];
    const char *row = is_of_event(side) ? "e" : "v";
    if (d == DIM_PAGE && !is_of_event(side))
        info = &dim_infos[DIM_ENTRY_PAGE];
    const char *code = word_code(d, level, side);
    if (code)
        buf_adds(o, code);
    else if (d == DIM_TIME_HOUR)
        buf_addf(o, "%s.day::BIGINT * 24 + %s.hour", row, row);
    else if (info->scope == SCOPE_TIME)
        put_time(o, d, is_of_event(side) ? "e.day" : "v.day");
    else if (info->scope == SCOPE_EVENT || (level == LEVEL_SEALED && side != SIDE_VISIT))
        buf_addf(o, "e.%s", info->column);
    else
        buf_addf(o, "v.%s", info->column);
}

void put_dims(const struct writer *w, enum level level, enum side side) {
    bool late = time_is_late(w->shape, w->q);
    for (size_t i = 0; i < w->shape->dim_count; i++) {
        if (w->q->dims[i] == DIM_PROP)
            put_prop_dim(w, i);
        else if (w->q->dims[i] == DIM_GOAL)
            put_goal(w);
        else if (w->q->dims[i] == DIM_SITE)
            put_site(w);
        else
            put_column(w->out, late ? DIM_TIME_DAY : w->q->dims[i], level, side);
        buf_addf(w->out, " AS d%zu, ", i);
    }
}

void put_dim_names(const struct writer *w) {
    for (size_t i = 0; i < w->shape->dim_count; i++)
        buf_addf(w->out, "d%zu, ", i);
}

/* --- filters ------------------------------------------------------------------------------------
 */

void put_test(struct buf *o, const struct filter *f, const char *column) {
    const char *open = f->fold_case ? "lower(" : "", *close = f->fold_case ? ")" : "";
    if (f->op == FILTER_IS) {
        buf_addf(o, "%s%s%s IN (", open, column, close);
        for (size_t i = 0; i < f->value_count; i++)
            buf_addf(o, "%s%s$%zu%s", i ? ", " : "", open, f->first_param + i, close);
        buf_adds(o, ")");
        return;
    }
    for (size_t i = 0; f->op == FILTER_MATCHES && i < f->value_count; i++)
        buf_addf(o, "%sregexp_matches(%s, $%zu)", i ? " OR " : "", column, f->first_param + i);
    for (size_t i = 0; f->op == FILTER_CONTAINS && i < f->value_count; i++)
        buf_addf(o, "%scontains(%s%s%s, %s$%zu%s)", i ? " OR " : "", open, column, close, open,
                 f->first_param + i, close);
}

static void put_leaf(struct buf *o, const struct filter *f, enum level level, enum side side) {
    if (f->dim == DIM_PROP) {
        put_prop_leaf(o, f);
        return;
    }
    const char *code = word_code(f->dim, level, side);
    BUF_AUTO column = {0};
    if (code)
        buf_addf(o, "%s IN (SELECT code FROM %s WHERE ", code, word_table(level));
    else
        put_column(&column, f->dim, level, side);
    const char *text = code ? "value" : buf_cstr(&column);
    o->failed |= !text;
    if (text)
        put_test(o, f, text);
    buf_adds(o, code ? ")" : "");
}

void put_visit_id(struct buf *o, enum level level, const char *alias) {
    if (level == LEVEL_HOT)
        buf_addf(o, "%s.visit", alias);
    else
        buf_addf(o, "%s.day * 4294967296 + %s.visit", alias, alias);
}

/* Visits with an event of which the child is true: as a query for those would choose them. */
static void put_has_done(const struct writer *w, const struct filter *f, enum level level,
                         enum side side) {
    struct buf *o = w->out;
    struct query q = {.filter = f->children[0], .range = w->q->range};
    struct shape s = {.events_need_visits = filter_uses(&q.filter, SCOPE_VISIT, DIMS)};
    struct writer inner = *w;
    inner.q = &q;
    inner.shape = &s;
    put_visit_id(o, level, side == SIDE_VISIT ? "v" : "e");
    buf_adds(o, " IN (SELECT ");
    put_visit_id(o, level, "e");
    buf_adds(o, " FROM ");
    put_event_source(&inner, level, SIDE_EVENT);
    put_where(&inner, level, SIDE_EVENT);
    buf_adds(o, ")");
}

static void put_filter(const struct writer *w, const struct filter *f, enum level level,
                       enum side side) {
    struct buf *o = w->out;
    buf_adds(o, f->op == FILTER_NOT ? "(NOT " : "(");
    if (filter_is_leaf(f))
        put_leaf(o, f, level, side);
    else if (f->op == FILTER_HAS_DONE)
        put_has_done(w, f, level, side);
    else if (f->op > FILTER_HAS_DONE)
        put_engagement_leaf(w, f, level, side);
    for (size_t i = 0; f->op < FILTER_HAS_DONE && i < f->child_count; i++) {
        if (i > 0)
            buf_adds(o, f->op == FILTER_OR ? " OR " : " AND ");
        put_filter(w, &f->children[i], level, side);
    }
    buf_adds(o, ")");
}

static void put_days(const struct writer *w, enum level level, const char *alias) {
    int32_t from, to;
    reach_days(&w->q->range, &from, &to);
    if (level == LEVEL_HOT)
        buf_addf(w->out, "%ssite = %u AND ", alias, w->site);
    buf_addf(w->out, "%sday BETWEEN %d AND %d", alias, from, to);
}

/* Bounds are whole seconds, so both units agree. */
static void put_moments(const struct writer *w, enum level level, const char *column) {
    const struct range *r = &w->q->range;
    int64_t unit = level == LEVEL_HOT ? 1 : 1000;
    const char *suffix = level == LEVEL_HOT ? "ms" : "sec";
    buf_addf(w->out, " AND %s_%s >= %lld AND %s_%s < %lld", column, suffix,
             (long long)(r->from_ms / unit), column, suffix, (long long)(r->to_ms / unit));
}

void put_filters(const struct writer *w, enum level level, enum side side) {
    if (w->q->filter.op == FILTER_AND && w->q->filter.child_count == 0)
        return;
    buf_adds(w->out, " AND ");
    put_filter(w, &w->q->filter, level, side);
}

void put_bounds(const struct writer *w, enum level level, enum side side) {
    if (w->q->range.by_ts && side != SIDE_VISIT)
        put_moments(w, level, "e.ts");
    if (w->q->range.by_ts && (side == SIDE_VISIT || side == SIDE_BOTH))
        put_moments(w, level, "v.start");
    put_filters(w, level, side);
}

void put_where(const struct writer *w, enum level level, enum side side) {
    struct buf *o = w->out;
    buf_adds(o, " WHERE ");
    put_days(w, level, side == SIDE_VISIT ? "v." : "e.");
    if (side == SIDE_ENGAGED)
        buf_adds(o, " AND (e.kind = 2 OR e.scroll < 255)");
    else if (side == SIDE_VITALS)
        buf_adds(o, " AND e.kind = 3");
    else if (side != SIDE_VISIT)
        buf_adds(o, " AND e.kind < 2");
    put_bounds(w, level, side);
}

/* --- sources ------------------------------------------------------------------------------------
 */

static void mark_dim(bool needed[DIMS], enum dim d, enum side side) {
    if (d == DIM_PAGE && side == SIDE_BOTH)
        d = DIM_ENTRY_PAGE;
    if (dim_infos[d].scope == SCOPE_VISIT)
        needed[d] = true;
}

static void mark_filter(bool needed[DIMS], const struct filter *f, enum side side) {
    if (filter_is_leaf(f))
        mark_dim(needed, f->dim, side);
    for (size_t i = 0; f->op != FILTER_HAS_DONE && i < f->child_count; i++)
        mark_filter(needed, &f->children[i], side);
}

/* The attributes of the visit that this side looks at. */
static void find_needed(const struct writer *w, enum side side, bool needed[DIMS]) {
    mark_filter(needed, &w->q->filter, side);
    for (size_t i = 0; i < w->shape->dim_count; i++)
        mark_dim(needed, w->q->dims[i], side);
}

/* ", s.a, s.b": those that are not in the visit's row. Whether there are any. */
static bool put_of_sets(struct buf *o, const bool needed[DIMS], enum side side) {
    bool any = false;
    for (size_t d = 0; d < DIMS; d++) {
        if (!needed[d] || hot_code((enum dim)d, side))
            continue;
        buf_addf(o, ", s.%s", dim_infos[d].column);
        any = true;
    }
    return any;
}

void put_net_visits(const struct writer *w, enum side side) {
    struct buf *o = w->out;
    bool needed[DIMS] = {0};
    find_needed(w, side, needed);
    buf_adds(o, "(SELECT n.*");
    bool sets = put_of_sets(o, needed, side);
    buf_addf(o, " FROM (SELECT visit%s%s", sets ? ", attributes" : "",
             side == SIDE_BOTH ? ", day, hour, start_ms" : "");
    for (size_t d = 0; d < DIMS; d++)
        if (needed[d] && hot_code((enum dim)d, side))
            buf_addf(o, ", %s", dim_infos[d].column);
    for (size_t i = 0; side == SIDE_BOTH && i < ARRAY_LEN(quantity_words); i++)
        if (w->shape->from_visits & quantity_words[i].bit && quantity_words[i].bit != Q_VISITS)
            buf_addf(o, ", %s AS %s", quantity_words[i].signed_sum, quantity_words[i].name);
    buf_adds(o, " FROM visit_row v WHERE ");
    put_days(w, LEVEL_HOT, "");
    buf_adds(o, " GROUP BY ALL HAVING sum(sign) > 0) n");
    buf_adds(o, sets ? " JOIN attribute_set s ON s.code = n.attributes)" : ")");
}

static void put_hot_visits(const struct writer *w, enum side side) {
    bool needed[DIMS] = {0};
    find_needed(w, side, needed);
    buf_adds(w->out, "(SELECT r.*");
    bool sets = put_of_sets(w->out, needed, side);
    buf_adds(w->out, " FROM visit_row r");
    buf_adds(w->out, sets ? " JOIN attribute_set s ON s.code = r.attributes)" : ")");
}

static void put_path(struct buf *o, const char *path) {
    buf_addc(o, '\'');
    for (const char *p = path; *p; p++) {
        if (*p == '\'')
            buf_addc(o, '\'');
        buf_addc(o, *p);
    }
    buf_addc(o, '\'');
}

void put_file_list(const struct writer *w, enum source source) {
    buf_adds(w->out, "[");
    for (size_t i = 0; i < w->reach->part_count; i++) {
        const struct sealed_part *p = w->reach->parts[i];
        buf_adds(w->out, i ? ", " : "");
        put_path(w->out, source == SOURCE_EVENT ? p->event_path : p->visit_path);
    }
    buf_adds(w->out, "]");
}

void put_files(const struct writer *w, enum source source) {
    buf_adds(w->out, "read_parquet(");
    put_file_list(w, source);
    buf_adds(w->out, ")");
}

static void put_event_files(const struct writer *w, enum side side) {
    if (side == SIDE_VITALS)
        put_vital_files(w);
    else
        put_files(w, SOURCE_EVENT);
}

/* Whether event rows are asked for the pages their visit entered or left by, which only the visit
 * file has. */
static bool asks_for_ends(const struct writer *w, enum side side) {
    bool needed[DIMS] = {0};
    find_needed(w, side, needed);
    return needed[DIM_ENTRY_PAGE] || needed[DIM_EXIT_PAGE];
}

static void put_sealed_events(const struct writer *w, enum side side) {
    struct buf *o = w->out;
    if (!asks_for_ends(w, side)) {
        put_event_files(w, side);
        return;
    }
    buf_adds(o, "(SELECT x.*, y.entry_page, y.exit_page FROM ");
    put_event_files(w, side);
    buf_adds(o, " x JOIN (SELECT day, visit, entry_page, exit_page FROM ");
    put_files(w, SOURCE_VISIT);
    buf_adds(o, ") y ON y.day = x.day AND y.visit = x.visit)");
}

void put_event_source(const struct writer *w, enum level level, enum side side) {
    put_source(w, level, SOURCE_EVENT, side);
    buf_adds(w->out, " e");
    if (level != LEVEL_HOT || !w->shape->events_need_visits)
        return;
    buf_adds(w->out, " JOIN ");
    put_net_visits(w, side);
    buf_adds(w->out, " v ON v.visit = e.visit");
}

void put_source(const struct writer *w, enum level level, enum source source, enum side side) {
    if (level != LEVEL_HOT && source == SOURCE_EVENT)
        put_sealed_events(w, side);
    else if (level != LEVEL_HOT)
        put_files(w, source);
    else if (source == SOURCE_EVENT)
        buf_adds(w->out, "event_row");
    else
        put_hot_visits(w, side);
}

/* --- persons ------------------------------------------------------------------------------------
 */

enum by_id persons_by(const struct counting *c, enum level level) {
    if (!c->person_flag || (c->varies && level == LEVEL_HOT))
        return BY_ID;
    return c->varies ? BY_VARIES : BY_FLAG;
}

void put_person_id(const struct writer *w, enum level level, const struct counting *c,
                   const char *alias) {
    enum by_id by = persons_by(c, level);
    if (by == BY_VARIES)
        buf_addf(w->out, "CASE WHEN (%s.varies & %u) <> 0 THEN ", alias, c->varies);
    if (level == LEVEL_HOT)
        buf_addf(w->out, "%s.visitor", alias);
    else
        buf_addf(w->out, "%s.day * 4294967296 + %s.person", alias, alias);
    buf_addf(w->out, "%s AS k, ", by == BY_VARIES ? " END" : "");
}

void put_person_flags(const struct writer *w, enum level level, const struct counting *c,
                      const char *alias) {
    enum by_id by = persons_by(c, level);
    const char *rows = level == LEVEL_HOT && *alias == 'v' ? "sum(v.sign)" : "count(*)";
    if (by == BY_ID)
        buf_adds(w->out, "0");
    else if (by == BY_FLAG && w->shape->persons_alone)
        buf_adds(w->out, rows); /* there are no others, see put_persons_alone() */
    else if (level == LEVEL_HOT && *alias == 'e' && c->person_flag != FIRST_PAGE)
        /* into few groups the engine adds faster than it chooses rows */
        buf_addf(w->out, "sum((e.first >> %d) & 1)::BIGINT", __builtin_ctz(c->person_flag));
    else
        buf_addf(w->out, "%s FILTER ((%s.first & %u) <> 0%s", rows, alias, c->person_flag,
                 by == BY_VARIES ? " AND " : ")");
    if (by == BY_VARIES)
        buf_addf(w->out, "(%s.varies & %u) = 0)", alias, c->varies);
}

void put_persons_alone(const struct writer *w, enum level level, const struct counting *c,
                       const char *alias) {
    enum by_id by = persons_by(c, level);
    if (!w->shape->persons_alone || by == BY_ID)
        return;
    buf_addf(w->out, " AND ((%s.first & %u) <> 0", alias, c->person_flag);
    if (by == BY_VARIES)
        buf_addf(w->out, " OR (%s.varies & %u) <> 0", alias, c->varies);
    buf_adds(w->out, ")");
}
