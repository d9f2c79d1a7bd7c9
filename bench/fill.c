/* fill.c — a data folder with a history, made by the server's own code.
 *
 * Usage: fill --data DIR [--events N] [--days D] [--pages P] [--due N] [--hot N] [--zone NAME]
 *             [--domain NAME] [--seed S] [--vitals P]
 *
 * N events (page views, custom events and engagements) of one site in the D days before today: each
 * day is applied in batches, then sealed and recorded like any day that ends. --due: so many events of
 * yesterday that are only in the journal, to be sealed at the next start (then the history ends the
 * day before); --hot: of today, to be drained. --vitals: of a hundred engagements so many are web
 * vitals in place of that. Ends with one line of JSON about the folder and how
 * long it took. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "app.h"
#include "civil.h"
#include "crypt.h"
#include "log.h"
#include "parts.h"
#include "sealer.h"
#include "traffic.h"

enum { BATCH_EVENTS = 20000, FRAME_EVENTS = 4000 };

struct ask {
    const char *data, *domain, *zone;
    uint64_t events, days, pages, due, hot, seed, vitals;
};

/* Both as the clock on the wall says and as all threads together computed: on a busy machine the
 * first says little. */
struct took {
    int64_t wall_ns, cpu_ns;
};

struct fill {
    const struct ask *ask;
    struct app app;
    struct traffic *traffic;
    struct zone *zone;
    struct event *events; /* BATCH_EVENTS of them */
    int32_t today;
    char token[CRYPT_TOKEN_CHARS];
    struct took making, applying, sealing;
    uint64_t engagements; /* seen by take() */
};

static struct took now(void) {
    struct timespec cpu;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    return (struct took){clock_mono_ns(&clock_system), cpu.tv_sec * 1000000000LL + cpu.tv_nsec};
}

static void add_since(struct took *sum, struct took began) {
    struct took ended = now();
    sum->wall_ns += ended.wall_ns - began.wall_ns;
    sum->cpu_ns += ended.cpu_ns - began.cpu_ns;
}

static double rate(uint64_t n, const struct took *t) {
    return t->wall_ns > 0 ? (double)n * 1e9 / (double)t->wall_ns : 0;
}

static json_t *took_json(uint64_t n, const struct took *t) {
    return json_pack("{s:f, s:f}", "per_sec", rate(n, t), "cpu_us_each",
                     n ? (double)t->cpu_ns / 1e3 / (double)n : 0.0);
}

/* --- the folder ---------------------------------------------------------------------------------
 */

static int add_site(struct fill *f, uint32_t *ret_site, struct err *err) {
    JSON_AUTO settings =
        json_pack("{s:s, s:s, s:s}", "domain", f->ask->domain, "timezone", f->ask->zone, "profile",
                  "consented"); /* exact figures: nothing is folded */
    return settings ? control_site_add(f->app.control, settings, ret_site, err)
                    : err_set(err, ERR_NOMEM, "out of memory");
}

/* A folder that was filled before has its site, and gets another token. */
static int find_site(struct fill *f, uint32_t *ret_site, struct err *err) {
    CLEANUP(policy_set_unrefp) struct policy_set *set = policy_board_get(f->app.policies);
    const struct policy *p = app_site(set, span_str(f->ask->domain));
    int code = p ? 0 : add_site(f, ret_site, err);
    if (p)
        *ret_site = p->site;
    return code ? code
                : control_token_add(f->app.control, span_str(f->ask->domain), SPAN_LIT("bench"),
                                    f->token, err);
}

static int open_all(struct fill *f, struct err *err) {
    int code = config_init(&f->app.config, err);
    if (!code)
        code = app_open(&f->app, f->ask->data, APP_STORE | APP_MAKE, err);
    if (!code)
        code = app_catch_up(&f->app, 0, err);
    struct traffic_options o = {.seed = f->ask->seed, .pages = (uint32_t)f->ask->pages};
    if (!code)
        code = find_site(f, &o.site, err);
    if (!code)
        code = zone_open(span_str(f->ask->zone), &f->zone, err);
    o.zone = f->zone;
    if (!code)
        code = traffic_new(&o, &f->traffic, err);
    if (code)
        return code;
    f->today = zone_to_local(f->zone, clock_wall_ms(f->app.clock)).day;
    f->events = calloc(BATCH_EVENTS, sizeof(*f->events));
    return f->events ? 0 : err_set(err, ERR_NOMEM, "out of memory");
}

