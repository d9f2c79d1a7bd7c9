/* reply_table.h — a reply of the query API as text: a table for people, CSV for spreadsheets. */
#ifndef TAMIS_APP_REPLY_TABLE_H
#define TAMIS_APP_REPLY_TABLE_H

#include "buf.h"
#include "json.h"

/* Columns in line, dimensions first, where ranges are compared each figure with what it was before and
 * its change; figures stand to the right, those that there are not as "-".
 * Characters that would steer a terminal become "?". */
void reply_table(const json_t *reply, struct buf *out);

/* RFC 4180, with a head line. A text that a spreadsheet would take for a formula gets a ' before
 * it. Sums of money are numbers, and the last column has their currency. */
void reply_csv(const json_t *reply, struct buf *out);

/* The metric's course over the reply's time_labels, else its rows, as one line of bars (▁ to █), 0 at
 * the bottom; nothing when there are fewer than two. */
void reply_sparkline(const json_t *reply, size_t metric, struct buf *out);

#endif
