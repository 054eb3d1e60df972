/*
 * libjpeg behind two functions that return.
 *
 * libjpeg reports an error by calling a function that must not return. Here that function jumps back
 * to the one entry below it (`guarded`), inside this file, so that no frame of Rust is ever jumped
 * over. Warnings are counted instead of printed, and three of the library's inner steps are watched,
 * because what they know is nowhere else: how many coded units were left empty for want of data,
 * how many blocks lie far outside of the range of brightness, and the brightness itself before it
 * becomes part of a colour. The second, the transform, is replaced by one with vector instructions
 * (`idct.c`); the library's own need an assembler.
 */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#define JPEG_INTERNALS
#include "jpeglib.h"

#include "idct.h"
#include "libjpeg.h"

/* A block whose mean lies this many grey levels from the middle has no picture in it: the farthest
 * that 8 bits allow is 128. Decoders differ in what they make of such blocks. */
#define WILD_LEVEL 512

/* So many units at most can lie in the bytes that an arithmetic decoder holds when it meets a marker. */
#define UNITS_AHEAD 4

#define JPEG_LS_FRAME 0xF7

struct job {
  struct jpeg_decompress_struct library;
  struct jpeg_error_mgr errors;
  struct jpeg_progress_mgr progress;
  jmp_buf failed;
  vizsla_jpeg_report *report;
  uint32_t most_scans;
  int too_many_scans;
  int pixels_done;
  boolean (*decode_mcu)(j_decompress_ptr library, JBLOCKROW *unit);
  uint64_t units_behind;               /* units since an arithmetic decoder met a marker */
  JCOEF means[D_MAX_BLOCKS_IN_MCU];    /* of the blocks of the unit before */
  void (*color_convert)(j_decompress_ptr library, JSAMPIMAGE planes, JDIMENSION row,
                        JSAMPARRAY output, int rows);
  uint8_t *luma;                       /* where the first component goes as well, or NULL */
  JDIMENSION luma_rows;                /* written of it */
};

static struct job *job_of(j_common_ptr library)
{
  return (struct job *)library->client_data;
}

/* ---- errors and warnings ---- */

static uint32_t status_of(struct job *job)
{
  if (job->too_many_scans)
    return VIZSLA_JPEG_TOO_MANY_SCANS;
  if (job->pixels_done)
    return VIZSLA_JPEG_DONE; /* what is wrong lies behind the picture */
  switch (job->errors.msg_code) {
  case JERR_SOF_UNSUPPORTED:
    return VIZSLA_JPEG_OTHER_PROCESS;
  case JERR_UNKNOWN_MARKER:
    return job->errors.msg_parm.i[0] == JPEG_LS_FRAME ? VIZSLA_JPEG_OTHER_PROCESS
                                                      : VIZSLA_JPEG_DAMAGED;
  case JERR_BAD_PRECISION:
    return VIZSLA_JPEG_OTHER_DEPTH;
  case JERR_EMPTY_IMAGE:
    return VIZSLA_JPEG_EMPTY_FRAME;
  case JERR_IMAGE_TOO_BIG:
  case JERR_WIDTH_OVERFLOW:
    return VIZSLA_JPEG_TOO_LARGE;
  case JERR_OUT_OF_MEMORY:
  case JERR_NO_BACKING_STORE:
    return VIZSLA_JPEG_NO_MEMORY;
  case JERR_ARITH_NOTIMPL:
  case JERR_CCIR601_NOTIMPL:
  case JERR_COMPONENT_COUNT:
  case JERR_CONVERSION_NOTIMPL:
  case JERR_FRACT_SAMPLE_NOTIMPL:
  case JERR_NOTIMPL:
    return VIZSLA_JPEG_UNSUPPORTED;
  default:
    return VIZSLA_JPEG_DAMAGED;
  }
}

static void on_error(j_common_ptr library)
{
  struct job *job = job_of(library);
  job->report->status = status_of(job);
  job->report->parameter = job->too_many_scans ? (int32_t)job->most_scans
                                               : library->err->msg_parm.i[0];
  (*library->err->format_message)(library, job->report->message);
  longjmp(job->failed, 1);
}

static void on_message(j_common_ptr library, int level)
{
  struct job *job = job_of(library);
  if (level >= 0)
    return; /* a trace, not a warning */
  switch (library->err->msg_code) {
  case JWRN_JPEG_EOF:
    if (!job->pixels_done)
      job->report->ran_out = 1;
    break;
  case JWRN_EXTRANEOUS_DATA:
    if (job->library.input_scan_number > 0)
      job->report->skipped_bytes += (uint64_t)library->err->msg_parm.i[0];
    break;
  default:
    break;
  }
  library->err->num_warnings++;
}

