#include "day_visits.h"

#include <stdlib.h>

static int no_memory(struct err *err) {
    return err_set(err, ERR_NOMEM, "no memory for a day's visits");
}

/* --- reading ------------------------------------------------------------------------------------
 */

struct reading {
    struct day_visits *day;
    const struct code_texts *words;    /* of entry and exit pages */
    struct code_texts sets;            /* of the other texts, in the order of the columns */
    uint32_t numbers[MOST_CHUNK_ROWS]; /* of a chunk's texts */
};

static void reading_free(struct reading *r) {
    code_texts_release(&r->sets);
    free(r);
}
DEFINE_FREEP(struct reading, reading_free)

/* The pages a visit entered and left by change with it: they are not in its set of attributes. */
static bool is_page(size_t k) {
    return k == FIRST_AT_entry_page - 1 || k == FIRST_AT_exit_page - 1;
}

static const char *text_name(size_t k) {
    return k == DAY_HOSTNAME ? "hostname" : seal_dim(k);
}

static struct day_visit *new_visit(struct day_visits *d) {
    if (d->count == d->cap) {
        size_t cap = d->cap ? d->cap + d->cap / 2 : 1024;
        struct day_visit *visits = realloc(d->visits, cap * sizeof(*visits));
        if (!visits)
            return NULL;
        d->visits = visits;
        d->cap = cap;
    }
    return &d->visits[d->count++];
}

/* The columns of a chunk, as read_rows() asks for them. */
struct visit_columns {
    const uint64_t *id, *visitor;
    const int64_t *start_sec;
    const uint32_t *pageviews, *events, *duration_ms;
    const uint8_t *hour, *bounce;
};

static bool take_row(struct reading *r, const struct visit_columns *c, idx_t i) {
    struct day_visit *v = new_visit(r->day);
    if (!v)
        return false;
    *v = (struct day_visit){
        .id = c->id[i],
        .visitor = c->visitor[i],
        .start_sec = c->start_sec[i],
        .pageviews = c->pageviews[i],
        .events = c->events[i],
        .duration_ms = c->duration_ms[i],
        .hour = c->hour[i],
        .bounce = c->bounce[i],
    };
    return true;
}

static int take_rows(void *to, duckdb_data_chunk rows, struct err *err) {
    struct reading *r = to;
    enum { FIGURES = 8 };
    struct visit_columns c = {.id = chunk_column(rows, 0),
                              .visitor = chunk_column(rows, 1),
                              .start_sec = chunk_column(rows, 2),
                              .pageviews = chunk_column(rows, 3),
                              .events = chunk_column(rows, 4),
                              .duration_ms = chunk_column(rows, 5),
                              .hour = chunk_column(rows, 6),
                              .bounce = chunk_column(rows, 7)};
    idx_t count = duckdb_data_chunk_get_size(rows);
    uint32_t of_sets = 0;
    for (size_t k = 0; k < DAY_TEXTS; k++) {
        struct day_column *column = &r->day->columns[k];
        bool page = is_page(k);
        idx_t at = !page ? FIGURES : k == FIRST_AT_entry_page - 1 ? FIGURES + 1 : FIGURES + 2;
        if (!code_texts_read(page ? r->words : &r->sets, page ? 0 : of_sets, chunk_column(rows, at),
                             count, &column->text, r->numbers) ||
            !packed_add(&column->rows, r->numbers, count))
            return no_memory(err);
        of_sets += !page;
    }
    for (idx_t i = 0; i < count; i++)
        if (!take_row(r, &c, i))
            return no_memory(err);
    return 0;
}

static int read_sets(duckdb_connection c, struct reading *r, struct err *err) {
    BUF_AUTO sql = {0};
    uint32_t columns = 0;
    buf_adds(&sql, "SELECT code");
    for (size_t k = 0; k < DAY_TEXTS; k++)
        if (!is_page(k)) {
            buf_addf(&sql, ", %s", text_name(k));
            columns++;
        }
    buf_adds(&sql, " FROM attribute_set");
    return code_texts_load(&r->sets, c, &sql, columns, err);
}

