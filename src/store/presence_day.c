#include "presence_day.h"

#include <stdlib.h>

/* What a key says besides the person (or visit) and the value's number. */
enum { KEY_VALUE_BITS = 27, KEY_PAGE = FIRST_AT_COUNT, KEY_NAME, KEY_HOSTNAME, KEY_HOUR };

_Static_assert(KEY_HOUR < 32, "kinds of keys fit five bits");

static const struct event_values no_values = {UINT32_MAX, UINT32_MAX, UINT32_MAX};

size_t presence_day_bytes(const struct presence_day *d) {
    return sizeof(*d) + d->person_cap * sizeof(*d->persons) +
           d->person_index_cap * sizeof(*d->person_index) +
           (d->at_values.cap + d->later_values.cap + d->earlier.cap) * sizeof(uint64_t);
}

void presence_day_let_go(struct presence_day *d) {
    free(d->persons);
    free(d->person_index);
    keyset_release(&d->at_values);
    keyset_release(&d->later_values);
    keyset_release(&d->earlier);
    *d = (struct presence_day){.words = d->words,
                               .site = d->site,
                               .number = d->number,
                               .stored = d->stored,
                               .touch = d->touch};
}

static bool grow_persons(struct presence_day *d) {
    uint32_t cap = d->person_cap ? d->person_cap * 2 : 32;
    size_t index_cap = (size_t)cap * 2;
    struct person *persons = realloc(d->persons, cap * sizeof(*persons));
    if (!persons)
        return false;
    d->persons = persons;
    uint32_t *index = calloc(index_cap, sizeof(*index));
    if (!index)
        return false;
    for (uint32_t i = 0; i < d->person_count; i++) {
        size_t at = mix64(persons[i].visitor) & (index_cap - 1);
        while (index[at])
            at = (at + 1) & (index_cap - 1);
        index[at] = i + 1;
    }
    free(d->person_index);
    d->person_index = index;
    d->person_index_cap = index_cap;
    d->person_cap = cap;
    return true;
}

/* The person's number, made when there is none; 0: out of memory. */
static uint32_t day_person(struct presence_day *d, uint64_t visitor) {
    if (d->person_count == d->person_cap && !grow_persons(d))
        return 0;
    size_t at = mix64(visitor) & (d->person_index_cap - 1);
    for (; d->person_index[at]; at = (at + 1) & (d->person_index_cap - 1))
        if (d->persons[d->person_index[at] - 1].visitor == visitor)
            return d->person_index[at];
    d->persons[d->person_count++] = (struct person){.visitor = visitor};
    return d->person_index[at] = d->person_count;
}

static uint64_t key(uint32_t who, unsigned kind, uint32_t value) {
    return (uint64_t)who << 32 | (uint64_t)kind << KEY_VALUE_BITS | value;
}

/* --- events -------------------------------------------------------------------------------------
 */

/* Whether the person, and whether its visit, is at the value for the first time. */
static bool add_value(struct presence_day *d, uint32_t person, unsigned kind, uint32_t value,
                      uint32_t of_person, uint32_t of_visit, uint32_t *first) {
    uint32_t later = d->persons[person - 1].later_visit;
    int fresh = keyset_add(&d->at_values, key(person, kind, value));
    int fresh_in_visit = later ? keyset_add(&d->later_values, key(later, kind, value)) : fresh;
    if (fresh < 0 || fresh_in_visit < 0)
        return false;
    *first |= (fresh ? of_person : 0) | (fresh_in_visit ? of_visit : 0);
    return true;
}

bool presence_day_event(struct presence_day *d, uint64_t visitor, uint64_t visit, unsigned hour,
                        const struct event_words *w, uint32_t *ret_first) {
    uint32_t n = day_person(d, visitor);
    if (!n)
        return false;
    struct person *p = &d->persons[n - 1];
    uint32_t first = 0;
    if (p->event_visit != visit) {
        first = FIRST_VISIT | (p->event_visit ? 0 : FIRST_PERSON);
        p->later_visit = p->event_visit ? ++d->later_visits : 0;
        p->event_visit = visit;
        p->latest = no_values;
    }
    struct event_values before = p->latest;
    p->latest = (struct event_values){w->name, w->hostname, hour};
    if (!add_value(d, n, KEY_PAGE, w->page, FIRST_PAGE, FIRST_VISIT_PAGE, &first) ||
        (w->name != before.name &&
         !add_value(d, n, KEY_NAME, w->name, FIRST_NAME, FIRST_VISIT_NAME, &first)) ||
        (w->hostname != before.hostname &&
         !add_value(d, n, KEY_HOSTNAME, w->hostname, FIRST_HOSTNAME, FIRST_VISIT_HOSTNAME,
                    &first)) ||
        (hour != before.hour &&
         !add_value(d, n, KEY_HOUR, hour, FIRST_HOUR, FIRST_VISIT_HOUR, &first)))
        return false;
    *ret_first = first;
    return true;
}

