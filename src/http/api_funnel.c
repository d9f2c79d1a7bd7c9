/* api_funnel.c — POST /api/v2/funnel and /api/v2/journey. Run on the query pool. */
#include "funnel.h"
#include "journey.h"
#include "server.h"

void api_funnel(struct request *r) {
    api_ask(r, funnel_run);
}

void api_journey(struct request *r) {
    api_ask(r, journey_run);
}
