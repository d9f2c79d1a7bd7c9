/* validate.h — whether what looks like personal data is: check digits, ranges, lengths.
 *
 * *from and *to bound the match within `text`; a validator may move them to what really is the
 * item. */
#ifndef TAMIS_VALIDATE_H
#define TAMIS_VALIDATE_H

#include "span.h"

typedef bool (*validator)(struct span text, size_t *from, size_t *to);

bool valid_always(struct span text, size_t *from, size_t *to);
bool valid_ipv4(struct span text, size_t *from, size_t *to); /* four octets */
bool valid_ipv6(struct span text, size_t *from, size_t *to); /* RFC 4291; generous, so MACs too */
bool valid_phone(struct span text, size_t *from,
                 size_t *to); /* national, groups of 2 digits or more */
bool valid_card(struct span text, size_t *from,
                size_t *to); /* ISO/IEC 7812: issuer, length, Luhn */
bool valid_iban(struct span text, size_t *from, size_t *to); /* ISO 13616: mod 97 */
bool valid_nir(struct span text, size_t *from, size_t *to);  /* INSEE number with its key */
bool valid_ssn(struct span text, size_t *from,
               size_t *to); /* SSA: areas, groups, serials never given */

#endif