static void no_output(j_common_ptr library)
{
  (void)library;
}

/* ---- what is watched ---- */

/* Whether decoding a unit of an arithmetic scan gave something where there was nothing to decode.
 *
 * Such a decoder reads zeros behind the end of its data, by the standard, and what was not flat goes on
 * as something until the scan is full. Nothing marks these units; but the decoder had met the marker
 * that ends its data long before, and they are not as flat as the end of a picture may be. */
static int invented(struct job *job, JBLOCKROW *unit, const JBLOCK *before)
{
  j_decompress_ptr library = &job->library;
  int index, new_mean = 0, new_detail = 0;
  for (index = 0; index < library->blocks_in_MCU; index++) {
    const JCOEF *block = unit[index][0];
    new_detail |= memcmp(block + 1, before[index] + 1, sizeof(JBLOCK) - sizeof(JCOEF)) != 0;
    new_mean |= block[0] != job->means[index];
  }
  return new_detail || (library->Ss == 0 && library->Ah == 0 && new_mean);
}

static boolean watched_arithmetic_unit(struct job *job, JBLOCKROW *unit, int *empty)
{
  j_decompress_ptr library = &job->library;
  JBLOCK before[D_MAX_BLOCKS_IN_MCU];
  boolean read;
  int index;
  job->units_behind = library->unread_marker != 0 ? job->units_behind + 1 : 0;
  for (index = 0; index < library->blocks_in_MCU; index++)
    memcpy(before[index], unit[index][0], sizeof(JBLOCK));
  read = (*job->decode_mcu)(library, unit);
  *empty = job->units_behind > UNITS_AHEAD && invented(job, unit, before);
  for (index = 0; index < library->blocks_in_MCU; index++)
    job->means[index] = unit[index][0][0];
  return read;
}

static boolean watched_unit(j_decompress_ptr library, JBLOCKROW *unit)
{
  struct job *job = job_of((j_common_ptr)library);
  boolean read;
  int empty;
  if (library->arith_code) {
    read = watched_arithmetic_unit(job, unit, &empty);
  } else {
    read = (*job->decode_mcu)(library, unit);
    empty = library->entropy->insufficient_data ? 1 : 0;
  }
  job->report->starved_units += (uint64_t)empty;
  if (library->arith_code || (library->Ss == 0 && library->Ah == 0)) {
    job->report->units++;
    job->report->empty_units += (uint64_t)empty;
  }
  return read;
}

static void watched_block(j_decompress_ptr library, jpeg_component_info *component,
                          JCOEFPTR coefficients, JSAMPARRAY output, JDIMENSION column)
{
  static const UINT16 absent[DCTSIZE2]; /* as the library has it for what no scan held */
  const UINT16 *table = component->quant_table ? component->quant_table->quantval : absent;
  uint8_t samples[DCTSIZE2];
  int row;
  if (component->component_index == 0) {
    vizsla_jpeg_report *report = job_of((j_common_ptr)library)->report;
    long mean = (long)coefficients[0] * (long)table[0];
    report->wild_blocks += mean > 8L * WILD_LEVEL || mean < -8L * WILD_LEVEL;
    report->blocks++;
  }
  vizsla_idct(coefficients, table, samples);
  for (row = 0; row < DCTSIZE; row++)
    memcpy(output[row] + column, samples + DCTSIZE * row, DCTSIZE);
}

/* The planes have the size of the picture here: the first is what decoding to grey gives out. */
static void watched_colours(j_decompress_ptr library, JSAMPIMAGE planes, JDIMENSION row,
                            JSAMPARRAY output, int rows)
{
  struct job *job = job_of((j_common_ptr)library);
  int index;
  if (rows < 0 || (JDIMENSION)rows > library->output_height - job->luma_rows)
    ERREXIT(library, JERR_BUFFER_SIZE);
  for (index = 0; index < rows; index++, job->luma_rows++)
    memcpy(job->luma + (size_t)library->output_width * job->luma_rows,
           planes[0][row + (JDIMENSION)index], library->output_width);
  (*job->color_convert)(library, planes, row, output, rows);
}

/* Called by the library before every row of units; a new scan may have set the step anew. */
static void on_progress(j_common_ptr common)
{
  struct job *job = job_of(common);
  j_decompress_ptr library = &job->library;
  if (library->input_scan_number > (int)job->most_scans) {
    job->too_many_scans = 1;
    ERREXIT(library, JERR_NOTIMPL);
  }
  if (library->entropy != NULL && library->entropy->decode_mcu != watched_unit) {
    job->decode_mcu = library->entropy->decode_mcu;
    library->entropy->decode_mcu = watched_unit;
  }
}

