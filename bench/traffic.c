#include "traffic.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "civil.h"
#include "draw.h"
#include "traffic_pages.h"

enum {
    QUARTERS = 96, /* of an hour in the daily curve */
    QUARTER_MS = 900000,
    MOST_QUARTERS = 100, /* in a day of 25 hours */
    DAY_MS = QUARTERS * QUARTER_MS,
    DWELLS = 256,
    LONGEST_DWELL_MS = 600000,
    MOST_PAGEVIEWS = 20,
    CUSTOM_PROPS = 40, /* different values a name */
    SORT_BITS = 14,
};

/* --- tables -------------------------------------------------------------------------------------
 */

#define TEXT(s) \
    { (s), sizeof(s) - 1 }

struct origin {
    double weight;
    struct span source, channel, referrer;
    struct span utm_source, utm_medium, utm_campaign, utm_content, utm_term;
};

static const struct origin sources[] = {
#define SOURCE(weight, source, channel, referrer)                     \
    {weight,   TEXT(source), TEXT(channel), TEXT(referrer), TEXT(""), \
     TEXT(""), TEXT(""),     TEXT(""),      TEXT("")},
#include "traffic_tables.def"
#undef SOURCE
};

static const struct origin campaigns[] = {
#define CAMPAIGN(weight, source, channel, referrer, us, um, uca, uco, ut) \
    {weight,   TEXT(source), TEXT(channel), TEXT(referrer), TEXT(us),     \
     TEXT(um), TEXT(uca),    TEXT(uco),     TEXT(ut)},
#include "traffic_tables.def"
#undef CAMPAIGN
};

static const struct {
    double weight;
    struct span code;
} countries[] = {
#define COUNTRY(weight, code) {weight, TEXT(code)},
#include "traffic_tables.def"
#undef COUNTRY
};

static const struct {
    double weight;
    struct span browser, browser_version, os, os_version, device;
} platforms[] = {
#define PLATFORM(weight, browser, version, os, os_version, device) \
    {weight, TEXT(browser), TEXT(version), TEXT(os), TEXT(os_version), TEXT(device)},
#include "traffic_tables.def"
#undef PLATFORM
};

static const struct {
    double weight;
    struct span name;
    const char *props;
} customs[] = {
#define CUSTOM(weight, name, props) {weight, TEXT(name), props},
#include "traffic_tables.def"
#undef CUSTOM
};

static const struct span hosts[] = {TEXT("example.com"), TEXT("shop.example.com")};

/* Visits that begin in each hour of the wall clock. */
static const double hour_weights[24] = {14, 8,  5,  4,  4,  7,  15, 30, 48, 62, 68, 66,
                                        60, 62, 66, 66, 64, 60, 56, 58, 62, 60, 46, 27};
static const double weekday_weights[7] = {1.1, 1.15, 1.12, 1.08, 1, 0.72, 0.78}; /* from Monday */

/* --- state --------------------------------------------------------------------------------------
 */

/* One event to be; `what`: 0 page view, 1 engagement, 2 + i custom event i. */
struct step {
    uint32_t at_ms; /* since the day began */
    uint32_t visit;
    uint32_t page;
    uint8_t what;
    uint8_t extra;  /* engagement: percent of the dwell in use; custom event: which props */
    uint16_t dwell; /* of LONGEST_DWELL_MS / UINT16_MAX */
};

struct caller {
    uint64_t visitor;
    uint8_t country, platform;
    bool paid; /* origin is a campaign */
    uint8_t origin;
};

struct traffic {
    struct traffic_options options;
    struct arena arena;
    struct traffic_page *pages;
    struct draw source, campaign, country, platform, custom, start, entry, next;
    uint32_t dwell_ms[DWELLS]; /* quantiles of an exponential law */
    struct span props[ARRAY_LEN(customs)][CUSTOM_PROPS];

    int32_t day;
    int64_t start_ms, length_ms;
    uint8_t hours[MOST_QUARTERS]; /* of each quarter since the day began */
    uint64_t random;
    struct step *steps, *sorted;
    size_t count, cap, taken;
    struct caller *visits;
    size_t visit_count, visit_cap;
};

static int no_memory(struct err *err) {
    return err_set(err, ERR_NOMEM, "no memory for traffic");
}

#define DRAW_INIT(d, table)                                   \
    ({                                                        \
        double _weights[ARRAY_LEN(table)];                    \
        for (size_t _i = 0; _i < ARRAY_LEN(table); _i++)      \
            _weights[_i] = (table)[_i].weight;                \
        draw_init((d), _weights, (uint32_t)ARRAY_LEN(table)); \
    })

