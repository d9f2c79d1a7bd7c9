/* gen_ua.c — compiles the table of tools/ua_patterns.ts into the C file behind
 * src/sieve/ua_table.h.
 *
 *   gen_ua <table> <out.c>
 *
 * All expressions go into one libhs database. Those that PCRE2 confirms are compiled as prefilters
 * and widened: a long bounded repeat becomes an unbounded one, which takes more strings and far
 * fewer states. An expression that libhs refuses falls back from exact to prefilter to "always a
 * candidate". */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <hs/hs.h>
#include <pcre2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PATTERNS = 8192, COLUMNS = 5, WIDEN_FROM = 8 };

struct pattern {
    char *kind;
    bool caseless;
    bool confirm;
    bool always;
    char *regex;
    char *name;
    char *version;
    char *wide; /* regex as a prefilter */
};

static _Noreturn void die(const char *what, const char *detail) {
    fprintf(stderr, "gen_ua: %s: %s\n", what, detail);
    exit(1);
}

static void *need(void *p) {
    if (!p)
        die("memory", "exhausted");
    return p;
}

/* "{least,most}" at s with a large `most`: its length, and whether zero times is enough; else 0. */
static size_t long_repeat(const char *s, bool *ret_zero) {
    unsigned least = 0, most = 0;
    int n = 0;
    if (sscanf(s, "{%u,%u}%n", &least, &most, &n) != 2 || n == 0 || most < WIDEN_FROM)
        return 0;
    *ret_zero = least == 0;
    return (size_t)n;
}

static char *widen(const char *regex) {
    char *out = need(malloc(strlen(regex) + 1));
    size_t o = 0;
    bool in_class = false;
    for (const char *s = regex; *s;) {
        bool zero = false;
        size_t n = 0;
        if (*s == '\\' && s[1]) {
            out[o++] = *s++;
        } else if (in_class) {
            in_class = *s != ']';
        } else if (*s == '[') {
            in_class = true;
        } else if (*s == '{' && (n = long_repeat(s, &zero)) > 0) {
            out[o++] = zero ? '*' : '+';
            s += n;
            continue;
        }
        out[o++] = *s++;
    }
    out[o] = '\0';
    /* Anything at the start is as good as no anchor. */
    size_t skip = strncmp(out, "^.*?", 4) == 0 ? 4 : strncmp(out, "^.*", 3) == 0 ? 3 : 0;
    memmove(out, out + skip, o - skip + 1);
    return out;
}

static void check_pcre2(const struct pattern *p) {
    int code = 0;
    PCRE2_SIZE at = 0;
    pcre2_code *re = pcre2_compile((PCRE2_SPTR)p->regex, PCRE2_ZERO_TERMINATED,
                                   p->caseless ? PCRE2_CASELESS : 0, &code, &at, NULL);
    if (!re)
        die("PCRE2 does not take", p->regex);
    pcre2_code_free(re);
}

static size_t read_table(char *text, struct pattern *ret) {
    size_t n = 0;
    for (char *line = text; *line;) {
        char *end = strchr(line, '\n');
        if (!end)
            die("table", "unfinished line");
        *end = '\0';
        char *col[COLUMNS];
        char *rest = line;
        for (int c = 0; c < COLUMNS; c++) {
            col[c] = rest;
            char *tab = strchr(rest, '\t');
            if (!tab != (c == COLUMNS - 1))
                die("columns", line);
            if (tab) {
                *tab = '\0';
                rest = tab + 1;
            }
        }
        if (n == MOST_PATTERNS)
            die("table", "too long");
        ret[n] =
            (struct pattern){.kind = col[0], .regex = col[2], .name = col[3], .version = col[4]};
        ret[n].caseless = strchr(col[1], 'i') != NULL;
        ret[n].confirm = strchr(col[1], 'c') != NULL;
        ret[n].wide = widen(col[2]);
        check_pcre2(&ret[n]);
        n++;
        line = end + 1;
    }
    return n;
}

