/* routes.c — every address the server answers but static files. */
#include "server.h"

#define ROUTE(method, path, run, work) \
    { {(path), sizeof(path) - 1}, (method), (run), (work) }

static const struct route routes[] = {
    ROUTE("POST", "/api/event", api_event, NULL),
    ROUTE("OPTIONS", "/api/event", api_event_preflight, NULL),
    ROUTE("POST", "/api/forget", api_forget, NULL),
    ROUTE("OPTIONS", "/api/forget", api_event_preflight, NULL),
    ROUTE("POST", "/api/v2/query", NULL, api_query),
    ROUTE("GET", "/api/v2/query/schema.json", api_query_schema, NULL),
    ROUTE("GET", "/api/v2/goals", NULL, api_goals),
    ROUTE("GET", "/api/v2/notes", NULL, api_notes),
    ROUTE("GET", "/api/v2/props", NULL, api_props),
    ROUTE("POST", "/api/v2/funnel", NULL, api_funnel),
    ROUTE("POST", "/api/v2/journey", NULL, api_journey),
    ROUTE("GET", "/api/v2/cohorts", NULL, api_cohorts),
    ROUTE("GET", "/api/v2/segments", NULL, api_segments),
    ROUTE("GET", "/api/v2/annotations", NULL, api_annotations),
    ROUTE("GET", "/api/v2/realtime", NULL, api_realtime),
    ROUTE("GET", "/api/v2/realtime/stream", api_realtime_stream, api_realtime_open),
    ROUTE("GET", "/api/v2/sites", NULL, api_headlines),
    ROUTE("GET", "/api/v2/views", NULL, api_views),
    ROUTE("GET", "/api/v1/sites", NULL, api_sites),
    ROUTE("GET", "/api/v1/stats/realtime/visitors", NULL, api_realtime_visitors),
    ROUTE("GET", "/api/v1/stats/aggregate", NULL, api_v1_aggregate),
    ROUTE("GET", "/api/v1/stats/timeseries", NULL, api_v1_timeseries),
    ROUTE("GET", "/api/v1/stats/breakdown", NULL, api_v1_breakdown),
    ROUTE("GET", "/healthz", api_healthz, NULL),
    ROUTE("GET", "/readyz", api_readyz, NULL),
    ROUTE("GET", "/metrics", api_metrics, NULL),
    ROUTE("GET", "/optout", optout_page, NULL),
    ROUTE("POST", "/optout", optout_set, NULL),
};

const struct route *route_find(struct span path, const char *method, bool *ret_wrong_method) {
    bool known = false;
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        if (!span_eq(routes[i].path, path))
            continue;
        known = true;
        if (strcmp(routes[i].method, method) == 0) {
            *ret_wrong_method = false;
            return &routes[i];
        }
    }
    *ret_wrong_method = known;
    return NULL;
}
