/* C interface to programs in files, for C and every language that calls C. Functions return PYDL_OK or what went wrong;
 * `pydl_last_error` says it in words. Nothing here throws, and no pointer that is given is kept.
 *
 *   pydl_program* program = pydl_load("model.pydl");
 *   if (program == NULL) { puts(pydl_last_error()); return 1; }
 *   float pixels[784] = {...};
 *   pydl_tensor input = {pixels, PYDL_FLOAT32, 4, {1, 1, 28, 28}};
 *   pydl_tensor output = {0};                            // no memory: the library gives it some
 *   if (pydl_run(program, "predict", &input, 1, &output, 1) != PYDL_OK) ...
 *   const float* scores = output.data;
 *   pydl_tensor_clear(&output);
 *   pydl_free(program);
 */
#ifndef PYDL_C_API_H
#define PYDL_C_API_H

#include <stddef.h>
#include <stdint.h>

#include "pydl/export.h"

/* Grows where functions are added, which are marked with it; those there are stay as they are. */
#define PYDL_C_API_VERSION 2
#define PYDL_MAX_RANK 8

#ifdef __cplusplus
extern "C" {
#endif

typedef enum pydl_status {
  PYDL_OK = 0,
  PYDL_ERROR = 1,        /* something else than what follows */
  PYDL_ERROR_VALUE = 2,  /* a shape, a name, a value */
  PYDL_ERROR_TYPE = 3,   /* a dtype */
  PYDL_ERROR_FILE = 4,   /* cannot be read or written */
  PYDL_ERROR_FORMAT = 5, /* a file is malformed */
  PYDL_ERROR_MEMORY = 6,
  PYDL_ERROR_INDEX = 7
} pydl_status;

typedef enum pydl_dtype {
  PYDL_BOOL = 0,
  PYDL_UINT8 = 1,
  PYDL_INT8 = 2,
  PYDL_INT16 = 3,
  PYDL_INT32 = 4,
  PYDL_INT64 = 5,
  PYDL_FLOAT16 = 6,
  PYDL_BFLOAT16 = 7,
  PYDL_FLOAT32 = 8,
  PYDL_FLOAT64 = 9
} pydl_dtype;

/* Elements in row-major order. As an output: with `data` NULL the library allocates and fills in everything, and
 * `pydl_tensor_clear` frees it; else dtype and shape must be those of the result, which is written to `data`. */
typedef struct pydl_tensor {
  void* data;
  int32_t dtype; /* of pydl_dtype */
  int32_t rank;
  int64_t shape[PYDL_MAX_RANK];
} pydl_tensor;

/* What a function takes or gives. Sizes that the batch decides are -1. `name` lives as long as the program. */
typedef struct pydl_tensor_info {
  const char* name;
  int32_t dtype;
  int32_t rank;
  int64_t shape[PYDL_MAX_RANK];
} pydl_tensor_info;

typedef struct pydl_program pydl_program;

/* PYDL_C_API_VERSION of the library, and its version as text. */
PYDL_API int32_t pydl_c_api_version(void);
PYDL_API const char* pydl_library_version(void);
/* The message of the last call that failed on this thread; "" before one did. Valid until the next failure. */
PYDL_API const char* pydl_last_error(void);

/* --- load, save, free; NULL where loading fails --------------------------------------------------------------- */
PYDL_API pydl_program* pydl_load(const char* path);
PYDL_API pydl_program* pydl_load_memory(const void* bytes, size_t size);
/* The same for files of others, which may ask for hours of work and all memory: a run that needs more operations fails
 * before it begins. Counted are floating-point operations, or elements read and written where these are more. (2) */
PYDL_API pydl_program* pydl_load_limited(const char* path, int64_t max_operations);
PYDL_API pydl_program* pydl_load_memory_limited(const void* bytes, size_t size, int64_t max_operations);
/* Atomically, with the state as it is now. */
PYDL_API pydl_status pydl_save(const pydl_program* program, const char* path);
PYDL_API void pydl_free(pydl_program* program);

/* --- describe; `function` NULL means the first one ------------------------------------------------------------- */
PYDL_API size_t pydl_function_count(const pydl_program* program);
/* NULL outside of 0 .. count - 1. */
PYDL_API const char* pydl_function_name(const pydl_program* program, size_t index);
PYDL_API pydl_status pydl_counts(const pydl_program* program, const char* function, size_t* inputs, size_t* outputs);
PYDL_API pydl_status pydl_input(const pydl_program* program, const char* function, size_t index,
                                pydl_tensor_info* info);
PYDL_API pydl_status pydl_output(const pydl_program* program, const char* function, size_t index,
                                 pydl_tensor_info* info);
PYDL_API size_t pydl_class_count(const pydl_program* program);
PYDL_API const char* pydl_class_name(const pydl_program* program, size_t index);

/* --- run ------------------------------------------------------------------------------------------------------- */
/* Runs a function. Several threads may run what changes no state. Where it fails, outputs that were written before stay
 * so: clear them. */
PYDL_API pydl_status pydl_run(pydl_program* program, const char* function, const pydl_tensor* inputs,
                              size_t input_count, pydl_tensor* outputs, size_t output_count);
/* Runs one step of the function "train" (where there is none, of the first one); its first result is the loss. */
PYDL_API pydl_status pydl_train(pydl_program* program, const pydl_tensor* inputs, size_t input_count, double* loss);
/* Frees what the library allocated for an output; leaves {0}. */
PYDL_API void pydl_tensor_clear(pydl_tensor* tensor);

/* --- parameters and state, by name: learning rates, moments, counters ------------------------------------------- */
PYDL_API size_t pydl_state_count(const pydl_program* program);
PYDL_API const char* pydl_state_name(const pydl_program* program, size_t index);
/* As an output of `pydl_run`. */
PYDL_API pydl_status pydl_get_state(const pydl_program* program, const char* name, pydl_tensor* value);
/* Overwrites it; dtype and shape must be the same. */
PYDL_API pydl_status pydl_set_state(pydl_program* program, const char* name, const pydl_tensor* value);

#ifdef __cplusplus
}
#endif

#endif
