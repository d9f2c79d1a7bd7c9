/* control.h — the control plane in SQLite (control.db): sites, tokens, imports.
 *
 * Every change builds a new policy set and publishes it on the board. Thread-safe: one connection
 * behind a lock; nothing here is on the path of an event. */
#ifndef TAMIS_CONTROL_H
#define TAMIS_CONTROL_H

#include "buf.h"
#include "clock.h"
#include "err.h"
#include "json.h"
#include "policy.h"

struct control;

/* Opens or makes `path` and brings its schema up to date. Publishes on `board` (borrowed).
 * `keys_dir` holds the key of blocked addresses; made when the first one is blocked. */
int control_open(const char *path, const char *keys_dir, const struct clock *clock,
                 struct policy_board *board, struct control **ret, struct err *err) WARN_UNUSED;
void control_close(struct control *c);

/* Copies the whole database to the file `path`, private and synced, as it is at one moment. In that
 * moment, when no change can be made, `moment` (may be NULL) is called; it must not call back into
 * the control plane. With an error, also one of its, there is no copy. */
typedef int (*control_moment_fn)(void *arg, struct err *err);
int control_copy(struct control *c, const char *path, control_moment_fn moment, void *arg,
                 struct err *err) WARN_UNUSED;

/* --- sites
 * -----------------------------------------------------------------------------------------------*/
/* Settings travel as a JSON object: domain, profile, timezone; honour_signals, block_spam,
 * block_datacenters, visitor_cookie (bool; the last with profile consented only); raw_months, roll_months; and, as arrays of text for which [""] is [],
 * path_patterns, query_keep, own_hosts, source_aliases ("from=name"), search_params. Unknown keys and bad values
 * are ERR_INVALID, naming the key. */
int control_site_add(struct control *c, const json_t *settings, uint32_t *ret_site,
                     struct err *err) WARN_UNUSED;
int control_site_set(struct control *c, struct span domain, const json_t *settings,
                     struct err *err) WARN_UNUSED;
int control_site_remove(struct control *c, struct span domain, struct err *err) WARN_UNUSED;
/* An array of objects with id, created_ms and the settings. */
int control_site_list(struct control *c, json_t **ret, struct err *err) WARN_UNUSED;

/* A domain as sites have it: "WWW.Example.com." → "example.com", appended to *ret. ERR_INVALID. */
int control_domain(struct span given, struct buf *ret, struct err *err) WARN_UNUSED;

/* --- blocks: what a site is to have no visits from
 * -----------------------------------------------------------------------------------------------*/
/* `blocks`: arrays of text named page (as path_patterns), hostname and only_hostname (a host, or
 * "*." and one), country (two letters), address (one, kept as a keyed hash only, or a range).
 * *ret: their ids, also of those that were there. */
int control_block_add(struct control *c, struct span domain, const json_t *blocks, json_t **ret,
                      struct err *err) WARN_UNUSED;
/* Objects with id, created_ms, kind, value (null for an address), hashed and stale: its key is
 * lost, it matches nothing. */
int control_block_list(struct control *c, struct span domain, json_t **ret,
                       struct err *err) WARN_UNUSED;
int control_block_remove(struct control *c, uint64_t id, struct err *err) WARN_UNUSED;

/* --- goals: what a site's owner wants visitors to do
 * -----------------------------------------------------------------------------------------------*/
/* `definition` holds exactly one of: page (a path; a star within a segment, two across them), event
 * (a name), engaged_seconds (of a visit); or page and scroll (per cent). With event also props (an
 * array of up to three texts "key=value") and currency (ISO 4217). name: by default one that tells
 * what it is. ERR_INVALID names the key, ERR_EXISTS: a goal of that name is there. */
int control_goal_add(struct control *c, struct span domain, const json_t *definition,
                     uint64_t *ret_id, struct err *err) WARN_UNUSED;
/* Objects with id, created_ms, name, kind and its definition; by name. */
int control_goal_list(struct control *c, struct span domain, json_t **ret,
                      struct err *err) WARN_UNUSED;
/* ERR_NOT_FOUND: that site has no goal of that id. */
int control_goal_remove(struct control *c, struct span domain, uint64_t id,
                        struct err *err) WARN_UNUSED;

/* --- tokens: only a digest is stored
 * --------------------------------------------------------------*/
/* domain empty: the token reads every site. ret_token has room for CRYPT_TOKEN_CHARS (crypt.h). */
int control_token_add(struct control *c, struct span domain, struct span label, char *ret_token,
                      struct err *err) WARN_UNUSED;
int control_token_list(struct control *c, json_t **ret, struct err *err) WARN_UNUSED;
int control_token_remove(struct control *c, uint64_t id, struct err *err) WARN_UNUSED;
/* Whether `token` may read `site`. ERR_DENIED when not. */
int control_token_check(struct control *c, struct span token, uint32_t site,
                        struct err *err) WARN_UNUSED;
/* The sites a token may read, as an array like control_site_list's. ERR_DENIED for an unknown
 * token. */
int control_token_sites(struct control *c, struct span token, json_t **ret,
                        struct err *err) WARN_UNUSED;

/* --- imports
 * --------------------------------------------------------------------------------------*/
struct control_import {
    uint64_t id;
    uint32_t site;
    bool finished;
};
/* Finds or makes the import of a file, known by its digest (32 bytes). force: makes a new one
 * though the same file was imported. *ret->finished says that it was done before (then nothing was
 * made). */
int control_import_begin(struct control *c, uint32_t site, const uint8_t digest[32], bool force,
                         struct control_import *ret, struct err *err) WARN_UNUSED;
struct control_open_import {
    uint64_t id;
    int64_t begun_ms;
};
/* The imports that were begun and have not ended; for the caller to free. */
int control_imports_open(struct control *c, struct control_open_import **ret, size_t *ret_count,
                         struct err *err) WARN_UNUSED;
/* `counts` is kept for `tamis doctor` and the audit. */
int control_import_finish(struct control *c, uint64_t import, const json_t *counts,
                          struct err *err) WARN_UNUSED;

#endif
