#include "config.h"

#include <stdlib.h>

#include "log.h"
#include "os.h"

enum param_type { PARAM_NUMBER, PARAM_TEXT, PARAM_LIST };

static const struct param {
    const char *name;
    enum param_type type;
    const char *unit;
    uint64_t least, most, number;
    const char *fallback;
    const char *text;
    size_t offset;
} params[] = {
#define NUMBER(n, u, l, m, f, t) \
    {#n, PARAM_NUMBER, u, l, m, f, NULL, t, offsetof(struct config, n)},
#define TEXT(n, f, t) {#n, PARAM_TEXT, "", 0, 0, 0, f, t, offsetof(struct config, n)},
#define LIST(n, t) {#n, PARAM_LIST, "", 0, 0, 0, NULL, t, offsetof(struct config, n)},
#include "params.def"
#undef NUMBER
#undef TEXT
#undef LIST
};

static int no_memory(struct err *err) {
    return err_set(err, ERR_NOMEM, "out of memory");
}

static void *field(struct config *c, const struct param *p) {
    return (char *)c + p->offset;
}

static void list_free(char **list) {
    for (char **at = list; at && *at; at++)
        free(*at);
    free(list);
}

static int set_text(char **at, struct span value, struct err *err) {
    char *copy = value.len ? strndup(value.ptr, value.len) : NULL;
    if (value.len && !copy)
        return no_memory(err);
    free(*at);
    *at = copy;
    return 0;
}

static int set_list(char ***at, struct span value, struct err *err) {
    size_t most = 2;
    for (size_t i = 0; i < value.len; i++)
        most += value.ptr[i] == ',';
    char **list = calloc(most, sizeof(*list));
    if (!list)
        return no_memory(err);
    struct span piece;
    for (size_t n = 0; span_next(&value, ',', &piece);) {
        piece = span_trim(piece);
        if (piece.len == 0)
            continue;
        if (!(list[n++] = strndup(piece.ptr, piece.len))) {
            list_free(list);
            return no_memory(err);
        }
    }
    list_free(*at);
    *at = list;
    return 0;
}

static int set_number(const struct param *p, uint64_t *at, struct span value, struct err *err) {
    uint64_t n;
    if (!span_u64(value, &n) || n < p->least || n > p->most)
        return err_set(err, ERR_INVALID, "%s: must be a number from %llu to %llu (%s)", p->name,
                       (unsigned long long)p->least, (unsigned long long)p->most, p->unit);
    *at = n;
    return 0;
}

int config_init(struct config *c, struct err *err) {
    memset(c, 0, sizeof(*c));
    for (size_t i = 0; i < ARRAY_LEN(params); i++) {
        const struct param *p = &params[i];
        if (p->type == PARAM_NUMBER)
            *(uint64_t *)field(c, p) = p->number;
        if (p->type == PARAM_TEXT && p->fallback &&
            set_text(field(c, p), span_str(p->fallback), err) < 0) {
            config_release(c);
            return ERR_NOMEM;
        }
    }
    return 0;
}

void config_release(struct config *c) {
    for (size_t i = 0; i < ARRAY_LEN(params); i++) {
        if (params[i].type == PARAM_TEXT)
            free(*(char **)field(c, &params[i]));
        if (params[i].type == PARAM_LIST)
            list_free(*(char ***)field(c, &params[i]));
    }
    memset(c, 0, sizeof(*c));
}

int config_set(struct config *c, struct span name, struct span value, struct err *err) {
    for (size_t i = 0; i < ARRAY_LEN(params); i++) {
        const struct param *p = &params[i];
        if (!span_eq(name, span_str(p->name)))
            continue;
        switch (p->type) {
        case PARAM_NUMBER:
            return set_number(p, field(c, p), value, err);
        case PARAM_TEXT:
            return set_text(field(c, p), value, err);
        case PARAM_LIST:
            return set_list(field(c, p), value, err);
        }
    }
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] <= ' ' || name.ptr[i] > '~')
            return err_set(err, ERR_INVALID, "the name of a setting has odd characters");
    return err_set(err, ERR_INVALID, "unknown setting \"%.*s\"", SPAN_ARG(span_head(name, 60)));
}

static int read_line(struct config *c, struct span line, struct err *err) {
    line = span_trim(span_head(line, span_find(line, '#', 0)));
    if (line.len == 0)
        return 0;
    size_t equals = span_find(line, '=', 0);
    if (equals == line.len)
        return err_set(err, ERR_INVALID, "must be name = value");
    return config_set(c, span_trim(span_head(line, equals)), span_trim(span_from(line, equals + 1)),
                      err);
}

int config_read(struct config *c, struct span text, struct err *err) {
    struct span line;
    for (unsigned number = 1; span_next(&text, '\n', &line); number++) {
        struct err why = {0};
        int rc = read_line(c, line, &why);
        if (rc < 0)
            return err_set(err, rc, "line %u: %.150s", number, why.text);
    }
    return 0;
}

int config_load(struct config *c, const char *path, struct err *err) {
    BUF_AUTO text = {0};
    int rc = os_read_file(&os_system, path, 1024 * 1024, &text, err);
    return rc < 0 ? rc : config_read(c, buf_span(&text), err);
}

int config_check(const struct config *c, struct err *err) {
    enum log_level level;
    if (!c->listen)
        return err_set(err, ERR_INVALID, "listen: is required");
    if (!c->tls_cert != !c->tls_key)
        return err_set(err, ERR_INVALID, "tls_cert and tls_key: give both or neither");
    if (!c->log_level || log_parse_level(c->log_level, &level) < 0)
        return err_set(err, ERR_INVALID, "log_level: must be debug, info, warn or error");
    return 0;
}

void config_describe(struct buf *out) {
    for (size_t i = 0; i < ARRAY_LEN(params); i++) {
        const struct param *p = &params[i];
        buf_addf(out, "# %s", p->text);
        if (p->type == PARAM_NUMBER)
            buf_addf(out, " (%llu to %llu %s)\n#%s = %llu\n", (unsigned long long)p->least,
                     (unsigned long long)p->most, p->unit, p->name, (unsigned long long)p->number);
        else
            buf_addf(out, "\n#%s = %s\n", p->name, p->fallback ? p->fallback : "");
    }
}
