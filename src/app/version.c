#include <curl/curl.h>
#include <duckdb.h>
#include <gnutls/gnutls.h>
#include <hs.h>
#include <libpsl.h>
#include <microhttpd.h>
#include <sodium.h>
#include <sqlite3.h>
#include <zlib.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "source.h"
#include "spam.h"
#include "verbs.h"

int verb_version(struct app *a, const json_t *args, struct span body, json_t **ret,
                 struct err *err) {
    char pcre2[64] = "";
    (void)pcre2_config(PCRE2_CONFIG_VERSION, pcre2);
    json_t *reply = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "tamis",
        TAMIS_VERSION, "duckdb", duckdb_library_version(), "sqlite", sqlite3_libversion(),
        "microhttpd", MHD_get_version(), "gnutls", gnutls_check_version(NULL), "sodium",
        sodium_version_string(), "jansson", jansson_version_str(), "hyperscan", hs_version(),
        "pcre2", pcre2, "psl", psl_get_version(), "zlib", zlibVersion(), "curl",
        curl_version_info(CURLVERSION_NOW)->version, "sources", SOURCES_SEEN, "spam", SPAM_SEEN);
    if (!reply)
        return err_set(err, ERR_NOMEM, "out of memory");
    *ret = reply;
    return 0;
}