static void close_all(struct fill *f) {
    free(f->events);
    if (f->traffic)
        traffic_free(f->traffic);
    if (f->zone)
        zone_free(f->zone);
    if (f->app.data)
        app_close(&f->app);
}

/* Numbers that differ from one to the next, and look like those of a site. */
static void measure(struct event *e, uint64_t n) {
    e->kind = EVENT_VITALS;
    e->name = SPAN_LIT("vitals");
    e->scroll = SCROLL_NONE;
    e->engaged_ms = 0;
    e->lcp_ms = 600 + (uint32_t)(n * 7919 % 4001);
    e->inp_ms = n % 4 ? 8 + (uint32_t)(n * 104729 % 397) : 0;
    e->cls_milli = 1 + (uint32_t)(n * 15485863 % 301);
}

/* The next events of the day that was made. */
static size_t take(struct fill *f, size_t most) {
    size_t count = traffic_take(f->traffic, f->events, most);
    for (size_t i = 0; f->ask->vitals && i < count; i++)
        if (f->events[i].kind == EVENT_ENGAGEMENT && f->engagements++ % 100 < f->ask->vitals)
            measure(&f->events[i], f->engagements);
    return count;
}

/* --- history ------------------------------------------------------------------------------------
 */

static int apply_day(struct fill *f, struct err *err) {
    struct store_batch batch = {.events = f->events, .next = journal_end(f->app.journal)};
    int code = 0;
    for (;;) {
        struct took began = now();
        batch.event_count = take(f, BATCH_EVENTS);
        add_since(&f->making, began);
        began = now();
        if (batch.event_count)
            code = store_apply(f->app.store, &batch, err);
        add_since(&f->applying, began);
        if (code || !batch.event_count)
            return code;
    }
}

static int seal_day(struct fill *f, struct err *err) {
    struct took began = now();
    size_t sealed = 0;
    int code = sealer_round(&f->app, &sealed, err);
    add_since(&f->sealing, began);
    if (!code && sealed != 1)
        return err_set(err, ERR_INVALID, "%zu days were sealed instead of one", sealed);
    return code;
}

/* For somebody who watches. */
static void show_progress(const struct fill *f, uint32_t days, uint64_t events) {
    if (isatty(STDERR_FILENO))
        (void)fprintf(
            stderr, "\r%u of %u days, %.1f M events; applied at %.0f, sealed at %.0f a second %s",
            days, (unsigned)f->ask->days, (double)events / 1e6, rate(events, &f->applying),
            rate(events, &f->sealing), days == f->ask->days ? "\n" : "");
}

static int put_history(struct fill *f, struct err *err) {
    const struct ask *ask = f->ask;
    int32_t first = f->today - (int32_t)ask->days - (ask->due ? 1 : 0);
    uint64_t done = 0;
    int code = 0;
    for (uint32_t i = 0; !code && i < ask->days && ask->events; i++) {
        struct took began = now();
        uint64_t n = traffic_share(f->traffic, first, (uint32_t)ask->days, ask->events, i);
        code = n ? traffic_day(f->traffic, first + (int32_t)i, n, 0, err) : 0;
        add_since(&f->making, began);
        if (!code && n)
            code = apply_day(f, err);
        if (!code && n)
            code = seal_day(f, err);
        done += n;
        show_progress(f, i + 1, done);
    }
    return code;
}

/* --- what the server finds at its start ---------------------------------------------------------
 */

static int put_in_journal(struct fill *f, int32_t day, uint64_t count, int64_t until_ms,
                          struct err *err) {
    int code = count ? traffic_day(f->traffic, day, count, until_ms, err) : 0;
    BUF_AUTO frame = {0};
    BUF_AUTO scratch = {0};
    size_t n;
    while (!code && count && (n = take(f, FRAME_EVENTS)) > 0) {
        buf_clear(&frame);
        for (size_t i = 0; i < n; i++)
            record_add_event(&frame, &f->events[i], &scratch);
        code = frame.failed ? err_set(err, ERR_NOMEM, "out of memory")
                            : journal_append(f->app.journal, buf_span(&frame), err);
    }
    return code;
}

/* --- what came of it ----------------------------------------------------------------------------
 */