static bool init_draws(struct traffic *t) {
    double quarters[QUARTERS];
    for (size_t q = 0; q < QUARTERS; q++) { /* between the middles of two hours */
        size_t before = (q / 4 + (q % 4 < 2 ? 23 : 0)) % 24, after = (before + 1) % 24;
        double share = ((double)((q + 2) % 4) + 0.5) / 4;
        quarters[q] = hour_weights[before] * (1 - share) + hour_weights[after] * share;
    }
    uint32_t pages = t->options.pages;
    return draw_init(&t->start, quarters, QUARTERS) && DRAW_INIT(&t->source, sources) &&
           DRAW_INIT(&t->campaign, campaigns) && DRAW_INIT(&t->country, countries) &&
           DRAW_INIT(&t->platform, platforms) && DRAW_INIT(&t->custom, customs) &&
           draw_init_zipf(&t->entry, pages, 0.5, 1.25) &&
           draw_init_zipf(&t->next, pages, 2.5, 0.95);
}

static bool init_props(struct traffic *t) {
    for (size_t i = 0; i < ARRAY_LEN(customs); i++)
        for (unsigned k = 0; k < CUSTOM_PROPS; k++) {
            struct span form = span_str(customs[i].props);
            size_t hole = span_find_span(form, SPAN_LIT("%u"));
            char text[128];
            if (hole < form.len)
                (void)snprintf(text, sizeof(text), "%.*s%u%s", (int)hole, form.ptr, k + 1,
                               form.ptr + hole + 2);
            else
                text[0] = 0;
            t->props[i][k] = arena_copy(&t->arena, span_str(text));
            if (!t->props[i][k].ptr)
                return false;
        }
    return true;
}

int traffic_new(const struct traffic_options *o, struct traffic **ret, struct err *err) {
    CLEANUP(traffic_freep) struct traffic *t = calloc(1, sizeof(*t));
    if (!t)
        return no_memory(err);
    t->options = *o;
    if (!t->options.pages)
        t->options.pages = 10000;
    arena_init(&t->arena, 0);
    t->pages = traffic_pages(&t->arena, t->options.pages);
    if (!t->pages || !init_draws(t) || !init_props(t))
        return no_memory(err);
    for (size_t i = 0; i < DWELLS; i++) {
        double ms = -log(1 - ((double)i + 0.5) / DWELLS) * 55000 + 1500;
        t->dwell_ms[i] = ms < LONGEST_DWELL_MS ? (uint32_t)ms : LONGEST_DWELL_MS;
    }
    *ret = TAKE_PTR(t);
    return 0;
}

void traffic_free(struct traffic *t) {
    struct draw *draws[] = {&t->source, &t->campaign, &t->country, &t->platform,
                            &t->custom, &t->start,    &t->entry,   &t->next};
    for (size_t i = 0; i < ARRAY_LEN(draws); i++)
        draw_release(draws[i]);
    arena_release(&t->arena);
    free(t->steps);
    free(t->sorted);
    free(t->visits);
    free(t);
}

/* --- how much a day -----------------------------------------------------------------------------
 */

/* The week's rhythm, a tenth of chance, and growth by half a year on year. */
static double day_weight(const struct traffic *t, int32_t first_day, int32_t day) {
    uint64_t random = t->options.seed ^ draw_mix((uint64_t)(uint32_t)day);
    double chance = 0.95 + 0.1 * (double)draw_below(draw_next(&random), 1000) / 1000;
    return weekday_weights[civil_weekday(day)] * chance * pow(1.5, (day - first_day) / 365.0);
}

uint64_t traffic_share(const struct traffic *t, int32_t first_day, uint32_t days, uint64_t events,
                       uint32_t i) {
    double before = 0, with = 0, all = 0;
    for (uint32_t k = 0; k < days; k++) {
        if (k == i)
            before = all;
        all += day_weight(t, first_day, first_day + (int32_t)k);
        if (k == i)
            with = all;
    }
    uint64_t end = i + 1 == days ? events : (uint64_t)((double)events * (with / all));
    return end - (uint64_t)((double)events * (before / all));
}

/* --- one day ------------------------------------------------------------------------------------
 */

static bool add_step(struct traffic *t, struct step step) {
    if (t->count == t->cap)
        return false;
    if (step.at_ms < t->length_ms)
        t->steps[t->count++] = step;
    return t->count < t->cap;
}

static uint32_t pageview_count(uint64_t *random) {
    if (draw_chance(random, 42))
        return 1;
    uint32_t n = 2;
    while (n < MOST_PAGEVIEWS && draw_chance(random, 66))
        n++;
    return n;
}

