/* vitals_pack.h — web vitals in rows of the hot tables: in one number, in place of the revenue, which
 * such an event has none of. Three more columns, nearly always 0, would make each row 6 % dearer to
 * append. */
#ifndef TAMIS_STORE_VITALS_PACK_H
#define TAMIS_STORE_VITALS_PACK_H

#include "event.h"

/* 20 bits, 20 and 17: above what event_fields.def allows. */
static inline int64_t vitals_pack(const struct event *e) {
    return (int64_t)e->lcp_ms | (int64_t)e->inp_ms << 20 | (int64_t)e->cls_milli << 40;
}

#define VITALS_LCP_MS(packed) ((packed)&0xfffff)
#define VITALS_INP_MS(packed) ((packed) >> 20 & 0xfffff)
#define VITALS_CLS_MILLI(packed) ((packed) >> 40)

/* The same in SQL, of a row of event_row whose kind is EVENT_VITALS. */
#define VITALS_LCP_MS_SQL(row) "(" row ".revenue_milli & 1048575)"
#define VITALS_INP_MS_SQL(row) "((" row ".revenue_milli >> 20) & 1048575)"
#define VITALS_CLS_MILLI_SQL(row) "(" row ".revenue_milli >> 40)"

#endif
