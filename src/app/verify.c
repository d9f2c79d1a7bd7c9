#include "verify.h"

#include <stdlib.h>

#include "civil.h"
#include "parts.h"
#include "sealing.h"

static int no_memory(struct err *err) {
    return err_set(err, ERR_NOMEM, "out of memory");
}

static uint64_t bytes_of(const struct part_record *r) {
    uint64_t sum = 0;
    for (unsigned k = 0; k < PART_KINDS; k++)
        sum += r->files[k].bytes;
    return sum;
}

int verb_doctor_parts(struct app *a, const json_t *args, struct span body, json_t **ret,
                      struct err *err) {
    struct part_record *parts = NULL;
    size_t count = 0;
    int rc = control_parts(a->control, &parts, &count, err);
    CLEANUP(free_charp) char *owned = (char *)parts;
    if (rc < 0)
        return rc;
    JSON_AUTO list = json_array();
    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(list, json_pack("{s:I, s:I}", "id", (json_int_t)parts[i].id,
                                                  "bytes", (json_int_t)bytes_of(&parts[i]))) < 0)
            return no_memory(err);
    *ret = TAKE_PTR(list);
    return *ret ? 0 : no_memory(err);
}

/* ERR_NOT_FOUND: it is not recorded (any more). */
static int find_part(struct app *a, uint32_t id, struct part_record *ret, struct err *err) {
    struct part_record *parts = NULL;
    size_t count = 0;
    int rc = control_parts(a->control, &parts, &count, err);
    CLEANUP(free_charp) char *owned = (char *)parts;
    for (size_t i = 0; rc >= 0 && i < count; i++)
        if (parts[i].id == id) {
            *ret = parts[i];
            return 0;
        }
    return rc < 0 ? rc : err_set(err, ERR_NOT_FOUND, "there is no part %u", id);
}

static int look(struct app *a, const struct part_record *r, struct buf *findings, struct err *err) {
    static const enum seal_kind kinds[PART_KINDS] = {
        [PART_EVENT] = SEAL_EVENT, [PART_VISIT] = SEAL_VISIT, [PART_ROLL] = SEAL_ROLL};
    struct seal_file files[SEAL_KINDS] = {0};
    for (unsigned k = 0; k < PART_KINDS; k++) {
        const struct part_file *from = &r->files[k];
        struct seal_file *to = &files[kinds[k]];
        (void)snprintf(to->path, sizeof(to->path), "%.*s", SEAL_PATH - 1, from->path);
        to->rows = from->rows;
        to->bytes = from->bytes;
        memcpy(to->digest, from->digest, sizeof(to->digest));
    }
    size_t count = 0;
    int rc = store_verify(a->store, &os_system, a->sealed_root, files, findings, &count, err);
    return rc == 0 && findings->failed ? no_memory(err) : rc;
}

static json_t *finding(const struct part_record *r, struct span line) {
    char from[CIVIL_TEXT], to[CIVIL_TEXT];
    civil_format(r->from_day, from);
    civil_format(r->to_day, to);
    BUF_AUTO text = {0};
    buf_addf(&text, "site %u, %s", r->site, from);
    if (r->to_day != r->from_day)
        buf_addf(&text, " to %s", to);
    buf_addf(&text, ", part %u: %.*s", r->id, SPAN_ARG(line));
    return json_pack("{s:s, s:b, s:s?}", "check", "sealed", "ok", 0, "text", buf_cstr(&text));
}

int verb_doctor_part(struct app *a, const json_t *args, struct span body, json_t **ret,
                     struct err *err) {
    uint32_t id = (uint32_t)json_integer_value(json_member(args, "id"));
    JSON_AUTO list = json_array();
    BUF_AUTO findings = {0};
    struct part_record r, again;
    struct err why = {0};
    int rc = find_part(a, id, &r, &why);
    if (rc == 0)
        rc = look(a, &r, &findings, &why);
    /* What was replaced while it was looked at is nobody's loss. */
    if (rc == ERR_NOT_FOUND || (findings.len && find_part(a, id, &again, &why) == ERR_NOT_FOUND)) {
        *ret = TAKE_PTR(list);
        return *ret ? 0 : no_memory(err);
    }
    if (rc < 0) {
        *err = why;
        return rc;
    }
    struct span rest = buf_span(&findings), line;
    while (span_next(&rest, '\n', &line))
        if (line.len && json_array_append_new(list, finding(&r, line)) < 0)
            return no_memory(err);
    *ret = TAKE_PTR(list);
    return *ret ? 0 : no_memory(err);
}