static void watch_blocks(j_decompress_ptr library)
{
  int index;
  for (index = 0; index < library->num_components; index++)
    library->idct->inverse_DCT[index] = watched_block;
}

static void watch_colours(struct job *job, uint8_t *luma)
{
  j_decompress_ptr library = &job->library;
  job->luma = luma;
  job->luma_rows = 0;
  job->color_convert = library->cconvert->color_convert;
  library->cconvert->color_convert = watched_colours;
}

/* ---- the bytes ---- */

static void nothing_to_start(j_decompress_ptr library)
{
  (void)library;
}

/* All bytes are there from the start: to ask for more is to have reached the end. libjpeg is given an
 * end-of-image marker then, as its own sources do. */
static boolean at_the_end(j_decompress_ptr library)
{
  static const JOCTET end_of_image[2] = { 0xFF, JPEG_EOI };
  WARNMS(library, JWRN_JPEG_EOF);
  library->src->next_input_byte = end_of_image;
  library->src->bytes_in_buffer = sizeof(end_of_image);
  return TRUE;
}

static void skip(j_decompress_ptr library, long count)
{
  struct jpeg_source_mgr *source = library->src;
  if (count <= 0)
    return;
  if ((size_t)count > source->bytes_in_buffer) {
    (void)at_the_end(library);
    return;
  }
  source->next_input_byte += count;
  source->bytes_in_buffer -= (size_t)count;
}

/* ---- the header ---- */

static uint32_t colour_of(J_COLOR_SPACE space)
{
  switch (space) {
  case JCS_GRAYSCALE: return VIZSLA_JPEG_GRAY;
  case JCS_RGB:       return VIZSLA_JPEG_RGB;
  case JCS_YCbCr:     return VIZSLA_JPEG_YCC;
  case JCS_CMYK:      return VIZSLA_JPEG_CMYK;
  case JCS_YCCK:      return VIZSLA_JPEG_YCCK;
  default:            return VIZSLA_JPEG_OTHER;
  }
}

static J_COLOR_SPACE space_of(uint32_t colour)
{
  switch (colour) {
  case VIZSLA_JPEG_GRAY: return JCS_GRAYSCALE;
  case VIZSLA_JPEG_RGB:  return JCS_RGB;
  case VIZSLA_JPEG_YCC:  return JCS_YCbCr;
  case VIZSLA_JPEG_CMYK: return JCS_CMYK;
  case VIZSLA_JPEG_YCCK: return JCS_YCCK;
  default:               return JCS_UNKNOWN;
  }
}

static void describe(j_decompress_ptr library, vizsla_jpeg_header *header)
{
  int index;
  memset(header, 0, sizeof(*header));
  header->width = library->image_width;
  header->height = library->image_height;
  header->components = (uint32_t)library->num_components;
  header->colour = colour_of(library->jpeg_color_space);
  header->progressive = library->progressive_mode ? 1 : 0;
  header->arithmetic = library->arith_code ? 1 : 0;
  header->several_scans = jpeg_has_multiple_scans(library) ? 1 : 0;
  for (index = 0; index < library->num_components; index++) {
    const jpeg_component_info *component = &library->comp_info[index];
    uint64_t across = (uint64_t)component->width_in_blocks + (uint64_t)component->h_samp_factor - 1;
    uint64_t down = (uint64_t)component->height_in_blocks + (uint64_t)component->v_samp_factor - 1;
    header->coefficients += across * down * DCTSIZE2;
    if (library->max_h_samp_factor % component->h_samp_factor != 0 ||
        library->max_v_samp_factor % component->v_samp_factor != 0)
      header->uneven_sampling = 1;
  }
}

static void open_bytes(struct job *job, struct jpeg_source_mgr *source, const uint8_t *bytes,
                       size_t length)
{
  jpeg_create_decompress(&job->library);
  memset(source, 0, sizeof(*source));
  source->next_input_byte = bytes;
  source->bytes_in_buffer = length;
  source->init_source = nothing_to_start;
  source->fill_input_buffer = at_the_end;
  source->skip_input_data = skip;
  source->resync_to_restart = jpeg_resync_to_restart;
  source->term_source = nothing_to_start;
  job->library.src = source;
  job->progress.progress_monitor = on_progress;
  job->library.progress = &job->progress;
}

static void read_header(struct job *job, uint32_t colour)
{
  (void)jpeg_read_header(&job->library, TRUE);
  if (colour != VIZSLA_JPEG_AS_MARKED)
    job->library.jpeg_color_space = space_of(colour);
}

