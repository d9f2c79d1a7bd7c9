/* recover.h — what a journal's folder holds after a stop or a crash. Internal to journal/. */
#ifndef TAMIS_RECOVER_H
#define TAMIS_RECOVER_H

#include "catalog.h"

/* Lists the segments of `dir` with their ends into the empty *ret and removes leftovers of
 * unfinished ones. What the catalog covers is durable when this returns 0. */
int recover(const struct os *os, const char *dir, struct catalog *ret, struct err *err) WARN_UNUSED;

#endif
