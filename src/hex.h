/* Bytes as lower-case hexadecimal digits: digests, tokens, ids. */
#ifndef TOLLGATE_HEX_H
#define TOLLGATE_HEX_H

#include <stdbool.h>
#include <stddef.h>

/* Writes 2 * length digits and the terminator. */
void hex_encode(char *hex, const unsigned char *bytes, size_t length);

/* 128 random bits. False when the system has none to give. */
#define HEX_RANDOM_SIZE 33
bool hex_random(char hex[HEX_RANDOM_SIZE]);

#endif
