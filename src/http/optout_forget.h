/* optout_forget.h — an opt-out also forgets a visitor who had agreed to be known again, where their
 * cookie comes with it. On the thread of the request's loop. */
#ifndef TAMIS_OPTOUT_FORGET_H
#define TAMIS_OPTOUT_FORGET_H

#include "server.h"

/* Adds to the workspace's frame that the visitor is to be forgotten. 1: there is something to submit;
 * 0: nobody is known by the request; or an err_code. */
int optout_forget(struct request *r, struct workspace *w) WARN_UNUSED;

/* Has the browser delete that cookie, when it sent one. */
void optout_end_cookie(struct request *r, struct MHD_Response *response);

#endif
