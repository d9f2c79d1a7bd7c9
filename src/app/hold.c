#include "hold.h"

#include "journal.h"

enum {
    LEAST_BEHIND_MS = 200,
    MOST_BEHIND_MS = 1200, /* from here on commits are held as long as they may be */
};

unsigned hold_for(uint64_t left, uint64_t bytes, int64_t took_ns) {
    if (left <= bytes || bytes == 0 || took_ns <= 0)
        return 0;
    double behind_ms = (double)left / (double)bytes * (double)took_ns / 1e6;
    double share = (behind_ms - LEAST_BEHIND_MS) / (MOST_BEHIND_MS - LEAST_BEHIND_MS);
    if (share <= 0)
        return 0;
    return share < 1 ? (unsigned)(share * JOURNAL_MOST_HOLD_US) : JOURNAL_MOST_HOLD_US;
}
