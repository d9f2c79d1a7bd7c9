#include "reports.h"

static const struct {
    const char *name, *event;
    const char *by[3];
} reports[] = {
    {"outbound", "Outbound Link: Click", {"event:props:url"}},
    {"downloads", "File Download", {"event:props:url"}},
    {"404", "404", {"event:props:path"}},
    {"search", "Site Search", {"event:props:query"}},
    {"form-errors", "Form Error", {"event:props:form", "event:props:field", "event:props:kind"}},
};

int report_add(const char *name, json_t *request, struct err *err) {
    json_t *dimensions = json_member(request, "dimensions");
    json_t *filters = json_member(request, "filters");
    for (size_t i = 0; i < ARRAY_LEN(reports); i++) {
        if (strcmp(reports[i].name, name) != 0)
            continue;
        json_t *filter = json_pack("[s, s, [s]]", "is", "event:name", reports[i].event);
        int failed = json_array_append_new(filters, filter);
        for (size_t k = 0; k < ARRAY_LEN(reports[i].by) && reports[i].by[k]; k++)
            failed |= json_array_append_new(dimensions, json_string(reports[i].by[k]));
        return failed ? err_set(err, ERR_NOMEM, "out of memory") : 0;
    }
    return err_set(err, ERR_INVALID,
                   "--report must be outbound, downloads, 404, search or form-errors");
}
