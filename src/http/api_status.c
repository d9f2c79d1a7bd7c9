/* api_status.c — what machines ask: alive, able to acknowledge, figures. */
#include <fcntl.h>
#include <unistd.h>

#include "streams.h"

static enum MHD_Result answer_text(struct request *r, unsigned status, struct span text) {
    struct MHD_Response *response = reply_static("text/plain; charset=utf-8", text);
    if (response)
        reply_header(response, "Cache-Control", "no-store");
    return reply_send(r, status, response);
}

enum MHD_Result api_healthz(struct request *r) {
    return answer_text(r, MHD_HTTP_OK, SPAN_LIT("ok\n"));
}

enum MHD_Result api_readyz(struct request *r) {
    const struct http_services *s = r->http->services;
    if (!journal_healthy(s->journal))
        return answer_text(r, MHD_HTTP_SERVICE_UNAVAILABLE, SPAN_LIT("journal\n"));
    if (s->ready && !s->ready(s->ctx))
        return answer_text(r, MHD_HTTP_SERVICE_UNAVAILABLE, SPAN_LIT("starting\n"));
    return answer_text(r, MHD_HTTP_OK, SPAN_LIT("ok\n"));
}

/* Second field of /proc/self/statm, in pages; 0 when it cannot be read. */
static uint64_t resident_bytes(void) {
    char text[128];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, text, sizeof(text));
    (void)close(fd);
    struct span rest = span_of(text, n > 0 ? (size_t)n : 0), field;
    uint64_t pages = 0;
    /* the second field */
    if (!span_next(&rest, ' ', &field) || // NOLINT(misc-redundant-expression)
        !span_next(&rest, ' ', &field) || !span_u64(field, &pages))
        return 0;
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void gauge(struct buf *out, const char *name, const char *help, double value) {
    buf_addf(out, "# HELP %s %s\n# TYPE %s gauge\n%s %.15g\n", name, help, name, name, value);
}

enum MHD_Result api_metrics(struct request *r) {
    struct http *h = r->http;
    const struct http_services *s = h->services;
    (void)pthread_mutex_lock(&h->conns_lock);
    unsigned connections = h->conn_count;
    (void)pthread_mutex_unlock(&h->conns_lock);

    BUF_AUTO out = {0};
    counters_write(h->counters, &out);
    gauge(&out, "process_resident_memory_bytes", "resident memory", (double)resident_bytes());
    gauge(&out, "tamis_uptime_seconds", "time since the server started",
          (double)(clock_mono_ns(s->clock) - h->started_ns) / 1e9);
    gauge(&out, "tamis_connections", "open connections", connections);
    gauge(&out, "tamis_streams", "open streams of live figures", streams_count(h->streams));
    gauge(&out, "tamis_requests_in_flight", "requests being answered", atomic_load(&h->in_flight));
    gauge(&out, "tamis_queries_waiting", "queries in the queue",
          (double)pool_backlog(h->query_pool));
    if (s->gauges)
        s->gauges(s->ctx, &out);
    return reply_bytes(r, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", &out);
}
