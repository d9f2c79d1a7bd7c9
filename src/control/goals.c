/* goals.c — what a site's owner wants visitors to do: checked, kept, and put into the policy. */
#include "db.h"

/* A pattern becomes a regular expression of at most 500 bytes: 2 × 200 and 6 a star. */
enum { MOST_GOALS = 100, MOST_NAME = 120, MOST_EVENT = 120, MOST_PAGE = 200, MOST_STARS = 10 };
enum { MOST_PROPS = 3, MOST_KEY = 300, MOST_VALUE = 2000, MOST_SCROLL = 100, MOST_SECONDS = 86400 };

static const char *const kind_words[GOAL_KINDS] = {
    [GOAL_PAGE] = "page",
    [GOAL_EVENT] = "event",
    [GOAL_SCROLL] = "scroll",
    [GOAL_ENGAGEMENT] = "engagement",
};

/* A goal as it is kept. */
struct goal_row {
    enum goal_kind kind;
    struct span page, event, currency; /* borrowed from the definition */
    int64_t least;
    struct buf name, props;
};

static void goal_row_release(struct goal_row *g) {
    buf_release(&g->name);
    buf_release(&g->props);
}

static int invalid(struct err *err, const char *key, const char *why) {
    return err_set(err, ERR_INVALID, "%s: %s", key, why);
}

/* --- the definition -----------------------------------------------------------------------------
 */

static bool text_fine(struct span s, size_t most) {
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f)
            return false;
    return s.len > 0 && s.len <= most;
}

static int check_keys(const json_t *definition, struct err *err) {
    static const char *const known[] = {"name",   "page",     "event",          "props",
                                        "scroll", "currency", "engaged_seconds"};
    size_t found = 0;
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        found += json_member(definition, known[i]) != NULL;
    return found == json_object_size(definition)
               ? 0
               : err_set(err, ERR_INVALID,
                         "a goal has name, page, scroll, event, props, currency, engaged_seconds");
}

/* Which of the four it is. */
static int find_kind(const json_t *definition, enum goal_kind *ret, struct err *err) {
    bool page = json_member(definition, "page"), event = json_member(definition, "event");
    bool scroll = json_member(definition, "scroll");
    bool engaged = json_member(definition, "engaged_seconds");
    if (page + event + engaged != 1)
        return err_set(err, ERR_INVALID, "a goal must have one of page, event, engaged_seconds");
    if (scroll && !page)
        return invalid(err, "scroll", "needs a page");
    if (!event && json_member(definition, "props"))
        return invalid(err, "props", "go with an event");
    if (!event && json_member(definition, "currency"))
        return invalid(err, "currency", "goes with an event");
    *ret = scroll ? GOAL_SCROLL : page ? GOAL_PAGE : event ? GOAL_EVENT : GOAL_ENGAGEMENT;
    return 0;
}

static int take_text(const json_t *definition, const char *key, size_t most, struct span *ret,
                     struct err *err) {
    const json_t *value = json_member(definition, key);
    *ret = SPAN_EMPTY;
    if (!value)
        return 0;
    struct span text = span_trim(json_span(value));
    if (!json_is_string(value) || !text_fine(text, most))
        return err_set(err, ERR_INVALID, "%s: must be text of at most %zu bytes", key, most);
    *ret = text;
    return 0;
}

static int check_page(struct span page, struct err *err) {
    size_t stars = 0;
    for (size_t i = 0; i < page.len; i++)
        stars += page.ptr[i] == '*';
    if (page.len > 0 && !settings_path_fine(page))
        return invalid(err, "page", "must be a path such as /thanks or /blog/**");
    return stars <= MOST_STARS ? 0
                               : err_set(err, ERR_INVALID, "page: at most %d stars", MOST_STARS);
}

static int check_currency(struct span code, struct err *err) {
    bool fine = code.len == 0 || code.len == 3;
    for (size_t i = 0; i < code.len; i++)
        fine &= code.ptr[i] >= 'A' && code.ptr[i] <= 'Z';
    return fine ? 0 : invalid(err, "currency", "must be three capitals such as EUR (ISO 4217)");
}

