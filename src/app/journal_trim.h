/* journal_trim.h — takes what was sealed out of the journal.
 *
 * Until a day is sealed the journal is its truth; afterwards its events, whose visitor hashes must
 * not outlive the day, are blanked in place, and segments at the front that nobody needs any more
 * are removed. So is what was said of visitors who withdrew, once the diary has let them go. */
#ifndef TAMIS_APP_JOURNAL_TRIM_H
#define TAMIS_APP_JOURNAL_TRIM_H

#include "app.h"

/* Waits for a commit; reads what is left of the journal once. Any thread, one at a time. */
int journal_trim(struct app *a, struct err *err) WARN_UNUSED;

#endif
