/*
 * The accurate integer transform of libjpeg ("islow"; Loeffler, Ligtenberg and Moschytz 1989 with 12
 * multiplications), in 16-bit lanes as libjpeg-turbo's vector code for x86 has it.
 *
 * For whole pictures this gives bit by bit what every libjpeg gives. In damaged ones coefficients run
 * out of range, and there the width of the lanes shows: sums wrap at 16 bits and results saturate. It
 * is done alike on all machines, so that a damaged file gives the same pixels everywhere, and those
 * that most programs show. Two forms that agree in every bit: vectors where SSE2 is, plain elsewhere.
 */
#include <string.h>

#include "idct.h"

#define CONST_BITS 13
#define PASS1_BITS 2
#define SHIFT_1 (CONST_BITS - PASS1_BITS)
#define SHIFT_2 (CONST_BITS + PASS1_BITS + 3)

/* Cosines and their sums, times 2 to the 13. */
#define F_0_298 2446
#define F_0_390 3196
#define F_0_541 4433
#define F_0_765 6270
#define F_0_899 7373
#define F_1_175 9633
#define F_1_501 12299
#define F_1_847 15137
#define F_1_961 16069
#define F_2_053 16819
#define F_2_562 20995
#define F_3_072 25172

/* Whether all rows but the first are zero. Their first pass is then a shift, which wraps. */
static int only_first_row(const int16_t *coefficients)
{
  int16_t any = 0;
  int index;
  for (index = 8; index < 64; index++)
    any |= coefficients[index];
  return any == 0;
}

/* ---- plain ---- */

static int16_t wrapped(int32_t value)
{
  return (int16_t)(uint16_t)(uint32_t)value;
}

static int32_t saturated(int32_t value, int32_t most)
{
  if (value > most)
    return most;
  return value < -most - 1 ? -most - 1 : value;
}

static uint32_t two(int16_t a, int32_t factor_a, int16_t b, int32_t factor_b)
{
  return (uint32_t)(a * factor_a) + (uint32_t)(b * factor_b);
}

static int16_t scaled(uint32_t sum, int shift)
{
  int32_t value = (int32_t)(sum + (1u << (shift - 1)));
  /* Shifts of negative numbers are arithmetic with every compiler that this is built by. */
  return (int16_t)saturated(value >> shift, 32767);
}

/* Eight values, `step` apart, in place. */
static void plain_line(int16_t *line, int step, int shift)
{
  int16_t in[8];
  uint32_t even[4], odd[4], sum, difference, outer, inner, z3, z4;
  int16_t a, b;
  int index;
  for (index = 0; index < 8; index++)
    in[index] = line[index * step];

  outer = two(in[2], F_0_541 + F_0_765, in[6], F_0_541);
  inner = two(in[2], F_0_541, in[6], F_0_541 - F_1_847);
  sum = (uint32_t)wrapped(in[0] + in[4]) << CONST_BITS;
  difference = (uint32_t)wrapped(in[0] - in[4]) << CONST_BITS;
  even[0] = sum + outer;
  even[1] = difference + inner;
  even[2] = difference - inner;
  even[3] = sum - outer;

  a = wrapped(in[7] + in[3]);
  b = wrapped(in[5] + in[1]);
  z3 = two(a, F_1_175 - F_1_961, b, F_1_175);
  z4 = two(a, F_1_175, b, F_1_175 - F_0_390);
  odd[3] = two(in[7], F_0_298 - F_0_899, in[1], -F_0_899) + z3;
  odd[2] = two(in[5], F_2_053 - F_2_562, in[3], -F_2_562) + z4;
  odd[1] = two(in[5], -F_2_562, in[3], F_3_072 - F_2_562) + z3;
  odd[0] = two(in[7], -F_0_899, in[1], F_1_501 - F_0_899) + z4;

  for (index = 0; index < 4; index++) {
    line[index * step] = scaled(even[index] + odd[index], shift);
    line[(7 - index) * step] = scaled(even[index] - odd[index], shift);
  }
}

void vizsla_idct_plain(const int16_t *coefficients, const uint16_t *table, uint8_t *samples)
{
  int16_t work[64];
  int index;
  for (index = 0; index < 64; index++)
    work[index] = wrapped(coefficients[index] * (int16_t)table[index]);
  if (only_first_row(coefficients)) {
    for (index = 0; index < 64; index++)
      work[index] = index < 8 ? (int16_t)(uint16_t)((uint16_t)work[index] << PASS1_BITS)
                              : work[index - 8];
  } else {
    for (index = 0; index < 8; index++)
      plain_line(work + index, 8, SHIFT_1);
  }
  for (index = 0; index < 8; index++)
    plain_line(work + 8 * index, 1, SHIFT_2);
  for (index = 0; index < 64; index++)
    samples[index] = (uint8_t)(saturated(work[index], 127) + 128);
}

/* ---- vectors ---- */

#if defined(__SSE2__) || defined(_M_X64)

#include <emmintrin.h>

/* Sums of 32 bits, of the low and the high four lanes. */
struct wide {
  __m128i low, high;
};

