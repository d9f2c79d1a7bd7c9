/* banned.h — functions that must not be used, included into every file of the product. */
#ifndef TAMIS_BANNED_H
#define TAMIS_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets strtok
#pragma GCC poison gmtime localtime ctime asctime atoi atol atoll atof
#pragma GCC poison rand srand system popen mktemp tmpnam

#endif
