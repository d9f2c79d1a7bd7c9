/* crc32c.h — CRC-32C (Castagnoli), as in RFC 3720 appendix B.4; hardware instructions where the
 * processor has them. */
#ifndef TAMIS_CRC32C_H
#define TAMIS_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Goes on from `crc` (0 to begin). */
uint32_t crc32c(uint32_t crc, const void *data, size_t n);

#endif
