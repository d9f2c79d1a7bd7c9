#include "attr.h"

#include <stdlib.h>
#include <unistd.h>

void free_charp(char **p) {
    free(*p);
}

void closep(int *fd) {
    if (*fd >= 0)
        (void)close(*fd);
}
