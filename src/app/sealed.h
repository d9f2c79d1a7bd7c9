/* sealed.h — the folder of sealed parts, between its record in control.db and the store.
 *
 * control.db says which parts there are; files that it does not know are garbage of a crash. */
#ifndef TAMIS_APP_SEALED_H
#define TAMIS_APP_SEALED_H

#include "app.h"
#include "parts.h"

/* At start: removes files that belong to no part, and shows all parts to the store. On the thread
 * that will apply, before the first batch. */
int sealed_open(struct app *a, struct err *err) WARN_UNUSED;

/* Makes the store show the parts that control.db has, no others: after any change of the record. The
 * files of those it no longer has go with their last reader. On the drain's thread when there is a
 * drain, else on this one. */
int sealed_sync(struct app *a, struct err *err) WARN_UNUSED;

#endif