static int report(struct fill *f, struct err *err) {
    struct part_record *parts = NULL;
    size_t count = 0;
    int code = control_parts(f->app.control, &parts, &count, err);
    if (code < 0)
        return code;
    uint64_t rows[PART_KINDS] = {0}, bytes[PART_KINDS] = {0};
    for (size_t i = 0; i < count; i++)
        for (unsigned k = 0; k < PART_KINDS; k++) {
            rows[k] += parts[i].files[k].rows;
            bytes[k] += parts[i].files[k].bytes;
        }
    free(parts);
    char today[CIVIL_TEXT];
    civil_format(f->today, today);
    struct rusage used;
    (void)getrusage(RUSAGE_SELF, &used);
    JSON_AUTO line = json_pack(
        "{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:{s:I, s:I, s:I}, s:{s:I, s:I, s:I}, s:o, s:o, s:o, "
        "s:I}",
        "domain", f->ask->domain, "token", f->token, "zone", f->ask->zone, "today", today, "events",
        (json_int_t)f->ask->events, "days", (json_int_t)f->ask->days, "parts", (json_int_t)count,
        "rows", "event", (json_int_t)rows[PART_EVENT], "visit", (json_int_t)rows[PART_VISIT],
        "roll", (json_int_t)rows[PART_ROLL], "bytes", "event", (json_int_t)bytes[PART_EVENT],
        "visit", (json_int_t)bytes[PART_VISIT], "roll", (json_int_t)bytes[PART_ROLL], "making",
        took_json(f->ask->events, &f->making), "applying", took_json(f->ask->events, &f->applying),
        "sealing", took_json(f->ask->events, &f->sealing), "peak_kb", (json_int_t)used.ru_maxrss);
    if (!line || json_dumpf(line, stdout, JSON_COMPACT) < 0 || putchar('\n') == EOF)
        return err_set(err, ERR_IO, "cannot say what was done");
    return 0;
}

static int run(struct fill *f, struct err *err) {
    int code = open_all(f, err);
    if (!code)
        code = put_history(f, err);
    if (!code)
        code = put_in_journal(f, f->today - 1, f->ask->due, 0, err);
    if (!code)
        code = put_in_journal(f, f->today, f->ask->hot, clock_wall_ms(f->app.clock), err);
    return code ? code : report(f, err);
}

static bool parse(int argc, char **argv, struct ask *ask) {
    static const struct option options[] = {
        {"data", required_argument, NULL, 'd'},
        {"zone", required_argument, NULL, 'z'},
        {"domain", required_argument, NULL, 'n'},
        {"events", required_argument, NULL, 0},
        {"days", required_argument, NULL, 1},
        {"pages", required_argument, NULL, 2},
        {"due", required_argument, NULL, 3},
        {"hot", required_argument, NULL, 4},
        {"seed", required_argument, NULL, 5},
        {"vitals", required_argument, NULL, 6},
        {0},
    };
    uint64_t *const numbers[] = {&ask->events, &ask->days, &ask->pages, &ask->due,
                                 &ask->hot,    &ask->seed, &ask->vitals};
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) >= 0;) {
        if (o == 'd')
            ask->data = optarg;
        else if (o == 'z')
            ask->zone = optarg;
        else if (o == 'n')
            ask->domain = optarg;
        else if (o == '?' || !span_u64(span_str(optarg), numbers[o]))
            return false;
    }
    return optind == argc && ask->data && ask->days > 0 && ask->days < 2000;
}

int main(int argc, char **argv) {
    struct ask ask = {
        .domain = "example.com", .zone = "Europe/Paris", .days = 30, .pages = 10000, .seed = 1};
    if (!parse(argc, argv, &ask)) {
        (void)fputs("usage: fill --data DIR [--events N] [--days D] [--pages P] [--due N] [--hot N]"
                    " [--domain NAME] [--zone NAME] [--seed S] [--vitals P]\n",
                    stderr);
        return 2;
    }
    struct fill f = {.ask = &ask};
    struct err err = {0};
    log_set_level(LOG_WARN_LEVEL);
    int code = crypt_init() < 0 ? err_set(&err, ERR_IO, "no randomness") : run(&f, &err);
    close_all(&f);
    if (code)
        (void)fprintf(stderr, "fill: %s\n", err.text);
    return code ? 3 : 0;
}
