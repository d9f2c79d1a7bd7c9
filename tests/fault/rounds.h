/* rounds.h — how often a test does the same with other random numbers: the sanitizers make each round five
 * times slower, and all rounds are in the release build's run. */
#ifndef TAMIS_TEST_ROUNDS_H
#define TAMIS_TEST_ROUNDS_H

#ifdef __SANITIZE_ADDRESS__
#define ROUNDS(all, sanitized) (sanitized)
#else
#define ROUNDS(all, sanitized) (all)
#endif

#endif
