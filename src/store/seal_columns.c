#include "seal_columns.h"

#include "must.h"

static void add_column(struct seal_columns *c, const char *name, enum parquet_type type,
                       bool near) {
    must(c->count < PARQUET_COLUMNS);
    c->at[c->count++] = (struct parquet_column){.name = name, .type = type, .near = near};
}

static void add_dims(struct seal_columns *c, bool of_events) {
    for (size_t k = 0; k < SEAL_DIMS; k++)
        if (!of_events || seal_dim_on_event(k))
            add_column(c, seal_dim(k), PARQUET_TEXT, false);
}

static struct seal_columns visit_columns(void) {
    struct seal_columns c = {0};
    add_column(&c, "day", PARQUET_I32, false);
    add_column(&c, "visit", PARQUET_U32, true);
    add_column(&c, "person", PARQUET_U32, true);
    add_column(&c, "hour", PARQUET_U8, false);
    add_column(&c, "start_sec", PARQUET_I64, true);
    add_column(&c, "pageviews", PARQUET_U32, false);
    add_column(&c, "events", PARQUET_U32, false);
    add_column(&c, "bounce", PARQUET_U8, false);
    add_column(&c, "duration_ms", PARQUET_U32, false);
    add_column(&c, "hostname", PARQUET_TEXT, false);
    add_dims(&c, false);
    add_column(&c, "first", PARQUET_U32, false);
    add_column(&c, "varies", PARQUET_U32, false);
    return c;
}

static struct seal_columns event_columns(bool vitals) {
    struct seal_columns c = {0};
    add_column(&c, "day", PARQUET_I32, false);
    add_column(&c, "visit", PARQUET_U32, true);
    add_column(&c, "person", PARQUET_U32, true);
    add_column(&c, "hour", PARQUET_U8, false);
    add_column(&c, "ts_sec", PARQUET_I64, true);
    add_column(&c, "kind", PARQUET_U8, false);
    add_column(&c, "interactive", PARQUET_U8, false);
    add_column(&c, "scroll", PARQUET_U8, false);
    add_column(&c, "engaged_ms", PARQUET_U32, false);
    add_column(&c, "name", PARQUET_TEXT, false);
    add_column(&c, "hostname", PARQUET_TEXT, false);
    add_column(&c, "page", PARQUET_TEXT, false);
    add_column(&c, "props", PARQUET_TEXT, false);
    add_column(&c, "revenue_milli", PARQUET_I64, false);
    add_column(&c, "currency", PARQUET_TEXT, false);
    add_column(&c, "first", PARQUET_U32, false);
    add_column(&c, "varies", PARQUET_U32, false);
    add_dims(&c, true);
    for (size_t i = 0; vitals && i < SEAL_VITALS; i++)
        add_column(&c, seal_vital(i), PARQUET_U32, false);
    return c;
}

static struct seal_columns roll_columns(void) {
    struct seal_columns c = {0};
    add_column(&c, "day", PARQUET_I32, false);
    add_column(&c, "dim", PARQUET_TEXT, false);
    add_column(&c, "value", PARQUET_TEXT, false);
#define X(name, type) \
    add_column(&c, #name, strcmp(type, "UBIGINT") ? PARQUET_U32 : PARQUET_U64, false);
    ROLL_NUMBERS(X)
#undef X
    return c;
}

struct seal_columns seal_columns_of(enum seal_kind kind, bool vitals) {
    if (kind == SEAL_ROLL)
        return roll_columns();
    return kind == SEAL_VISIT ? visit_columns() : event_columns(vitals);
}