/* The last state of each visit that is: those whose rows cancel each other out never were. */
static int read_rows(duckdb_connection c, uint32_t site, int32_t day,
                     const struct code_texts *words, struct day_visits *d, struct err *err) {
    CLEANUP(reading_freep) struct reading *r = calloc(1, sizeof(*r));
    if (!r || duckdb_vector_size() > MOST_CHUNK_ROWS)
        return no_memory(err);
    r->day = d;
    r->words = words;
    int code = read_sets(c, r, err);
    if (code)
        return code;
    BUF_AUTO sql = {0};
    buf_addf(&sql,
             "SELECT visit, visitor, start_ms // 1000, pageviews::UINTEGER, events::UINTEGER,"
             " duration_ms::UINTEGER, hour, bounce::UTINYINT, attributes, entry_page, exit_page"
             " FROM visit_row WHERE site = %u AND day = %d AND rowid IN (SELECT max(rowid)"
             " FILTER (sign = 1) FROM visit_row WHERE site = %u AND day = %d GROUP BY visit"
             " HAVING sum(sign) > 0)",
             site, day, site, day);
    return sql_each_chunk(c, &sql, take_rows, r, err);
}

/* --- the order of the files ---------------------------------------------------------------------
 */

struct ranked {
    struct span text;
    uint32_t number;
};

static int by_text(const void *a, const void *b) {
    const struct ranked *x = a, *y = b;
    return span_compare(x->text, y->text);
}

static bool rank(struct day_column *c) {
    uint32_t count = c->text.values.count;
    CLEANUP(free_charp) char *memory = malloc((count + 1) * sizeof(struct ranked));
    struct ranked *texts = (struct ranked *)(void *)memory;
    c->ranks = calloc(count + 1, sizeof(*c->ranks));
    if (!texts || !c->ranks)
        return false;
    for (uint32_t i = 0; i < count; i++)
        texts[i] = (struct ranked){c->text.values.texts[i], i + 1};
    qsort(texts, count, sizeof(*texts), by_text);
    for (uint32_t i = 0; i < count; i++)
        c->ranks[texts[i].number] = i + 1;
    return true;
}

/* What visits are sorted by: the ranks of ORDER in as few bits as hold them, then chance. */
struct place {
    uint64_t high, low, chance;
    uint32_t at;
};

static const enum first_dimension order[] = {FIRST_AT_channel,   FIRST_AT_source, FIRST_AT_country,
                                             FIRST_AT_device,    FIRST_AT_os,     FIRST_AT_browser,
                                             FIRST_AT_entry_page};

static unsigned bits_of(uint32_t n) {
    return n ? 32U - (unsigned)__builtin_clz(n) : 0;
}

/* 128 bits are enough for 300,000 different values in each of the seven; past them the last
 * columns are left to chance. */
static void fill_key(const struct day_visits *d, size_t visit, struct place *ret) {
    unsigned __int128 key = 0;
    unsigned used = 0;
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        const struct day_column *c = &d->columns[order[i] - 1];
        unsigned bits = bits_of(c->text.values.count);
        if ((used += bits) > 128)
            break;
        key = key << bits | c->ranks[packed_at(&c->rows, visit)];
    }
    ret->high = (uint64_t)(key >> 64);
    ret->low = (uint64_t)key;
}

static int by_place(const void *a, const void *b) {
    const struct place *x = a, *y = b;
    if (x->high != y->high)
        return x->high < y->high ? -1 : 1;
    if (x->low != y->low)
        return x->low < y->low ? -1 : 1;
    return (x->chance > y->chance) - (x->chance < y->chance);
}

/* Each visit to its place, a ring of them after the other. */
static void move(struct day_visit *visits, struct place *places, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct day_visit first = visits[i];
        size_t hole = i;
        while (places[hole].at != i) {
            size_t from = places[hole].at;
            visits[hole] = visits[from];
            places[hole].at = (uint32_t)hole;
            hole = from;
        }
        visits[hole] = first;
        places[hole].at = (uint32_t)hole;
    }
}

