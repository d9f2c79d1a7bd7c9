#include "roll_sums.h"

#include <stdlib.h>

enum { KIND_PAGEVIEW = 0, KIND_ENGAGEMENT = 2, NO_SCROLL = 255 };

static struct roll_value *value_at(struct roll_values *v, uint32_t number) {
    if (number >= v->cap) {
        size_t cap = v->cap ? v->cap : 64;
        while (cap <= number)
            cap *= 2;
        struct roll_value *at = realloc(v->at, cap * sizeof(*at));
        if (!at)
            return NULL;
        memset(at + v->cap, 0, (cap - v->cap) * sizeof(*at));
        v->at = at;
        v->cap = (uint32_t)cap;
    }
    return &v->at[number];
}

/* The figures of visits that entered there. */
static void add_entry(struct roll_value *v, const struct roll_visit *visit) {
    v->numbers[ROLL_AT_entries]++;
    v->numbers[ROLL_AT_bounces] += visit->bounce;
    v->numbers[ROLL_AT_duration_ms] += visit->duration_ms;
    v->numbers[ROLL_AT_entry_pageviews] += visit->pageviews;
}

static bool add_visit(struct roll_values *dim, uint32_t number, uint32_t bit,
                      const struct roll_visit_row *row) {
    struct roll_value *v = value_at(dim, number);
    if (!v)
        return false;
    v->is_row = true;
    v->numbers[ROLL_AT_visitors] += (row->first & bit) != 0;
    v->numbers[ROLL_AT_visits]++;
    v->numbers[ROLL_AT_pageviews] += row->visit.pageviews;
    v->numbers[ROLL_AT_events] += row->events;
    add_entry(v, &row->visit);
    return true;
}

static bool keep_visit(struct roll_sums *s, const struct roll_visit *visit) {
    if (s->visit_count == s->visit_cap) {
        size_t cap = s->visit_cap ? s->visit_cap * 2 : 1024;
        struct roll_visit *visits = realloc(s->visits, cap * sizeof(*visits));
        if (!visits)
            return false;
        s->visits = visits;
        s->visit_cap = cap;
    }
    s->visits[s->visit_count++] = *visit;
    return true;
}

bool roll_sums_visit(struct roll_sums *s, const struct roll_visit_row *row) {
    for (size_t i = 0; i < SEAL_DIMS; i++)
        if (!add_visit(&s->dims[i], row->dims[i], 2U << i, row))
            return false;
    /* Visits count at the hour they began in, persons and events where the events are. */
    struct roll_value *hour = value_at(&s->dims[ROLL_HOUR], row->hour);
    if (!hour)
        return false;
    add_entry(hour, &row->visit);
    hour->numbers[ROLL_AT_visits]++;
    return add_visit(&s->dims[ROLL_PERSON], 0, FIRST_OF(person), row) && keep_visit(s, &row->visit);
}

static int by_visit(const void *a, const void *b) {
    uint32_t x = ((const struct roll_visit *)a)->visit, y = ((const struct roll_visit *)b)->visit;
    return (x > y) - (x < y);
}

static void put_in_order(struct roll_sums *s) {
    for (size_t i = 1; i < s->visit_count; i++)
        if (s->visits[i].visit < s->visits[i - 1].visit) {
            qsort(s->visits, s->visit_count, sizeof(*s->visits), by_visit);
            return;
        }
}

/* A page may have no counted event and yet be entered: the empty one, by visits without a page
 * view. */
bool roll_sums_end_visits(struct roll_sums *s) {
    enum { ENTRY_PAGE = FIRST_AT_entry_page - 1 };
    put_in_order(s);
    const struct text_column *entered = s->columns[ENTRY_PAGE];
    for (uint32_t i = 0; i <= entered->values.count; i++) {
        const struct roll_value *from = value_at(&s->dims[ENTRY_PAGE], i);
        uint32_t number;
        if (!from ||
            !numbering_get(&s->columns[ROLL_PAGE]->values, text_column_at(entered, i), &number))
            return false;
        if (!from->is_row)
            continue;
        struct roll_value *to = value_at(&s->dims[ROLL_PAGE], number);
        if (!to)
            return false;
        to->is_row = true;
        for (enum roll_number n = ROLL_AT_entries; n <= ROLL_AT_entry_pageviews; n++)
            to->numbers[n] = from->numbers[n];
    }
    return numbering_get(&s->columns[ROLL_NAME]->values, SPAN_LIT("pageview"), &s->pageview);
}

/* The visit whose events come now, NULL when there is none. */
static const struct roll_visit *its_visit(struct roll_sums *s) {
    while (s->at_visit < s->visit_count && s->visits[s->at_visit].visit < s->of_events)
        s->at_visit++;
    const struct roll_visit *v = &s->visits[s->at_visit];
    return s->at_visit < s->visit_count && v->visit == s->of_events ? v : NULL;
}

static void begin_visit(struct roll_sums *s, uint32_t visit) {
    if (visit < s->of_events)
        s->at_visit = 0;
    s->of_events = visit;
    s->serial++;
}

