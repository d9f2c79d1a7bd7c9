/* A site's day from the hot tables into files. See seal.h for what they hold. */
#include <pthread.h>

#include "day_files.h"

struct sealing {
    const struct seal_job *job;
    struct seal_result *result;
    struct code_texts words;
    struct day_visits visits;
    struct day_events events;
    struct roll_sums sums; /* of the rows as they are written */
};

static void release(struct sealing *s) {
    code_texts_release(&s->words);
    day_visits_release(&s->visits);
    day_events_release(&s->events);
    roll_sums_release(&s->sums);
}

static int no_memory(struct err *err) {
    return err_set(err, ERR_NOMEM, "no memory for a day's roll-ups");
}

static void share_columns(struct sealing *s) {
    for (size_t k = 0; k < SEAL_DIMS; k++)
        s->sums.columns[k] = &s->visits.columns[k].text;
    s->sums.columns[ROLL_PAGE] = &s->events.texts[EVENT_PAGE];
    s->sums.columns[ROLL_NAME] = &s->events.texts[EVENT_NAME];
    s->sums.columns[ROLL_HOSTNAME] = &s->events.texts[EVENT_HOSTNAME];
}

static bool sum_visits(struct sealing *s) {
    for (size_t i = 0; i < s->visits.count; i++) {
        const struct day_visit *v = &s->visits.visits[i];
        struct roll_visit_row row = {.visit = {.visit = (uint32_t)i + 1,
                                               .pageviews = v->pageviews,
                                               .duration_ms = v->duration_ms,
                                               .bounce = v->bounce},
                                     .first = v->first,
                                     .events = v->events,
                                     .hour = v->hour};
        day_visit_dims(&s->visits, i, row.dims);
        if (!roll_sums_visit(&s->sums, &row))
            return false;
    }
    return roll_sums_end_visits(&s->sums);
}

static int sum_events(void *arg, const struct day_event *events, size_t count, struct err *err) {
    struct sealing *s = arg;
    for (size_t i = 0; i < count; i++) {
        const struct day_event *e = &events[i];
        struct roll_event_row row = {.visit = e->visit + 1,
                                     .first = e->first,
                                     .engaged_ms = e->engaged_ms,
                                     .kind = e->kind,
                                     .hour = e->hour,
                                     .scroll = e->scroll,
                                     .page = e->page,
                                     .name = e->name,
                                     .hostname = e->hostname};
        if (!roll_sums_event(&s->sums, &row))
            return no_memory(err);
    }
    return 0;
}

static int read_events(duckdb_connection c, struct sealing *s, struct err *err) {
    BUF_AUTO path = {0};
    /* A name that seal_sweep() knows, should a crash leave it. */
    buf_addf(&path, "%s/%s.tmp", s->job->root, s->result->files[SEAL_EVENT].path);
    const char *text = buf_cstr(&path);
    return text ? day_events_read(c, s->job, text, &s->visits, &s->words, &s->events, err)
                : no_memory(err);
}

/* The file of visits, written by a thread of its own while events are sorted and written. */
struct visit_file {
    const struct sealing *s;
    pthread_t thread;
    int code;
    struct err err;
};

static void *write_visits(void *arg) {
    struct visit_file *f = arg;
    f->code = day_files_visits(f->s->job, &f->s->visits, &f->s->result->files[SEAL_VISIT], &f->err);
    return NULL;
}

static int write_events(struct sealing *s, struct err *err) {
    struct seal_file *files = s->result->files;
    if (!sum_visits(s))
        return no_memory(err);
    int code =
        day_files_events(s->job, &s->visits, &s->events, sum_events, s, &files[SEAL_EVENT], err);
    return code ? code : day_files_rolls(s->job, &s->sums, &files[SEAL_ROLL], err);
}

/* Both sides only read what was read, and each writes files of its own. */
static int write_sides(struct sealing *s, struct err *err) {
    struct visit_file visits = {.s = s};
    int sys = pthread_create(&visits.thread, NULL, write_visits, &visits);
    if (sys)
        return err_sys(err, sys, "cannot start a thread");
    int code = write_events(s, err);
    pthread_join(visits.thread, NULL);
    if (code || !visits.code)
        return code;
    if (err)
        *err = visits.err;
    return visits.code;
}

static int write_files(duckdb_connection c, void *arg, struct err *err) {
    struct sealing *s = arg;
    struct seal_result *r = s->result;
    BUF_AUTO sql = {0};
    buf_adds(&sql, "SELECT code, value FROM word");
    int code = code_texts_load(&s->words, c, &sql, 1, err);
    if (!code)
        code = day_visits_read(c, s->job->site, s->job->day, &s->words, &s->visits, err);
    r->visits = s->visits.count;
    r->persons = s->visits.persons;
    if (code || r->visits == 0)
        return code;
    seal_paths(s->job->site, s->job->day, false, s->job->part, r->files);
    code = seal_make_folder(s->job->os, s->job->root, r->files[0].path, err);
    if (!code)
        code = read_events(c, s, err);
    if (code)
        return code;
    share_columns(s);
    return write_sides(s, err);
}

int seal_write(duckdb_connection c, const struct seal_job *job, struct seal_result *ret,
               struct err *err) {
    struct seal_result result = {0};
    CLEANUP(release) struct sealing s = {.job = job, .result = &result};
    int code = sql_in_transaction(c, write_files, &s, err);
    if (!code && result.visits)
        code = seal_publish(job->os, job->root, result.files, err);
    if (code)
        seal_abandon(job->os, job->root, result.files);
    if (!code)
        *ret = result;
    return code;
}

int seal_bases(duckdb_connection c, const char *root, const char *const *visit_paths, size_t count,
               int32_t day, uint32_t *ret_visit, uint32_t *ret_person, struct err *err) {
    uint64_t most[2] = {0};
    for (size_t i = 0; i < count; i++) {
        BUF_AUTO sql = {0};
        uint64_t here[2];
        buf_adds(&sql, "SELECT max(visit), max(person) FROM ");
        sql_add_file(&sql, root, visit_paths[i], false);
        buf_addf(&sql, " WHERE day = %d", day);
        int code = sql_numbers(c, &sql, here, 2, err);
        if (code)
            return code;
        for (size_t k = 0; k < 2; k++)
            most[k] = here[k] > most[k] ? here[k] : most[k];
    }
    *ret_visit = (uint32_t)most[0];
    *ret_person = (uint32_t)most[1];
    return 0;
}
