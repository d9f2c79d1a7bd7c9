/* settings.c — a site's settings: one row a key, each with its check. */
#include "db.h"

enum { MOST_LIST = 100, MOST_DOMAIN = 253, MOST_LABEL = 63 };

static int invalid(struct err *err, const char *key, const char *why) {
    return err_set(err, ERR_INVALID, "%s: %s", key, why);
}

static int keep(json_t *site, const char *key, json_t *owned, struct err *err) {
    return json_object_set_new(site, key, owned) == 0 ? 0
                                                      : err_set(err, ERR_NOMEM, "out of memory");
}

static bool label_char(char c) {
    return (c >= 'a' && c <= 'z') || ascii_is_digit(c) || c == '-' || c == '_';
}

static bool host_fine(struct span host) {
    if (host.len == 0 || host.len > MOST_DOMAIN)
        return false;
    struct span label;
    while (span_next(&host, '.', &label)) {
        if (label.len == 0 || label.len > MOST_LABEL || label.ptr[0] == '-' ||
            label.ptr[label.len - 1] == '-')
            return false;
        for (size_t i = 0; i < label.len; i++)
            if (!label_char(label.ptr[i]))
                return false;
    }
    return true;
}

static bool port_fine(struct span port) {
    uint64_t n;
    return span_u64(port, &n) && n > 0 && n <= UINT16_MAX;
}

int control_domain(struct span given, struct buf *ret, struct err *err) {
    BUF_AUTO lower = {0};
    struct span s = span_trim(given);
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] >= 0x80)
            return invalid(err, "domain", "must be ASCII; give the xn-- form");
        buf_addc(&lower, ascii_lower(s.ptr[i]));
    }
    s = buf_span(&lower);
    if (span_starts(s, SPAN_LIT("www.")))
        s = span_from(s, 4);
    size_t colon = span_find(s, ':', 0);
    struct span host = span_head(s, colon);
    if (colon == s.len && span_ends(host, SPAN_LIT(".")))
        s = host = span_head(host, host.len - 1);
    if (!host_fine(host) || (colon < s.len && !port_fine(span_from(s, colon + 1))))
        return invalid(err, "domain",
                       "must be a host name such as example.com, without scheme or path");
    buf_add(ret, s);
    return lower.failed || ret->failed ? err_set(err, ERR_NOMEM, "out of memory") : 0;
}

static int set_domain(const char *key, const json_t *value, json_t *site, struct err *err) {
    if (!json_is_string(value))
        return invalid(err, key, "must be text");
    BUF_AUTO domain = {0};
    int rc = control_domain(json_span(value), &domain, err);
    return rc < 0 ? rc : keep(site, key, json_stringn(domain.data, domain.len), err);
}

static int set_profile(const char *key, const json_t *value, json_t *site, struct err *err) {
    enum profile p;
    if (!json_is_string(value) || !profile_parse(json_span(value), &p))
        return invalid(err, key, "must be cnil, frugal or consented");
    return keep(site, key, json_string(profile_word(p)), err);
}

static int set_timezone(const char *key, const json_t *value, json_t *site, struct err *err) {
    CLEANUP(zone_freep) struct zone *z = NULL;
    if (!json_is_string(value) || zone_open(json_span(value), &z, NULL) < 0)
        return invalid(err, key, "must be an IANA time zone such as Europe/Paris");
    return keep(site, key, json_string(zone_name(z)), err);
}

static int set_flag(const char *key, const json_t *value, json_t *site, struct err *err) {
    if (!json_is_boolean(value))
        return invalid(err, key, "must be true or false");
    return keep(site, key, json_boolean(json_is_true(value)), err);
}

static int set_number(const char *key, const json_t *value, json_t *site, json_int_t least,
                      json_int_t most, const char *why, struct err *err) {
    json_int_t n = json_integer_value(value);
    if (!json_is_integer(value) || n < least || n > most)
        return invalid(err, key, why);
    return keep(site, key, json_integer(n), err);
}

static int set_raw_months(const char *key, const json_t *value, json_t *site, struct err *err) {
    return set_number(key, value, site, 1, 25,
                      "must be 1 to 25: raw rows may not be kept for longer", err);
}

static int set_roll_months(const char *key, const json_t *value, json_t *site, struct err *err) {
    return set_number(key, value, site, 0, 1200, "must be a number of months, 0 to keep roll-ups",
                      err);
}

bool settings_path_fine(struct span s) {
    return s.len > 0 && s.len <= 500 && s.ptr[0] == '/' && !memchr(s.ptr, '?', s.len);
}

static bool query_name_fine(struct span s) {
    if (s.len == 0 || s.len > 100)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] <= ' ' || strchr("&=#?\"\\\x7f", s.ptr[i]))
            return false;
    return true;
}

/* [""]: the command line's way to say that a list is to be empty. */
static bool is_emptied(const json_t *list) {
    const json_t *first = json_array_get(list, 0);
    return json_array_size(list) == 1 && json_is_string(first) && json_string_length(first) == 0;
}

static int set_list(const char *key, const json_t *value, json_t *site, bool (*fine)(struct span),
                    const char *why, struct err *err) {
    if (!json_is_array(value) || json_array_size(value) > MOST_LIST)
        return invalid(err, key, "must be an array of at most 100 texts");
    if (is_emptied(value))
        return keep(site, key, json_array(), err);
    size_t i;
    json_t *item;
    json_array_foreach (value, i, item)
        if (!json_is_string(item) || !fine(json_span(item)))
            return invalid(err, key, why);
    return keep(site, key, json_deep_copy(value), err);
}

static int set_path_patterns(const char *key, const json_t *value, json_t *site, struct err *err) {
    return set_list(key, value, site, settings_path_fine, "each must be a path such as /orders/*",
                    err);
}