/* False when the day has its events. */
static bool add_customs(struct traffic *t, struct step at) {
    uint32_t n = 1 + draw_below(draw_next(&t->random), 3);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t random = draw_next(&t->random);
        at.what = (uint8_t)(2 + draw_from(&t->custom, &t->random));
        at.extra = (uint8_t)draw_below(random, CUSTOM_PROPS);
        at.at_ms += (uint32_t)(random & 0xfff) + 300;
        if (!add_step(t, at))
            return false;
    }
    return true;
}

static bool add_visit(struct traffic *t, uint32_t visit, uint32_t at_ms) {
    uint32_t n = pageview_count(&t->random);
    bool engaged = draw_chance(&t->random, 50);
    uint32_t custom_at = draw_chance(&t->random, 5) ? draw_below(draw_next(&t->random), n) : n;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t random = draw_next(&t->random);
        uint32_t dwell_ms = t->dwell_ms[random % DWELLS];
        dwell_ms += (uint32_t)(random >> 8) % (dwell_ms / 8 + 100);
        struct step step = {
            .at_ms = at_ms,
            .visit = visit,
            .page = draw_from(i ? &t->next : &t->entry, &t->random),
            .dwell = (uint16_t)((uint64_t)dwell_ms * UINT16_MAX / (LONGEST_DWELL_MS * 2))};
        if (!add_step(t, step) || (i == custom_at && !add_customs(t, step)))
            return false;
        at_ms += dwell_ms;
        step.what = 1;
        step.extra = (uint8_t)(25 + draw_below(random, 71));
        step.at_ms = at_ms - 20;
        if (engaged && !add_step(t, step))
            return false;
    }
    return true;
}

static struct caller new_caller(struct traffic *t, uint64_t visitor) {
    return (struct caller){.visitor = visitor,
                           .country = (uint8_t)draw_from(&t->country, &t->random),
                           .platform = (uint8_t)draw_from(&t->platform, &t->random)};
}

/* People come again by the way they came, or directly. */
static void choose_origin(struct traffic *t, struct caller *c, bool again) {
    if (again && draw_chance(&t->random, 60)) {
        if (draw_chance(&t->random, 40)) {
            c->paid = false;
            c->origin = 0;
        }
        return;
    }
    c->paid = draw_chance(&t->random, 10);
    c->origin = (uint8_t)draw_from(c->paid ? &t->campaign : &t->source, &t->random);
}

static uint32_t visits_of_one(uint64_t *random) {
    uint32_t dice = draw_below(draw_next(random), 100);
    return dice < 80 ? 1 : dice < 93 ? 2 : dice < 98 ? 3 : 4;
}

static uint32_t start_of_visit(struct traffic *t) {
    uint64_t quarter = draw_from(&t->start, &t->random);
    uint64_t ms = quarter * QUARTER_MS + draw_below(draw_next(&t->random), QUARTER_MS);
    return (uint32_t)(ms * (uint64_t)t->length_ms / DAY_MS);
}

static bool keep_visit(struct traffic *t, const struct caller *c) {
    if (t->visit_count == t->visit_cap) {
        size_t cap = t->visit_cap ? t->visit_cap * 2 : 4096;
        struct caller *visits = realloc(t->visits, cap * sizeof(*visits));
        if (!visits)
            return false;
        t->visits = visits;
        t->visit_cap = cap;
    }
    t->visits[t->visit_count++] = *c;
    return true;
}

static int add_person(struct traffic *t, uint64_t visitor, struct err *err) {
    struct caller c = new_caller(t, visitor);
    uint32_t n = visits_of_one(&t->random);
    for (uint32_t i = 0; i < n && t->count < t->cap; i++) {
        choose_origin(t, &c, i > 0);
        if (!keep_visit(t, &c))
            return no_memory(err);
        if (!add_visit(t, (uint32_t)t->visit_count - 1, start_of_visit(t)))
            break;
    }
    return 0;
}

/* By time, stable: two rounds of counting. */
static void sort_steps(struct traffic *t) {
    enum { BUCKETS = 1 << SORT_BITS };
    _Static_assert((MOST_QUARTERS * (int64_t)QUARTER_MS) >> (2 * SORT_BITS) == 0, "two rounds do");
    for (int shift = 0; shift <= SORT_BITS; shift += SORT_BITS) {
        uint32_t at[BUCKETS] = {0};
        for (size_t i = 0; i < t->count; i++)
            at[(t->steps[i].at_ms >> shift) % BUCKETS]++;
        uint32_t sum = 0;
        for (size_t b = 0; b < BUCKETS; b++) {
            uint32_t n = at[b];
            at[b] = sum;
            sum += n;
        }
        for (size_t i = 0; i < t->count; i++)
            t->sorted[at[(t->steps[i].at_ms >> shift) % BUCKETS]++] = t->steps[i];
        struct step *swap = t->steps;
        t->steps = t->sorted;
        t->sorted = swap;
    }
}

