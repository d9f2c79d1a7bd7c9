/* token.h — ids and random tokens within text, told from slugs, names and numbers that people
 * wrote. */
#ifndef TAMIS_TOKEN_H
#define TAMIS_TOKEN_H

#include "arena.h"
#include "buf.h"
#include "err.h"

/* Whether the text holds a UUID, 16 or more hexadecimal or decimal digits, or 20 or more random
 * letters and digits. */
bool token_in(struct span text);

/* Appends the text with each UUID and long number as ":id", the others as ":token". */
void token_replace(struct span text, struct buf *out);

/* *ret: `text` itself, or a copy in the arena with its tokens replaced. ERR_NOMEM only. */
int token_fold(struct span text, struct arena *arena, struct span *ret,
               struct err *err) WARN_UNUSED;

#endif
