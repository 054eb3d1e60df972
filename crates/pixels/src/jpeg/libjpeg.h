/* What src/jpeg/libjpeg.rs calls; the two declare the same structures. */
#ifndef VIZSLA_LIBJPEG_H
#define VIZSLA_LIBJPEG_H

#include <stddef.h>
#include <stdint.h>

/* How a call ended. */
enum {
  VIZSLA_JPEG_DONE = 0,
  VIZSLA_JPEG_DAMAGED = 1,
  VIZSLA_JPEG_UNSUPPORTED = 2,
  VIZSLA_JPEG_OTHER_PROCESS = 3,  /* `parameter`: its frame marker */
  VIZSLA_JPEG_OTHER_DEPTH = 4,    /* `parameter`: bits a sample */
  VIZSLA_JPEG_EMPTY_FRAME = 5,    /* a side of zero */
  VIZSLA_JPEG_TOO_LARGE = 6,
  VIZSLA_JPEG_NO_MEMORY = 7,
  VIZSLA_JPEG_TOO_MANY_SCANS = 8  /* `parameter`: the most that are let pass */
};

/* The colours to take the components for, and those to give. */
enum {
  VIZSLA_JPEG_AS_MARKED = 0,
  VIZSLA_JPEG_GRAY = 1,
  VIZSLA_JPEG_RGB = 2,
  VIZSLA_JPEG_YCC = 3,
  VIZSLA_JPEG_CMYK = 4,
  VIZSLA_JPEG_YCCK = 5,
  VIZSLA_JPEG_OTHER = 6
};

/* What the segments before the first scan say. */
typedef struct {
  uint32_t width;
  uint32_t height;
  uint32_t components;
  uint32_t colour;           /* of the components, one of the above */
  uint32_t progressive;
  uint32_t arithmetic;
  uint32_t several_scans;
  uint32_t uneven_sampling;  /* sampling factors that do not divide each other */
  uint64_t coefficients;     /* in all components, padded to whole units */
} vizsla_jpeg_header;

/* What was seen on the way, also when the call fails. */
typedef struct {
  uint32_t status;
  int32_t parameter;
  uint32_t ran_out;          /* the bytes ended before the image did */
  uint32_t absent_component; /* one-based; a component that no scan holds */
  uint32_t coarse;           /* bits of some coefficients were never sent */
  uint64_t units;            /* coded units of the scans that give the brightness of every block,
                                of all scans in arithmetic files */
  uint64_t empty_units;      /* of these, the ones for which there were no data */
  uint64_t starved_units;    /* ones without data, in any scan */
  uint64_t blocks;           /* of the first component, turned into pixels */
  uint64_t wild_blocks;      /* of these, far outside of what 8 bits hold */
  uint64_t skipped_bytes;    /* passed over in search of a marker, behind the first scan */
  char message[200];
} vizsla_jpeg_report;

/* Reads up to the first scan. */
void vizsla_jpeg_read_header(const uint8_t *bytes, size_t length, uint32_t colour,
                             vizsla_jpeg_header *header, vizsla_jpeg_report *report);

/* Decodes into `pixels`, whose rows lie `stride` bytes apart. `header` is what the call above
 * found for the same bytes, and is compared with what is found now. `luma`, where it is not NULL,
 * takes the first component as well, at full size and without gaps between rows: what decoding to
 * grey would give. */
void vizsla_jpeg_decode(const uint8_t *bytes, size_t length, uint32_t colour, uint32_t wanted,
                        uint32_t most_scans, const vizsla_jpeg_header *header, uint8_t *pixels,
                        size_t stride, uint8_t *luma, vizsla_jpeg_report *report);

#endif