static int set_query_keep(const char *key, const json_t *value, json_t *site, struct err *err) {
    return set_list(key, value, site, query_name_fine, "each must be the name of a query parameter",
                    err);
}

static int set_search_params(const char *key, const json_t *value, json_t *site, struct err *err) {
    return set_list(key, value, site, query_name_fine, "each must be the name of a query parameter",
                    err);
}

static int add_own_host(json_t *list, struct span given, const char *key, struct err *err) {
    BUF_AUTO host = {0};
    if (control_domain(given, &host, NULL) < 0 || memchr(host.data, ':', host.len))
        return invalid(err, key, "each must be a host such as shop.example.org");
    return json_array_append_new(list, json_stringn(host.data, host.len)) == 0
               ? 0
               : err_set(err, ERR_NOMEM, "out of memory");
}

static bool has_controls(struct span s) {
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f)
            return true;
    return false;
}

/* "FROM = NAME" is kept as "from=NAME". */
static int add_source_alias(json_t *list, struct span given, const char *key, struct err *err) {
    enum { MOST = 100 };
    size_t equals = span_find(given, '=', 0);
    struct span from = span_trim(span_head(given, equals));
    struct span name = span_trim(span_from(given, equals + 1));
    if (span_starts_nocase(from, SPAN_LIT("www.")))
        from = span_from(from, 4);
    if (from.len == 0 || name.len == 0 || from.len > MOST || name.len > MOST || has_controls(given))
        return invalid(err, key, "each must be like news.example.org=Newsletter, 100 bytes a side");
    BUF_AUTO text = {0};
    for (size_t i = 0; i < from.len; i++)
        buf_addc(&text, ascii_lower(from.ptr[i]));
    buf_addc(&text, '=');
    buf_add(&text, name);
    return !text.failed && json_array_append_new(list, json_stringn(text.data, text.len)) == 0
               ? 0
               : err_set(err, ERR_NOMEM, "out of memory");
}

/* A list whose texts are kept in a form of their own. */
static int set_made_list(const char *key, const json_t *value, json_t *site,
                         int (*add)(json_t *list, struct span given, const char *key,
                                    struct err *err),
                         struct err *err) {
    if (!json_is_array(value) || json_array_size(value) > MOST_LIST)
        return invalid(err, key, "must be an array of at most 100 texts");
    JSON_AUTO list = json_array();
    size_t i;
    json_t *item;
    json_array_foreach (value, i, item) {
        if (!json_is_string(item))
            return invalid(err, key, "must be an array of at most 100 texts");
        int rc = is_emptied(value) ? 0 : add(list, json_span(item), key, err);
        if (rc < 0)
            return rc;
    }
    return keep(site, key, TAKE_PTR(list), err);
}

static int set_own_hosts(const char *key, const json_t *value, json_t *site, struct err *err) {
    return set_made_list(key, value, site, add_own_host, err);
}

static int set_source_aliases(const char *key, const json_t *value, json_t *site, struct err *err) {
    return set_made_list(key, value, site, add_source_alias, err);
}

static const struct setting {
    const char *key;
    int (*set)(const char *key, const json_t *value, json_t *site, struct err *err);
} settings_known[] = {
    {"domain", set_domain},         {"profile", set_profile},
    {"timezone", set_timezone},     {"honour_signals", set_flag},
    {"block_spam", set_flag},       {"block_datacenters", set_flag},
    {"visitor_cookie", set_flag},   {"path_patterns", set_path_patterns},
    {"query_keep", set_query_keep}, {"search_params", set_search_params},
    {"own_hosts", set_own_hosts},   {"source_aliases", set_source_aliases},
    {"raw_months", set_raw_months}, {"roll_months", set_roll_months},
};

/* Another profile may be chosen later: then the cookie means nothing. */
static int check_cookie(const json_t *settings, const json_t *site, struct err *err) {
    if (!json_is_true(json_member(settings, "visitor_cookie")) ||
        span_eq(json_span(json_member(site, "profile")), span_str(profile_word(PROFILE_CONSENTED))))
        return 0;
    return invalid(err, "visitor_cookie", "needs the profile consented");
}

int settings_apply(const json_t *settings, json_t *site, struct err *err) {
    if (!json_is_object(settings))
        return err_set(err, ERR_INVALID, "settings must be an object");
    size_t found = 0;
    for (size_t i = 0; i < ARRAY_LEN(settings_known); i++) {
        const struct setting *k = &settings_known[i];
        const json_t *value = json_member(settings, k->key);
        if (!value)
            continue;
        int rc = k->set(k->key, value, site, err);
        if (rc < 0)
            return rc;
        found++;
    }
    if (found == json_object_size(settings))
        return check_cookie(settings, site, err);
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)settings, key, value) {
        bool known = false;
        for (size_t i = 0; i < ARRAY_LEN(settings_known); i++)
            known |= strcmp(key, settings_known[i].key) == 0;
        if (!known)
            return err_set(err, ERR_INVALID, "%.40s: unknown setting", key);
    }
    return 0;
}

json_t *settings_defaults(void) {
    return json_pack(
        "{s:s, s:s, s:b, s:b, s:b, s:b, s:[], s:[], s:[], s:[], s:[sssssss], s:i, s:i}", "profile",
        "frugal", "timezone", "UTC", "honour_signals", 1, "block_spam", 1, "block_datacenters", 0,
        "visitor_cookie", 0, "path_patterns", "query_keep", "own_hosts", "source_aliases",
        "search_params", "q", "query", "s", "search", "keyword", "suche", "recherche", "raw_months",
        25, "roll_months", 0);
}
