/* token.h — ids and random tokens within a path segment, told from slugs and numbers that people
 * wrote. */
#ifndef TAMIS_TOKEN_H
#define TAMIS_TOKEN_H

#include "buf.h"

/* Whether the segment holds a UUID, 16 or more hexadecimal or decimal digits, or a random
 * string. */
bool token_in(struct span segment);

/* Appends the segment with each UUID and long number as ":id", the others as ":token". */
void token_replace(struct span segment, struct buf *out);

#endif