/* a * factor_a + b * factor_b in every lane. */
static inline struct wide pair(__m128i a, int factor_a, __m128i b, int factor_b)
{
  const __m128i factors = _mm_set1_epi32((int)(((uint32_t)factor_b << 16) | ((uint32_t)factor_a & 0xFFFFu)));
  struct wide result;
  result.low = _mm_madd_epi16(_mm_unpacklo_epi16(a, b), factors);
  result.high = _mm_madd_epi16(_mm_unpackhi_epi16(a, b), factors);
  return result;
}

static inline struct wide widened(__m128i a)
{
  const __m128i zero = _mm_setzero_si128();
  struct wide result;
  result.low = _mm_srai_epi32(_mm_unpacklo_epi16(zero, a), 16 - CONST_BITS);
  result.high = _mm_srai_epi32(_mm_unpackhi_epi16(zero, a), 16 - CONST_BITS);
  return result;
}

static inline struct wide plus(struct wide a, struct wide b)
{
  a.low = _mm_add_epi32(a.low, b.low);
  a.high = _mm_add_epi32(a.high, b.high);
  return a;
}

static inline struct wide minus(struct wide a, struct wide b)
{
  a.low = _mm_sub_epi32(a.low, b.low);
  a.high = _mm_sub_epi32(a.high, b.high);
  return a;
}

static inline __m128i narrowed(struct wide a, int shift)
{
  const __m128i half = _mm_set1_epi32(1 << (shift - 1));
  return _mm_packs_epi32(_mm_srai_epi32(_mm_add_epi32(a.low, half), shift),
                         _mm_srai_epi32(_mm_add_epi32(a.high, half), shift));
}

/* All eight columns at once, in place. */
static inline void columns(__m128i row[8], int shift)
{
  struct wide even[4], odd[4];
  const struct wide outer = pair(row[2], F_0_541 + F_0_765, row[6], F_0_541);
  const struct wide inner = pair(row[2], F_0_541, row[6], F_0_541 - F_1_847);
  const struct wide sum = widened(_mm_add_epi16(row[0], row[4]));
  const struct wide difference = widened(_mm_sub_epi16(row[0], row[4]));
  const __m128i a = _mm_add_epi16(row[7], row[3]);
  const __m128i b = _mm_add_epi16(row[5], row[1]);
  const struct wide z3 = pair(a, F_1_175 - F_1_961, b, F_1_175);
  const struct wide z4 = pair(a, F_1_175, b, F_1_175 - F_0_390);
  int index;
  even[0] = plus(sum, outer);
  even[1] = plus(difference, inner);
  even[2] = minus(difference, inner);
  even[3] = minus(sum, outer);
  odd[3] = plus(pair(row[7], F_0_298 - F_0_899, row[1], -F_0_899), z3);
  odd[2] = plus(pair(row[5], F_2_053 - F_2_562, row[3], -F_2_562), z4);
  odd[1] = plus(pair(row[5], -F_2_562, row[3], F_3_072 - F_2_562), z3);
  odd[0] = plus(pair(row[7], -F_0_899, row[1], F_1_501 - F_0_899), z4);
  for (index = 0; index < 4; index++) {
    row[index] = narrowed(plus(even[index], odd[index]), shift);
    row[7 - index] = narrowed(minus(even[index], odd[index]), shift);
  }
}

static inline void transpose(__m128i row[8])
{
  __m128i a[8], b[8];
  int index;
  for (index = 0; index < 4; index++) {
    a[2 * index] = _mm_unpacklo_epi16(row[index], row[index + 4]);
    a[2 * index + 1] = _mm_unpackhi_epi16(row[index], row[index + 4]);
  }
  for (index = 0; index < 4; index++) {
    b[2 * index] = _mm_unpacklo_epi16(a[index], a[index + 4]);
    b[2 * index + 1] = _mm_unpackhi_epi16(a[index], a[index + 4]);
  }
  for (index = 0; index < 4; index++) {
    row[2 * index] = _mm_unpacklo_epi16(b[index], b[index + 4]);
    row[2 * index + 1] = _mm_unpackhi_epi16(b[index], b[index + 4]);
  }
}

void vizsla_idct(const int16_t *coefficients, const uint16_t *table, uint8_t *samples)
{
  const __m128i middle = _mm_set1_epi8((char)0x80);
  __m128i row[8];
  int index;
  for (index = 0; index < 8; index++)
    row[index] = _mm_mullo_epi16(_mm_loadu_si128((const __m128i *)(coefficients + 8 * index)),
                                 _mm_loadu_si128((const __m128i *)(table + 8 * index)));
  if (only_first_row(coefficients)) {
    row[0] = _mm_slli_epi16(row[0], PASS1_BITS);
    for (index = 1; index < 8; index++)
      row[index] = row[0];
  } else {
    columns(row, SHIFT_1);
  }
  transpose(row);
  columns(row, SHIFT_2);
  transpose(row);
  for (index = 0; index < 4; index++)
    _mm_storeu_si128((__m128i *)(samples + 16 * index),
                     _mm_xor_si128(_mm_packs_epi16(row[2 * index], row[2 * index + 1]), middle));
}

#else

void vizsla_idct(const int16_t *coefficients, const uint16_t *table, uint8_t *samples)
{
  vizsla_idct_plain(coefficients, table, samples);
}

#endif
