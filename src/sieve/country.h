/* country.h — the country of a browser's time zone, by tzdata's own tables; no address is looked
 * at. */
#ifndef TAMIS_COUNTRY_H
#define TAMIS_COUNTRY_H

#include "err.h"
#include "os.h"

struct country;

/* Reads zone.tab and the links of tzdata.zi from `folder`. Missing files are fine: then nothing
 * is found. */
int country_open(const struct os *os, const char *folder, struct country **ret,
                 struct err *err) WARN_UNUSED;
void country_close(struct country *c);

/* "FR", valid as long as `c`; empty when unknown. */
struct span country_of(const struct country *c, struct span zone);

#endif