static bool move_texts(struct day_visits *d, const struct place *places) {
    CLEANUP(free_charp) char *memory = malloc((d->count + 1) * sizeof(uint32_t));
    uint32_t *from = (uint32_t *)(void *)memory;
    for (size_t i = 0; from && i < d->count; i++)
        from[i] = places[i].at;
    bool ok = from;
    for (size_t k = 0; ok && k < DAY_TEXTS; k++)
        ok = packed_reorder(&d->columns[k].rows, from);
    return ok;
}

static bool put_in_order(struct day_visits *d) {
    for (size_t k = 0; k < DAY_TEXTS; k++)
        if (!rank(&d->columns[k]))
            return false;
    CLEANUP(free_charp) char *memory = malloc((d->count + 1) * sizeof(struct place));
    struct place *places = (struct place *)(void *)memory;
    if (!places)
        return false;
    uint64_t chance[256]; /* many in a call, which costs more than they do */
    for (size_t i = 0; i < d->count; i++) {
        size_t of_these = i % ARRAY_LEN(chance);
        if (of_these == 0)
            crypt_random(chance, sizeof(chance));
        places[i] = (struct place){.chance = chance[of_these], .at = (uint32_t)i};
        fill_key(d, i, &places[i]);
    }
    qsort(places, d->count, sizeof(*places), by_place);
    bool ok = move_texts(d, places);
    move(d->visits, places, d->count);
    crypt_wipe(places, d->count * sizeof(*places));
    return ok;
}

/* --- persons ------------------------------------------------------------------------------------
 */

static bool number_persons(struct day_visits *d) {
    CLEANUP(key_numbers_release) struct key_numbers persons = {0};
    for (size_t i = 0; i < d->count; i++)
        if (!key_numbers_get(&persons, d->visits[i].visitor, &d->visits[i].person))
            return false;
    d->persons = persons.count;
    return true;
}

/* Visits by person, each person's in their order: begins[p] to begins[p + 1] of `by_person`. */
struct grouping {
    uint32_t *begins, *by_person;
};

static void grouping_release(struct grouping *g) {
    free(g->begins);
    free(g->by_person);
}

static bool group(const struct day_visits *d, struct grouping *g) {
    g->begins = calloc(d->persons + 2, sizeof(*g->begins));
    g->by_person = malloc((d->count + 1) * sizeof(*g->by_person));
    if (!g->begins || !g->by_person)
        return false;
    for (size_t i = 0; i < d->count; i++)
        g->begins[d->visits[i].person + 2]++;
    for (size_t p = 2; p < d->persons + 2; p++)
        g->begins[p] += g->begins[p - 1];
    for (size_t i = 0; i < d->count; i++)
        g->by_person[g->begins[d->visits[i].person + 1]++] = (uint32_t)i;
    return true;
}

static bool set_flags(struct day_visits *d) {
    CLEANUP(grouping_release) struct grouping g = {0};
    CLEANUP(person_flags_release) struct person_flags flags = {0};
    if (!group(d, &g))
        return false;
    for (size_t p = 0; p < d->persons; p++) {
        uint32_t begin = g.begins[p], end = g.begins[p + 1];
        if (end - begin == 1) {
            d->visits[g.by_person[begin]].first = SEAL_FIRST_ALL;
            continue;
        }
        person_flags_next(&flags);
        for (uint32_t i = begin; i < end; i++) {
            uint32_t values[SEAL_DIMS];
            day_visit_dims(d, g.by_person[i], values);
            if (!person_flags_visit(&flags, values, &d->visits[g.by_person[i]].first))
                return false;
        }
        for (uint32_t i = begin; i < end; i++)
            d->visits[g.by_person[i]].varies = flags.varies;
    }
    return true;
}

int day_visits_read(duckdb_connection c, uint32_t site, int32_t day, const struct code_texts *words,
                    struct day_visits *ret, struct err *err) {
    int code = read_rows(c, site, day, words, ret, err);
    if (code)
        return code;
    return put_in_order(ret) && number_persons(ret) && set_flags(ret) ? 0 : no_memory(err);
}

void day_visits_release(struct day_visits *d) {
    for (size_t k = 0; k < DAY_TEXTS; k++) {
        text_column_release(&d->columns[k].text);
        packed_release(&d->columns[k].rows);
        free(d->columns[k].ranks);
    }
    free(d->visits);
    *d = (struct day_visits){0};
}
