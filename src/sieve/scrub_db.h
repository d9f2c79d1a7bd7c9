/* scrub_db.h — the serialized libhs database that tools/gen_patterns.c writes at build time. */
#ifndef TAMIS_SCRUB_DB_H
#define TAMIS_SCRUB_DB_H

#include <stddef.h>

extern const size_t scrub_db_size;
extern const unsigned char scrub_db[];

#endif
