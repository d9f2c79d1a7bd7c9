#include "ua.h"

#include <hs/hs.h>
#include <pthread.h>
#include <stdatomic.h>

#include "crypt.h"
#include "ua_cache.h"
#include "ua_name.h"
#include "ua_table.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
    MOST_BYTES = 512,    /* of a user agent that are looked at */
    LEAST_BYTES = 16,    /* shorter ones are no browser's */
    MATCH_LIMIT = 20000, /* PCRE2 steps: far over what honest strings take, under a millisecond */
    CAPTURES = 10,
    WORD_BITS = 64,
    MOST_WORDS = 128,
};

/* Expressions that PCRE2 has compiled so far: most are never needed. */
struct lazy {
    pthread_mutex_t lock; /* held to compile; readers go without */
    pcre2_compile_context *context;
    _Atomic(pcre2_code *) code[];
};

struct ua {
    hs_database_t *database;
    struct lazy *lazy;
    struct ua_key key;
    size_t words;
    uint64_t always[MOST_WORDS]; /* candidates that the database does not know */
};

struct ua_lane {
    const struct ua *ua;
    hs_scratch_t *scratch;
    struct ua_cache *cache;
    pcre2_match_data *match;
    pcre2_match_context *limits;
    uint64_t hit[MOST_WORDS]; /* candidates of the scan under way, by pattern */
    bool kind[UA_KINDS];      /* kinds of which a pattern surely matches */
    uint32_t groups;          /* of the last confirmed match: those from here on were not set */
};

static const struct ua_info robot = {.bot = true};

DEFINE_FREEP(struct ua, ua_close)
DEFINE_FREEP(struct ua_lane, ua_lane_free)

static void lazy_free(struct lazy *z) {
    for (size_t i = 0; i < ua_pattern_count; i++)
        pcre2_code_free(atomic_load(&z->code[i]));
    pcre2_compile_context_free(z->context);
    (void)pthread_mutex_destroy(&z->lock);
    free(z);
}
DEFINE_FREEP(struct lazy, lazy_free)

static struct lazy *lazy_new(void) {
    CLEANUP(lazy_freep)
    struct lazy *z =
        calloc(1, sizeof(struct lazy) + ua_pattern_count * sizeof(_Atomic(pcre2_code *)));
    if (!z)
        return NULL;
    (void)pthread_mutex_init(&z->lock, NULL);
    z->context = pcre2_compile_context_create(NULL);
    if (!z->context)
        return NULL;
    (void)pcre2_set_newline(z->context, PCRE2_NEWLINE_LF); /* as libhs has it */
    return TAKE_PTR(z);
}

