/*
 * golden.h: output that was looked at and found good, kept in tests/golden to be compared with.
 */
#ifndef SOCKSAN_GOLDEN_H
#define SOCKSAN_GOLDEN_H

/*
 * Fails the test where `text` is not what tests/golden/NAME holds. With GOLDEN_UPDATE=1 in the environment it writes
 * the file instead, to be looked at before it is committed. Run from the top of the repository.
 */
void golden_expect(const char *name, const char *text);

#endif
