/* sealer.h — seals days that are over, compacts months that are over, and lets go what is too old.
 *
 * One thread. A day is due when it has ended at the site and the grace is over; then everything
 * acknowledged of it is in the journal, so that once the drain has come past the journal's end of
 * that moment, no more of it can come. Days of a site whose import runs wait for its end.
 *
 *   write the files → record the part in control.db → publish (its rows leave the hot tables) →
 *   blank its events in the journal and release what nobody needs
 *
 * The record is the moment from which a part counts. A crash before it leaves garbage files, one
 * after it leaves work that the next start finds and does. */
#ifndef TAMIS_APP_SEALER_H
#define TAMIS_APP_SEALER_H

#include "app.h"

struct sealer;

int sealer_start(struct app *a, struct sealer **ret, struct err *err) WARN_UNUSED;
/* Ends after the day at hand. */
void sealer_stop(struct sealer *s);

/* Looks for work now: after an import has ended. */
void sealer_wake(struct sealer *s);

/* One round on this thread, for commands without a server: seals what is due. *ret_sealed: how many
 * days. */
int sealer_round(struct app *a, size_t *ret_sealed, struct err *err) WARN_UNUSED;

#endif