/* One try with what is not `always`. Returns NULL after demoting the pattern that libhs refused. */
static hs_database_t *compile_once(struct pattern *p, size_t n) {
    static const char *expr[MOST_PATTERNS];
    static unsigned flags[MOST_PATTERNS], ids[MOST_PATTERNS];
    unsigned used = 0;
    for (size_t i = 0; i < n; i++) {
        if (p[i].always)
            continue;
        expr[used] = p[i].confirm ? p[i].wide : p[i].regex;
        flags[used] = HS_FLAG_SINGLEMATCH | (p[i].caseless ? HS_FLAG_CASELESS : 0) |
                      (p[i].confirm ? HS_FLAG_PREFILTER | HS_FLAG_ALLOWEMPTY : 0);
        ids[used++] = (unsigned)i;
    }
    /* No processor feature beyond what libhs needs anyway: the file runs where it was not built. */
    const hs_platform_info_t any = {.tune = HS_TUNE_FAMILY_GENERIC, .cpu_features = 0};
    hs_database_t *db = NULL;
    hs_compile_error_t *e = NULL;
    if (hs_compile_multi(expr, flags, ids, used, HS_MODE_BLOCK, &any, &db, &e) == HS_SUCCESS)
        return db;
    if (e->expression < 0)
        die("libhs", e->message);
    struct pattern *bad = &p[ids[e->expression]];
    if (!bad->confirm && strcmp(bad->kind, "bot") != 0) /* nothing confirms those */
        die("libhs does not take", bad->regex);
    fprintf(stderr, "gen_ua: %s: %s: %s\n", bad->confirm ? "always" : "prefilter", e->message,
            bad->regex);
    bad->always = bad->confirm;
    bad->confirm = true;
    hs_free_compile_error(e);
    return NULL;
}

static void put_string(FILE *f, const char *s) {
    fputc('"', f);
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            fprintf(f, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f || c == '?')
            fprintf(f, "\\%03o", c);
        else
            fputc(c, f);
    }
    fputc('"', f);
}

static void put_pattern(FILE *f, const struct pattern *p) {
    fprintf(f, "    {.kind = UA_");
    for (const char *k = p->kind; *k; k++)
        fputc(*k >= 'a' && *k <= 'z' ? *k - 'a' + 'A' : *k, f);
    fprintf(f, ", .caseless = %d, .always = %d", p->caseless, p->always);
    if (p->confirm) {
        fprintf(f, ", .regex = ");
        put_string(f, p->regex);
    }
    fprintf(f, ", .name = ");
    put_string(f, p->name);
    fprintf(f, ", .version = ");
    put_string(f, p->version);
    fprintf(f, "},\n");
}

static void put_bytes(FILE *f, const unsigned char *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (i % 32 == 0)
            fputs(i ? "\"\n\"" : "\"", f);
        fprintf(f, "\\%03o", bytes[i]);
    }
    fputs("\"", f);
}

static char *read_file(const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0)
        die("open", path);
    long size = ftell(f);
    rewind(f);
    if (size < 0)
        die("size", path);
    char *text = need(malloc((size_t)size + 1));
    if (fread(text, 1, (size_t)size, f) != (size_t)size)
        die("read", path);
    text[size] = '\0';
    fclose(f);
    return text;
}

int main(int argc, char **argv) {
    if (argc != 3)
        die("usage", "gen_ua <table> <out.c>");
    static struct pattern patterns[MOST_PATTERNS];
    char *text = read_file(argv[1]);
    size_t n = read_table(text, patterns);
    hs_database_t *db = NULL;
    while (!db)
        db = compile_once(patterns, n);
    char *bytes = NULL;
    size_t size = 0;
    if (hs_serialize_database(db, &bytes, &size) != HS_SUCCESS)
        die("libhs", "serialize");

    FILE *f = fopen(argv[2], "wb");
    if (!f)
        die("open", argv[2]);
    fprintf(f, "/* Written by tools/gen_ua.c. */\n#include \"ua_table.h\"\n\n");
    fprintf(f, "const struct ua_pattern ua_patterns[] = {\n");
    for (size_t i = 0; i < n; i++)
        put_pattern(f, &patterns[i]);
    fprintf(f, "};\n\nconst size_t ua_pattern_count = %zu;\n", n);
    fprintf(f, "const size_t ua_database_bytes = %zu;\n", size);
    fprintf(f, "_Alignas(64) const unsigned char ua_database[%zu] =\n", size + 1);
    put_bytes(f, (const unsigned char *)bytes, size);
    fprintf(f, ";\n");
    if (fclose(f) != 0)
        die("write", argv[2]);

    free(bytes);
    hs_free_database(db);
    for (size_t i = 0; i < n; i++)
        free(patterns[i].wide);
    free(text);
    return 0;
}