/* --- visits -------------------------------------------------------------------------------------
 */

/* The words of a visit, by dimension. */
struct values {
    uint32_t word[FIRST_AT_COUNT];
};

static struct values values_of(const struct presence_day *d, const struct visit_words *w) {
    const struct attributes *set = words_attributes(d->words, w->attributes);
    struct values v = {0};
#define ATTRIBUTE_entry_page 0
#define ATTRIBUTE_exit_page 0
#define ATTRIBUTE_person 0
#define X(name) v.word[FIRST_AT_##name] = set->word[ATTRIBUTE_##name];
    FIRST_DIMENSIONS(X)
#undef X
#undef ATTRIBUTE_entry_page
#undef ATTRIBUTE_exit_page
#undef ATTRIBUTE_person
    v.word[FIRST_AT_person] = WORD_EMPTY;
    v.word[FIRST_AT_entry_page] = w->entry_page;
    v.word[FIRST_AT_exit_page] = w->exit_page;
    return v;
}

/* Its values go to those of earlier visits. */
static bool end_visit(struct presence_day *d, uint32_t n) {
    struct person *p = &d->persons[n - 1];
    struct values v = values_of(d, &p->values);
    bool ok = true;
    for (unsigned i = FIRST_AT_person + 1; ok && i < FIRST_AT_COUNT; i++)
        ok = keyset_add(&d->earlier, key(n, i, v.word[i])) >= 0;
    p->past = true;
    return ok;
}

static bool was_there(const struct presence_day *d, uint32_t n, unsigned dimension,
                      uint32_t value) {
    return d->persons[n - 1].past &&
           (dimension == FIRST_AT_person || keyset_has(&d->earlier, key(n, dimension, value)));
}

bool presence_day_begin_visit(struct presence_day *d, uint64_t visitor, uint64_t visit,
                              const struct visit_words *words, uint32_t *ret_first) {
    uint32_t n = day_person(d, visitor);
    if (!n)
        return false;
    struct person *p = &d->persons[n - 1];
    if (p->visit && !end_visit(d, n))
        return false;
    uint32_t first = (1U << FIRST_AT_COUNT) - 1;
    if (p->past) {
        struct values v = values_of(d, words);
        for (unsigned i = 0; i < FIRST_AT_COUNT; i++)
            if (was_there(d, n, i, v.word[i]))
                first &= ~(1U << i);
    }
    p->visit = visit;
    p->values = *words;
    *ret_first = first;
    return true;
}

static void move_value(const struct presence_day *d, uint32_t n, unsigned dimension,
                       uint32_t before, uint32_t after, uint32_t *first_before,
                       uint32_t *first_after) {
    if (before == after)
        return;
    if (!was_there(d, n, dimension, before))
        *first_before |= 1U << dimension;
    if (!was_there(d, n, dimension, after))
        *first_after |= 1U << dimension;
}

bool presence_day_move_visit(struct presence_day *d, uint64_t visitor,
                             const struct visit_words *words, uint32_t *ret_before,
                             uint32_t *ret_after) {
    uint32_t n = day_person(d, visitor);
    if (!n)
        return false;
    struct visit_words *known = &d->persons[n - 1].values;
    *ret_before = *ret_after = 0;
    move_value(d, n, FIRST_AT_entry_page, known->entry_page, words->entry_page, ret_before,
               ret_after);
    move_value(d, n, FIRST_AT_exit_page, known->exit_page, words->exit_page, ret_before, ret_after);
    known->entry_page = words->entry_page;
    known->exit_page = words->exit_page;
    return true;
}

static int no_memory(struct err *err) {
    return err_set(err, ERR_NOMEM, "no memory to tell visitors apart");
}

int presence_load_visit(struct presence_day *d, uint64_t visitor, uint64_t visit,
                        const struct visit_words *words, struct err *err) {
    uint32_t ignored;
    return presence_day_begin_visit(d, visitor, visit, words, &ignored) ? 0 : no_memory(err);
}

/* The person's latest visit is known by now; of earlier ones only what the person saw matters. */
int presence_load_event(struct presence_day *d, uint64_t visitor, uint64_t visit, unsigned hour,
                        const struct event_words *words, struct err *err) {
    uint32_t n = day_person(d, visitor);
    if (!n)
        return no_memory(err);
    struct person *p = &d->persons[n - 1];
    if (p->event_visit == 0) {
        p->event_visit = p->visit;
        p->later_visit = p->past ? ++d->later_visits : 0;
    }
    uint32_t later = p->later_visit;
    if (visit != p->visit)
        p->later_visit = 0;
    uint64_t latest = p->event_visit;
    p->event_visit = visit;
    p->latest = no_values;
    uint32_t ignored;
    bool ok = presence_day_event(d, visitor, visit, hour, words, &ignored);
    p = &d->persons[n - 1];
    p->latest = no_values;
    p->event_visit = latest;
    p->later_visit = later;
    return ok ? 0 : no_memory(err);
}
