/* withdrawal.c — the body of a visitor who takes back the consent to be known again. */
#include "collect.h"

#include "json_in.h"

struct parse {
    struct span domains, id; /* ptr NULL: not sent */
    struct collect_fault fault;
    struct err *err;
};

static int refuse(struct parse *p, const char *field, const char *text) {
    p->fault = (struct collect_fault){.field = field, .text = text};
    return err_set(p->err, ERR_INVALID, "%s %s", field, text);
}

static int refuse_json(struct parse *p, const struct json_in *in) {
    return in->nomem ? err_set(p->err, ERR_NOMEM, "out of memory")
                     : refuse(p, "request", "is not valid JSON");
}

static int take_members(struct parse *p, struct json_in *in) {
    struct span key;
    bool first = true;
    while (json_in_member(in, &first, &key)) {
        struct json_in_value v;
        if (!json_in_value(in, &v))
            break;
        bool is_id = span_eq(key, SPAN_LIT("id"));
        if (!is_id && !span_eq(key, SPAN_LIT("d")) && !span_eq(key, SPAN_LIT("domain")))
            continue;
        if (v.kind != JSON_IN_STRING)
            return refuse(p, is_id ? "id" : "domain", "must be text");
        *(is_id ? &p->id : &p->domains) = v.text;
    }
    return json_in_end(in) ? 0 : refuse_json(p, in);
}

int collect_withdrawal(struct span body, struct arena *arena, struct collect_withdrawal *ret,
                       struct collect_fault *ret_fault, struct err *err) {
    struct parse p = {.err = err};
    struct json_in in = json_in_of(body, arena);
    int rc = json_in_open(&in, '{') ? take_members(&p, &in)
             : in.failed            ? refuse_json(&p, &in)
                                    : refuse(&p, "request", "must be an object");
    if (rc == 0 && (!p.domains.ptr || span_trim(p.domains).len == 0))
        rc = refuse(&p, "domain", "is required");
    if (rc == 0 && (!p.id.ptr || p.id.len == 0))
        rc = refuse(&p, "id", "is required");
    if (rc == ERR_INVALID)
        *ret_fault = p.fault;
    if (rc == 0)
        *ret = (struct collect_withdrawal){.domains = p.domains, .id = p.id};
    return rc;
}
