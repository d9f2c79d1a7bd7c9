/* withdrawals.h — which visitors took back their consent to be known again, as the journal has it: what
 * it says of them from before that is to go. */
#ifndef TAMIS_APP_WITHDRAWALS_H
#define TAMIS_APP_WITHDRAWALS_H

#include "cursor.h"
#include "journal.h"
#include "record.h"

struct withdrawals {
    struct withdrawal *items; /* by visitor and place */
    size_t count, cap;
};

/* Reads the closed segments before `start` for withdrawals that lie before `applied`: these the diary
 * has carried out. The caller releases *ret. */
int withdrawals_find(struct journal *j, struct cursor start, struct cursor applied,
                     struct withdrawals *ret, struct err *err) WARN_UNUSED;
void withdrawals_release(struct withdrawals *w);

/* Whether that visitor withdrew behind `at`. */
bool withdrawals_follow(const struct withdrawals *w, const struct record_known *visitor,
                        struct cursor at);

#endif
