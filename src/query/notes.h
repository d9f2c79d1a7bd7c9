/* notes.h — what somebody who looks at the figures of a day should know about them. */
#ifndef TAMIS_NOTES_H
#define TAMIS_NOTES_H

#include "query.h"

/* Notes on a day of one site, made of its figures when asked for and kept nowhere:
 *
 *   "source": one source has more than half of the day's visits, at least twice its share in the 28
 *             days before; a campaign that works, or a program.
 *
 * `date` ("2026-11-24") empty: today. *ret: {"results":[…],"meta":{}}, each with note, date and, of
 * a source, source, visits, total_visits, share and share_before (per cent). Errors as
 * query_run(). */
int notes_run(const struct query_env *env, const struct policy *policy, struct span date,
              json_t **ret, struct err *err) WARN_UNUSED;

#endif
