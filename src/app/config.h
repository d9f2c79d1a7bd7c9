/* config.h — the server's settings, generated from params.def.
 *
 * A file holds `name = value` lines; `#` begins a comment. A name that is not in the table is
 * refused with its line, so that a slip of the pen does not run as the default. */
#ifndef TAMIS_CONFIG_H
#define TAMIS_CONFIG_H

#include "buf.h"
#include "err.h"
#include "span.h"

struct config {
#define NUMBER(name, unit, least, most, fallback, text) uint64_t name;
#define TEXT(name, fallback, text) char *name; /* NULL: not set */
#define LIST(name, text) char **name;          /* NULL-terminated; NULL: empty */
#include "params.def"
#undef NUMBER
#undef TEXT
#undef LIST
};

int config_init(struct config *c, struct err *err) WARN_UNUSED;
void config_release(struct config *c);

/* ERR_INVALID, naming the setting, for an unknown name or a value out of its range. */
int config_set(struct config *c, struct span name, struct span value, struct err *err) WARN_UNUSED;

/* The text of a file; errors say "line N: …". */
int config_read(struct config *c, struct span text, struct err *err) WARN_UNUSED;
int config_load(struct config *c, const char *path, struct err *err) WARN_UNUSED;

/* What settings say together: both TLS files or neither, a known log level. */
int config_check(const struct config *c, struct err *err) WARN_UNUSED;

/* Appends every setting with unit, range, default and text, as a file that could be used. */
void config_describe(struct buf *out);

#endif