/* ---- the pixels ---- */

static void read_rows(struct job *job, uint8_t *pixels, size_t stride)
{
  j_decompress_ptr library = &job->library;
  while (library->output_scanline < library->output_height) {
    JSAMPROW rows[16];
    JDIMENSION count = library->output_height - library->output_scanline;
    JDIMENSION index;
    if (count > 16)
      count = 16;
    for (index = 0; index < count; index++)
      rows[index] = pixels + stride * (library->output_scanline + index);
    (void)jpeg_read_scanlines(library, rows, count);
  }
}

static void look_for_gaps(struct job *job)
{
  j_decompress_ptr library = &job->library;
  int index, coefficient;
  for (index = 0; index < library->num_components; index++) {
    if (library->comp_info[index].quant_table == NULL ||
        (library->coef_bits != NULL && library->coef_bits[index][0] < 0))
      job->report->absent_component = (uint32_t)index + 1;
    if (library->coef_bits == NULL)
      continue;
    for (coefficient = 0; coefficient < DCTSIZE2; coefficient++)
      if (library->coef_bits[index][coefficient] != 0)
        job->report->coarse = 1;
  }
}

struct request {
  const uint8_t *bytes;
  size_t length;
  uint32_t colour;
  uint32_t wanted;
  vizsla_jpeg_header *header; /* to be filled in when there are no pixels to fill */
  uint8_t *pixels;
  size_t stride;
  uint8_t *luma;
};

static void decode(struct job *job, const struct request *request)
{
  j_decompress_ptr library = &job->library;
  vizsla_jpeg_header found;
  describe(library, &found);
  if (memcmp(&found, request->header, sizeof(found)) != 0)
    ERREXIT(library, JERR_BUFFER_SIZE);
  library->out_color_space = space_of(request->wanted);
  (void)jpeg_start_decompress(library);
  if ((size_t)library->output_width * (size_t)library->output_components > request->stride)
    ERREXIT(library, JERR_BUFFER_SIZE);
  watch_blocks(library);
  if (request->luma != NULL)
    watch_colours(job, request->luma);
  read_rows(job, request->pixels, request->stride);
  if (request->luma != NULL && job->luma_rows != library->output_height)
    ERREXIT(library, JERR_BUFFER_SIZE);
  look_for_gaps(job);
  job->pixels_done = 1;
  (void)jpeg_finish_decompress(library);
}

/* The one frame that an error returns to. Everything it changes lies in its caller's frame. */
static void guarded(struct job *job, struct jpeg_source_mgr *source, const struct request *request)
{
  if (setjmp(job->failed)) {
    if (request->pixels == NULL) {
      request->header->width = job->library.image_width;
      request->header->height = job->library.image_height;
    }
    return;
  }
  open_bytes(job, source, request->bytes, request->length);
  read_header(job, request->colour);
  if (request->pixels == NULL)
    describe(&job->library, request->header);
  else
    decode(job, request);
}

static void run(const struct request *request, uint32_t most_scans, vizsla_jpeg_report *report)
{
  struct job job;
  struct jpeg_source_mgr source;
  memset(&job, 0, sizeof(job));
  memset(report, 0, sizeof(*report));
  job.report = report;
  job.most_scans = most_scans;
  job.library.err = jpeg_std_error(&job.errors);
  job.library.client_data = &job;
  job.errors.error_exit = on_error;
  job.errors.emit_message = on_message;
  job.errors.output_message = no_output;
  guarded(&job, &source, request);
  if (job.library.mem != NULL)
    jpeg_destroy_decompress(&job.library);
}

void vizsla_jpeg_read_header(const uint8_t *bytes, size_t length, uint32_t colour,
                             vizsla_jpeg_header *header, vizsla_jpeg_report *report)
{
  struct request request;
  memset(&request, 0, sizeof(request));
  memset(header, 0, sizeof(*header));
  request.bytes = bytes;
  request.length = length;
  request.colour = colour;
  request.header = header;
  run(&request, 1, report);
}

void vizsla_jpeg_decode(const uint8_t *bytes, size_t length, uint32_t colour, uint32_t wanted,
                        uint32_t most_scans, const vizsla_jpeg_header *header, uint8_t *pixels,
                        size_t stride, uint8_t *luma, vizsla_jpeg_report *report)
{
  struct request request;
  vizsla_jpeg_header known = *header;
  request.bytes = bytes;
  request.length = length;
  request.colour = colour;
  request.wanted = wanted;
  request.header = &known;
  request.pixels = pixels;
  request.stride = stride;
  request.luma = luma;
  run(&request, most_scans, report);
}