/* NULL when there is no memory for it: the pattern then does not match this time. */
static pcre2_code *lazy_code(struct lazy *z, size_t id) {
    pcre2_code *code = atomic_load_explicit(&z->code[id], memory_order_acquire);
    if (LIKELY(code != NULL))
        return code;
    (void)pthread_mutex_lock(&z->lock);
    code = atomic_load_explicit(&z->code[id], memory_order_relaxed);
    if (!code) {
        const struct ua_pattern *p = &ua_patterns[id];
        int error = 0;
        PCRE2_SIZE at = 0;
        code = pcre2_compile((PCRE2_SPTR)p->regex, PCRE2_ZERO_TERMINATED,
                             PCRE2_NEVER_UTF | (p->caseless ? PCRE2_CASELESS : 0), &error, &at,
                             z->context);
        if (code) /* where the system forbids executable memory, PCRE2 interprets instead */
            (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
        atomic_store_explicit(&z->code[id], code, memory_order_release);
    }
    (void)pthread_mutex_unlock(&z->lock);
    return code;
}

int ua_open(struct ua **ret, struct err *err) {
    CLEANUP(ua_closep) struct ua *ua = calloc(1, sizeof(*ua));
    if (!ua)
        return err_set(err, ERR_NOMEM, "user agents: out of memory");
    ua->words = (ua_pattern_count + WORD_BITS - 1) / WORD_BITS;
    if (ua->words > MOST_WORDS)
        return err_set(err, ERR_CORRUPT, "user agents: too many patterns");
    if (hs_valid_platform() != HS_SUCCESS)
        return err_set(err, ERR_UNSUPPORTED, "user agents: libhs does not run on this processor");
    ua->lazy = lazy_new();
    if (!ua->lazy)
        return err_set(err, ERR_NOMEM, "user agents: out of memory");
    hs_error_t e =
        hs_deserialize_database((const char *)ua_database, ua_database_bytes, &ua->database);
    if (e == HS_NOMEM)
        return err_set(err, ERR_NOMEM, "user agents: out of memory");
    if (e != HS_SUCCESS)
        return err_set(err, ERR_UNSUPPORTED, "user agents: libhs refuses the pattern database (%d)",
                       e);
    for (size_t i = 0; i < ua_pattern_count; i++)
        if (ua_patterns[i].always)
            ua->always[i / WORD_BITS] |= (uint64_t)1 << i % WORD_BITS;
    crypt_random(&ua->key, sizeof(ua->key));
    *ret = TAKE_PTR(ua);
    return 0;
}

void ua_close(struct ua *ua) {
    if (!ua)
        return;
    lazy_freep(&ua->lazy);
    (void)hs_free_database(ua->database);
    crypt_wipe(&ua->key, sizeof(ua->key));
    free(ua);
}

int ua_lane_new(const struct ua *ua, struct ua_lane **ret, struct err *err) {
    CLEANUP(ua_lane_freep) struct ua_lane *lane = calloc(1, sizeof(*lane));
    if (!lane)
        return err_set(err, ERR_NOMEM, "user agents: out of memory");
    lane->ua = ua;
    lane->cache = ua_cache_new();
    lane->match = pcre2_match_data_create(CAPTURES, NULL);
    lane->limits = pcre2_match_context_create(NULL);
    if (!lane->cache || !lane->match || !lane->limits ||
        hs_alloc_scratch(ua->database, &lane->scratch) != HS_SUCCESS)
        return err_set(err, ERR_NOMEM, "user agents: out of memory");
    (void)pcre2_set_match_limit(lane->limits, MATCH_LIMIT);
    *ret = TAKE_PTR(lane);
    return 0;
}

void ua_lane_free(struct ua_lane *lane) {
    if (!lane)
        return;
    (void)hs_free_scratch(lane->scratch);
    pcre2_match_context_free(lane->limits);
    pcre2_match_data_free(lane->match);
    ua_cache_free(lane->cache);
    free(lane);
}

static int on_hit(unsigned id, unsigned long long from, unsigned long long to, unsigned flags,
                  void *context) {
    struct ua_lane *lane = context;
    if (ua_patterns[id].regex)
        lane->hit[id / WORD_BITS] |= (uint64_t)1 << id % WORD_BITS;
    else
        lane->kind[ua_patterns[id].kind] = true;
    return 0;
}

/* The first candidate at or after `from`; ua_pattern_count when there is none. */
static size_t next_candidate(const struct ua_lane *lane, size_t from) {
    for (size_t w = from / WORD_BITS; w < lane->ua->words; w++) {
        uint64_t bits = lane->hit[w];
        if (w == from / WORD_BITS)
            bits &= ~(uint64_t)0 << from % WORD_BITS;
        if (bits)
            return w * WORD_BITS + (size_t)__builtin_ctzll(bits);
    }
    return ua_pattern_count;
}

/* Whether the expression matches; the captures are then in lane->match. Over the limits is no
 * match. */
static bool confirm(struct ua_lane *lane, size_t id, struct span s) {
    pcre2_code *code = lazy_code(lane->ua->lazy, id);
    int n =
        code ? pcre2_match(code, (PCRE2_SPTR)s.ptr, s.len, 0, 0, lane->match, lane->limits) : -1;
    lane->groups = n > 0 ? (uint32_t)n : CAPTURES;
    return n >= 0;
}

/* A group that an expression does not have still holds what an earlier match left there. */
static struct span capture(const struct ua_lane *lane, struct span s, uint32_t group) {
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(lane->match);
    if (group >= lane->groups || at[2 * group] == PCRE2_UNSET)
        return SPAN_EMPTY;
    return span_of(s.ptr + at[2 * group], at[2 * group + 1] - at[2 * group]);
}

/* Fills a template's $1…$9 in. Empty when a capture is no family or there is no room. */
static struct span expand_name(const struct ua_lane *lane, struct span s, const char *template,
                               char *out, size_t room) {
    size_t n = 0;
    for (const char *t = template; *t; t++) {
        struct span piece = span_of(t, 1);
        if (*t == '$' && ascii_is_digit(t[1])) {
            piece = capture(lane, s, (uint32_t)(*++t - '0'));
            if (piece.len > 0 && !ua_name_is_family(piece))
                return SPAN_EMPTY;
        }
        if (piece.len > room - n)
            return SPAN_EMPTY;
        if (piece.len > 0)
            memcpy(out + n, piece.ptr, piece.len);
        n += piece.len;
    }
    return span_trim(span_of(out, n));
}

static struct span expand_version(const struct ua_lane *lane, struct span s, const char *template) {
    if (template[0] == '$' && ascii_is_digit(template[1]))
        return ua_name_major(capture(lane, s, (uint32_t)(template[1] - '0')));
    return span_str(template);
}

static void put(char *out, size_t room, struct span s) {
    struct span fitting = span_utf8_head(s, room - 1);
    if (fitting.len > 0)
        memcpy(out, fitting.ptr, fitting.len);
    out[fitting.len] = '\0';
}

/* The first pattern of a kind that matches and, where the kind has names, gives one; NULL when none
 * does. The name is cut into `text`. */
static const struct ua_pattern *first_match(struct ua_lane *lane, struct span s, enum ua_kind kind,
                                            char *text, size_t room, struct span *ret_name) {
    for (size_t id = next_candidate(lane, 0); id < ua_pattern_count;
         id = next_candidate(lane, id + 1)) {
        const struct ua_pattern *p = &ua_patterns[id];
        if (p->kind != kind || !confirm(lane, id, s))
            continue;
        *ret_name = expand_name(lane, s, p->name, text, room);
        if (ret_name->len > 0 || room == 0)
            return p;
    }
    return NULL;
}

static void find_browser(struct ua_lane *lane, struct span s, struct ua_info *info) {
    char text[sizeof(info->browser)];
    struct span name = SPAN_EMPTY;
    const struct ua_pattern *p = first_match(lane, s, UA_BROWSER, text, sizeof(text), &name);
    if (!p)
        return;
    put(info->browser, sizeof(info->browser), ua_name_browser(name));
    put(info->browser_version, sizeof(info->browser_version), expand_version(lane, s, p->version));
}

static void find_os(struct ua_lane *lane, struct span s, struct ua_info *info) {
    char text[sizeof(info->os)];
    struct span name = SPAN_EMPTY;
    const struct ua_pattern *p = first_match(lane, s, UA_OS, text, sizeof(text), &name);
    if (!p)
        return;
    name = ua_name_os(name);
    put(info->os, sizeof(info->os), name);
    if (name.len > 0 && ua_name_os_has_version(name))
        put(info->os_version, sizeof(info->os_version), expand_version(lane, s, p->version));
}

/* What the string says of the device goes before what its system implies. Android without "Mobile"
 * is a tablet (Chrome's own rule for its user agent). */
static const char *device(const struct ua_lane *lane, struct span os) {
    static const struct {
        enum ua_kind kind;
        const char *name;
    } devices[] = {
        {UA_TV, "TV"}, {UA_CONSOLE, "Console"}, {UA_TABLET, "Tablet"}, {UA_MOBILE, "Mobile"}};

    for (size_t i = 0; i < ARRAY_LEN(devices); i++)
        if (lane->kind[devices[i].kind])
            return devices[i].name;
    return span_eq(os, SPAN_LIT("Android")) ? "Tablet" : ua_name_os_device(os);
}

static bool is_robot(struct ua_lane *lane, struct span s) {
    struct span none;
    return lane->kind[UA_BOT] || first_match(lane, s, UA_BOT, NULL, 0, &none) != NULL;
}

static bool has_letter(struct span s) {
    for (size_t i = 0; i < s.len; i++)
        if (ascii_lower(s.ptr[i]) >= 'a' && ascii_lower(s.ptr[i]) <= 'z')
            return true;
    return false;
}

static void classify(struct ua_lane *lane, struct span s, struct ua_info *info) {
    memcpy(lane->hit, lane->ua->always, sizeof(lane->hit));
    memset(lane->kind, 0, sizeof(lane->kind));
    (void)hs_scan(lane->ua->database, s.ptr, (unsigned)s.len, 0, lane->scratch, on_hit, lane);
    find_browser(lane, s, info);
    find_os(lane, s, info);
    put(info->device, sizeof(info->device), span_str(device(lane, span_str(info->os))));
    info->bot = is_robot(lane, s);
}

const struct ua_info *ua_lookup(struct ua_lane *lane, struct span user_agent) {
    struct span s = span_head(user_agent, MOST_BYTES);
    if (s.len < LEAST_BYTES)
        return &robot;
    bool found = false;
    struct ua_info *info =
        ua_cache_slot(lane->cache, ua_key_hash(&lane->ua->key, s), s.len, &found);
    if (found)
        return info;
    if (has_letter(s))
        classify(lane, s, info);
    else
        info->bot = true;
    return info;
}
