/* The inverse cosine transform of one block. */
#ifndef VIZSLA_IDCT_H
#define VIZSLA_IDCT_H

#include <stdint.h>

/* Coefficients and quantisation table, row by row, to 64 samples. */
void vizsla_idct(const int16_t *coefficients, const uint16_t *table, uint8_t *samples);

/* The same without vector instructions. */
void vizsla_idct_plain(const int16_t *coefficients, const uint16_t *table, uint8_t *samples);

#endif
