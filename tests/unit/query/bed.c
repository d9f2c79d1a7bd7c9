#include "bed.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sealing.h"

static int remove_entry(const char *path, const struct stat *s, int type, struct FTW *where) {
    (void)s, (void)type, (void)where;
    return remove(path);
}

static void add_policy(struct bed *b, uint32_t id, const char *domain, enum profile profile,
                       const char *zone) {
    struct policy p = {.site = id,
                       .domain = arena_copy(policy_set_arena(b->policies), span_str(domain)),
                       .profile = profile};
    assert_int_equal(policy_set_add(b->policies, &p, span_str(zone), NULL), 0);
}

struct bed *bed_open(void) {
    struct bed *b = calloc(1, sizeof *b);
    assert_non_null(b);
    (void)snprintf(b->dir, sizeof b->dir, "/tmp/tamis-query-XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    struct err err = {0};
    bool rebuilt;
    (void)snprintf(b->root, sizeof b->root, "%s/sealed", b->dir);
    assert_int_equal(mkdir(b->root, 0700), 0);
    struct store_options options = {.threads = 2, .sealed_root = b->root};
    if (store_open(b->dir, &options, &b->store, &rebuilt, &err) < 0)
        fail_msg("store_open: %s", err.text);
    b->policies = policy_set_new();
    assert_non_null(b->policies);
    add_policy(b, SITE, "example.com", PROFILE_CONSENTED, "Europe/Paris");
    add_policy(b, CNIL_SITE, "cnil.example", PROFILE_CNIL, "Europe/Paris");
    add_policy(b, OTHER_SITE, "other.example", PROFILE_CONSENTED, "Europe/Paris");
    add_policy(b, FRUGAL_SITE, "frugal.example", PROFILE_FRUGAL, "Europe/Paris");
    add_policy(b, HONG_KONG_SITE, "hk.example", PROFILE_CONSENTED, "Asia/Hong_Kong");
    fake_clock_init(&b->clock, 0);
    return b;
}

void bed_close(struct bed *b) {
    store_close(b->store);
    policy_set_unref(b->policies);
    (void)nftw(b->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(b);
}

void bed_apply(struct bed *b, const struct event *events, size_t count) {
    struct err err = {0};
    b->cursor.offset += count;
    struct store_batch batch = {.events = events, .event_count = count, .next = b->cursor};
    if (store_apply(b->store, &batch, &err) < 0)
        fail_msg("store_apply: %s", err.text);
}

static size_t base_of(struct bed *b, uint32_t site, int32_t day) {
    size_t i = 0;
    while (i < b->base_count && (b->bases[i].site != site || b->bases[i].day != day))
        i++;
    assert_true(i < ARRAY_LEN(b->bases));
    if (i == b->base_count) {
        b->bases[i].site = site;
        b->bases[i].day = day;
        b->base_count++;
    }
    return i;
}

static const char *full_path(const struct bed *b, const struct seal_file *f) {
    char *path = NULL;
    assert_true(asprintf(&path, "%s/%s", b->root, f->path) > 0);
    return path;
}

/* A part of the days from job->day to to_day. */
static void add_ready(struct bed *b, const struct seal_job *job, const struct seal_result *done,
                      int32_t to_day, bool raw) {
    assert_true(b->ready_count < ARRAY_LEN(b->ready));
    b->ready[b->ready_count++] =
        (struct sealed_part){.id = job->part,
                             .site = job->site,
                             .from_day = job->day,
                             .to_day = to_day,
                             .until = b->cursor,
                             .event_path = raw ? full_path(b, &done->files[SEAL_EVENT]) : NULL,
                             .visit_path = raw ? full_path(b, &done->files[SEAL_VISIT]) : NULL,
                             .roll_path = full_path(b, &done->files[SEAL_ROLL]),
                             .visits = done->visits,
                             .event_rows = raw ? done->files[SEAL_EVENT].rows : 0,
                             .visit_rows = raw ? done->files[SEAL_VISIT].rows : 0};
}

static void publish(struct bed *b, const uint32_t *removed, size_t removed_count) {
    struct store_change change = {.added = b->ready,
                                  .added_count = b->ready_count,
                                  .removed = removed,
                                  .removed_count = removed_count};
    struct err err = {0};
    if (store_publish(b->store, &change, &err) < 0)
        fail_msg("store_publish: %s", err.text);
    for (size_t i = 0; i < b->ready_count; i++) {
        const struct sealed_part *p = &b->ready[i];
        const char *const paths[] = {p->event_path, p->visit_path, p->roll_path};
        for (size_t k = 0; k < ARRAY_LEN(paths); k++)
            free((char *)(uintptr_t)paths[k]);
    }
    b->ready_count = 0;
}

void bed_publish(struct bed *b) {
    publish(b, NULL, 0);
}

static void seal(struct bed *b, uint32_t site, int32_t day, bool raw) {
    size_t at = base_of(b, site, day);
    struct seal_job job = {.os = &os_system,
                           .root = b->root,
                           .site = site,
                           .day = day,
                           .part = ++b->last_part,
                           .base_visit = b->bases[at].visits,
                           .base_person = b->bases[at].persons};
    struct seal_result done = {0};
    struct err err = {0};
    if (store_seal(b->store, &job, &done, &err) < 0)
        fail_msg("store_seal: %s", err.text);
    if (done.visits == 0)
        return;
    b->bases[at].visits += (uint32_t)done.visits;
    b->bases[at].persons += (uint32_t)done.persons;
    add_ready(b, &job, &done, day, raw);
    assert_true(b->part_count < ARRAY_LEN(b->parts));
    struct bed_part *p = &b->parts[b->part_count++];
    *p = (struct bed_part){.id = job.part, .site = site, .day = day};
    for (size_t i = 0; i < SEAL_KINDS; i++)
        (void)snprintf(p->paths[i], sizeof p->paths[i], "%s", done.files[i].path);
}

void bed_seal(struct bed *b, uint32_t site, int32_t day) {
    seal(b, site, day, true);
}

void bed_seal_rollups(struct bed *b, uint32_t site, int32_t day) {
    seal(b, site, day, false);
}

void bed_compact(struct bed *b, uint32_t site, int32_t day) {
    struct seal_input inputs[ARRAY_LEN(b->parts)];
    uint32_t ids[ARRAY_LEN(b->parts)];
    int32_t from = INT32_MAX, to = INT32_MIN;
    size_t count = 0, left = 0;
    struct bed_part kept[ARRAY_LEN(b->parts)];
    for (size_t i = 0; i < b->part_count; i++) {
        struct bed_part *p = &b->parts[i];
        if (p->site != site || civil_month_start(p->day) != civil_month_start(day)) {
            kept[left++] = *p;
            continue;
        }
        for (size_t k = 0; k < SEAL_KINDS; k++)
            inputs[count].paths[k] = p->paths[k];
        ids[count++] = p->id;
        from = p->day < from ? p->day : from;
        to = p->day > to ? p->day : to;
    }
    if (count < 2)
        return;
    struct compact_job job = {.os = &os_system,
                              .root = b->root,
                              .site = site,
                              .day = day,
                              .part = ++b->last_part,
                              .inputs = inputs,
                              .input_count = count};
    struct seal_result done = {0};
    struct err err = {0};
    if (store_compact(b->store, &job, &done, &err) < 0)
        fail_msg("store_compact: %s", err.text);
    struct seal_job as = {.site = site, .day = from, .part = job.part};
    add_ready(b, &as, &done, to, true);
    publish(b, ids, count);
    memcpy(b->parts, kept, left * sizeof *kept);
    b->part_count = left;
}

void bed_build_cells(struct bed *b, int steps) {
    bool more = true;
    while (more && steps-- > 0) {
        struct err err = {0};
        if (store_build_cells(b->store, &more, &err) < 0)
            fail_msg("store_build_cells: %s", err.text);
    }
}

const struct policy *bed_policy(struct bed *b, uint32_t site) {
    return policy_by_id(b->policies, site);
}

struct event bed_event(struct bed *b, uint32_t site, int64_t ts_ms, uint64_t person, int kind,
                       const char *page) {
    struct event e;
    event_init(&e);
    struct zone_local l = zone_to_local(bed_policy(b, site)->zone, ts_ms);
    e.site = site;
    e.ts_ms = ts_ms;
    e.day = l.day;
    e.hour = (uint8_t)(l.second / 3600);
    e.visitor = person * 1000003 + (uint64_t)l.day;
    e.kind = (uint8_t)kind;
    e.interactive = kind != EVENT_ENGAGEMENT;
    e.name = kind == EVENT_PAGEVIEW     ? SPAN_LIT("pageview")
             : kind == EVENT_ENGAGEMENT ? SPAN_LIT("engagement")
                                        : SPAN_LIT("Signup");
    e.page = span_str(page);
    e.hostname = SPAN_LIT("example.com");
    return e;
}