/* Time adds up; of scrolling the deepest of a visit counts. */
static void add_engagement(struct roll_value *v, const struct roll_event_row *row,
                           uint32_t serial) {
    if (row->kind == KIND_ENGAGEMENT) {
        v->numbers[ROLL_AT_engaged_ms] += row->engaged_ms;
        v->numbers[ROLL_AT_engaged_visits] += v->engaged_in != serial;
        v->engaged_in = serial;
    }
    if (row->scroll == NO_SCROLL)
        return;
    bool is_first = v->scrolled_in != serial;
    v->numbers[ROLL_AT_scroll_visits] += is_first;
    uint8_t before = is_first ? 0 : v->scroll;
    uint8_t after = row->scroll > before ? row->scroll : before;
    v->numbers[ROLL_AT_scroll_sum] += (uint64_t)(after - before);
    v->scroll = after;
    v->scrolled_in = serial;
}

static struct roll_value *add_counted(struct roll_values *dim, uint32_t number,
                                      const struct roll_event_row *row, uint32_t person_bit) {
    struct roll_value *v = value_at(dim, number);
    if (!v)
        return NULL;
    v->is_row = true;
    v->numbers[ROLL_AT_visitors] += (row->first & person_bit) != 0;
    v->numbers[ROLL_AT_pageviews] += row->kind == KIND_PAGEVIEW;
    v->numbers[ROLL_AT_events]++;
    return v;
}

/* Name and hostname: the visits that have such an event, each once, with the row that carries the
 * visit's flag. */
static bool add_with_visit(struct roll_sums *s, enum roll_dim dim, uint32_t number,
                           const struct roll_event_row *row, uint32_t person_bit,
                           uint32_t visit_bit) {
    struct roll_value *v = add_counted(&s->dims[dim], number, row, person_bit);
    if (!v || !(row->first & visit_bit))
        return v;
    v->numbers[ROLL_AT_visits]++;
    const struct roll_visit *visit = its_visit(s);
    if (visit)
        add_entry(v, visit);
    return true;
}

static bool add_event(struct roll_sums *s, const struct roll_event_row *row) {
    struct roll_value *page = add_counted(&s->dims[ROLL_PAGE], row->page, row, FIRST_PAGE);
    if (!page)
        return false;
    page->numbers[ROLL_AT_visits] += (row->first & FIRST_VISIT_PAGE) != 0;
    uint32_t name = row->kind == KIND_PAGEVIEW ? s->pageview : row->name;
    return add_counted(&s->dims[ROLL_HOUR], row->hour, row, FIRST_HOUR) &&
           add_with_visit(s, ROLL_NAME, name, row, FIRST_NAME, FIRST_VISIT_NAME) &&
           add_with_visit(s, ROLL_HOSTNAME, row->hostname, row, FIRST_HOSTNAME,
                          FIRST_VISIT_HOSTNAME);
}

bool roll_sums_event(struct roll_sums *s, const struct roll_event_row *row) {
    if (row->visit != s->of_events || s->serial == 0)
        begin_visit(s, row->visit);
    if (row->kind < KIND_ENGAGEMENT && !add_event(s, row))
        return false;
    if (row->kind != KIND_ENGAGEMENT && row->scroll == NO_SCROLL)
        return true;
    struct roll_value *page = value_at(&s->dims[ROLL_PAGE], row->page);
    struct roll_value *all = value_at(&s->dims[ROLL_PERSON], 0);
    if (!page || !all)
        return false;
    page->is_row = true;
    add_engagement(page, row, s->serial);
    add_engagement(all, row, s->serial);
    return true;
}

void roll_sums_release(struct roll_sums *s) {
    for (size_t i = 0; i < ROLL_DIMS; i++)
        free(s->dims[i].at);
    free(s->visits);
    *s = (struct roll_sums){0};
}

/* --- what is said of them -----------------------------------------------------------------------
 */

static const char *const names[ROLL_DIMS] = {[ROLL_PAGE] = "page",
                                             [ROLL_NAME] = "name",
                                             [ROLL_HOSTNAME] = "hostname",
                                             [ROLL_HOUR] = "hour",
                                             [ROLL_PERSON] = "person"};

const char *roll_dim_name(size_t dim) {
    return dim < SEAL_DIMS ? seal_dim(dim) : names[dim];
}

struct span roll_sums_text(const struct roll_sums *s, size_t dim, uint32_t number) {
    static const char *const hours[] = {"0",  "1",  "2",  "3",  "4",  "5",  "6",  "7",
                                        "8",  "9",  "10", "11", "12", "13", "14", "15",
                                        "16", "17", "18", "19", "20", "21", "22", "23"};
    if (dim < ROLL_TEXT_DIMS)
        return text_column_at(s->columns[dim], number);
    return dim == ROLL_HOUR ? span_str(hours[number % ARRAY_LEN(hours)]) : SPAN_EMPTY;
}
