/* upkeep.h — compacts months that are over and lets go what has reached its age. */
#ifndef TAMIS_APP_UPKEEP_H
#define TAMIS_APP_UPKEEP_H

#include "app.h"
#include "parts.h"
#include "sealing.h"

/* One look at all parts. A month that is over at its site, with no day left in the hot tables and no
 * import running, becomes one part. Raw rows go as whole files, when the first day of the file has reached the
 * site's raw_months; roll-ups when its last day has reached roll_months. Each purge is logged in
 * control.db with its counts. Visitors who have been known for 13 months are forgotten. The keys of an import that was broken off a day ago are wiped. */
int upkeep_run(struct app *a, struct err *err) WARN_UNUSED;

/* One at a time changes the sealed parts: the sealer, an erasure, a backup's first moment. */
void upkeep_lock(struct app *a);
void upkeep_unlock(struct app *a);

/* The files of a part, to be read. Borrowed from the record. */
void upkeep_inputs(const struct part_record *r, struct seal_input *ret);
/* What was written, as the record has it. */
void upkeep_fill_record(struct part_record *r, const struct seal_result *done);

#endif
