#include "hit.h"

enum { SCROLL_NOT_SENT = 255 };

void hit_init(struct hit *h) {
    *h = (struct hit){
        .user_agent = SPAN_EMPTY,
        .time_zone = SPAN_EMPTY,
        .domain = SPAN_EMPTY,
        .name = SPAN_EMPTY,
        .url = SPAN_EMPTY,
        .referrer = SPAN_EMPTY,
        .currency = SPAN_EMPTY,
        .visitor_id = SPAN_EMPTY,
        .interactive = true,
        .scroll = SCROLL_NOT_SENT,
        .vitals_milli = {VITAL_NOT_SENT, VITAL_NOT_SENT, VITAL_NOT_SENT},
    };
}
