/* imports.h — the imports that run right now, for the verbs import.begin, import.chunk and
 * import.finish.
 *
 * A client that died leaves its run behind; the next begin of the same file takes over from it. Any
 * thread. */
#ifndef TAMIS_IMPORTS_H
#define TAMIS_IMPORTS_H

#include "err.h"
#include "json.h"
#include "span.h"

struct app;
struct imports;

struct imports *imports_new(void) WARN_UNUSED;
void imports_free(struct imports *im);

/* args: site, format, digest (hex), force. Reply: import, run, done_bytes, finished (then nothing
 * was begun). */
int imports_begin(struct app *a, const json_t *args, struct span body, json_t **ret,
                  struct err *err) WARN_UNUSED;
/* args: run, offset; body: the piece of the log. */
int imports_chunk(struct app *a, const json_t *args, struct span body, json_t **ret,
                  struct err *err) WARN_UNUSED;
/* args: run. Reply: the counts. When it returns everything is durable and the import's keys are
 * wiped. */
int imports_finish(struct app *a, const json_t *args, struct span body, json_t **ret,
                   struct err *err) WARN_UNUSED;

/* While days are being sealed no import begins; those that run go on. None begins either between the
 * end of an import and the imports_take_ended() of the round that it woke: imports one right after
 * the other would never let their days be sealed. */
void imports_hold(struct imports *im);
void imports_let_go(struct imports *im);
/* Whether an import has ended since the last call. */
bool imports_take_ended(struct imports *im);
/* Whether somebody sent a piece within the last ten minutes: one that was killed does not keep days
 * from being sealed. */
bool imports_running(struct imports *im, uint32_t site);
bool imports_running_id(struct imports *im, uint64_t id);

#endif