static int take_number(const json_t *definition, const char *key, int64_t most, int64_t *ret,
                       struct err *err) {
    const json_t *value = json_member(definition, key);
    json_int_t n = json_integer_value(value);
    if (value && (!json_is_integer(value) || n < 1 || n > most))
        return err_set(err, ERR_INVALID, "%s: must be 1 to %lld", key, (long long)most);
    if (value)
        *ret = n;
    return 0;
}

/* ["key=value", …] into a JSON object. */
static int take_props(const json_t *list, struct buf *ret, struct err *err) {
    JSON_AUTO object = json_object();
    size_t i;
    const json_t *item;
    if (!list)
        return 0;
    if (!json_is_array(list) || json_array_size(list) > MOST_PROPS)
        return err_set(err, ERR_INVALID, "props: must be a list of at most %d", MOST_PROPS);
    json_array_foreach (list, i, item) {
        struct span text = json_is_string(item) ? json_span(item) : SPAN_EMPTY;
        size_t equals = span_find(text, '=', 0);
        struct span key = span_trim(span_head(text, equals));
        struct span value = span_trim(span_from(text, equals + 1));
        if (!text_fine(key, MOST_KEY) || !text_fine(value, MOST_VALUE))
            return invalid(err, "props", "each must be like plan=pro");
        if (json_object_getn(object, key.ptr, key.len))
            return invalid(err, "props", "a key is given twice");
        if (json_object_setn_new(object, key.ptr, key.len, json_stringn(value.ptr, value.len)) < 0)
            return err_set(err, ERR_NOMEM, "out of memory");
    }
    return json_object_size(object) ? json_write(object, ret, err) : 0;
}

/* What Plausible calls such goals. */
static void put_default_name(struct goal_row *g) {
    if (g->kind == GOAL_EVENT)
        buf_add(&g->name, g->event);
    else if (g->kind == GOAL_ENGAGEMENT)
        buf_addf(&g->name, "Engaged for %lld s", (long long)g->least);
    else if (g->kind == GOAL_SCROLL)
        buf_addf(&g->name, "Scroll %lld%% on ", (long long)g->least);
    else
        buf_adds(&g->name, "Visit ");
    buf_add(&g->name, g->page);
}

static int take_goal(const json_t *definition, struct goal_row *g, struct err *err) {
    struct span name;
    int rc = check_keys(definition, err);
    if (rc < 0 || (rc = find_kind(definition, &g->kind, err)) < 0 ||
        (rc = take_text(definition, "name", MOST_NAME, &name, err)) < 0 ||
        (rc = take_text(definition, "page", MOST_PAGE, &g->page, err)) < 0 ||
        (rc = take_text(definition, "event", MOST_EVENT, &g->event, err)) < 0 ||
        (rc = take_text(definition, "currency", 3, &g->currency, err)) < 0 ||
        (rc = check_page(g->page, err)) < 0 || (rc = check_currency(g->currency, err)) < 0 ||
        (rc = take_number(definition, "scroll", MOST_SCROLL, &g->least, err)) < 0 ||
        (rc = take_number(definition, "engaged_seconds", MOST_SECONDS, &g->least, err)) < 0 ||
        (rc = take_props(json_member(definition, "props"), &g->props, err)) < 0)
        return rc;
    if (name.len)
        buf_add(&g->name, name);
    else
        put_default_name(g);
    return g->name.failed ? err_set(err, ERR_NOMEM, "out of memory") : 0;
}

/* --- add, list, remove --------------------------------------------------------------------------
 */

static void bind_text_or_null(sqlite3_stmt *s, int at, struct span text) {
    if (text.len)
        db_bind_text(s, at, text);
}