static int make_room(struct traffic *t, uint64_t events, struct err *err) {
    free(t->steps);
    free(t->sorted);
    t->steps = calloc(events + 1, sizeof(*t->steps));
    t->sorted = calloc(events + 1, sizeof(*t->sorted));
    t->cap = (size_t)events;
    return events < UINT32_MAX && t->steps && t->sorted ? 0 : no_memory(err);
}

int traffic_day(struct traffic *t, int32_t day, uint64_t events, int64_t until_ms,
                struct err *err) {
    const struct zone *zone = t->options.zone;
    t->day = day;
    t->start_ms = zone_day_start_ms(zone, day);
    t->length_ms = (until_ms ? until_ms : zone_day_start_ms(zone, day + 1)) - t->start_ms;
    t->count = t->taken = t->visit_count = 0;
    t->random = t->options.seed ^ draw_mix(((uint64_t)t->options.site << 32) | (uint32_t)day);
    if (t->length_ms < 1000 || t->length_ms > (int64_t)MOST_QUARTERS * QUARTER_MS)
        return err_set(err, ERR_INVALID, "the day has not begun");
    int code = make_room(t, events, err);
    for (size_t q = 0; q < MOST_QUARTERS; q++)
        t->hours[q] =
            (uint8_t)(zone_to_local(zone, t->start_ms + (int64_t)q * QUARTER_MS).second / 3600);
    uint64_t persons = draw_next(&t->random);
    while (!code && t->count < t->cap)
        code = add_person(t, draw_next(&persons), err);
    if (!code)
        sort_steps(t);
    return code;
}

/* --- handing out --------------------------------------------------------------------------------
 */

static void fill(const struct traffic *t, const struct step *s, struct event *e) {
    const struct caller *c = &t->visits[s->visit];
    const struct traffic_page *page = &t->pages[s->page];
    const struct origin *o = c->paid ? &campaigns[c->origin] : &sources[c->origin];
    *e = (struct event){
        .site = t->options.site,
        .ts_ms = t->start_ms + s->at_ms,
        .day = t->day,
        .hour = t->hours[s->at_ms / QUARTER_MS],
        .visitor = c->visitor,
        .kind = EVENT_PAGEVIEW,
        .interactive = 1,
        .scroll = SCROLL_NONE,
        .name = SPAN_LIT("pageview"),
        .hostname = hosts[page->in_shop],
        .page = page->path,
        .referrer = o->referrer,
        .source = o->source,
        .channel = o->channel,
        .utm_source = o->utm_source,
        .utm_medium = o->utm_medium,
        .utm_campaign = o->utm_campaign,
        .utm_content = o->utm_content,
        .utm_term = o->utm_term,
        .country = countries[c->country].code,
        .browser = platforms[c->platform].browser,
        .browser_version = platforms[c->platform].browser_version,
        .os = platforms[c->platform].os,
        .os_version = platforms[c->platform].os_version,
        .device = platforms[c->platform].device,
        .props = SPAN_EMPTY,
        .currency = SPAN_EMPTY,
    };
    if (s->what == 1) {
        e->kind = EVENT_ENGAGEMENT;
        e->interactive = 0;
        e->name = SPAN_LIT("engagement");
        e->scroll = s->extra;
        /* As the sieve leaves it: to a tenth of a second. */
        e->engaged_ms =
            (uint32_t)((uint64_t)s->dwell * LONGEST_DWELL_MS * 2 / UINT16_MAX * s->extra / 10000) *
            100;
    } else if (s->what > 1) {
        e->kind = EVENT_CUSTOM;
        e->name = customs[s->what - 2].name;
        e->props = t->props[s->what - 2][s->extra];
        if (span_eq(e->name, SPAN_LIT("Purchase"))) {
            e->revenue_milli = 9900 + (int64_t)s->extra * 2500;
            e->currency = SPAN_LIT("EUR");
        }
    }
}

size_t traffic_take(struct traffic *t, struct event *events, size_t most) {
    size_t n = t->count - t->taken < most ? t->count - t->taken : most;
    for (size_t i = 0; i < n; i++)
        fill(t, &t->steps[t->taken + i], &events[i]);
    t->taken += n;
    return n;
}
