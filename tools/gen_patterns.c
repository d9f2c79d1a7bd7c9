/* gen_patterns — compiles src/sieve/patterns.def into a serialized libhs database, written as C.
 * Runs at build time. The database asks for no particular processor, so that one build runs on
 * every machine of the architecture. */
#include <hs/hs.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const expressions[] = {
#define PATTERN(ID, expression, word, validator) expression,
#include "patterns.def"
#undef PATTERN
};

enum { COUNT = sizeof(expressions) / sizeof(expressions[0]) };

static int write_c(const char *path, const char *bytes, size_t n) {
    FILE *f = fopen(path, "w");
    if (!f) {
        perror(path);
        return 1;
    }
    (void)fprintf(f,
                  "#include \"scrub_db.h\"\n\nconst size_t scrub_db_size = %zu;\n"
                  "const unsigned char scrub_db[] = {",
                  n);
    for (size_t i = 0; i < n; i++)
        (void)fprintf(f, "%s%d,", i % 24 ? "" : "\n", (unsigned char)bytes[i]);
    (void)fprintf(f, "\n};\n");
    return fclose(f) == 0 ? 0 : 1;
}

int main(int argc, char **argv) {
    if (argc != 2)
        return 2;
    unsigned ids[COUNT], flags[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        ids[i] = i;
        flags[i] = HS_FLAG_SOM_LEFTMOST;
    }
    hs_platform_info_t any = {.tune = HS_TUNE_FAMILY_GENERIC};
    hs_database_t *db = NULL;
    hs_compile_error_t *e = NULL;
    if (hs_compile_multi(expressions, flags, ids, COUNT, HS_MODE_BLOCK, &any, &db, &e) !=
        HS_SUCCESS) {
        (void)fprintf(stderr, "gen_patterns: pattern %d: %s\n", e->expression, e->message);
        return 1;
    }
    char *bytes = NULL;
    size_t n = 0;
    if (hs_serialize_database(db, &bytes, &n) != HS_SUCCESS)
        return 1;
    int rc = write_c(argv[1], bytes, n);
    free(bytes);
    (void)hs_free_database(db);
    return rc;
}