static int insert(struct control *c, uint32_t site, const struct goal_row *g, struct err *err) {
    DB_STMT s = NULL;
    int rc = db_prepare(c,
                        "INSERT INTO goal (site, created_ms, name, kind, page, event, props,"
                        " least, currency) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                        &s, err);
    if (rc < 0)
        return rc;
    db_bind_int(s, 1, site);
    db_bind_int(s, 2, clock_wall_ms(c->clock));
    db_bind_text(s, 3, buf_span(&g->name));
    db_bind_text(s, 4, span_str(kind_words[g->kind]));
    bind_text_or_null(s, 5, g->page);
    bind_text_or_null(s, 6, g->event);
    bind_text_or_null(s, 7, buf_span(&g->props));
    if (g->least)
        db_bind_int(s, 8, g->least);
    bind_text_or_null(s, 9, g->currency);
    rc = db_step(c, s, err);
    return rc == ERR_EXISTS ? err_set(err, rc, "name: a goal of that name is there already") : rc;
}

static int count_goals(struct control *c, uint32_t site, size_t *ret, struct err *err) {
    DB_STMT s = NULL;
    int rc = db_prepare(c, "SELECT count(*) FROM goal WHERE site = ?1", &s, err);
    if (rc < 0)
        return rc;
    db_bind_int(s, 1, site);
    if ((rc = db_step(c, s, err)) < 0)
        return rc;
    *ret = (size_t)sqlite3_column_int64(s, 0);
    return 0;
}

int control_goal_add(struct control *c, struct span domain, const json_t *definition,
                     uint64_t *ret_id, struct err *err) {
    CLEANUP(goal_row_release) struct goal_row g = {0};
    int rc = take_goal(definition, &g, err);
    if (rc < 0)
        return rc;
    DB_LOCKED(c);
    DB_CHANGE change = {0};
    uint32_t site;
    size_t count = 0;
    if ((rc = db_begin(c, &change, err)) < 0 || (rc = sites_id(c, domain, &site, err)) < 0 ||
        (rc = insert(c, site, &g, err)) < 0)
        return rc;
    uint64_t id = (uint64_t)sqlite3_last_insert_rowid(c->db);
    if ((rc = count_goals(c, site, &count, err)) < 0)
        return rc;
    if (count > MOST_GOALS)
        return err_set(err, ERR_INVALID, "a site can have at most %d goals", MOST_GOALS);
    if ((rc = sites_publish(c, &change, err)) < 0)
        return rc;
    *ret_id = id;
    return 0;
}

#define GOAL_COLUMNS "id, created_ms, name, kind, page, event, props, least, currency"

static int select_goals(struct control *c, uint32_t site, sqlite3_stmt **ret, struct err *err) {
    int rc =
        db_prepare(c, "SELECT " GOAL_COLUMNS " FROM goal WHERE site = ?1 ORDER BY name", ret, err);
    if (rc == 0)
        db_bind_int(*ret, 1, site);
    return rc;
}

static int put(json_t *object, const char *key, json_t *value) {
    return value ? json_object_set_new(object, key, value) : -1;
}

/* What is not of its kind is left out. */
static json_t *row_json(sqlite3_stmt *s) {
    struct span kind = db_text(s, 3);
    JSON_AUTO row = json_pack("{s:I, s:I, s:s, s:s}", "id", (json_int_t)sqlite3_column_int64(s, 0),
                              "created_ms", (json_int_t)sqlite3_column_int64(s, 1), "name",
                              db_text(s, 2).ptr, "kind", kind.ptr);
    static const char *const texts[] = {"page", "event"};
    int failed = row ? 0 : -1;
    for (int i = 0; failed == 0 && i < 2; i++)
        if (db_text(s, 4 + i).len)
            failed = put(row, texts[i], json_string(db_text(s, 4 + i).ptr));
    if (failed == 0 && db_text(s, 6).len)
        failed = put(row, "props", json_loads(db_text(s, 6).ptr, 0, NULL));
    if (failed == 0 && sqlite3_column_int64(s, 7))
        failed = put(row, span_eq(kind, SPAN_LIT("scroll")) ? "scroll" : "engaged_seconds",
                     json_integer(sqlite3_column_int64(s, 7)));
    if (failed == 0 && db_text(s, 8).len)
        failed = put(row, "currency", json_string(db_text(s, 8).ptr));
    return failed == 0 ? TAKE_PTR(row) : NULL;
}

int control_goal_list(struct control *c, struct span domain, json_t **ret, struct err *err) {
    DB_LOCKED(c);
    uint32_t site;
    DB_STMT s = NULL;
    int rc = sites_id(c, domain, &site, err);
    if (rc < 0 || (rc = select_goals(c, site, &s, err)) < 0)
        return rc;
    JSON_AUTO list = json_array();
    while ((rc = db_step(c, s, err)) > 0)
        if (json_array_append_new(list, row_json(s)) < 0)
            return err_set(err, ERR_NOMEM, "out of memory");
    if (rc == 0)
        *ret = TAKE_PTR(list);
    return rc;
}

int control_goal_remove(struct control *c, struct span domain, uint64_t id, struct err *err) {
    DB_LOCKED(c);
    DB_CHANGE change = {0};
    uint32_t site;
    DB_STMT s = NULL;
    int rc = db_begin(c, &change, err);
    if (rc < 0 || (rc = sites_id(c, domain, &site, err)) < 0 ||
        (rc = db_prepare(c, "DELETE FROM goal WHERE id = ?1 AND site = ?2", &s, err)) < 0)
        return rc;
    db_bind_int(s, 1, (int64_t)id);
    db_bind_int(s, 2, site);
    if ((rc = db_step(c, s, err)) < 0)
        return rc;
    if (sqlite3_changes(c->db) == 0)
        return err_set(err, ERR_NOT_FOUND, "no such goal");
    return sites_publish(c, &change, err);
}

/* --- into the policy ----------------------------------------------------------------------------
 */

static bool load_props(struct arena *a, struct span text, struct policy_goal *g) {
    JSON_AUTO object = NULL;
    if (text.len == 0)
        return true;
    if (json_parse(text, &object, NULL) < 0)
        return false;
    struct policy_goal_prop *props =
        ARENA_NEW(a, struct policy_goal_prop, json_object_size(object));
    const char *key;
    json_t *value;
    size_t n = 0;
    if (!props)
        return false;
    json_object_foreach (object, key, value) {
        props[n].key = arena_copy(a, span_str(key));
        props[n].value = arena_copy(a, json_span(value));
        if (!props[n].key.ptr || !props[n].value.ptr)
            return false;
        n++;
    }
    g->props = props;
    g->prop_count = n;
    return true;
}

static bool load_goal(struct arena *a, sqlite3_stmt *s, struct policy_goal *g) {
    struct span kind = db_text(s, 3);
    while (g->kind < GOAL_KINDS && !span_eq(kind, span_str(kind_words[g->kind])))
        g->kind++;
    g->name = arena_copy(a, db_text(s, 2));
    g->page = arena_copy(a, db_text(s, 4));
    g->event = arena_copy(a, db_text(s, 5));
    g->least = (uint32_t)sqlite3_column_int64(s, 7);
    g->currency = arena_copy(a, db_text(s, 8));
    return g->kind < GOAL_KINDS && g->name.ptr && g->page.ptr && g->event.ptr && g->currency.ptr &&
           check_currency(g->currency, NULL) == 0 && load_props(a, db_text(s, 6), g);
}

int goals_load(struct control *c, uint32_t site, struct arena *a, struct policy *p,
               struct err *err) {
    DB_STMT s = NULL;
    size_t count = 0, n = 0;
    int rc = count_goals(c, site, &count, err);
    if (rc < 0 || count == 0 || (rc = select_goals(c, site, &s, err)) < 0)
        return rc;
    struct policy_goal *goals = ARENA_NEW(a, struct policy_goal, count);
    if (!goals)
        return err_set(err, ERR_NOMEM, "out of memory");
    while (n < count && (rc = db_step(c, s, err)) > 0)
        if (!load_goal(a, s, &goals[n++]))
            return err_set(err, ERR_CORRUPT, "control.db: a goal does not parse");
    if (rc < 0)
        return rc;
    p->goals = goals;
    p->goal_count = n;
    return 0;
}
