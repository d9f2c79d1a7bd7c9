/* optout.c — GET and POST /optout: a visitor's own switch, kept in a cookie that says nothing else.
 */
#include "optout_forget.h"

#define COOKIE_NAME "tamis_optout"
#define THIRTEEN_MONTHS_SEC "34186698"

struct wording {
    const char *lang, *title, *counted, *not_counted, *stop, *start;
};

static const struct wording english = {
    "en",
    "Audience measurement",
    "Your visits are counted. Unless you agreed to it, no identifier is kept beyond the day.",
    "Your visits are not counted.",
    "Do not count my visits",
    "Count my visits again",
};

static const struct wording french = {
    "fr",
    "Mesure d’audience",
    "Vos visites sont comptées. Sans votre accord, aucun identifiant n’est conservé au-delà de la "
    "journée.",
    "Vos visites ne sont pas comptées.",
    "Ne plus compter mes visites",
    "Compter de nouveau mes visites",
};

bool optout_in_cookie(struct span cookie) {
    struct span pair;
    while (span_next(&cookie, ';', &pair)) {
        if (span_eq(span_trim(pair), SPAN_LIT(COOKIE_NAME "=1")))
            return true;
    }
    return false;
}

/* The first language named that we have. */
static const struct wording *wording_for(struct span accept) {
    struct span item;
    while (accept.ptr && span_next(&accept, ',', &item)) {
        item = span_trim(item);
        if (span_starts_nocase(item, SPAN_LIT("fr")))
            return &french;
        if (span_starts_nocase(item, SPAN_LIT("en")))
            return &english;
    }
    return &english;
}

enum MHD_Result optout_page(struct request *r) {
    const struct wording *w = wording_for(r->accept_language);
    struct buf page = {0};
    buf_addf(&page,
             "<!doctype html><html lang=\"%s\"><meta charset=\"utf-8\">"
             "<meta name=\"viewport\" content=\"width=device-width\"><title>%s</title>"
             "<style>:root{color-scheme:light dark}body{font:16px/1.5 "
             "system-ui,sans-serif;max-width:32rem;"
             "margin:2rem auto;padding:0 1rem}button{font:inherit;padding:.5rem 1rem}</style>"
             "<main><h1>%s</h1><p role=\"status\">%s</p><form method=\"post\" action=\"/optout\">"
             "<button name=\"out\" value=\"%c\">%s</button></form></main></html>",
             w->lang, w->title, w->title, r->opt_out ? w->not_counted : w->counted,
             r->opt_out ? '0' : '1', r->opt_out ? w->start : w->stop);
    if (page.failed) {
        buf_release(&page);
        return MHD_NO;
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(page.len, page.data, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        buf_release(&page);
        return MHD_NO;
    }
    reply_header(response, "Content-Type", "text/html; charset=utf-8");
    reply_header(response, "Cache-Control", "no-store");
    reply_header(response, "Vary", "Accept-Language, Cookie");
    reply_header(response, "X-Content-Type-Options", "nosniff");
    reply_header(response, "Referrer-Policy", "no-referrer");
    /* Other sites may embed it: that is what it is for. */
    reply_header(
        response, "Content-Security-Policy",
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'");
    return reply_send(r, MHD_HTTP_OK, response);
}

static enum MHD_Result answer_set(struct request *r, bool out) {
    struct MHD_Response *response = reply_static(NULL, SPAN_EMPTY);
    if (!response)
        return MHD_NO;
    /* SameSite=None, which an embedding page needs, is only taken with Secure. */
    const char *scope = r->http->tls ? "; Path=/; HttpOnly; SameSite=None; Secure"
                                     : "; Path=/; HttpOnly; SameSite=Lax";
    char cookie[160];
    (void)snprintf(cookie, sizeof(cookie), COOKIE_NAME "=%s; Max-Age=%s%s", out ? "1" : "",
                   out ? THIRTEEN_MONTHS_SEC : "0", scope);
    reply_header(response, "Set-Cookie", cookie);
    if (out)
        optout_end_cookie(r, response);
    reply_header(response, "Location", "/optout");
    reply_header(response, "Cache-Control", "no-store");
    return reply_send(r, MHD_HTTP_SEE_OTHER, response);
}

/* Answered once what is to be forgotten is durable; until then the browser keeps what it has. */
enum MHD_Result optout_set(struct request *r) {
    if (r->resumed)
        return r->result < 0 ? api_answer_unavailable(r, r->result) : answer_set(r, true);
    bool out = !span_eq(request_body(r), SPAN_LIT("out=0"));
    struct workspace *w = &r->loop->work;
    int rc = out ? optout_forget(r, w) : 0;
    enum MHD_Result result = rc < 0   ? api_answer_unavailable(r, rc)
                             : rc > 0 ? api_submit(r, w)
                                      : answer_set(r, out);
    workspace_clear(w);
    return result;
}
