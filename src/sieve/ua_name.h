/* ua_name.h — from what an expression captured to the words that are kept: checks and everyday
 * names.
 *
 * What was captured is visitor data until it is shown to be a name or a number. */
#ifndef TAMIS_UA_NAME_H
#define TAMIS_UA_NAME_H

#include "span.h"

/* Whether captured text may be a family: letters with digits, spaces and . _ - + / ! between them;
 * nothing that looks like data (an '@', digits only, more than four digits in a row, a dotted
 * quad). */
bool ua_name_is_family(struct span captured);

/* The part of a captured version that is kept: up to five leading digits, or a release known by a
 * word ("XP", "Vista"); otherwise empty. */
struct span ua_name_major(struct span captured);

/* uap's name to the one people know ("Chrome Mobile iOS" to "Chrome"); borrowed from the input or
 * static. */
struct span ua_name_browser(struct span family);
struct span ua_name_os(struct span family);

/* False for systems whose version number says nothing (a kernel's, Chrome OS's build). */
bool ua_name_os_has_version(struct span os);

/* The device that a system (by its everyday name) runs on, where that is certain; else "". */
const char *ua_name_os_device(struct span os);

#endif
