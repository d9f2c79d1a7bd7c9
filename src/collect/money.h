/* money.h — decimal text into thousandths. */
#ifndef TAMIS_MONEY_H
#define TAMIS_MONEY_H

#include "span.h"

/* "12", "-0.5", "1.2345e2": rounded half away from zero. False for anything else or out of range.
 */
bool money_milli(struct span text, int64_t *ret);

#endif
