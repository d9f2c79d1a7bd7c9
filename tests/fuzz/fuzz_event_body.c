/* Any body: no crash, hits within their limits, and no hit from what jansson says is no JSON. */
#include <stdlib.h>

#include <jansson.h>

#include "collect.h"
#include "must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena;
    arena_init(&arena, 8 << 20);
    char *body = malloc(size ? size : 1);
    if (!body)
        return 0;
    memcpy(body, data, size);
    struct hit from;
    hit_init(&from);
    struct collect_hits hits;
    struct collect_fault fault;
    int rc = collect_plausible(span_of(body, size), &from, &arena, &hits, &fault, NULL);
    if (rc == 0) {
        json_error_t why;
        json_t *j = json_loadb(body, size, JSON_DECODE_ANY, &why);
        must(j || json_error_code(&why) == json_error_numeric_overflow ||
             json_error_code(&why) == json_error_null_byte_in_key);
        json_decref(j);
        must(hits.count >= 1 && hits.count <= 1000);
        for (size_t i = 0; i < hits.count; i++)
            must(hits.items[i].prop_count <= 30 && hits.items[i].referrer.len <= 2000 &&
                 hits.items[i].name.len <= 480);
    } else {
        must(rc == ERR_NOMEM || (fault.field && fault.text));
    }
    struct hit h;
    for (int format = LOG_FORMAT_COMBINED; format <= LOG_FORMAT_COMMON; format++)
        (void)collect_log_line((enum log_format)format, span_of(body, size), SPAN_LIT("a.example"),
                               &arena, &h);
    arena_release(&arena);
    free(body);
    return 0;
}
